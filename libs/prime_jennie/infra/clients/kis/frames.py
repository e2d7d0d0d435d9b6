"""WebSocket frames of KIS: `flag|TR|count|payload` for data, JSON for control (kis-protocol §8)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from prime_jennie.domain.market import Tick
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.notices import BadFrameError, clock_time

_BUSINESS_DATE = 33
_DIRECTIONS = {"1": 1, "2": 1, "3": 0, "4": -1, "5": -1}  # limit up, up, flat, limit down, down
_TRADE_FIELDS = 14  # the last index read besides the date; newer layouts only append


@dataclass(frozen=True)
class DataFrame:
    encrypted: bool
    tr_id: str
    count: int
    payload: str

    def records(self, plain: str | None = None) -> list[list[str]]:
        """Split into records; the stride is what the count says, so appended fields do no harm."""
        fields = (self.payload if plain is None else plain).split("^")
        if self.count < 1 or len(fields) % self.count:
            raise BadFrameError(f"{len(fields)} fields in {self.count} records of {self.tr_id}")
        stride = len(fields) // self.count
        return [fields[start : start + stride] for start in range(0, len(fields), stride)]


@dataclass(frozen=True)
class ControlFrame:
    """An answer to a registration, or PINGPONG."""

    tr_id: str
    tr_key: str
    code: str
    ok: bool
    message: str
    key: str | None
    iv: str | None

    @property
    def is_ping(self) -> bool:
        return self.tr_id == "PINGPONG"


def read_frame(text: str) -> DataFrame | ControlFrame:
    """Tell data from control and parse it, or raise BadFrameError."""
    if text[:1] in {"0", "1"}:
        parts = text.split("|", 3)
        if len(parts) != 4 or not parts[2].isdigit():
            raise BadFrameError("a data frame without flag, id, count and payload")
        return DataFrame(encrypted=parts[0] == "1", tr_id=parts[1], count=int(parts[2]), payload=parts[3])
    try:
        parsed = json.loads(text)
    except ValueError:
        raise BadFrameError("a frame that is neither data nor JSON") from None
    header = _mapping(parsed, "header")
    body = _mapping(parsed, "body", missing_ok=True)
    output = _mapping(body, "output", missing_ok=True)
    return ControlFrame(
        tr_id=str(header.get("tr_id", "")),
        tr_key=str(header.get("tr_key", "")),
        code=str(body.get("msg_cd", "")),
        ok=str(body.get("rt_cd", "")) == "0",
        message=str(body.get("msg1", "")).strip(),
        key=str(output["key"]) if output.get("key") else None,
        iv=str(output["iv"]) if output.get("iv") else None,
    )


def trades(frame: DataFrame, today: date) -> tuple[Tick, ...]:
    """Read every trade of one H0STCNT0 frame; `today` (KST) serves layouts whose date field is empty."""
    return tuple(_tick(fields, today) for fields in frame.records())


def _tick(fields: list[str], today: date) -> Tick:
    if len(fields) < _TRADE_FIELDS:
        raise BadFrameError(f"a trade of {len(fields)} fields")
    at = clock_time(fields[1])
    if at is None:
        raise BadFrameError(f"a trade at {fields[1]!r}")
    try:
        return Tick(
            stock_code=fields[0],
            price=int(fields[2]),
            volume=int(fields[12]),
            cumulative_volume=int(fields[13]),
            ask=int(fields[10] or 0),
            bid=int(fields[11] or 0),
            high=int(fields[8]),
            base=_base(int(fields[2]), fields[3], fields[4]),
            at=datetime.combine(_business_date(fields, today), at, KST).astimezone(UTC),
        )
    except ValueError as error:  # pydantic's errors are ValueErrors
        raise BadFrameError(f"a trade that is no tick: {error}") from None


def _base(price: int, sign: str, change: str) -> int | None:
    """Return the day's base price by the change from it; only the sign's code is sure to tell the direction."""
    direction = _DIRECTIONS.get(sign)
    if direction is None or not change.removeprefix("-").isdecimal():
        return None  # a field that only says more costs nobody a price
    base = price - direction * abs(int(change))
    return base if base > 0 else None


def _business_date(fields: list[str], today: date) -> date:
    text = fields[_BUSINESS_DATE] if len(fields) > _BUSINESS_DATE else ""
    if len(text) != 8 or not text.isdigit():
        return today
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _mapping(parent: object, name: str, *, missing_ok: bool = False) -> Mapping[str, object]:
    value = parent.get(name) if isinstance(parent, Mapping) else None
    if isinstance(value, Mapping):
        return value
    if missing_ok:
        return {}
    raise BadFrameError(f"a control frame without {name}")
