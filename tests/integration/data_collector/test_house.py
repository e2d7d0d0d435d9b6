"""data-collector as a process, against the started exchange and gateway: killed half-way, and a whole day."""

import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from prime_jennie.domain.sectors import sector_of
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Span
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.tables.journal import DataGapRow
from prime_jennie.infra.database.tables.market import IndexDailyPriceRow, StockDailyPriceRow, StockMinutePriceRow
from tests.support import web
from tests.support.eventually import eventually
from tests.support.gateway import House, running_house, until
from tests.support.redis_server import free_port
from tests.support.warm_process import WarmProcess

DAY = date(2025, 3, 4)
SESSIONS = load_sessions()
BEFORE = SESSIONS.previous(DAY).day
HISTORY = 120
STOCKS = 40
MORNING = ("07:19", "600")
LATE = ("15:10", "5")  # slow enough for all processes to start before the close


class CollectorProcess:
    """One data-collector; killed and started again on its port."""

    def __init__(self, house: House, log: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._log = log
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "REDIS_URL": house.redis.url,
            "DATABASE_URL": house.database_url,
            "JENNIE_CLOCK": house.redis.url,
            "KIS_GATEWAY_URL": house.gateway.url,
            "HISTORY_SESSIONS": str(HISTORY),
            "PORT": str(port),
        }
        self.process: WarmProcess | None = None

    def start(self) -> None:
        self.process = WarmProcess("data_collector", env=self._environment, log=self._log)
        until(self._is_ready, within_secs=60, what=f"data-collector is ready\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def trigger(self, **body: Any) -> dict[str, Any]:
        answer = web.post(f"{self.url}/trigger", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def slot(self, name: str) -> dict[str, Any]:
        return dict(web.get(f"{self.url}/jobs/{name}", timeout=30).raise_for_status().json())

    def ended(self, name: str, within_secs: float = 120.0) -> dict[str, Any]:
        until(lambda: self.slot(name)["state"] != "Running", within_secs=within_secs, what=f"the end of {name}")
        return self.slot(name)

    def _is_ready(self) -> bool:
        try:
            return web.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    at, rate = request.param
    flags = ("--at", at, "--until", "17:10")
    with running_house(tmp_path / "house", rate=rate, flags=flags) as started:
        yield started


@pytest.fixture
def collector(house: House, tmp_path: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(house, tmp_path / "collector.log")
    try:
        yield process
    finally:
        process.stop()


async def enlist(house: House, count: int) -> list[str]:
    """Bring the first stocks of the exchange's list into the master."""
    listed = [
        ListedStock(
            StockMaster(
                stock_code=one["code"],
                stock_name=one["name"],
                market=Market.KOSDAQ if one["market"].startswith("KOSDAQ") else Market.KOSPI,
                sector_group=sector_of(one["code"], ksic=one["industry"]),
            ),
            shares=one["shares"] or None,
        )
        for one in house.listings()[:count]
    ]
    await MasterRepository(house.db).upsert(listed, at=datetime.now(UTC))
    return [one.master.stock_code for one in listed]


def daily_charts(house: House) -> int:
    return int(house.exchange.control("stats")["calls"].get("FHKST03010100", 0))


async def counted(house: House, row: type[Any]) -> int:
    query = select(func.count()).select_from(row)
    return await house.db.read(lambda session: int(session.execute(query).scalar_one()))


@pytest.mark.parametrize("house", [MORNING], indirect=True)
async def test_a_collector_killed_half_way_goes_on_where_it_was_and_nothing_is_fetched_twice(
    house: House, collector: CollectorProcess
) -> None:
    codes = await enlist(house, STOCKS)
    collector.start()
    slot = collector.trigger(task="macro-collect", source="schedule", attempts=3)["job_id"]
    await eventually(lambda: counted(house, StockDailyPriceRow), within_secs=60, what="the first bars")
    collector.kill()
    stored, asked = await counted(house, StockDailyPriceRow), daily_charts(house)
    assert 0 < stored < STOCKS * HISTORY, "killed half-way"
    collector.start()
    assert collector.slot(slot)["reason"] == "attempt 1 was interrupted: its service stopped"
    assert collector.trigger(task="macro-collect", slot=slot, source="schedule", attempts=3)["status"] == "started"
    ended = collector.ended(slot)
    left = STOCKS - stored // HISTORY
    assert (ended["state"], ended["attempts"]) == ("Ran", 2), ended
    assert ended["reason"].startswith(f"history: {left * HISTORY:,} bars of {left} of {STOCKS} stocks fetched; ")
    spans = await CollectedPrices(house.db).spans(before=DAY)
    assert spans == dict.fromkeys(codes, Span(SESSIONS.previous(DAY, HISTORY).day, BEFORE))
    pages = 2  # of a hundred bars
    assert daily_charts(house) - asked <= pages * left + 1
    assert collector.trigger(task="macro-collect", slot=slot, source="schedule")["status"] == "finished"


@pytest.mark.parametrize("house", [LATE], indirect=True)
async def test_a_day_is_collected_before_and_after_its_close(house: House, collector: CollectorProcess) -> None:
    codes = await enlist(house, 8)
    collector.start()
    morning = collector.ended(collector.trigger(task="macro-collect")["job_id"])
    assert "4 of 15 figures, KOSPI " in morning["reason"], morning
    early = collector.ended(collector.trigger(task="data-collector")["job_id"])
    assert (early["state"], early["reason"]) == ("Skipped", "the exchange closes at 15:30: the day has no bars yet")
    house.exchange.move_clock(rate=60)
    until(lambda: house.exchange.control("clock")["phase"] == "closed", within_secs=120, what="the close")
    house.exchange.move_clock(rate=1)
    told = collector.ended(collector.trigger(task="data-collector", parameters={"quotes": 2})["job_id"])
    assert told["state"] == "Ran", told
    assert told["reason"].startswith("8 bars of 8 stocks; 2 bars of 2 indexes; 0 minute bars of 0 of 0 stocks")
    rows = await house.db.read(
        lambda session: list(
            session.execute(select(StockDailyPriceRow).where(StockDailyPriceRow.price_date == DAY)).scalars()
        )
    )
    quotes = {one.stock_code: one for one in (await _snapshots(house, codes))}
    assert {row.stock_code for row in rows} == set(codes)
    assert all(
        (row.open_price, row.high_price, row.low_price, row.close_price, row.volume)
        == (q.open_price, q.high_price, q.low_price, q.price, q.volume)
        for row in rows
        if (q := quotes[row.stock_code])
    )
    assert await counted(house, IndexDailyPriceRow) == 2 * (HISTORY + 1)
    assert await counted(house, StockMinutePriceRow) == 0
    assert await counted(house, DataGapRow) > 0
    assert house.exchange.control("stats")["refusals"] == {}


async def _snapshots(house: House, codes: list[str]) -> list[Any]:
    async with house.client() as client:
        return list((await client.snapshots(codes)).snapshots)
