"""The gateway's HTTP interface as the domain's Gateway; the only road to the broker for everybody else."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.errors import BadInput, Conflict, NotFound, OutcomeUnknown, RateLimited, Unavailable
from prime_jennie.domain.lifecycle import MarketStatus
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, IndexQuote, MinutePrice, Snapshots, StockSnapshot
from prime_jennie.domain.orders import OrderOutcome, OrderRequest, OrderResult, OrderState
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.infra.tls import trust

M = TypeVar("M", bound=BaseModel)

CONNECT_SECS: Final = 3.0
ANSWER_SECS: Final = 60.0  # real: a call may wait for its turn in the broker's limit
READ_PAUSES_SECS: Final = (0.2, 0.6)  # before the second and the third attempt of a read
REASON_CHARS: Final = 500
MOST_SNAPSHOTS: Final = 300  # stocks of one request
_DAILY = TypeAdapter(list[DailyPrice])
_MINUTES = TypeAdapter(list[MinutePrice])
_INDEX = TypeAdapter(list[IndexDailyPrice])
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class GatewayClient:
    """Ask and trade through kis-gateway; reads are repeated, orders never: their caller repeats with the same key.

    `caller` names the service whose interest in ticks `subscribe` notes: one caller's release is not another's.
    """

    def __init__(
        self, base_url: str, token: SecretStr | None, *, caller: str, answer_secs: float = ANSWER_SECS
    ) -> None:
        headers = {"X-Subscriber": caller}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=httpx.Timeout(answer_secs, connect=CONNECT_SECS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0),
            trust_env=False,
            verify=trust(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def info(self) -> AccountInfo:
        return _model(AccountInfo, await self._read("GET", "/api/account/info"))

    async def snapshot(self, code: str) -> StockSnapshot:
        return _model(StockSnapshot, await self._read("POST", "/api/market/snapshot", {"stock_code": code}))

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        """Ask in parts of three hundred; a part that fails is raised, whatever the others answered."""
        parts = []
        for at in range(0, len(codes), MOST_SNAPSHOTS):
            body = {"stock_codes": list(codes[at : at + MOST_SNAPSHOTS])}
            parts.append(_model(Snapshots, await self._read("POST", "/api/market/snapshots", body)))
        return Snapshots.merged(parts)

    async def daily_prices(self, code: str, days: int = 150) -> list[DailyPrice]:
        body = {"stock_code": code, "days": days}
        return _list(_DAILY, await self._read("POST", "/api/market/daily-prices", body))

    async def minute_prices(self, code: str, minutes: int = 30) -> list[MinutePrice]:
        body = {"stock_code": code, "minutes": minutes}
        return _list(_MINUTES, await self._read("POST", "/api/market/minute-prices", body))

    async def index_daily_prices(self, index_code: str, days: int = 150) -> list[IndexDailyPrice]:
        body = {"index_code": index_code, "days": days}
        return _list(_INDEX, await self._read("POST", "/api/market/index-daily-prices", body))

    async def index_quote(self, index_code: str) -> IndexQuote:
        return _model(IndexQuote, await self._read("POST", "/api/market/index", {"index_code": index_code}))

    async def market_state(self) -> MarketStatus:
        return _model(MarketStatus, await self._read("GET", "/api/market/state"))

    async def is_trading_day(self, day: date) -> bool:
        answer = await self._read("GET", f"/api/market/is-trading-day?date={day.isoformat()}")
        return bool(_field(answer, "is_trading_day"))

    async def is_market_open(self) -> bool:
        return bool(_field(await self._read("GET", "/api/market/is-market-open"), "is_open"))

    async def buy(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        return await self._order("/api/trading/buy", order, key, reason, message_id)

    async def sell(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        return await self._order("/api/trading/sell", order, key, reason, message_id)

    async def cancel(self, order_no: str) -> bool:
        """Cancel; safe to repeat, for a cancelled order has nothing left to cancel."""
        answer = await self._read("POST", "/api/trading/cancel", {"order_no": order_no})
        return bool(_field(answer, "success"))

    async def order_status(self, *, order_no: str | None = None, key: str | None = None) -> OrderState:
        body = {"order_no": order_no} if key is None else {"idempotency_key": key}
        return _model(OrderState, await self._read("POST", "/api/trading/order-status", body))

    async def balance(self) -> PortfolioState:
        return _model(PortfolioState, await self._read("POST", "/api/account/balance"))

    async def cash(self) -> int:
        return int(_field(await self._read("POST", "/api/account/cash"), "cash_balance"))

    async def subscribe(self, codes: Sequence[str], *, replace: bool = False) -> None:
        body = {"codes": list(codes), **({"replace": True} if replace else {})}
        await self._read("POST", "/api/realtime/subscribe", body)

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        await self._read("POST", "/api/realtime/unsubscribe", {"codes": list(codes)})

    async def _order(
        self, path: str, order: OrderRequest, key: str, reason: str, message_id: str | None
    ) -> OrderResult:
        headers = {"Idempotency-Key": key, "X-Order-Reason": quote(reason[:REASON_CHARS])}
        if message_id is not None:
            headers["X-Message-Id"] = message_id
        try:
            response = await self._http.post(path, json=order.model_dump(mode="json"), headers=headers)
        except _NOT_SENT:
            raise Unavailable("the gateway cannot be reached: nothing was sent") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"the gateway's answer was lost ({type(error).__name__})") from None
        if response.status_code in (200, 202):
            try:
                result = OrderResult.model_validate_json(response.content)
            except ValidationError:
                raise OutcomeUnknown("the gateway's answer cannot be read") from None
            if result.outcome is OrderOutcome.UNKNOWN:
                raise OutcomeUnknown(result.message or "the broker's answer was lost")
            return result
        _raise_known(response)
        raise OutcomeUnknown(f"the gateway answered HTTP {response.status_code}")

    async def _read(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        for pause_secs in READ_PAUSES_SECS:
            try:
                return await self._ask(method, path, body)
            except (Unavailable, RateLimited):
                await asyncio.sleep(pause_secs)
        return await self._ask(method, path, body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            response = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(f"the gateway did not answer ({type(error).__name__})") from None
        if response.is_success:
            return response
        _raise_known(response)
        raise Unavailable(f"the gateway answered HTTP {response.status_code}")


def _raise_known(response: httpx.Response) -> None:
    """Raise the error that a status of service-contracts §5 names."""
    detail = _detail(response)
    match response.status_code:
        case 400:
            raise BadInput("kis-gateway", "", detail)
        case 401 | 403:
            raise BadInput("kis-gateway", "", f"refuses JENNIE_SERVICE_TOKEN or JENNIE_READ_TOKEN ({detail})")
        case 404:
            raise NotFound(detail)
        case 409:
            raise Conflict(detail)
        case 429:
            raise RateLimited(detail)
        case 503:
            raise Unavailable(detail)


def _detail(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("error"):
        return str(body.get("detail") or body["error"])
    return f"HTTP {response.status_code}"


def _field(response: httpx.Response, name: str) -> Any:
    try:
        return response.json()[name]
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"the gateway's answer has no {name}") from None


def _model(model: type[M], response: httpx.Response) -> M:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise Unavailable(f"the gateway's answer is no {model.__name__}") from None


def _list(adapter: TypeAdapter[list[M]], response: httpx.Response) -> list[M]:
    try:
        return adapter.validate_json(response.content)
    except ValidationError:
        raise Unavailable("the gateway's answer cannot be read") from None
