"""Quotation answers of KIS as domain models; every value arrives as a string."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from prime_jennie.domain.errors import NotFound, OutcomeUnknown
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, IndexQuote, MinutePrice, Snapshots, StockSnapshot
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.notices import clock_time

Row = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)
_FALLS = frozenset({"4", "5"})  # prdy_vrss_sign: lower limit, down
_HUNDRED_MILLION = 100_000_000  # hts_avls is in 억원


def whole(row: Row, name: str) -> int:
    """Read an integer field; prices may be written as 70000.00 and numbers padded with zeros or spaces."""
    text = str(row.get(name, "")).strip()
    try:
        return int(text)
    except ValueError:
        return int(decimal(row, name))


def decimal(row: Row, name: str) -> float:
    """Read a number or say which field is none."""
    value = optional(row, name)
    if value is None:
        raise OutcomeUnknown(f"field {name!r} is no number")
    return value


def optional(row: Row, name: str) -> float | None:
    """Read a number that may be missing."""
    try:
        value = float(str(row[name]).strip())
    except (KeyError, ValueError):
        return None
    return value if isfinite(value) else None


def compact_date(text: object) -> date:
    """Read YYYYMMDD."""
    digits = str(text).strip()
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        raise OutcomeUnknown(f"{digits!r} is no date") from None


def snapshot(code: str, row: Row, now: datetime) -> StockSnapshot:
    """Read inquire-price; an unknown stock comes with an empty or zero price."""
    if not optional(row, "stck_prpr"):
        raise NotFound(f"the exchange knows no stock {code}")
    capital = optional(row, "hts_avls")
    return built(
        StockSnapshot,
        stock_code=code,
        price=whole(row, "stck_prpr"),
        open_price=whole(row, "stck_oprc"),
        high_price=whole(row, "stck_hgpr"),
        low_price=whole(row, "stck_lwpr"),
        volume=whole(row, "acml_vol"),
        change_pct=decimal(row, "prdy_ctrt"),
        per=optional(row, "per"),
        pbr=optional(row, "pbr"),
        market_cap=None if capital is None else int(capital) * _HUNDRED_MILLION,
        high_52w=_optional_whole(row, "w52_hgpr"),
        low_52w=_optional_whole(row, "w52_lwpr"),
        timestamp=now,
    )


def snapshots(codes: Sequence[str], rows: Iterable[Row], now: datetime) -> Snapshots:
    """Read intstock-multprice by its rows' codes; a row that is missing or makes no sense costs its own stock only."""
    given = {str(row.get("inter_shrn_iscd") or "").strip(): row for row in rows}
    found: list[StockSnapshot] = []
    missing: dict[str, str] = {}
    for code in codes:
        try:
            found.append(_of_many(code, given.get(code, {}), now))
        except (NotFound, OutcomeUnknown) as error:
            missing[code] = str(error)
    return Snapshots(snapshots=tuple(found), missing=missing)


def _of_many(code: str, row: Row, now: datetime) -> StockSnapshot:
    if not optional(row, "inter2_prpr"):
        raise NotFound(f"the exchange gives no price of {code}")
    return built(
        StockSnapshot,
        stock_code=code,
        price=whole(row, "inter2_prpr"),
        open_price=whole(row, "inter2_oprc"),
        high_price=whole(row, "inter2_hgpr"),
        low_price=whole(row, "inter2_lwpr"),
        volume=whole(row, "acml_vol"),
        change_pct=_change_pct(row, "prdy_ctrt"),
        timestamp=now,
    )


def index_quote(index_code: str, row: Row, now: datetime, source: str | None) -> IndexQuote:
    """Read inquire-index-price, in points."""
    if not optional(row, "bstp_nmix_prpr"):
        raise NotFound(f"the exchange gives no level of index {index_code}")
    return built(
        IndexQuote,
        index_code=index_code,
        price=decimal(row, "bstp_nmix_prpr"),
        change_pct=_change_pct(row, "bstp_nmix_prdy_ctrt"),
        timestamp=now,
        source=source,
    )


def _change_pct(row: Row, name: str) -> float:
    """Read a change whose sign may stand in the figure or only in the code beside it."""
    change = decimal(row, name)
    return -abs(change) if str(row.get("prdy_vrss_sign", "")) in _FALLS else change


def daily_price(code: str, row: Row) -> DailyPrice:
    """Read one row of inquire-daily-itemchartprice; the change comes as won against the previous close."""
    close = whole(row, "stck_clpr")
    change = optional(row, "prdy_vrss")
    falls = str(row.get("prdy_vrss_sign", "")) in _FALLS
    before = None if change is None else close - (-abs(change) if falls else change)
    return built(
        DailyPrice,
        stock_code=code,
        price_date=compact_date(row.get("stck_bsop_date")),
        open_price=whole(row, "stck_oprc"),
        high_price=whole(row, "stck_hgpr"),
        low_price=whole(row, "stck_lwpr"),
        close_price=close,
        volume=whole(row, "acml_vol"),
        change_pct=round((close / before - 1) * 100, 2) if before and before > 0 else None,
    )


def minute_price(code: str, row: Row) -> MinutePrice:
    """Read one row of inquire-time-itemchartprice."""
    at = clock_time(str(row.get("stck_cntg_hour", "")))
    if at is None:
        raise OutcomeUnknown("a minute bar without its time")
    moment = datetime.combine(compact_date(row.get("stck_bsop_date")), at.replace(second=0), KST)
    return built(
        MinutePrice,
        stock_code=code,
        price_datetime=moment.astimezone(UTC),
        open_price=whole(row, "stck_oprc"),
        high_price=whole(row, "stck_hgpr"),
        low_price=whole(row, "stck_lwpr"),
        close_price=whole(row, "stck_prpr"),
        volume=whole(row, "cntg_vol"),
    )


def index_daily_price(index_code: str, row: Row, source: str | None) -> IndexDailyPrice:
    """Read one row of inquire-daily-indexchartprice, in points."""
    return built(
        IndexDailyPrice,
        index_code=index_code,
        price_date=compact_date(row.get("stck_bsop_date")),
        open_price=decimal(row, "bstp_nmix_oprc"),
        high_price=decimal(row, "bstp_nmix_hgpr"),
        low_price=decimal(row, "bstp_nmix_lwpr"),
        close_price=decimal(row, "bstp_nmix_prpr"),
        volume=whole(row, "acml_vol"),
        source=source,
    )


def is_blank(row: Row, name: str) -> bool:
    """Tell an empty filler row, as KIS appends them to short charts."""
    return not str(row.get(name, "")).strip()


def _optional_whole(row: Row, name: str) -> int | None:
    value = optional(row, name)
    return None if value is None else int(value)


def built(model: type[M], **fields: object) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise OutcomeUnknown(f"{model.__name__} {first['loc']}: {first['msg']}") from None
