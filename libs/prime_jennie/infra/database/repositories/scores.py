"""Keep what each scouting run found: one transaction a run, so that a run is there whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.scouting import DailyQuantScoreRow, LlmDecisionRow, WatchlistHistoryRow

Row = Mapping[str, Any]

LOOK_BACK: Final = timedelta(days=10)
"""No list and no score older than this speaks for a stock."""


@dataclass(frozen=True)
class RunRows:
    """What one run leaves; its name is its slot's, `at` the slot's minute."""

    run_id: str
    at: datetime
    day: date
    scores: Sequence[Row]
    listed: Sequence[Row]
    decisions: Sequence[Row]


class ScoreRepository:
    """Scores, watchlists and analysts' decisions by run."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def save(self, run: RunRows, *, keep_after: date) -> bool:
        """Store a run in place of an earlier attempt of it, and forget scores of days before `keep_after`.

        The latest slot of a day is the day's active run: True where that is this one. Which one ran last does not
        matter, so a backfill never takes the place of what came after it.
        """

        def work(session: Session) -> bool:
            for table in (DailyQuantScoreRow, WatchlistHistoryRow, LlmDecisionRow):
                session.execute(delete(table).where(table.run_id == run.run_id))
            row = DailyQuantScoreRow
            later = select(row.id).where(row.score_date == run.day, row.scored_at > run.at).limit(1)
            active = session.execute(later).first() is None
            if active:
                _retire(session, run.day)
            if run.scores:
                session.execute(insert(DailyQuantScoreRow), [{**score, "is_active": active} for score in run.scores])
            if run.listed:
                session.execute(insert(WatchlistHistoryRow), [{**entry, "is_active": active} for entry in run.listed])
            if run.decisions:
                session.execute(insert(LlmDecisionRow), [dict(decision) for decision in run.decisions])
            session.execute(delete(row).where(row.score_date < keep_after))
            return active

        return await self._db.write(work)

    async def earlier_scores(self, day: date, dates: int) -> dict[str, list[float]]:
        """Return each stock's hybrid scores of the active runs of so many earlier dates, newest date first.

        A date on which a stock has no score is no zero: its list is shorter.
        """
        row = DailyQuantScoreRow
        known = (row.score_date < day, row.score_date >= day - LOOK_BACK, row.is_active.is_(True))
        on = select(row.score_date).where(*known).distinct().order_by(row.score_date.desc()).limit(dates)

        def work(session: Session) -> dict[str, list[float]]:
            scores: dict[str, list[float]] = {}
            for scored_on in session.execute(on).scalars().all():
                query = select(row.stock_code, row.hybrid_score).where(
                    row.score_date == scored_on, row.is_active.is_(True), row.hybrid_score.is_not(None)
                )
                for code, score in session.execute(query):
                    if score is not None:
                        scores.setdefault(code, []).append(score)
            return scores

        return await self._db.read(work)

    async def listed_before(self, day: date, at: datetime) -> dict[str, date]:
        """Return the stocks on the list of the last slot before this one, each with the first day of its stay."""
        row = WatchlistHistoryRow

        def work(session: Session) -> dict[str, date]:
            run_id = _run_before(session, day, at)
            if run_id is None:
                return {}
            query = select(row.stock_code, row.since, row.snapshot_date).where(row.run_id == run_id)
            return {code: since or listed_on for code, since, listed_on in session.execute(query)}

        return await self._db.read(work)


def _run_before(session: Session, day: date, at: datetime) -> str | None:
    """Return the last run before a moment: today's, else the active one of the last earlier date."""
    row = DailyQuantScoreRow
    today = select(row.run_id).where(row.score_date == day, row.scored_at < at).order_by(row.scored_at.desc())
    found = session.execute(today.limit(1)).scalar()
    if found is not None:
        return found
    earlier = (
        select(row.run_id)
        .where(row.score_date < day, row.score_date >= day - LOOK_BACK, row.is_active.is_(True))
        .order_by(row.score_date.desc())
    )
    return session.execute(earlier.limit(1)).scalar()


def _retire(session: Session, day: date) -> None:
    scores, lists = DailyQuantScoreRow, WatchlistHistoryRow
    session.execute(update(scores).where(scores.score_date == day, scores.is_active.is_(True)).values(is_active=False))
    session.execute(update(lists).where(lists.snapshot_date == day, lists.is_active.is_(True)).values(is_active=False))
