"""A customer of the exchange for tests: plain HTTP and WebSocket, no client of ours in between."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from websockets.asyncio.client import ClientConnection, connect

from prime_jennie.infra.tls import trust
from tests.support.exchange import APP_KEY, APP_SECRET, RunningExchange

QUOTATIONS = "/uapi/domestic-stock/v1/quotations"
TRADING = "/uapi/domestic-stock/v1/trading"
BUY, SELL = "TTTC0012U", "TTTC0011U"


class Customer:
    """One app key at one exchange."""

    def __init__(self, exchange: RunningExchange, app_key: str = APP_KEY) -> None:
        self.http = httpx.Client(base_url=exchange.rest_url, timeout=10, trust_env=False, verify=trust())
        self.app_key = app_key
        grant = {"grant_type": "client_credentials", "appkey": app_key, "appsecret": APP_SECRET}
        self.token_answer = self.http.post("/oauth2/tokenP", json=grant)
        self.token = str(self.token_answer.json().get("access_token", ""))

    def headers(self, tr_id: str, **more: str) -> dict[str, str]:
        """Return the headers of a call."""
        own = {"authorization": f"Bearer {self.token}", "appkey": self.app_key, "appsecret": APP_SECRET, "tr_id": tr_id}
        return {**own, **more}

    def get(self, path: str, tr_id: str, *, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Query."""
        return self.http.get(path, params=fields, headers=self.headers(tr_id, **(headers or {})))

    def account(self, api: str, tr_id: str, *, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Query the account 12345678-01."""
        own = {"CANO": "12345678", "ACNT_PRDT_CD": "01", **fields}
        return self.get(f"{TRADING}/{api}", tr_id, headers=headers, **own)

    def order(self, tr_id: str, code: str, quantity: int, price: int = 0, **more: str) -> httpx.Response:
        """Send an order: a market order without a price."""
        body = {
            "CANO": "12345678",
            "ACNT_PRDT_CD": "01",
            "PDNO": code,
            "ORD_DVSN": "00" if price else "01",
            "ORD_QTY": str(quantity),
            "ORD_UNPR": str(price),
            **more,
        }
        return self.http.post(f"{TRADING}/order-cash", json=body, headers=self.headers(tr_id))

    def listed_orders(self) -> list[dict[str, str]]:
        """Return the day's orders as the exchange lists them."""
        span = {"INQR_STRT_DT": "20250304", "INQR_END_DT": "20250304", "SLL_BUY_DVSN_CD": "00"}
        answer = self.account("inquire-daily-ccld", "TTTC0081R", **span).json()
        rows: list[dict[str, str]] = answer["output1"]
        return rows

    def approval_key(self) -> str:
        """Return a key for WebSocket sessions."""
        grant = {"grant_type": "client_credentials", "appkey": self.app_key, "secretkey": APP_SECRET}
        return str(self.http.post("/oauth2/Approval", json=grant).json()["approval_key"])


class Line:
    """One WebSocket session of a test."""

    def __init__(self, connection: ClientConnection, approval_key: str) -> None:
        self.connection = connection
        self.approval_key = approval_key
        self.ciphers: dict[str, tuple[str, str]] = {}

    async def register(self, tr_id: str, tr_key: str, tr_type: str = "1") -> dict[str, Any]:
        """Register (or release with 2) and return the exchange's answer."""
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"}
        await self.connection.send(
            json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}})
        )
        answer = await self.control()
        output = answer["body"].get("output", {})
        if output:
            self.ciphers[tr_id] = (output["key"], output["iv"])
        return answer

    async def control(self) -> dict[str, Any]:
        """Return the next control message, passing over data."""
        text = await self.frame(lambda frame: frame.startswith("{"))
        found: dict[str, Any] = json.loads(text)
        return found

    async def frame(self, wanted: Callable[[str], bool], within_secs: float = 10.0) -> str:
        """Return the next frame that is wanted."""
        async with asyncio.timeout(within_secs):
            while True:
                text = str(await self.connection.recv())
                if wanted(text):
                    return text

    async def notice(self, tr_id: str = "H0STCNI0") -> list[str]:
        """Return the fields of the next order notice."""
        text = await self.frame(lambda frame: frame.startswith(f"1|{tr_id}|001|"))
        key, iv = self.ciphers[tr_id]
        decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
        padded = decryptor.update(base64.b64decode(text.split("|")[3])) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode().split("^")


@asynccontextmanager
async def line_of(exchange: RunningExchange, approval_key: str) -> AsyncIterator[Line]:
    """Open a WebSocket session for the block."""
    async with connect(exchange.ws_url, compression=None, proxy=None, ping_interval=None) as connection:
        yield Line(connection, approval_key)
