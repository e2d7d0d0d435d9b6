"""One REST call as it arrived, and the answer it gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from kis_simulator.exchange import refusals

MAX_QUANTITY = 1_000_000_000
CURSOR_WIDTH = 100

Row = TypeVar("Row")


@dataclass(frozen=True)
class Call:
    """A checked call; field names are upper case, whatever their case was on the wire."""

    appkey_id: str
    tr_id: str
    wants_next: bool
    fields: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        """Return a field; refuse the call when it is missing and has no default."""
        value = self.fields.get(name, default)
        if value is None:
            raise refusals.bad_field(name, "is required")
        return value.strip()

    def number(self, name: str, default: str | None = None) -> int:
        """Return a whole number from 0 to a billion."""
        text = self.text(name, default)
        if not text.isascii() or not text.isdigit() or int(text) > MAX_QUANTITY:
            raise refusals.bad_field(name, "is not a whole number")
        return int(text)

    def day(self, name: str) -> date:
        """Return a date written YYYYMMDD."""
        text = self.text(name)
        try:
            if len(text) != 8:
                raise ValueError(text)
            return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 a calendar day has no zone
        except ValueError as error:
            raise refusals.bad_field(name, "is not YYYYMMDD") from error

    def account(self) -> str:
        """Return the account as NNNNNNNN-01."""
        number, product = self.text("CANO"), self.text("ACNT_PRDT_CD")
        if not (len(number) == 8 and number.isascii() and number.isdigit() and product == "01"):
            raise refusals.bad_account()
        return f"{number}-{product}"


@dataclass(frozen=True)
class Answer:
    """A successful answer; `tr_cont` is empty on unpaged calls."""

    blocks: Mapping[str, Any]
    msg_cd: str = "MCA00000"
    msg1: str = "정상처리 되었습니다."
    tr_cont: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Part of a list; `tr_cont` F and M promise more, D and E end it; `cursor` asks for the rest."""

    rows: list[Row]
    tr_cont: str
    cursor: str

    def cursors(self) -> dict[str, str]:
        """Return the cursor fields of the body, space padded as the provider sends them."""
        return {
            "ctx_area_fk100": ("0" if self.cursor else "").ljust(CURSOR_WIDTH),
            "ctx_area_nk100": self.cursor.ljust(CURSOR_WIDTH),
        }


def paged(call: Call, rows: Sequence[Row], key: Callable[[Row], str], size: int) -> Page[Row]:
    """Cut one page; the cursor is the key of the page's last row, so rows that join meanwhile shift nothing."""
    after = call.text("CTX_AREA_NK100", "") if call.wants_next else ""
    start = 0
    if after:
        keys = [key(row) for row in rows]
        if after not in keys:
            raise refusals.bad_field("CTX_AREA_NK100", "is no cursor of this query")
        start = keys.index(after) + 1
    part = list(rows[start : start + size])
    more = start + size < len(rows)
    first = not after
    tr_cont = ("F" if first else "M") if more else ("D" if first else "E")
    return Page(part, tr_cont, key(part[-1]) if more else "")
