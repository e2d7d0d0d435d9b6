"""Figures of the Bank of Korea's ECOS service; its key stands in the path, so no URL may reach a log or an error."""

from datetime import date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, SecretStr

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.model import Message
from prime_jennie.infra.clients.public_json import read_public

ECOS_URL: Final = "https://ecos.bok.or.kr"
_REACH: Final = timedelta(days=14)  # the longest holidays leave a value within it
_ROWS: Final = 20


class _Row(Message):
    TIME: Annotated[str, Field(pattern=r"^[0-9]{8}$")]
    DATA_VALUE: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Search(Message):
    row: Annotated[tuple[_Row, ...], Field(min_length=1)]


class _Refusal(Message):
    CODE: str
    MESSAGE: str


class _Answer(Message):
    StatisticSearch: _Search | None = None
    RESULT: _Refusal | None = None


class EcosFigure:
    """One daily series: its last value up to a day."""

    def __init__(
        self,
        figure: str,
        series: tuple[str, str],
        key: SecretStr,
        base_url: str = ECOS_URL,
        *,
        timeout_secs: float = 10,
    ) -> None:
        self.figures = (figure,)
        self.name = f"{figure}: BOK ECOS {series[0]} item {series[1]}"
        self._series = series
        self._key = key
        self._base_url = base_url
        self._timeout_secs = timeout_secs

    async def read(self, day: date) -> dict[str, float]:
        statistic, item = self._series
        span = f"{day - _REACH:%Y%m%d}/{day:%Y%m%d}"
        path = f"/api/StatisticSearch/{self._key.get_secret_value()}/json/kr/1/{_ROWS}/{statistic}/D/{span}/{item}"
        answer = await read_public(self._base_url, path, _Answer, "ECOS", timeout_secs=self._timeout_secs)
        if answer.RESULT is not None:
            raise Unavailable(f"ECOS refused: {answer.RESULT.CODE} {answer.RESULT.MESSAGE}"[:200])
        if answer.StatisticSearch is None:
            raise Unavailable("ECOS answered nothing that is known")
        values = {_day_of(row.TIME): row.DATA_VALUE for row in answer.StatisticSearch.row}
        usable = [one for one in values if day - _REACH <= one <= day]
        if not usable:
            raise Unavailable(f"ECOS has no value of the days up to {day}")
        return {self.figures[0]: values[max(usable)]}


def usd_krw(key: SecretStr, base_url: str = ECOS_URL) -> EcosFigure:
    """Return the source of the won's basic rate against the dollar."""
    return EcosFigure("usd_krw", ("731Y001", "0000001"), key, base_url)


def bok_rate(key: SecretStr, base_url: str = ECOS_URL) -> EcosFigure:
    """Return the source of the Bank of Korea's base rate."""
    return EcosFigure("bok_rate", ("722Y001", "0101000"), key, base_url)


def _day_of(compact: str) -> date:
    try:
        return datetime.strptime(compact, "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise Unavailable(f"ECOS dates a value {compact}") from None
