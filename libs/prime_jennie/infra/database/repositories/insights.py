"""Keep the council's insights, one a day; a later sitting of the same day replaces the earlier."""

from collections.abc import Mapping
from datetime import date

import structlog
from pydantic import JsonValue, ValidationError
from sqlalchemy import select

from prime_jennie.domain.macro import GlobalSnapshot, MacroInsight
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.macro import DailyMacroInsightRow
from prime_jennie.infra.database.upsert import upsert

log = structlog.get_logger(__name__)

_OF_SNAPSHOT = (
    "kospi_change_pct",
    "kosdaq_change_pct",
    "kospi_foreign_net",
    "kospi_institutional_net",
    "kospi_retail_net",
)
_ELSEWHERE = {"gaps", "decided_at"}  # the first in raw_council_output, the second is updated_at


class InsightRepository:
    """The rows of daily_macro_insight as MacroInsight."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(
        self,
        insight: MacroInsight,
        *,
        run_id: str,
        raw: Mapping[str, JsonValue],
        snapshot: GlobalSnapshot | None = None,
        completeness_pct: float | None = None,
    ) -> None:
        """Store an insight with what every member said (`raw`) and the snapshot's figures it was found on."""
        if insight.decided_at is None:
            raise ValueError("a stored insight needs the moment it was decided")
        row = {
            **insight.model_dump(mode="json", exclude=_ELSEWHERE),
            **{name: None if snapshot is None else getattr(snapshot, name) for name in _OF_SNAPSHOT},
            "insight_date": insight.insight_date,
            "run_id": run_id,
            "raw_council_output": {**raw, "gaps": list(insight.gaps)},
            "data_completeness_pct": completeness_pct,
            "updated_at": insight.decided_at,
        }
        await self._db.write(lambda session: upsert(session, DailyMacroInsightRow, [row], keys=("insight_date",)))

    async def of(self, day: date) -> MacroInsight | None:
        """Return a day's insight; an unreadable row counts as none and is logged."""
        row = await self._db.read(lambda session: session.get(DailyMacroInsightRow, day))
        return None if row is None else _insight(row)

    async def run_of(self, day: date) -> str | None:
        """Return the slot that wrote a day's insight."""
        query = select(DailyMacroInsightRow.run_id).where(DailyMacroInsightRow.insight_date == day)
        return await self._db.read(lambda session: session.execute(query).scalar_one_or_none())

    async def days(self, *, limit: int, offset: int = 0) -> list[date]:
        """Return the days that have an insight, the newest first."""
        newest = select(DailyMacroInsightRow.insight_date).order_by(DailyMacroInsightRow.insight_date.desc())
        query = newest.limit(limit).offset(offset)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def latest(self, *, before: date) -> MacroInsight | None:
        """Return the newest insight strictly before a day."""
        query = (
            select(DailyMacroInsightRow)
            .where(DailyMacroInsightRow.insight_date < before)
            .order_by(DailyMacroInsightRow.insight_date.desc())
            .limit(1)
        )
        row = await self._db.read(lambda session: session.execute(query).scalar_one_or_none())
        return None if row is None else _insight(row)


def _insight(row: DailyMacroInsightRow) -> MacroInsight | None:
    raw = row.raw_council_output
    columns = {name: getattr(row, name) for name in MacroInsight.model_fields if name not in _ELSEWHERE}
    figures = {name: value for name, value in columns.items() if value is not None}
    gaps = raw.get("gaps", []) if isinstance(raw, dict) else []
    try:
        return MacroInsight.model_validate({**figures, "gaps": gaps, "decided_at": row.updated_at})
    except ValidationError as error:
        log.error("stored insight unreadable", insight_date=str(row.insight_date), errors=error.error_count())
        return None
