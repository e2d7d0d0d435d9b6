"""`jennie data exchange`: a scout's year from an exchange that makes its market."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jennie.exchange_data import bring_exchange
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockDailyPriceRow, StockMasterRow
from tests.support.database import migrate_empty
from tests.support.exchange import DAY, RunningExchange, running_exchange
from tests.support.redis_server import free_port


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange() as running:
        yield running


async def test_listings_and_the_year_before_its_day_are_brought_and_bringing_them_again_changes_nothing(
    exchange: RunningExchange, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'desk.sqlite'}"
    migrate_empty(url)
    first = await bring_exchange(exchange.control_url, url)
    assert "listings" in first[0]
    db = Database(url)
    try:
        stored = await db.read(_stored)
        listed, bars, newest = stored
        assert listed > 200
        assert bars > 200 * listed
        assert str(newest) < DAY
        await bring_exchange(exchange.control_url, url)
        assert await db.read(_stored) == stored
    finally:
        await db.close()


async def test_somebodys_own_prices_are_not_made_anew(tmp_path: Path) -> None:
    bars = f"code,date,open,high,low,close,volume\n005930,{DAY},100,110,90,100,1000\n"
    (tmp_path / "krx-daily.csv").write_text(bars)
    (tmp_path / "stock-master.csv").write_text("code,name,industry,market,shares\n005930,삼성전자,,KOSPI,1\n")
    with running_exchange("--data", str(tmp_path)) as real, pytest.raises(BadInput, match="jennie data import"):
        await bring_exchange(real.control_url, f"sqlite:///{tmp_path / 'desk.sqlite'}")


async def test_nobody_there_and_somebody_else_are_told_apart(exchange: RunningExchange) -> None:
    with pytest.raises(Unavailable, match="no exchange answers"):
        await bring_exchange(f"http://127.0.0.1:{free_port()}", "sqlite://")
    with pytest.raises(Unavailable, match="no exchange answers"):
        await bring_exchange(exchange.rest_url, "sqlite://")
    with pytest.raises(Unavailable):
        await bring_exchange("nonsense", "sqlite://")


def _stored(session: Session) -> tuple[int, int, object]:
    listed = session.execute(select(func.count()).select_from(StockMasterRow)).scalar_one()
    bars, newest = session.execute(select(func.count(), func.max(StockDailyPriceRow.price_date))).one()
    return listed, bars, newest
