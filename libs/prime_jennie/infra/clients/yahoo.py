"""The VIX from Yahoo's public chart."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.model import Message
from prime_jennie.infra.clients.public_json import read_public

YAHOO_URL: Final = "https://query1.finance.yahoo.com"
_OLDEST: Final = timedelta(days=7)  # five sessions, and a long weekend


class _Meta(Message):
    gmtoffset: int = 0


class _Quote(Message):
    close: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)] | None, ...] = ()


class _Indicators(Message):
    quote: Annotated[tuple[_Quote, ...], Field(min_length=1)]


class _Result(Message):
    meta: _Meta
    timestamp: tuple[int, ...] = ()
    indicators: _Indicators


class _Chart(Message):
    result: Annotated[tuple[_Result, ...], Field(min_length=1)]


class _Answer(Message):
    chart: _Chart


class YahooVix:
    """The last close of ^VIX in New York before a day in Seoul begins."""

    name = "VIX: Yahoo, close of the last session in New York"
    figures = ("vix",)

    def __init__(self, base_url: str = YAHOO_URL, *, timeout_secs: float = 10.0) -> None:
        self._base_url = base_url
        self._timeout_secs = timeout_secs

    async def read(self, day: date) -> dict[str, float]:
        path = "/v8/finance/chart/%5EVIX?range=5d&interval=1d"
        answer = await read_public(self._base_url, path, _Answer, "Yahoo", timeout_secs=self._timeout_secs)
        result = answer.chart.result[0]
        days = [datetime.fromtimestamp(at + result.meta.gmtoffset, UTC).date() for at in result.timestamp]
        closes = {
            session: close
            for session, close in zip(days, result.indicators.quote[0].close, strict=False)
            if close is not None
        }
        usable = [session for session in closes if day - _OLDEST <= session < day]
        if not usable:
            told = f"{min(closes)} to {max(closes)}" if closes else "nothing"
            raise Unavailable(f"Yahoo tells {told}: no VIX of the week before {day}")
        return {"vix": closes[max(usable)]}
