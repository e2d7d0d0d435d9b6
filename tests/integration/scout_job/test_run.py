"""A run from stored rows to the live list: what it looks at, what it leaves, what it does not know."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Exclusion, Market
from prime_jennie.domain.watchlist import EnrichedCandidate, MarketFlow
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.price_matrix import DailyBars, PriceMatrixRepository
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.database.tables.research import (
    StockConsensusRow,
    StockFundamentalRow,
    StockInvestorTradingRow,
)
from prime_jennie.strategy import scoring
from tests.support.insights import insight
from tests.support.scanning import DAY, at
from tests.support.scouting import (
    CHEAP,
    DELISTED,
    HALTED,
    KOSDAQ_STOCK,
    NEW,
    PREFERRED,
    SESSIONS,
    SPAC,
    STRONG_STOCKS,
    THIN,
    UNLISTED,
    VANISHED,
    ScoutWorld,
    climbing,
    days_before,
    listing,
    strong,
)
from tests.support.service_desk import position_row

STRONG = [strong(number) for number in range(STRONG_STOCKS)]
YESTERDAY = SESSIONS.previous(DAY).day


async def test_the_list_is_published_with_its_rows_and_its_caps(either_world: ScoutWorld) -> None:
    world = either_world
    told = await world.run()(world.job())
    found = await world.watchlist()
    assert found is not None
    # All strong stocks score alike; the bigger turnover comes first. KOSDAQ's trades less than the strongest.
    assert [entry.stock_code for entry in found.stocks] == [*STRONG[:6], KOSDAQ_STOCK]
    assert [entry.rank for entry in found.stocks] == list(range(1, 8))
    assert {entry.since for entry in found.stocks} == {DAY}
    assert (found.generated_at, found.version) == (at("08:30"), "v20260218233000")
    assert found.market_regime is MarketRegime.SIDEWAYS
    assert set(found.unchecked) == {Exclusion.MANAGED, Exclusion.WARNING, Exclusion.OVERHEATED}
    rows = await world.scores("scout-20260219-0830")
    assert [code for code, row in rows.items() if row.is_final_selected] == sorted(await world.listed())
    assert all(row.is_active for row in rows.values())
    history = await world.history("scout-20260219-0830")
    assert [(row.stock_code, row.rank, row.is_active, row.since) for row in history] == [
        (entry.stock_code, entry.rank, True, DAY) for entry in found.stocks
    ]
    assert len(await world.decisions()) == len(found.stocks)
    assert set((await world.budget()).entries) == set(SectorGroup)
    assert await world.redis.exists("regime:current")
    assert told == (
        "7 listed of 7 candidates, 12 of 13 stocks scored, 7 judged by offline analyst (deterministic, no model),"
        " SIDEWAYS"
    )


async def test_the_universe_is_every_listed_stock_that_traded_lately(world: ScoutWorld) -> None:
    await world.run()(world.job())
    rows = await world.scores()
    assert {*STRONG, KOSDAQ_STOCK, PREFERRED, SPAC, CHEAP, THIN, HALTED, NEW} == rows.keys()
    assert not {UNLISTED, VANISHED, DELISTED} & rows.keys()
    assert (rows[NEW].is_valid, rows[NEW].invalid_reason) == (False, "19 traded bars, 20 needed")
    assert rows[NEW].total_quant_score == 55
    assert rows[SPAC].is_valid
    assert rows[SPAC].hybrid_score is None


async def test_every_row_equals_the_plain_reading_of_its_bars(world: ScoutWorld) -> None:
    await world.run()(world.job())
    rows = await world.scores()
    returns = {
        code: scoring.figures_of(await world.prices.daily(code, 250, before=DAY)).return_20_pct  # type: ignore[union-attr]
        for code, row in rows.items()
        if row.is_valid
    }
    masters = {code: one.master for code, one in (await world.masters.find_all()).items()}
    sectors = scoring.sector_returns(
        (masters[code].sector_group or SectorGroup.ETC, pct) for code, pct in returns.items()
    )
    for code, row in rows.items():
        group = masters[code].sector_group
        one = EnrichedCandidate(
            master=masters[code],
            daily_prices=tuple(await world.prices.daily(code, 250, before=DAY)),
            sector_avg_return_20d=None if group is None else sectors.get(group),
        )
        expected = scoring.score(one, MarketRegime.SIDEWAYS)
        assert row.total_quant_score == pytest.approx(expected.total_score, abs=1e-9), code
        assert row.momentum_score == pytest.approx(expected.momentum_score, abs=1e-9)
        assert row.is_valid is expected.is_valid


async def test_before_the_open_nobody_is_asked_for_quotes(world: ScoutWorld) -> None:
    world.gateway.down = True
    await world.run()(world.job())
    assert len(await world.listed()) == 7


async def test_todays_and_later_bars_change_nothing(world: ScoutWorld) -> None:
    await world.run()(world.job())
    first = {code: row.total_quant_score for code, row in (await world.scores()).items()}
    later = [DAY, SESSIONS.next(DAY).day]
    await world.prices.upsert_daily([one for code in STRONG for one in climbing(code, later, start=1)])
    await world.run()(world.job())
    assert {code: row.total_quant_score for code, row in (await world.scores()).items()} == first


async def test_the_same_rows_give_the_same_list(world: ScoutWorld) -> None:
    await world.run()(world.job())
    first, scores = await world.watchlist(), await world.scores()
    await world.redis.flushall()
    await world.run()(world.job())
    assert await world.watchlist() == first
    again = await world.scores()
    figures = ("total_quant_score", "hybrid_score", "smoothed_score", "llm_reason", "trade_tier", "is_final_selected")
    assert [[getattr(row, name) for name in figures] for row in again.values()] == [
        [getattr(row, name) for name in figures] for row in scores.values()
    ]


async def test_a_renamed_stock_goes_by_its_newest_name(world: ScoutWorld) -> None:
    await world.masters.upsert([listing(STRONG[0], "새이름")], at=at("08:00"))
    await world.run()(world.job())
    found = await world.watchlist()
    assert found is not None
    assert found.stocks[0].stock_name == "새이름"


async def test_a_schedule_may_choose_boards_floors_and_sizes(world: ScoutWorld) -> None:
    await world.run()(world.job(markets=["KOSDAQ"]))
    assert await world.listed() == [KOSDAQ_STOCK]
    await world.run()(world.job("08:31", turnoverFloorKrw=0, priceFloorKrw=0, most=50))
    assert {CHEAP, THIN} <= set(await world.listed())
    await world.run()(world.job("08:32", exclude=[]))
    assert {PREFERRED, SPAC} <= set(await world.listed())
    await world.run()(world.job("08:33", top=2, most=1, analysed=2))
    assert await world.listed() == STRONG[:1]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"priceFloorKrw": -1}, "priceFloorKrw"),
        ({"pricefloor": 1}, "pricefloor"),
        ({"markets": ["NASDAQ"]}, "markets[0]"),
        ({"markets": []}, "markets"),
        ({"most": 51}, "most"),
        ({"analysed": "60"}, "analysed"),
        ({"exclude": ["managed"]}, "parameters: exclude: no source"),
    ],
)
async def test_a_parameter_that_makes_no_sense_fails_the_attempt_by_its_name(
    world: ScoutWorld, parameters: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        await world.run()(world.job(**parameters))
    assert field in str(refused.value)
    assert await world.watchlist() is None


async def test_without_any_bars_there_is_no_list(world: ScoutWorld) -> None:
    await world.forget_bars(DAY - timedelta(days=400))
    with pytest.raises(Unavailable, match=r"no daily bars from 2025-\d\d-\d\d to 2026-02-13 are stored"):
        await world.run()(world.job())


async def test_old_bars_are_no_basis_and_a_missing_session_is_said(world: ScoutWorld) -> None:
    days = days_before(DAY, 6)
    await world.forget_bars(days[-1])
    await world.run()(world.job())
    found = await world.watchlist()
    assert found is not None
    assert f"daily bars end on {days[-2]}, 1 sessions missing" in found.gaps
    await world.forget_bars(days[0])
    with pytest.raises(Unavailable, match=f"end on {SESSIONS.previous(days[0]).day}, 6 sessions ago"):
        await world.run()(world.job("08:31"))
    assert await world.watchlist() == found


async def test_bars_that_come_late_are_read_by_the_next_run(world: ScoutWorld) -> None:
    days = days_before(DAY, 130)
    await world.forget_bars(days[-1])
    run = world.run()
    await run(world.job())
    before = (await world.scores())[STRONG[0]].total_quant_score
    await world.fill()
    await run(world.job("08:31"))
    assert (await world.scores("scout-20260219-0831"))[STRONG[0]].total_quant_score != before


async def test_gaps_are_named_with_their_counts(world: ScoutWorld) -> None:
    run = world.run()
    await run(world.job())
    assert run.last is not None
    assert run.last.gaps == (
        "market caps of the day: sized by turnover instead",
        "eps_revision: 7 of 7",
        "investor_flows: 7 of 7",
        "news: 7 of 7",
        "pbr: 7 of 7",
        "per: 7 of 7",
        "roe: 7 of 7",
        "sector_return: 7 of 7",
    )


async def test_an_unknown_regime_is_a_gap(world: ScoutWorld) -> None:
    world.broker.indexes["0001"] = []
    await world.db.write(lambda session: session.connection().exec_driver_sql("DELETE FROM index_daily_price") and None)
    run = world.run()
    assert (await run(world.job())).endswith("regime unknown")
    found = await world.watchlist()
    assert found is not None
    assert "regime unknown: scored as SIDEWAYS" in found.gaps


async def test_an_index_that_cannot_be_asked_for_costs_the_regime_and_not_the_list(world: ScoutWorld) -> None:
    await world.db.write(lambda session: session.connection().exec_driver_sql("DELETE FROM index_daily_price") and None)
    world.gateway.down = True
    assert (await world.run()(world.job())).endswith("regime unknown")
    assert len(await world.listed()) == 7
    assert not await world.redis.exists("regime:current")


async def test_market_caps_of_earlier_days_size_the_list_and_todays_do_not(world: ScoutWorld) -> None:
    async def caps(day_offset: int, smallest_first: bool) -> None:
        ordered = [*STRONG, KOSDAQ_STOCK] if smallest_first else [KOSDAQ_STOCK, *STRONG[::-1]]
        rows = [
            StockFundamentalRow(
                stock_code=code,
                trade_date=DAY - timedelta(days=day_offset),
                market_cap=10**12 * (rank + 1),
                updated_at=at("16:00"),
            )
            for rank, code in enumerate(ordered)
        ]
        await world.db.write(lambda session: session.add_all(rows))

    await caps(0, smallest_first=False)
    await world.run()(world.job())
    assert await world.listed() == [*STRONG, KOSDAQ_STOCK]
    await caps(6, smallest_first=True)
    await world.run()(world.job("08:31"))
    # The same bucket of five points for the strong ones, the biggest first.
    assert await world.listed() == [KOSDAQ_STOCK, *STRONG[::-1]]


async def test_what_is_held_takes_its_sectors_place(world: ScoutWorld) -> None:
    await world.masters.upsert([listing(code, sector_group=SectorGroup.TELECOM) for code in STRONG], at=at("08:00"))
    await world.run()(world.job())
    tier_cap = (await world.budget()).entries[SectorGroup.TELECOM]
    assert len(await world.listed()) == tier_cap.effective_cap + 1

    held = [position_row(stock_code=code, strategy=name) for name in ("a", "b") for code in STRONG[:2]]
    await world.db.write(lambda session: [session.merge(row) for row in held] and None)
    await world.run()(world.job("08:31"))
    entry = (await world.budget()).entries[SectorGroup.TELECOM]
    assert entry.held_count == 2  # two stocks, whoever holds them
    assert entry.effective_cap == tier_cap.portfolio_cap - 2 + 1
    rows = await world.db.read(lambda session: session.query(ActivePortfolioRow).count())
    assert rows == 4


async def test_the_council_warms_and_cools_sectors(world: ScoutWorld) -> None:
    spoken = insight(insight_date=DAY, sectors_to_avoid=(SectorGroup.FINANCE,), sentiment_score=72.0)
    await InsightRepository(world.db).put(spoken, run_id="council-20260219-0730", raw={})
    await world.run()(world.job())
    budget = await world.budget()
    assert budget.council_overrides_applied
    assert budget.entries[SectorGroup.FINANCE].tier.value == "COOL"
    found = await world.watchlist()
    assert found is not None
    assert found.market_regime is MarketRegime.STRONG_BULL


async def test_boards_are_told_apart(world: ScoutWorld) -> None:
    await world.run()(world.job(markets=[Market.KOSPI.value]))
    assert KOSDAQ_STOCK not in await world.scores()


async def test_what_is_known_beside_the_bars_moves_the_score_and_travels_with_the_list(world: ScoutWorld) -> None:
    await world.run()(world.job("08:20"))
    known = STRONG[0]
    rows = [
        StockFundamentalRow(
            stock_code=known, trade_date=YESTERDAY, per=9.0, pbr=0.6, roe=16.0, updated_at=at("16:00", YESTERDAY)
        ),
        StockInvestorTradingRow(
            stock_code=known,
            trade_date=YESTERDAY,
            foreign_net_buy=-4_000_000_000,
            institution_net_buy=5_000_000_000,
            foreign_holding_ratio=51.5,
        ),
        StockConsensusRow(stock_code=known, trade_date=YESTERDAY, forward_per=7.0, forward_roe=18.0),
    ]
    await world.db.write(lambda session: session.add_all(rows))
    await world.run()(world.job())
    before, after = await world.scores("scout-20260219-0820"), await world.scores("scout-20260219-0830")
    assert (before[known].quality_score, after[known].quality_score) == (10, 20)
    assert after[known].value_score == before[known].value_score + 2 + 2.5  # PER 9 and PBR 0.6 for the unknown halves
    assert after[known].supply_demand_score == pytest.approx(0.6 + 8 + 3)
    assert after[known].risk_tag == "CAUTION"  # foreigners sold more than three billion
    assert after[STRONG[1]].total_quant_score == before[STRONG[1]].total_quant_score
    found = await world.watchlist()
    assert found is not None
    entry = next(one for one in found.stocks if one.stock_code == known)
    assert entry.market_flow == MarketFlow(
        foreign_net=-4_000_000_000, institution_net=5_000_000_000, foreign_ratio=51.5
    )
    assert all(one.market_flow is None for one in found.stocks if one.stock_code != known)


async def test_near_the_calendars_first_day_there_is_less_than_a_year(sqlite_db: Database, redis: Redis) -> None:
    early = SESSIONS.next(SESSIONS.first, 41).day
    world = ScoutWorld(sqlite_db, redis, at("08:00", early))
    days = days_before(early, 40)
    await world.prices.upsert_daily(climbing(STRONG[0], days))
    await world.masters.upsert([listing(STRONG[0])], at=at("08:00", early))
    await world.run()(world.job(day=early))
    assert (await world.scores())[STRONG[0]].is_valid


async def test_a_service_that_goes_on_reads_the_year_once(world: ScoutWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = 0
    load = PriceMatrixRepository.load

    async def counted(self: PriceMatrixRepository, days: Sequence[date]) -> DailyBars:
        nonlocal loads
        loads += 1
        return await load(self, days)

    monkeypatch.setattr(PriceMatrixRepository, "load", counted)
    run = world.run()
    await run(world.job())
    await run(world.job("08:31"))
    assert loads == 1
