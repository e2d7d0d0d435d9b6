"""Days on which an exchange stays closed or keeps other hours beyond our table: values, a file, who reads it."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prime_jennie_operator.desired.pods import env_value
from prime_jennie_operator.desired.value_types import Values

CALENDAR: Final = "prime-jennie-calendar"
CLOSURES_FILE: Final = "closures.csv"
CHECKSUM: Final = "checksum/calendar"
FOLDER: Final = "/etc/jennie-calendar"
MOUNTS: Final = {"calendar": FOLDER}
HEAD: Final = "exchange,date,open,close,reason\n"


def _check_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day such as 2026-10-05") from None
    return text


def _as_text(given: Any) -> Any:
    """Take a day without quotes, which YAML reads as a date."""
    return given.isoformat() if type(given) is date else given


Day = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$"),
    AfterValidator(_check_day),
]
ClockTime = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")]


class Closure(Values):
    """One day of one exchange; without hours it stays closed."""

    exchange: Literal["XKRX", "XNYS"] = "XKRX"
    date: Day
    open: ClockTime = ""
    close: ClockTime = ""
    reason: Annotated[str, Field(pattern=r'^[^,"\r\n]+$', max_length=100)]

    @model_validator(mode="after")
    def _hours_in_order(self) -> Self:
        if (self.open == "") != (self.close == "") or self.open > self.close or self.open == self.close != "":
            raise ValueError("open and close must both be given, in order, or neither: then the exchange stays closed")
        return self


class Calendar(Values):
    """What this installation knows of the exchanges' days beyond the table that ships with us."""

    closures: Annotated[tuple[Closure, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        known: set[tuple[str, str]] = set()
        for closure in self.closures:
            if (closure.exchange, closure.date) in known:
                raise ValueError(f"closures: {closure.date} stands there twice for {closure.exchange}")
            known.add((closure.exchange, closure.date))
        return self

    def text(self) -> str:
        """Write the file that programs read."""
        rows = (",".join((one.exchange, one.date, one.open, one.close, one.reason)) for one in self.closures)
        return HEAD + "".join(f"{row}\n" for row in rows)

    def checksum(self) -> dict[str, str]:
        """Annotate a pod whose program reads the file when it starts, so that a change restarts it."""
        return {CHECKSUM: sha256(self.text().encode()).hexdigest()} if self.closures else {}


def closures_env() -> dict[str, Any]:
    """Tell a program where the file is mounted."""
    return env_value("JENNIE_CLOSURES", f"{FOLDER}/{CLOSURES_FILE}")


def closures_volume() -> dict[str, Any]:
    """Mount the file's folder: a single file would not follow its ConfigMap."""
    return {"name": "calendar", "configMap": {"name": CALENDAR}}
