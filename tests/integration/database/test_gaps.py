"""What was not to be had is found again: by day, once, with its newest reason."""

from datetime import UTC, date, datetime, timedelta

from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.macro import GlobalSnapshot, VixRegime
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.gaps import LONGEST_REASON, GapRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository

DAY = date(2025, 3, 4)
NOW = datetime(2025, 3, 4, 7, tzinfo=UTC)
MORNING, NOON = "macro-20250304-0720", "macro-20250304-1140"


def gap(subject: str, reason: str = "no answer", kind: GapKind = GapKind.FAILED, day: date = DAY) -> DataGap:
    return DataGap(kind=kind, subject=subject, day=day, reason=reason)


async def test_a_gap_is_one_row_a_slot_and_one_answer_a_day(db: Database) -> None:
    gaps = GapRepository(db)
    assert await gaps.record(MORNING, [gap("005930"), gap("000660")], at=NOW) == 2
    await gaps.record(MORNING, [gap("005930", "still no answer")], at=NOW + timedelta(minutes=1))
    await gaps.record(
        NOON, [gap("005930", "none at noon"), gap("vix", kind=GapKind.SOURCE)], at=NOW + timedelta(hours=4)
    )
    assert await gaps.record(NOON, [], at=NOW) == 0
    found = {(one.kind, one.subject): one.reason for one in await gaps.of_day(DAY)}
    assert found == {
        (GapKind.FAILED, "005930"): "none at noon",
        (GapKind.FAILED, "000660"): "no answer",
        (GapKind.SOURCE, "vix"): "no answer",
    }
    assert [one.subject for one in await gaps.of_day(DAY, [GapKind.SOURCE])] == ["vix"]
    assert await gaps.of_day(DAY + timedelta(days=1)) == []


async def test_a_filled_gap_is_closed_whoever_found_it_and_others_stay(db: Database) -> None:
    gaps = GapRepository(db)
    await gaps.record(MORNING, [gap("005930"), gap("000660"), gap("005930", kind=GapKind.HISTORY)], at=NOW)
    await gaps.record(NOON, [gap("005930")], at=NOW)
    assert await gaps.close(GapKind.FAILED, ["005930"], day=DAY) == 2
    assert {(one.kind, one.subject) for one in await gaps.of_day(DAY)} == {
        (GapKind.FAILED, "000660"),
        (GapKind.HISTORY, "005930"),
    }


async def test_old_gaps_are_dropped_some_at_a_time_and_long_reasons_are_cut(db: Database) -> None:
    gaps = GapRepository(db)
    old = [gap(f"{number:06d}", "x" * 2_000, day=DAY - timedelta(days=400)) for number in range(5)]
    await gaps.record("collect-20240101-1600", [*old, gap("005930")], at=NOW)
    assert {len(one.reason) for one in await gaps.of_day(DAY - timedelta(days=400))} == {LONGEST_REASON}
    limit = DAY - timedelta(days=365)
    assert await gaps.drop_before(limit, most=3) == 3
    assert await gaps.drop_before(limit, most=3) == 2
    assert await gaps.drop_before(limit, most=3) == 0
    assert len(await gaps.of_day(DAY)) == 1


def snapshot(day: date, kospi: float) -> GlobalSnapshot:
    return GlobalSnapshot(
        snapshot_date=day,
        timestamp=NOW,
        vix_regime=VixRegime.NORMAL,
        kospi_index=kospi,
        kospi_change_pct=-0.5,
        completeness_pct=13.3,
        data_sources=("KIS index bars (approximation)",),
    )


async def test_the_days_snapshot_comes_back_and_only_the_newest_slot_overwrites_it(db: Database) -> None:
    snapshots = MacroSnapshotRepository(db)
    assert await snapshots.find(DAY) is None
    assert await snapshots.newest_before(DAY) is None
    assert await snapshots.save(snapshot(DAY, 2_500.5), at=NOW, overwrite=False)
    assert not await snapshots.save(snapshot(DAY, 1.0), at=NOW, overwrite=False)
    assert await snapshots.find(DAY) == snapshot(DAY, 2_500.5)
    assert await snapshots.save(snapshot(DAY, 2_510.0), at=NOW, overwrite=True)
    assert await snapshots.find(DAY) == snapshot(DAY, 2_510.0)
    await snapshots.save(snapshot(DAY - timedelta(days=4), 2_400.0), at=NOW, overwrite=True)
    assert await snapshots.newest_before(DAY) == snapshot(DAY - timedelta(days=4), 2_400.0)
