"""What a run's scout finds on its first morning is what the exchange itself would have told."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from jennie.history import bring_history
from kis_simulator.config import SimulatorSettings
from kis_simulator.market.choose import choose_market
from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.prices import PriceRepository
from tests.support.database import migrate_empty

HEADER = "code,date,open,high,low,close,volume"
NOTHING_IMPORTED = "sqlite:///nothing-imported.sqlite"
BARS = (
    "005930,2025-03-10,70000,71000,69000,70530,1000000",
    "005930,2025-03-11,0,0,0,70530,0",
    "005930,2025-03-12,70500,72000,70000,71500,900000",
)
MASTER = "code,name,industry,market,shares\n005930,삼성전자,통신 및 방송 장비 제조업,KOSPI,5969782550\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "krx-daily.csv").write_text("\n".join([HEADER, *BARS]) + "\n")
    (tmp_path / "stock-master.csv").write_text(MASTER)
    return tmp_path


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'run.sqlite'}"
    migrate_empty(url)
    return url


async def test_only_earlier_days_are_brought_on_the_exchanges_grid_and_a_halt_as_its_carried_close(
    folder: Path, url: str
) -> None:
    told = await bring_history(url, before=date(2025, 3, 12), folder=folder, prices_url=NOTHING_IMPORTED, seed=7)
    assert told == "2 real daily bars of the days before 2025-03-12"
    db = Database(url)
    bars = await PriceRepository(db).daily("005930", 10, before=date(2025, 4, 1))
    await db.close()
    assert [(bar.close_price, bar.volume) for bar in bars] == [(70500, 1_000_000), (70500, 0)]
    assert bars[1].open_price == bars[1].high_price == bars[1].low_price == 70500


async def test_bringing_twice_adds_nothing(folder: Path, url: str) -> None:
    for _ in range(2):
        await bring_history(url, before=date(2025, 3, 12), folder=folder, prices_url=NOTHING_IMPORTED, seed=7)
    db = Database(url)
    assert len(await PriceRepository(db).daily("005930", 10, before=date(2025, 4, 1))) == 2
    await db.close()


async def test_a_made_markets_days_before_are_those_of_the_exchange_that_makes_it(url: str) -> None:
    told = await bring_history(url, before=date(2025, 3, 12), folder=None, prices_url=NOTHING_IMPORTED, seed=7)
    settings = SimulatorSettings(data=None, day=date(2025, 3, 12), seed=7, database_url=NOTHING_IMPORTED)
    market, _ = choose_market(settings, load_sessions(), datetime(2025, 3, 12, tzinfo=UTC))
    db = Database(url)
    bars = await PriceRepository(db).daily(market.bars.codes[0], 500, before=date(2025, 4, 1))
    await db.close()
    assert "synthetic daily bars" in told
    last = market.bars.bar(market.bars.codes[0], bars[-1].price_date)
    assert last is not None
    assert (bars[-1].price_date, bars[-1].close_price) == (market.bars.days[-2], last.close)


async def test_a_broken_file_is_told_with_its_row(folder: Path, url: str) -> None:
    (folder / "krx-daily.csv").write_text(f"{HEADER}\n005930,2025-03-10,70000,71000,69000,-5,10\n")
    with pytest.raises(Unavailable, match="row 1: -5 of 005930 is negative"):
        await bring_history(url, before=date(2025, 3, 12), folder=folder, prices_url=NOTHING_IMPORTED, seed=7)
