"""The morning's slot: bars that are missing come once, figures that nobody tells are gaps."""

from datetime import date, timedelta

import pytest

from data_collector.figures import FIGURES
from data_collector.macro import MISSING_INPUTS, macro_cache
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.market import IndexQuote
from prime_jennie.domain.slots import SlotSkipped, SlotSource
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Span
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.fakes.figures import InMemoryFigures
from tests.support.collector import (
    BEFORE,
    DAY,
    HISTORY_SESSIONS,
    HYNIX,
    KAKAO,
    MORNING,
    NAVER,
    SAMSUNG,
    SESSIONS,
    CollectorBench,
    daily,
    index_bar,
)

NOON = MORNING + timedelta(hours=4, minutes=20)
FIRST_WANTED = SESSIONS.previous(DAY, HISTORY_SESSIONS).day


async def ready(bench: CollectorBench, *codes: str) -> None:
    """List stocks that have traded for sixty sessions, and both indexes."""
    await bench.enlist(*codes)
    for code in codes:
        bench.trade(code)
    bench.index("0001")
    bench.index("1001", level=750.0)


async def spans(bench: CollectorBench) -> dict[str, Span]:
    return await CollectedPrices(bench.db).spans(before=DAY + timedelta(days=1))


async def test_stocks_without_history_get_a_year_and_later_only_what_is_new(bench_of_either: CollectorBench) -> None:
    bench = bench_of_either
    await ready(bench, SAMSUNG, HYNIX)
    told = await bench.macro()
    assert told.startswith(f"history: {2 * HISTORY_SESSIONS} bars of 2 of 2 stocks fetched; ")
    assert await spans(bench) == dict.fromkeys((SAMSUNG, HYNIX), Span(FIRST_WANTED, BEFORE))
    asked = list(bench.gateway.asked)
    assert await bench.macro(NOON) == told.replace(
        f"history: {2 * HISTORY_SESSIONS} bars of 2 of 2 stocks fetched; {2 * HISTORY_SESSIONS} index bars",
        "history of 2 stocks complete",
    )
    assert bench.gateway.asked == asked, "what is stored costs no question"


