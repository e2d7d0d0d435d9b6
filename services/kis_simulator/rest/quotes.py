"""Quotes of the day: one stock, many stocks, an index, the calendar."""

from __future__ import annotations

from datetime import date, timedelta

from kis_simulator.exchange import refusals
from kis_simulator.market.grid import step_up
from kis_simulator.market.indexes import APPROXIMATION
from kis_simulator.market.view import StockNow, change_of, history
from kis_simulator.rest.call import Answer, Call
from kis_simulator.rest.fields import HOLIDAY, INDEX_PRICE, MULTI_PRICE, PRICE, block
from kis_simulator.world import World
from prime_jennie.domain.money import tick_size_krw

_YEAR = timedelta(days=365)
_HOLIDAY_ROWS = 25
_MOST_CODES = 30
HUNDRED_MILLION_KRW = 100_000_000


def quote_of(world: World, code: str) -> StockNow:
    """Return a stock's view or refuse an unknown symbol."""
    stock = world.stock(code)
    if stock is None:
        raise refusals.unknown_quote_symbol()
    return stock


def price(world: World, call: Call) -> Answer:
    """Answer inquire-price."""
    code = call.text("FID_INPUT_ISCD")
    stock = quote_of(world, code)
    reference, listing, change = stock.reference, stock.reference.listing, stock.change
    year = history(world.tapes.market.bars, code, world.day - _YEAR, world.day, world.day)
    highs = [(day, bar.high) for day, bar in year] + ([(world.day, stock.high)] if stock.high else [])
    lows = [(day, bar.low) for day, bar in year] + ([(world.day, stock.low)] if stock.low else [])
    high_day, high = max(highs, key=lambda x: x[1], default=(world.day, stock.price))
    low_day, low = min(lows, key=lambda x: x[1], default=(world.day, stock.price))
    extremes = {"hgpr": (high_day, high), "lwpr": (low_day, low)}
    values: dict[str, object] = {
        "iscd_stat_cls_code": "58" if reference.halted else "00",
        "marg_rate": "100.00",
        "rprs_mrkt_kor_name": listing.market,
        "bstp_kor_isnm": listing.industry,
        "temp_stop_yn": "Y" if reference.halted else "N",
        "stck_prpr": stock.price,
        "prdy_vrss": change.amount,
        "prdy_vrss_sign": change.sign,
        "prdy_ctrt": f"{change.pct:.2f}",
        "acml_tr_pbmn": stock.turnover,
        "acml_vol": stock.volume,
        "prdy_vrss_vol_rate": _pct(stock.volume, reference.previous_volume),
        "stck_oprc": stock.open,
        "stck_hgpr": stock.high,
        "stck_lwpr": stock.low,
        "stck_mxpr": reference.upper_limit,
        "stck_llam": reference.lower_limit,
        "stck_sdpr": reference.base,
        "wghn_avrg_stck_prc": f"{stock.turnover / stock.volume if stock.volume else 0:.2f}",
        "aspr_unit": tick_size_krw(stock.price),
        "hts_deal_qty_unit_val": 1,
        "lstn_stcn": listing.shares,
        "hts_avls": listing.shares * stock.price // HUNDRED_MILLION_KRW,
        "per": "0.00",
        "pbr": "0.00",
        "eps": "0.00",
        "bps": "0.00",
        "vol_tnrt": _pct(stock.volume, listing.shares),
        "stck_shrn_iscd": code,
        "vi_cls_code": "N",
        "ovtm_vi_cls_code": "N",
        "mrkt_warn_cls_code": "00",
        "new_hgpr_lwpr_cls_code": "",
    }
    for short, (when, extreme) in extremes.items():
        values[f"w52_{short}"] = values[f"d250_{short}"] = extreme
        values[f"w52_{short}_date"] = values[f"d250_{short}_date"] = when.strftime("%Y%m%d")
        away = _pct(stock.price - extreme, extreme)
        values[f"w52_{short}_vrss_prpr_ctrt"] = values[f"d250_{short}_vrss_prpr_rate"] = away
    return Answer({"output": block(PRICE, values)})


def multi_price(world: World, call: Call) -> Answer:
    """Answer intstock-multprice: up to 30 codes in numbered fields, as they stood at the last whole minute."""
    rows = []
    for number in range(1, _MOST_CODES + 1):
        code = call.text(f"FID_INPUT_ISCD_{number}", "")
        if code:
            rows.append(_multi_row(world, code))
    if not rows:
        raise refusals.bad_field("FID_INPUT_ISCD_1", "is required")
    return Answer({"output": rows})


