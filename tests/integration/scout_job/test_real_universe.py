"""The real market of 14 February 2025, where its files are at hand (JENNIE_DATA)."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from redis.asyncio import Redis

from jennie.history_store import store_history
from kis_simulator.market.bars import Market as SimulatedMarket
from kis_simulator.market.files import load_folder
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import sector_of
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.domain.watchlist import EnrichedCandidate
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.research import Research
from prime_jennie.strategy import scoring
from scout_job.history import HistoryDesk, MarketHistory
from scout_job.market import may_be_listed, score_market
from scout_job.parameters import ScoutParameters
from tests.support.scouting import SESSIONS, ScoutWorld

FOLDER = os.environ.get("JENNIE_DATA")
FRIDAY = date(2025, 2, 14)
NOTHING = Research({}, {}, {}, {}, {})

if not FOLDER:
    sys.stderr.write("\nJENNIE_DATA is not set: the scout is NOT tried against the real market\n")
pytestmark = pytest.mark.skipif(not FOLDER, reason="JENNIE_DATA names no folder of real prices")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Return a database with the year before that Friday, and every listing."""
    url = f"sqlite:///{tmp_path_factory.mktemp('real') / 'prices.db'}"
    migrate(url)
    db = Database(url)
    market = load_folder(Path(str(FOLDER)))
    store_history(db, market.bars, FRIDAY)
    asyncio.run(MasterRepository(db).upsert(listings(market), at=datetime(2025, 2, 14, tzinfo=UTC)))
    yield db
    db.close_now()


def listings(market: SimulatedMarket) -> list[ListedStock]:
    """Return every listing, with its sector by KSIC wording."""
    return [
        ListedStock(
            StockMaster(
                stock_code=one.code,
                stock_name=one.name,
                market=Market.KOSDAQ if one.is_kosdaq else Market.KOSPI,
                sector_group=sector_of(one.code, ksic=one.industry or None),
            ),
            shares=one.shares or None,
            industry=one.industry or None,
        )
        for one in market.listings.values()
    ]


@pytest.fixture
async def world(real: Database, redis: Redis) -> ScoutWorld:
    return ScoutWorld(real, redis, datetime(2025, 2, 14, 8, 30, tzinfo=KST))


async def history_of(real: Database) -> MarketHistory:
    return await HistoryDesk(real, SESSIONS).before(FRIDAY, tuple(Market))


async def test_the_whole_market_is_scored_within_two_seconds(real: Database) -> None:
    history = await history_of(real)
    assert len(history.codes) >= 2_300
    began_at = time.process_time()
    found = score_market(history, NOTHING, may_be_listed(history, ScoutParameters().floors), None, MarketRegime.BULL)
    assert time.process_time() - began_at < 2.0
    assert found.scored >= 2_300


async def test_real_stocks_score_as_one_by_one(real: Database, world: ScoutWorld) -> None:
    history = await history_of(real)
    found = score_market(history, NOTHING, [], None, MarketRegime.BULL)
    returns = scoring.sector_returns(
        (sector, float(pct))
        for sector, pct, bars in zip(
            history.sectors, history.year.figures.return_20_pct, history.year.figures.bars, strict=True
        )
        if bars >= 20
    )
    first = SESSIONS.previous(FRIDAY, 250).day
    for row in range(0, len(history.codes), 23):
        bars = await world.prices.daily(history.codes[row], 260, before=FRIDAY)
        one = EnrichedCandidate(
            master=history.stocks[row].master,
            daily_prices=tuple(bar for bar in bars if bar.price_date >= first),
            sector_avg_return_20d=returns.get(history.sectors[row]),
        )
        assert found.quant[row] == scoring.score(one, MarketRegime.BULL)


async def test_that_fridays_list_is_whole_and_spread_over_sectors(world: ScoutWorld) -> None:
    run = world.run()
    await run(world.job("08:30", FRIDAY))
    assert run.last is not None
    assert run.last.universe >= 2_300
    assert run.last.candidates >= 200  # as many as the rulebook's universe
    listed = await world.watchlist()
    assert listed is not None
    assert len(listed.stocks) == 20
    assert len({entry.sector_group for entry in listed.stocks}) >= 5
    assert all(entry.hybrid_score >= 62 and entry.is_tradable for entry in listed.stocks)
    first = listed
    await world.run()(world.job("08:30", FRIDAY))
    assert await world.watchlist() == first
    assert len(await world.scores("scout-20250214-0830")) == run.last.universe
