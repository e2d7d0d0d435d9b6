"""Daily, minute and index charts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby, pairwise

from kis_simulator.exchange import refusals
from kis_simulator.market.bars import Bar
from kis_simulator.market.indexes import APPROXIMATION
from kis_simulator.market.view import change_of, history, minute_bars, turnover_of
from kis_simulator.rest.call import Answer, Call
from kis_simulator.rest.fields import (
    DAILY_CHART_HEAD,
    DAILY_CHART_ROWS,
    DAILY_PRICE,
    INDEX_CHART_HEAD,
    INDEX_CHART_ROWS,
    MINUTE_CHART_HEAD,
    MINUTE_CHART_ROWS,
    block,
)
from kis_simulator.rest.quotes import HUNDRED_MILLION_KRW, quote_of
from kis_simulator.world import World
from prime_jennie.domain.sessions import KST

_CHART_ROWS = 100
_DAILY_ROWS = 30
_MINUTE_ROWS = 30
_LONG_AGO = date(1990, 1, 1)

DayBar = tuple[date, Bar]


def daily_chart(world: World, call: Call) -> Answer:
    """Answer inquire-daily-itemchartprice: at most 100 bars up to FID_INPUT_DATE_2, newest first."""
    code = call.text("FID_INPUT_ISCD")
    stock = quote_of(world, code)
    first, last = call.day("FID_INPUT_DATE_1"), call.day("FID_INPUT_DATE_2")
    bars = _by_period(_days(world, code, first, last), call.text("FID_PERIOD_DIV_CODE"))
    reference, change = stock.reference, stock.change
    head = block(
        DAILY_CHART_HEAD,
        {
            "prdy_vrss": change.amount,
            "prdy_vrss_sign": change.sign,
            "prdy_ctrt": f"{change.pct:.2f}",
            "stck_prdy_clpr": reference.base,
            "acml_vol": stock.volume,
            "acml_tr_pbmn": stock.turnover,
            "hts_kor_isnm": reference.listing.name,
            "stck_prpr": stock.price,
            "stck_shrn_iscd": code,
            "prdy_vol": reference.previous_volume,
            "stck_mxpr": reference.upper_limit,
            "stck_llam": reference.lower_limit,
            "stck_oprc": stock.open,
            "stck_hgpr": stock.high,
            "stck_lwpr": stock.low,
            "lstn_stcn": reference.listing.shares,
            "hts_avls": reference.listing.shares * stock.price // HUNDRED_MILLION_KRW,
        },
    )
    closes = [0, *(bar.close for _, bar in bars)]
    told = slice(max(0, len(bars) - _CHART_ROWS), len(bars))
    rows = []
    for (day, bar), before in zip(bars[told], closes[told], strict=True):
        move = change_of(bar.close, before or bar.close)
        rows.append(
            block(
                DAILY_CHART_ROWS,
                {
                    "stck_bsop_date": day.strftime("%Y%m%d"),
                    "stck_clpr": bar.close,
                    "stck_oprc": bar.open,
                    "stck_hgpr": bar.high,
                    "stck_lwpr": bar.low,
                    "acml_vol": bar.volume,
                    "acml_tr_pbmn": turnover_of(bar),
                    "flng_cls_code": "00",
                    "prtt_rate": "0.00",
                    "prdy_vrss_sign": move.sign,
                    "prdy_vrss": move.amount,
                },
            )
        )
    return Answer({"output1": head, "output2": rows[::-1]})


def daily_prices(world: World, call: Call) -> Answer:
    """Answer inquire-daily-price: the last 30 bars, newest first."""
    code = call.text("FID_INPUT_ISCD")
    quote_of(world, code)
    bars = _by_period(_days(world, code, _LONG_AGO, world.day), call.text("FID_PERIOD_DIV_CODE"))[-_DAILY_ROWS - 1 :]
    rows = []
    for (_, before), (day, bar) in pairwise(bars):
        move = change_of(bar.close, before.close)
        rows.append(
            block(
                DAILY_PRICE,
                {
                    "stck_bsop_date": day.strftime("%Y%m%d"),
                    "stck_oprc": bar.open,
                    "stck_hgpr": bar.high,
                    "stck_lwpr": bar.low,
                    "stck_clpr": bar.close,
                    "acml_vol": bar.volume,
                    "prdy_vrss_vol_rate": f"{(bar.volume / before.volume - 1) * 100 if before.volume else 0:.2f}",
                    "prdy_vrss": move.amount,
                    "prdy_vrss_sign": move.sign,
                    "prdy_ctrt": f"{move.pct:.2f}",
                    "flng_cls_code": "00",
                    "acml_prtt_rate": "0.00",
                },
            )
        )
    return Answer({"output": rows[::-1]})


def minute_chart(world: World, call: Call) -> Answer:
    """Answer inquire-time-itemchartprice: up to 30 of today's minutes, walking back from FID_INPUT_HOUR_1."""
    code = call.text("FID_INPUT_ISCD")
    stock = quote_of(world, code)
    hour = call.text("FID_INPUT_HOUR_1")
    if len(hour) != 6 or not hour.isdigit():
        raise refusals.bad_field("FID_INPUT_HOUR_1", "is not HHMMSS")
    path, index = world.exchange.last_print(code)
    opened = world.session.opens_at.astimezone(KST)
    upto = int(hour[:2]) * 60 + int(hour[2:4]) - (opened.hour * 60 + opened.minute)
    told = [] if path is None else minute_bars(path, index, upto=upto, most=_MINUTE_ROWS)
    rows = [
        block(
            MINUTE_CHART_ROWS,
            {
                "stck_bsop_date": starts.strftime("%Y%m%d"),
                "stck_cntg_hour": starts.strftime("%H%M00"),
                "stck_prpr": bar.close,
                "stck_oprc": bar.open,
                "stck_hgpr": bar.high,
                "stck_lwpr": bar.low,
                "cntg_vol": bar.volume,
                "acml_tr_pbmn": turnover,
            },
        )
        for minute, bar, turnover in told
        if (starts := opened + timedelta(minutes=minute))
    ]
    change = stock.change
    head = block(
        MINUTE_CHART_HEAD,
        {
            "prdy_vrss": change.amount,
            "prdy_vrss_sign": change.sign,
            "prdy_ctrt": f"{change.pct:.2f}",
            "stck_prdy_clpr": stock.reference.base,
            "acml_vol": stock.volume,
            "acml_tr_pbmn": stock.turnover,
            "hts_kor_isnm": stock.reference.listing.name,
            "stck_prpr": stock.price,
        },
    )
    return Answer({"output1": head, "output2": rows[::-1]})