def _multi_row(world: World, code: str) -> dict[str, str]:
    stock = world.stock_of_minute(code)
    if stock is None:
        raise refusals.unknown_quote_symbol()
    reference, change = stock.reference, stock.change
    ask, bid = _sides(world, stock)
    return block(
        MULTI_PRICE,
        {
            "kospi_kosdaq_cls_name": reference.listing.market,
            "inter_shrn_iscd": code,
            "inter_kor_isnm": reference.listing.name,
            "inter2_prpr": stock.price,
            "inter2_prdy_vrss": change.amount,
            "prdy_vrss_sign": change.sign,
            "prdy_ctrt": f"{change.pct:.2f}",
            "acml_vol": stock.volume,
            "inter2_oprc": stock.open,
            "inter2_hgpr": stock.high,
            "inter2_lwpr": stock.low,
            "inter2_llam": reference.lower_limit,
            "inter2_mxpr": reference.upper_limit,
            "inter2_askp": ask,
            "inter2_bidp": bid,
            "acml_tr_pbmn": stock.turnover,
            "inter2_prdy_clpr": reference.base,
            "inter2_sdpr": reference.base,
        },
    )


def _sides(world: World, stock: StockNow) -> tuple[int, int]:
    """Return best ask and bid around a price: one tick apart, 0 beyond a limit, and none outside the session."""
    if not stock.volume or world.exchange.has_closed:
        return 0, 0
    above = step_up(stock.price)
    return above if above <= stock.reference.upper_limit else 0, stock.price


def index_price(world: World, call: Call) -> Answer:
    """Answer inquire-index-price with an approximation: the last close before the open, the made level after it."""
    series = world.index(call.text("FID_INPUT_ISCD"))
    column = world.tapes.market.bars.columns.get(world.day)
    if series is None or column is None:
        raise refusals.unknown_quote_symbol()
    before = float(series.close[column - 1]) if column else float(series.open[0])
    opened, closed = float(series.open[column]), float(series.close[column])
    # Between open and close the level moves in a straight line: enough for a regime, and no real tick is claimed.
    length = (world.session.closes_at - world.session.opens_at).total_seconds()
    along = min(1.0, max(0.0, world.exchange.secs_into_session(world.exchange.at) / length))
    begun = world.exchange.at >= world.session.opens_at
    now = opened + (closed - opened) * along if begun else before
    high, low = max(opened, now), min(opened, now)
    if world.exchange.has_closed:
        high, low = float(series.high[column]), float(series.low[column])
    change = change_of(round(now * 100), round(before * 100))
    values: dict[str, object] = {
        "bstp_nmix_prpr": f"{now:.2f}",
        "bstp_nmix_prdy_vrss": f"{now - before:.2f}",
        "prdy_vrss_sign": change.sign,
        "bstp_nmix_prdy_ctrt": f"{change.pct:.2f}",
        "acml_vol": int(series.volume[column] * along),
        "acml_tr_pbmn": int(series.turnover[column] * along),
        "bstp_nmix_oprc": f"{opened if begun else 0.0:.2f}",
        "bstp_nmix_hgpr": f"{high if begun else 0.0:.2f}",
        "bstp_nmix_lwpr": f"{low if begun else 0.0:.2f}",
    }
    return Answer(
        {"output": block(INDEX_PRICE, values)}, headers={"x-data-source": "approximation", "x-note": APPROXIMATION}
    )


def holidays(world: World, call: Call) -> Answer:
    """Answer chk-holiday: calendar days from BASS_DT on, as far as the session table reaches."""
    first = call.day("BASS_DT")
    table = world.sessions
    if not table.first <= first <= table.last:
        raise refusals.bad_field("BASS_DT", "is outside the known calendar")
    days = [first + timedelta(days=i) for i in range(_HOLIDAY_ROWS)]
    rows = [_holiday_row(day, table.is_session(day)) for day in days if day <= table.last]
    return Answer({"ctx_area_fk": " " * 20, "ctx_area_nk": " " * 20, "output": rows})


def _holiday_row(day: date, session: bool) -> dict[str, str]:
    flag = "Y" if session else "N"
    weekday = f"{day.isoweekday() % 7 + 1:02d}"
    return block(
        HOLIDAY,
        {
            "bass_dt": day.strftime("%Y%m%d"),
            "wday_dvsn_cd": weekday,
            "bzdy_yn": flag,
            "tr_day_yn": flag,
            "opnd_yn": flag,
            "sttl_day_yn": flag,
        },
    )


def _pct(part: float, whole: float) -> str:
    return f"{part / whole * 100 if whole else 0:.2f}"