async def test_only_the_sessions_after_the_last_stored_bar_are_fetched(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    days = [bar.price_date for bar in bench.broker.daily[SAMSUNG]]
    kept = [daily(SAMSUNG, day, 60_000) for day in days[-10:-3]]
    await CollectedPrices(bench.db).write_daily(kept)
    assert "3 bars of 1 of 1 stocks fetched" in await bench.macro()
    stored = await PriceRepository(bench.db).daily(SAMSUNG, 99, before=DAY)
    assert [bar.close_price for bar in stored] == [60_000] * 7 + [70_000] * 3


async def test_a_full_look_also_fills_what_is_missing_before_the_first_bar(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    await CollectedPrices(bench.db).write_daily([daily(SAMSUNG, BEFORE)])
    assert "history of 1 stocks complete" in await bench.macro()
    assert f"{HISTORY_SESSIONS - 1} bars" in await bench.macro(NOON, parameters={"history": "full"})


async def test_todays_bar_of_a_running_session_is_no_history(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    bench.broker.daily[SAMSUNG].append(daily(SAMSUNG, DAY, 99_000))
    bench.broker.indexes["0001"].append(index_bar("0001", DAY, 2_555.0))
    await bench.macro(NOON)
    assert (await spans(bench))[SAMSUNG].last == BEFORE
    assert (await CollectedPrices(bench.db).index_spans(before=DAY + timedelta(days=1)))["0001"].last == BEFORE


async def test_a_killed_run_goes_on_where_it_was(bench_of_either: CollectorBench) -> None:
    bench = bench_of_either
    codes = [f"{number:06d}" for number in range(100, 140)]
    await ready(bench, *codes)
    bench.gateway.stop_after = 2 + 30  # both indexes, and some stocks of the third batch
    with pytest.raises(RuntimeError, match="killed"):
        await bench.macro()
    done = set(await spans(bench))
    assert 12 <= len(done) < len(codes)
    bench.gateway.stop_after, bench.gateway.asked = None, []
    assert f"of {len(codes) - len(done)} of {len(codes)} stocks fetched" in await bench.macro(attempt=2)
    assert set(bench.gateway.asked) == set(codes) - done, "what was stored is not asked for again"
    assert set(await spans(bench)) == set(codes)


async def test_a_stock_that_the_exchange_does_not_know_is_asked_for_once_a_day_and_costs_nobody_else(
    bench_of_either: CollectorBench,
) -> None:
    bench = bench_of_either
    await ready(bench, SAMSUNG, HYNIX)
    await bench.enlist("999999", KAKAO)
    bench.trade(KAKAO, sessions=0, upto=BEFORE - timedelta(days=20))
    bench.broker.daily[KAKAO] = bench.broker.daily[KAKAO][:0]
    assert "2 history" in await bench.macro()
    assert await bench.subjects(GapKind.HISTORY, BEFORE) == [KAKAO, "999999"]
    assert set(await spans(bench)) == {SAMSUNG, HYNIX}
    bench.gateway.asked = []
    assert "history of 4 stocks complete" in await bench.macro(NOON)
    assert bench.gateway.asked == []


async def test_a_stock_whose_bars_end_early_is_stored_as_far_as_it_goes_and_told(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    del bench.broker.daily[SAMSUNG][-1]
    assert "1 history" in await bench.macro()
    (gap,) = await bench.gaps.of_day(BEFORE, [GapKind.HISTORY])
    assert (gap.subject, gap.reason) == (SAMSUNG, "the exchange's last bar is of 2025-02-27")
    assert (await spans(bench))[SAMSUNG].last == date(2025, 2, 27)


async def test_a_stock_that_does_not_answer_is_asked_again_by_the_next_slot_and_its_gap_is_closed(
    bench: CollectorBench,
) -> None:
    await ready(bench, SAMSUNG, HYNIX)
    bench.gateway.silent = {HYNIX}
    assert "1 failed" in await bench.macro()
    assert await bench.subjects(GapKind.FAILED, BEFORE) == [HYNIX]
    assert set(await spans(bench)) == {SAMSUNG}
    bench.gateway.silent = set()
    await bench.macro(NOON)
    assert await bench.subjects(GapKind.FAILED, BEFORE) == []
    assert set(await spans(bench)) == {SAMSUNG, HYNIX}


async def test_a_gateway_that_is_away_fails_the_attempt_and_keeps_what_was_stored(bench: CollectorBench) -> None:
    codes = [f"{number:06d}" for number in range(100, 140)]
    await ready(bench, *codes)
    bench.gateway.silent = {"0001", "1001"}
    with pytest.raises(Unavailable):
        await bench.macro()
    bench.gateway.silent = set(codes[12:])
    with pytest.raises(Unavailable, match="in a row unanswered"):
        await bench.macro(NOON)
    assert set(await spans(bench)) == set(codes[:12])


async def test_sessions_between_bars_that_have_none_are_told(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    del bench.broker.daily[SAMSUNG][-5:-2]
    assert "1 holes" in await bench.macro()
    (gap,) = await bench.gaps.of_day(BEFORE, [GapKind.HOLES])
    assert (gap.subject, gap.reason[:26]) == (SAMSUNG, "3 sessions without a bar, ")


async def test_a_halted_day_is_stored_as_its_carried_close_like_an_imported_one(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    halted = bench.broker.daily[SAMSUNG][-1].model_copy(
        update={"volume": 0, "open_price": 0, "high_price": 0, "low_price": 0}
    )
    bench.broker.daily[SAMSUNG][-1] = halted
    await bench.macro()
    (bar,) = await PriceRepository(bench.db).daily(SAMSUNG, 1, before=DAY)
    assert (bar.open_price, bar.high_price, bar.low_price, bar.close_price, bar.volume) == (70_000,) * 4 + (0,)


async def test_before_the_open_the_indexes_stand_at_the_last_close_with_its_own_change(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    bench.broker.indexes["0001"][-1] = index_bar("0001", BEFORE, 2_475.0)
    told = await bench.macro()
    assert "4 of 15 figures, KOSPI 2,475.00 (-1.00 %), KOSDAQ 750.00 (+0.00 %)" in told
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert (snapshot.kospi_index, snapshot.kospi_change_pct, snapshot.completeness_pct) == (2_475.0, -1.0, 26.7)
    assert snapshot.data_sources[0] == "KOSPI: KIS, close of 2025-02-28 (approximation)"
    assert await macro_cache(bench.redis).get(date=DAY.isoformat()) == snapshot


async def test_at_noon_the_indexes_are_quoted_and_the_days_snapshot_is_the_newest(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    await bench.macro()
    level = IndexQuote(index_code="0001", price=2_525.0, change_pct=1.0, timestamp=NOON, source="approximation")
    bench.broker.index_quotes = {"0001": level}
    await bench.macro(NOON)
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert (snapshot.kospi_index, snapshot.kospi_change_pct, snapshot.timestamp) == (2_525.0, 1.0, NOON)
    assert "KOSPI: KIS, quote (approximation)" in snapshot.data_sources


async def test_a_slot_that_is_not_the_newest_writes_no_live_key_and_overwrites_nothing(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    await bench.macro(MORNING, newest=False, source=SlotSource.BACKFILL)
    assert await macro_cache(bench.redis).get(date=DAY.isoformat()) is None
    before = await MacroSnapshotRepository(bench.db).find(DAY)
    assert before is not None
    bench.broker.index_quotes = {"0001": IndexQuote(index_code="0001", price=2_600.0, change_pct=4.0, timestamp=NOON)}
    await bench.macro(NOON, newest=False, source=SlotSource.BACKFILL)
    assert await MacroSnapshotRepository(bench.db).find(DAY) == before


async def test_an_index_far_from_the_last_close_is_kept_out_and_recorded(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    bench.broker.index_quotes = {"0001": IndexQuote(index_code="0001", price=25_000.0, change_pct=0.1, timestamp=NOON)}
    assert "2 of 15 figures, KOSDAQ" in await bench.macro(NOON)
    (gap,) = await bench.gaps.of_day(DAY, [GapKind.BAD])
    assert (gap.subject, gap.reason) == ("0001", "25,000.00 is +900.0% from the last close: not believed")
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert snapshot.kospi_index is None


async def test_an_index_that_does_not_answer_costs_its_own_figures_only(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    del bench.broker.indexes["1001"]
    assert "2 of 15 figures, KOSPI" in await bench.macro()
    assert "1001" in await bench.subjects(GapKind.SOURCE)
    del bench.broker.indexes["0001"]
    assert "0 of 15 figures" in await bench.macro(NOON)


async def test_every_figure_and_every_input_that_nobody_tells_is_a_gap_of_its_own(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    await bench.macro()
    known = {"kospi_index", "kospi_change_pct", "kosdaq_index", "kosdaq_change_pct"}
    assert set(await bench.subjects(GapKind.SOURCE)) == (set(FIGURES) - known) | set(MISSING_INPUTS)


async def test_figures_of_other_sources_are_taken_and_absent_ones_keep_the_sources_reason(
    bench: CollectorBench,
) -> None:
    await ready(bench, SAMSUNG)
    won = InMemoryFigures("USD/KRW: a bank", ("usd_krw",), is_down=True)
    bench.sources = [InMemoryFigures("VIX: somebody", ("vix",), {DAY: {"vix": 36.5}}), won]
    await bench.macro()
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert (snapshot.vix, snapshot.vix_regime.value, snapshot.usd_krw) == (36.5, "crisis", None)
    assert snapshot.completeness_pct == 33.3
    assert "VIX: somebody" in snapshot.data_sources
    reasons = {gap.subject: gap.reason for gap in await bench.gaps.of_day(DAY, [GapKind.SOURCE])}
    assert reasons["usd_krw"] == "USD/KRW: a bank has no value of 2025-03-04"
    assert "vix" not in reasons


async def test_a_figure_far_from_the_last_stored_one_is_kept_out(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    yesterday = MORNING - timedelta(days=4)
    bench.clock.set(MORNING)
    bench.sources = [InMemoryFigures("a bank", ("usd_krw",), {BEFORE: {"usd_krw": 1_450.0}, DAY: {"usd_krw": 14.5}})]
    await bench.macro(yesterday, newest=False)
    await bench.macro(MORNING)
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert snapshot.usd_krw is None
    assert await bench.subjects(GapKind.BAD) == ["usd_krw"]
    assert "usd_krw" not in await bench.subjects(GapKind.SOURCE)


async def test_a_figure_is_not_measured_by_one_of_long_ago(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    old = MORNING - timedelta(days=32)
    told = {(old + timedelta(hours=9)).date(): {"usd_krw": 900.0}, DAY: {"usd_krw": 1_450.0}}
    bench.clock.set(MORNING)
    bench.sources = [InMemoryFigures("a bank", ("usd_krw",), told)]
    await bench.macro(old, newest=False)
    await bench.macro(MORNING)
    snapshot = await MacroSnapshotRepository(bench.db).find(DAY)
    assert snapshot is not None
    assert snapshot.usd_krw == 1_450.0


async def test_a_source_that_tells_less_than_it_promised_is_a_gap(bench: CollectorBench) -> None:
    await ready(bench, SAMSUNG)
    bench.sources = [InMemoryFigures("a bank", ("usd_krw", "bok_rate"), {DAY: {"usd_krw": 1_450.0}})]
    await bench.macro()
    reasons = {gap.subject: gap.reason for gap in await bench.gaps.of_day(DAY, [GapKind.SOURCE])}
    assert reasons["bok_rate"] == "a bank did not tell it"


async def test_a_day_without_a_session_is_skipped_and_wrong_parameters_are_refused(bench: CollectorBench) -> None:
    await ready(bench, NAVER)
    with pytest.raises(SlotSkipped, match="closed on 2025-03-03"):
        await bench.macro(MORNING, day=date(2025, 3, 3))
    with pytest.raises(BadInput, match="history"):
        await bench.macro(NOON, parameters={"history": "all"})
