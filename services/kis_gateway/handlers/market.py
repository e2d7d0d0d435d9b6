"""/api/market: quotes, bars, and whether the exchange is open."""

from collections.abc import Callable
from datetime import date, timedelta

from fastapi import APIRouter, Response

from kis_gateway.handlers.bodies import DailyBody, IndexBody, IndexDailyBody, MinuteBody, StockBody, StocksBody
from kis_gateway.parts import Parts
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, IndexQuote, MinutePrice, Snapshots, StockSnapshot

MINUTES_A_PAGE = 30  # of KIS


def market_routes(parts: Callable[[], Parts]) -> APIRouter:
    """Return the market's routes."""
    router = APIRouter(prefix="/api/market")

    @router.post("/snapshot")
    async def snapshot(body: StockBody) -> StockSnapshot:
        return await parts().broker.snapshot(body.stock_code)

    @router.post("/snapshots")
    async def snapshots(body: StocksBody) -> Snapshots:
        return await parts().broker.snapshots(body.stock_codes)

    @router.post("/index")
    async def index_quote(body: IndexBody, response: Response) -> IndexQuote:
        quote = await parts().broker.index_quote(body.index_code)
        if quote.source:
            response.headers["X-Data-Source"] = quote.source
        return quote

    @router.post("/daily-prices")
    async def daily_prices(body: DailyBody) -> list[DailyPrice]:
        first, last = _span(parts(), body.days)
        return await parts().broker.daily_prices(body.stock_code, first, last)

    @router.post("/minute-prices")
    async def minute_prices(body: MinuteBody) -> list[MinutePrice]:
        return await _minutes(parts(), body.stock_code, body.minutes)

    @router.post("/index-daily-prices")
    async def index_daily_prices(body: IndexDailyBody, response: Response) -> list[IndexDailyPrice]:
        first, last = _span(parts(), body.days)
        bars = await parts().broker.index_daily_prices(body.index_code, first, last)
        sources = sorted({bar.source for bar in bars if bar.source})
        if sources:
            response.headers["X-Data-Source"] = ", ".join(sources)
        return bars

    @router.get("/is-trading-day")
    async def is_trading_day(date: date) -> dict[str, bool]:
        market = parts().market
        if date == market.today:
            return {"is_trading_day": await market.opens_today()}
        return {"is_trading_day": await market.is_trading_day(date)}

    @router.get("/is-market-open")
    async def is_market_open() -> dict[str, object]:
        market = parts().market
        phase = market.phase()
        is_open = phase.is_open
        if is_open:
            try:
                is_open = await market.is_trading_day(market.today)
            except Unavailable:
                is_open = True  # exits go by the table; the gateway itself refuses buys on an unknown day
        return {"is_open": is_open, "session": phase.value if is_open or not phase.is_open else "closed"}

    return router


def _span(parts: Parts, days: int) -> tuple[date, date]:
    today = parts.market.today
    return today - timedelta(days=days), today


async def _minutes(parts: Parts, code: str, minutes: int) -> list[MinutePrice]:
    """Walk back from now in KIS's steps of thirty bars."""
    bars: dict[object, MinutePrice] = {}
    upto = parts.clock.now()
    while len(bars) < minutes:
        told = await parts.broker.minute_prices(code, upto)
        page = [bar for bar in told if bar.price_datetime not in bars]
        bars.update({bar.price_datetime: bar for bar in page})
        if not page or len(told) < MINUTES_A_PAGE:  # a short page is the day's first
            break
        upto = page[0].price_datetime - timedelta(seconds=1)
    return sorted(bars.values(), key=lambda bar: bar.price_datetime)[-minutes:]
