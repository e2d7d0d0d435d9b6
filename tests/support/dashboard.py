"""dashboard-api as a process of its own, before a gateway that is a twin."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support import web
from tests.support.http_twin import Answer, HttpTwin
from tests.support.redis_server import free_port
from tests.support.warm_process import WarmProcess

ROOT = Path(__file__).parents[2]
ACCOUNT = "50012345-01"
READ, OPERATE = "read-" + "r" * 30, "operate-" + "o" * 30
START_SECS = 30


class GatewayTwin(HttpTwin):
    """The few reads of kis-gateway that a dashboard asks; `down` answers 503 to all, `refuses` 403 to the account's."""

    down = False
    refuses = False
    positions: tuple[Mapping[str, Any], ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer one request."""
        if self.down:
            return Answer(503, {"error": "Unavailable", "detail": "down", "service": "kis-gateway"})
        if self.refuses and path.startswith("/api/account/"):
            return Answer(403, {"error": "HTTPException", "detail": "not minted here", "service": "kis-gateway"})
        if path == "/api/account/info":
            return Answer(200, {"account_no": ACCOUNT, "environment": "mock"})
        if path == "/api/account/balance":
            return Answer(
                200,
                {
                    "positions": list(self.positions),
                    "cash_balance": 45_000_000,
                    "total_asset": 50_000_000,
                    "stock_eval_amount": 5_000_000,
                    "position_count": len(self.positions),
                    "timestamp": "2026-02-19T01:15:00Z",
                },
            )
        if path == "/api/market/is-market-open":
            return Answer(200, {"is_open": True, "session": "regular"})
        if path == "/api/market/state":
            day = {"trade_date": "2026-02-19", "state": "TRADING", "reason": "", "since": "2026-02-19T00:00:00Z"}
            return Answer(200, {**day, "buys_allowed": True})
        return Answer(404, {"error": "NotFound", "service": "kis-gateway"})


@dataclass(frozen=True)
class Dashboard:
    """A running service and clients of it."""

    port: int
    process: WarmProcess

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def get(self, path: str, token: str | None = READ, **query: Any) -> httpx.Response:
        """Ask as a page would."""
        return self.call("GET", path, token, params=query)

    def call(self, method: str, path: str, token: str | None = READ, **more: Any) -> httpx.Response:
        """Send any request."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return web.request(method, self.url + path, headers=headers, timeout=10, **more)


@contextmanager
def running_dashboard(redis_url: str, database_url: str, gateway_url: str, **variables: str) -> Iterator[Dashboard]:
    """Run the service until the block ends."""
    port = free_port()
    settings = {
        "PORT": str(port),
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "KIS_GATEWAY_URL": gateway_url,
        "JENNIE_READ_TOKEN": READ,
        "JENNIE_OPERATOR_TOKEN": OPERATE,
        **variables,
    }
    process = WarmProcess("dashboard_api", env={**os.environ, **settings})
    try:
        _until_ready(port, process)
        yield Dashboard(port, process)
    finally:
        process.terminate()
        process.wait(timeout=15)


def _until_ready(port: int, process: WarmProcess) -> None:
    deadline = time.monotonic() + START_SECS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(process.said()[-2_000:])
        try:
            if web.get(f"http://127.0.0.1:{port}/readyz").status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError("dashboard-api is not ready")