def index_chart(world: World, call: Call) -> Answer:
    """Answer inquire-daily-indexchartprice with an approximation: at most 100 closed days, newest first."""
    series = world.index(call.text("FID_INPUT_ISCD"))
    if series is None:
        raise refusals.unknown_quote_symbol()
    first, last = call.day("FID_INPUT_DATE_1"), call.day("FID_INPUT_DATE_2")
    if call.text("FID_PERIOD_DIV_CODE") != "D":
        raise refusals.bad_field("FID_PERIOD_DIV_CODE", "of an index is D")
    closed = world.exchange.has_closed
    chosen = [
        i
        for i, day in enumerate(series.days)
        if first <= day <= last and (day < world.day or (day == world.day and closed))
    ]
    rows = [
        block(
            INDEX_CHART_ROWS,
            {
                "stck_bsop_date": series.days[i].strftime("%Y%m%d"),
                "bstp_nmix_prpr": f"{series.close[i]:.2f}",
                "bstp_nmix_oprc": f"{series.open[i]:.2f}",
                "bstp_nmix_hgpr": f"{series.high[i]:.2f}",
                "bstp_nmix_lwpr": f"{series.low[i]:.2f}",
                "acml_vol": int(series.volume[i]),
                "acml_tr_pbmn": int(series.turnover[i]),
            },
        )
        for i in chosen[-_CHART_ROWS:]
    ]
    latest = chosen[-1] if chosen else None
    head = block(
        INDEX_CHART_HEAD,
        {
            "hts_kor_isnm": series.name,
            "bstp_cls_code": series.code,
            "bstp_nmix_prpr": f"{series.close[latest]:.2f}" if latest is not None else "0.00",
        },
    )
    headers = {"x-data-source": "approximation", "x-note": APPROXIMATION}
    return Answer({"output1": head, "output2": rows[::-1]}, headers=headers)


def _days(world: World, code: str, first: date, last: date) -> list[DayBar]:
    """Return closed days and, once it printed, today's bar so far; a halted stock's carried close after the close."""
    bars = history(world.tapes.market.bars, code, first, last, world.day)
    now = quote_of(world, code)
    if first <= world.day <= last:
        if now.volume:
            bars.append((world.day, Bar(now.open, now.high, now.low, now.price, now.volume)))
        elif world.exchange.has_closed:
            bars.append((world.day, Bar(now.price, now.price, now.price, now.price, 0)))
    return bars


def _by_period(bars: list[DayBar], period: str) -> list[DayBar]:
    """Join daily bars into weeks, months or years, each dated by its last session; days stay as they are."""
    groupings: dict[str, Callable[[date], object]] = {
        "W": lambda day: day.isocalendar()[:2],
        "M": lambda day: (day.year, day.month),
        "Y": lambda day: day.year,
    }
    if period == "D":
        return bars
    if period not in groupings:
        raise refusals.bad_field("FID_PERIOD_DIV_CODE", "is not D, W, M or Y")
    joined = []
    for _, group in groupby(bars, key=lambda item: groupings[period](item[0])):
        days = list(group)
        parts = [bar for _, bar in days]
        high, low = max(b.high for b in parts), min(b.low for b in parts)
        joined.append((days[-1][0], Bar(parts[0].open, high, low, parts[-1].close, sum(b.volume for b in parts))))
    return joined
