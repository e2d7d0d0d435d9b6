"""The slot after the close: the day's bars of every listed stock, and what belongs to them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from data_collector.closing import Closing
from data_collector.minute_bars import watched_codes
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.domain.watchlist import HotWatchlist, TradeTier, WatchlistEntry
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.tables.market import IndexDailyPriceRow, StockDailyPriceRow, StockMinutePriceRow
from prime_jennie.infra.database.tables.research import StockFundamentalRow
from prime_jennie.infra.redis.cache import TypedCache
from tests.support.collector import (
    AFTERNOON,
    BEFORE,
    DAY,
    HISTORY_SESSIONS,
    HYNIX,
    KAKAO,
    NAVER,
    SAMSUNG,
    SESSIONS,
    CollectorBench,
    daily,
    index_bar,
    minute,
    quote,
)

CLOSE = datetime(2025, 3, 4, 6, 30, tzinfo=UTC)
OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
STOCKS = (SAMSUNG, HYNIX, NAVER)


async def ready(bench: CollectorBench, *codes: str) -> None:
    """List stocks that stood at 70,000 the session before and rose by one per cent today, and both indexes."""
    await bench.enlist(*codes)
    for code in codes:
        bench.trade(code)
        bench.broker.quotes[code] = quote(code)
    await CollectedPrices(bench.db).write_daily([daily(code, BEFORE) for code in codes])
    for index, level in (("0001", 2_500.0), ("1001", 750.0)):
        bench.index(index, level=level)
        bench.broker.indexes[index].append(index_bar(index, DAY, level * 1.01))
    await CollectedPrices(bench.db).write_index([bars[-2] for bars in bench.broker.indexes.values()])


async def watch(bench: CollectorBench, *codes: str) -> None:
    entries = tuple(
        WatchlistEntry(
            stock_code=code,
            stock_name=code,
            llm_score=50,
            hybrid_score=50,
            rank=rank,
            is_tradable=True,
            trade_tier=TradeTier.TIER2,
        )
        for rank, code in enumerate(codes, start=1)
    )
    active = HotWatchlist(generated_at=OPEN, market_regime=MarketRegime.BULL, stocks=entries, version="v20250304083000")
    await TypedCache.of(bench.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).set(active)


async def day_rows(bench: CollectorBench) -> list[tuple[str, int, int]]:
    row = StockDailyPriceRow
    query = select(row.stock_code, row.close_price, row.volume).where(row.price_date == DAY).order_by(row.stock_code)
    return await bench.db.read(lambda session: [tuple(found) for found in session.execute(query)])  # type: ignore[misc]


async def count(bench: CollectorBench, row: type[StockMinutePriceRow] | type[IndexDailyPriceRow]) -> int:
    return await bench.db.read(lambda session: len(list(session.execute(select(row)).scalars())))


async def test_every_listed_stock_gets_its_bar_and_run_twice_the_rows_are_the_same(
    bench_of_either: CollectorBench,
) -> None:
    bench = bench_of_either
    await ready(bench, *STOCKS)
    told = await bench.collect(parameters={"kinds": ["daily", "index"]})
    assert told == "3 bars of 3 stocks; 2 bars of 2 indexes"
    rows = await day_rows(bench)
    assert rows == [(code, 70_700, 5_000) for code in sorted(STOCKS)]
    assert await bench.collect(parameters={"kinds": ["daily", "index"]}, attempt=2) == told
    assert await day_rows(bench) == rows
    assert await count(bench, IndexDailyPriceRow) == 4
    assert await bench.gaps.of_day(DAY) == []


async def test_halted_vanished_new_and_nonsensical_stocks_are_told_and_neighbours_get_their_bars(
    bench_of_either: CollectorBench,
) -> None:
    bench = bench_of_either
    await ready(bench, *STOCKS)
    await bench.enlist(KAKAO, "999999", "0004Y0", "111111")
    await CollectedPrices(bench.db).write_daily([daily(code, BEFORE) for code in ("999999", "111111")])
    for code in (KAKAO, "0004Y0", "111111"):
        bench.broker.prices_krw[code] = 70_000
    bench.broker.quotes[KAKAO] = quote(KAKAO, 70_000, volume=0, open_price=0, high_price=0, low_price=0, change_pct=0.0)
    bench.broker.quotes["0004Y0"] = quote("0004Y0")
    bench.broker.quotes["111111"] = quote("111111", low_price=80_000, high_price=90_000)
    told = await bench.collect(parameters={"kinds": ["daily"]})
    assert told == "5 bars of 7 stocks, 1 halted, 1 unquoted, 1 bad, 1 new"
    assert await day_rows(bench) == [
        ("0004Y0", 70_700, 5_000),
        ("000660", 70_700, 5_000),
        ("005930", 70_700, 5_000),
        ("035420", 70_700, 5_000),
        ("035720", 70_000, 0),
    ]
    assert [await bench.subjects(kind) for kind in (GapKind.HALTED, GapKind.UNQUOTED, GapKind.BAD, GapKind.NEW)] == [
        [KAKAO],
        ["999999"],
        ["111111"],
        ["0004Y0"],
    ]
    (vanished,) = await bench.gaps.of_day(DAY, [GapKind.UNQUOTED])
    assert vanished.reason.startswith("had a bar the session before, now ")


async def test_a_bar_with_other_figures_is_overwritten_by_the_exchanges_and_counted(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    await CollectedPrices(bench.db).write_daily([daily(SAMSUNG, DAY, 12_345)])
    told = await bench.collect(parameters={"kinds": ["daily"]})
    assert told == "3 bars of 3 stocks, 1 bars had other figures"
    assert (SAMSUNG, 70_700, 5_000) in await day_rows(bench)


async def test_a_corporate_action_has_its_history_read_again(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    bench.broker.quotes[SAMSUNG] = quote(SAMSUNG, 14_140)
    bench.broker.daily[SAMSUNG] = [
        bar.model_copy(update=dict.fromkeys(("open_price", "high_price", "low_price", "close_price"), 14_000))
        for bar in bench.broker.daily[SAMSUNG]
    ]
    told = await bench.collect(parameters={"kinds": ["daily"]})
    assert told == "3 bars of 3 stocks, 1 adjusted, 1 bars had other figures"
    stored = await PriceRepository(bench.db).daily(SAMSUNG, 99, before=DAY)
    assert [bar.close_price for bar in stored] == [14_000] * HISTORY_SESSIONS
    (gap,) = await bench.gaps.of_day(DAY, [GapKind.ADJUSTED])
    assert gap.reason == "based on 14,000, stored is 70,000"


async def test_an_adjusted_history_that_does_not_answer_is_a_gap(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    bench.broker.quotes[SAMSUNG] = quote(SAMSUNG, 14_140)
    asked = bench.gateway.asked

    async def away(code: str, days: int = 150) -> list[object]:
        asked.append(code)
        raise Unavailable("the gateway did not answer")

    bench.gateway.daily_prices = away  # type: ignore[assignment,method-assign]
    assert "1 adjusted" in await bench.collect(parameters={"kinds": ["daily"]})
    (gap,) = await bench.gaps.of_day(DAY, [GapKind.FAILED])
    assert (gap.subject, gap.reason) == (SAMSUNG, "adjusted history not read: the gateway did not answer")


async def test_a_failed_call_costs_its_stocks_only_and_none_at_all_fails_the_attempt(bench: CollectorBench) -> None:
    codes = [f"{number:06d}" for number in range(1_000, 1_122)]
    await ready(bench, *codes)
    bench.gateway.silent = {codes[0]}
    told = await bench.collect(parameters={"kinds": ["daily"]})
    assert told == "2 bars of 122 stocks, 120 quotes failed"
    assert await bench.subjects(GapKind.FAILED) == [f"{codes[0]} to {codes[119]}"]
    bench.gateway.silent = {codes[0], codes[-1]}
    with pytest.raises(Unavailable):
        await bench.collect(parameters={"kinds": ["daily"]})


async def test_an_exchange_without_one_usable_quote_fails_the_attempt(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    bench.broker.prices_krw = {}
    with pytest.raises(Unavailable, match="not one usable quote of 3 stocks"):
        await bench.collect(parameters={"kinds": ["daily"]})
    assert await bench.subjects(GapKind.UNQUOTED) == sorted(STOCKS)


async def test_without_listed_stocks_there_is_nothing_to_collect_and_that_is_told(bench: CollectorBench) -> None:
    await ready(bench)
    assert await bench.collect(parameters={"kinds": ["daily"]}) == "no listed stock"
    assert await bench.subjects(GapKind.SOURCE) == ["listings"]


async def test_an_index_bar_that_is_not_believed_is_kept_out(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    bench.broker.indexes["0001"][-1] = index_bar("0001", DAY, 5_000.0)
    assert await bench.collect(parameters={"kinds": ["index"]}) == "1 bars of 2 indexes"
    assert await bench.subjects(GapKind.BAD) == ["0001"]
    assert await bench.subjects(GapKind.HISTORY) == ["0001"]


async def test_minute_bars_of_what_is_watched_are_stored_once_and_only_those_of_the_session(
    bench_of_either: CollectorBench,
) -> None:
    bench = bench_of_either
    await ready(bench, *STOCKS)
    await watch(bench, SAMSUNG, HYNIX, KAKAO)
    day_before = CLOSE - timedelta(days=1)
    bench.broker.minutes = {
        SAMSUNG: [minute(SAMSUNG, day_before), *(minute(SAMSUNG, OPEN + timedelta(minutes=m)) for m in (0, 1, 390))],
        HYNIX: [minute(HYNIX, OPEN)],
    }
    told = await bench.collect(parameters={"kinds": ["minute"]})
    assert told == "4 minute bars of 2 of 3 stocks"
    assert await count(bench, StockMinutePriceRow) == 4
    assert await bench.subjects(GapKind.HALTED) == [KAKAO]
    bench.gateway.asked = []
    await bench.collect(parameters={"kinds": ["minute"]}, attempt=2)
    assert SAMSUNG not in bench.gateway.asked, "its closing minute is stored"
    assert await count(bench, StockMinutePriceRow) == 4


async def test_minute_bars_that_do_not_answer_cost_their_own_stock_only(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    await watch(bench, SAMSUNG, HYNIX)
    bench.gateway.silent = {SAMSUNG}
    bench.broker.minutes = {HYNIX: [minute(HYNIX, OPEN)]}
    assert await bench.collect(parameters={"kinds": ["minute"]}) == "1 minute bars of 1 of 2 stocks"
    assert await bench.subjects(GapKind.FAILED) == [SAMSUNG]


async def test_nothing_is_watched_where_nobody_watches(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    assert await watched_codes(bench.redis, bench.db) == []
    assert await bench.collect(parameters={"kinds": ["minute", "quotes"]}) == (
        "0 minute bars of 0 of 0 stocks; 0 of 0 valuations from the broker"
    )


async def test_market_caps_are_shares_times_close_and_say_so_and_the_brokers_own_figure_wins(
    bench_of_either: CollectorBench,
) -> None:
    bench = bench_of_either
    await ready(bench, *STOCKS)
    await bench.enlist(KAKAO, shares=None)
    bench.trade(KAKAO)
    await watch(bench, HYNIX)
    bench.broker.quotes[HYNIX] = quote(HYNIX, per=8.5, pbr=1.2, market_cap=99_000_000_000)
    told = await bench.collect(parameters={"kinds": ["daily", "caps", "quotes"]})
    assert told.endswith("; 3 market caps by shares of the listing file; 1 of 1 valuations from the broker")
    caps = {code: listed.master.market_cap for code, listed in (await bench.masters.find_all()).items()}
    assert caps == {SAMSUNG: 70_700_000_000, NAVER: 70_700_000_000, HYNIX: 99_000_000_000, KAKAO: None}
    (gap,) = await bench.gaps.of_day(DAY, [GapKind.APPROXIMATE])
    assert gap == DataGap(
        kind=GapKind.APPROXIMATE,
        subject="market-cap",
        day=DAY,
        reason="shares of the listing file, not of the day, × the day's close",
    )
    rows = await bench.db.read(lambda session: list(session.execute(select(StockFundamentalRow)).scalars()))
    assert [(row.stock_code, row.trade_date, row.per, row.pbr, row.roe) for row in rows] == [
        (HYNIX, DAY, 8.5, 1.2, None)
    ]


async def test_more_valuations_are_asked_of_the_stalest_stocks_first(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    for code in STOCKS:
        bench.broker.quotes[code] = quote(code, per=10.0)
    for day, expected in ((0, {HYNIX, SAMSUNG}), (1, {NAVER, HYNIX})):
        at = AFTERNOON + timedelta(days=day)
        await bench.collect(at, parameters={"kinds": ["quotes"], "quotes": 2})
        rows = await bench.db.read(lambda session: list(session.execute(select(StockFundamentalRow)).scalars()))
        assert {row.stock_code for row in rows if row.trade_date == DAY + timedelta(days=day)} == expected
    bench.broker.prices_krw.pop(SAMSUNG)
    bench.gateway.down = False
    await bench.collect(AFTERNOON + timedelta(days=2), parameters={"kinds": ["quotes"], "quotes": 3})
    assert await bench.subjects(GapKind.UNQUOTED, DAY + timedelta(days=2)) == [SAMSUNG]


async def test_what_is_too_old_is_deleted_and_the_rest_stays(bench_of_either: CollectorBench) -> None:
    bench = bench_of_either
    await ready(bench, *STOCKS)
    old, older = SESSIONS.next(DAY.replace(year=2022)).day, SESSIONS.previous(DAY.replace(year=2022)).day
    await CollectedPrices(bench.db).write_daily([daily(SAMSUNG, older), daily(SAMSUNG, old)])
    kept, gone = OPEN - timedelta(days=29), OPEN - timedelta(days=31)
    await PriceRepository(bench.db).upsert_minute([minute(SAMSUNG, at) for at in (kept, gone)])
    stale = DataGap(kind=GapKind.HALTED, subject=SAMSUNG, day=DAY - timedelta(days=400), reason="no share traded")
    await bench.gaps.record("collect-20240129-1600", [stale], at=OPEN)
    told = await bench.collect(parameters={"kinds": ["cleanup"]})
    assert told == "dropped 1 daily and 1 minute bars, 1 gaps, 0 silent workers"
    assert (await CollectedPrices(bench.db).spans(before=DAY))[SAMSUNG].first == old
    assert (
        await bench.collect(parameters={"kinds": ["cleanup"]})
        == "dropped 0 daily and 0 minute bars, 0 gaps, 0 silent workers"
    )


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (AFTERNOON - timedelta(hours=2), "closes at 15:30"),
        (AFTERNOON - timedelta(days=1), "closed on 2025-03-03"),
    ],
)
async def test_before_the_close_and_without_a_session_there_is_nothing_to_collect(
    bench: CollectorBench, at: datetime, expected: str
) -> None:
    with pytest.raises(SlotSkipped, match=expected):
        await bench.collect(at)


async def test_quotes_of_today_make_no_bars_of_another_day_and_unknown_kinds_are_refused(bench: CollectorBench) -> None:
    bench.clock.set(AFTERNOON + timedelta(days=1))
    with pytest.raises(SlotSkipped, match="macro-collect brings the bars of 2025-03-04"):
        await bench.collect(AFTERNOON)
    with pytest.raises(BadInput, match="kinds"):
        await bench.collect(AFTERNOON + timedelta(days=1), parameters={"kinds": ["weekly"]})


async def test_everything_together_is_one_line(bench: CollectorBench) -> None:
    await ready(bench, *STOCKS)
    told = await bench.collect()
    assert told == (
        "3 bars of 3 stocks; 2 bars of 2 indexes; 0 minute bars of 0 of 0 stocks;"
        " 3 market caps by shares of the listing file; 0 of 0 valuations from the broker;"
        " dropped 0 daily and 0 minute bars, 0 gaps, 0 silent workers"
    )
    assert isinstance(bench.tasks[1], Closing)
