"""A run over the real exchange and the real gateway, as processes, while the exchange is open."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime

import pytest
from pydantic import SecretStr

from jennie.history_store import store_history
from jennie.masters import bring_masters
from kis_simulator.config import SimulatorSettings
from kis_simulator.market.choose import choose_market
from prime_jennie.domain.market import Snapshots
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.jobs import JobDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from tests.support.exchange import DAY
from tests.support.gateway import READ_TOKEN, House, running_house
from tests.support.scouting import SESSIONS, ScoutWorld

TODAY = date.fromisoformat(DAY)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run redis, exchange and gateway at 09:30 of a made market, its days before in the database."""
    with running_house(tmp_path_factory.mktemp("house"), rate="5") as started:
        settings = SimulatorSettings(data=None, day=TODAY, seed=7, database_url="sqlite:////nonexistent/prices.sqlite")
        market, session = choose_market(settings, SESSIONS, datetime(2025, 3, 4, tzinfo=UTC))
        assert store_history(started.db, market.bars, session.day) > 20_000
        yield started


@pytest.fixture
async def world(house: House) -> AsyncIterator[ScoutWorld]:
    """Return a scout's desk in that house."""
    redis = connect(house.redis.url)
    made = ScoutWorld(house.db, redis)
    async with (
        open_clock(house.redis.url) as clock,
        GatewayClient(house.gateway.url, SecretStr(READ_TOKEN), caller="scout-job") as gateway,
    ):
        await bring_masters(house.exchange.control_url, house.db, at=clock.now())
        made.desk = JobDesk(
            service="scout-job",
            worker_id="scout-job@here:1",
            clock=clock,
            redis=redis,
            db=house.db,
            gateway=gateway,
            sessions=SESSIONS,
            outages=Outages(),
            namespace="test",
        )
        yield made
    await redis.aclose()


async def test_the_exchanges_quotes_reach_the_scores(
    world: ScoutWorld, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Snapshots] = []
    ask = world.desk.gateway.snapshots

    async def asked(codes: list[str]) -> Snapshots:
        answers.append(await ask(codes))
        return answers[-1]

    monkeypatch.setattr(world.desk.gateway, "snapshots", asked)
    now = world.desk.clock.now().astimezone(KST).replace(second=0, microsecond=0)
    job = world.job(f"{now:%H:%M}", TODAY, turnoverFloorKrw=0, priceFloorKrw=0)
    run = world.run()
    await run(job)
    assert run.last is not None
    assert run.last.universe == len(house.listings())
    assert run.last.candidates > 100
    found = {seen.stock_code: seen for answer in answers for seen in answer.snapshots}
    assert len(found) == run.last.candidates
    assert not [gap for gap in run.last.gaps if gap.startswith("quotes")]
    listed = await world.watchlist()
    assert listed is not None
    assert listed.stocks
    assert listed.generated_at == now.astimezone(UTC)
    assert house.exchange.control("stats")["refusals"].get("EGW00201", 0) == 0


async def test_a_gateway_that_dies_before_the_run_leaves_the_list(world: ScoutWorld, house: House) -> None:
    before = await world.watchlist()
    house.gateway.kill()
    now = world.desk.clock.now().astimezone(KST)
    with pytest.raises(Exception, match=r"quotes of 0 of [0-9]+ stocks"):
        await world.run()(world.job(f"{now:%H:%M}", TODAY, turnoverFloorKrw=0, priceFloorKrw=0))
    assert await world.watchlist() == before
