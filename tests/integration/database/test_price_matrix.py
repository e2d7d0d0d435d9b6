"""The whole market as matrices is the same as its bars one by one."""

from datetime import date, timedelta

import numpy as np
import pytest

from prime_jennie.domain.market import DailyPrice
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.price_matrix import PriceMatrixRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository

DAYS = tuple(date(2025, 1, 2) + timedelta(days=number) for number in range(40) if number % 7 < 5)
CODES = ("000010", "0004Y0", "900140")


@pytest.fixture
def matrices(db: Database) -> PriceMatrixRepository:
    return PriceMatrixRepository(db)


def bar(code: str, day: date, close: int, volume: int = 10) -> DailyPrice:
    return DailyPrice(
        stock_code=code,
        price_date=day,
        open_price=close,
        high_price=close + 7,
        low_price=close - 7,
        close_price=close,
        volume=volume,
    )


async def test_every_bar_stands_in_its_cell_and_the_others_are_empty(
    db: Database, matrices: PriceMatrixRepository
) -> None:
    random = np.random.default_rng(7)
    bars = [
        bar(code, day, int(random.integers(10, 10**6)), int(random.integers(0, 10**10)))
        for day in DAYS[::-1]  # stored in any order
        for code in CODES
        if random.random() < 0.8
    ]
    await PriceRepository(db).upsert_daily(bars)
    found = await matrices.load(DAYS)
    assert found.codes == CODES
    assert found.days == DAYS
    cells = {
        (code, day): (int(found.close[row, column]), int(found.high[row, column]), int(found.volume[row, column]))
        for row, code in enumerate(CODES)
        for column, day in enumerate(DAYS)
        if found.close[row, column]
    }
    assert cells == {(one.stock_code, one.price_date): (one.close_price, one.high_price, one.volume) for one in bars}
    assert await matrices.count(DAYS) == len(bars)


async def test_bars_outside_the_sessions_are_left_out(db: Database, matrices: PriceMatrixRepository) -> None:
    between = DAYS[4] + timedelta(days=1)
    assert between not in DAYS
    strays = [DAYS[0] - timedelta(days=1), between, DAYS[-1] + timedelta(days=1)]
    await PriceRepository(db).upsert_daily([bar("000010", day, 1_000) for day in (*strays, DAYS[3])])
    found = await matrices.load(DAYS)
    assert found.close.sum() == 1_000
    assert found.close[0, 3] == 1_000


async def test_a_market_without_bars_has_no_rows(matrices: PriceMatrixRepository) -> None:
    found = await matrices.load(DAYS)
    assert found.codes == ()
    assert found.close.shape == (0, len(DAYS))
    assert await matrices.count(DAYS) == 0


async def test_a_year_of_one_stock_is_not_cut_off(db: Database, matrices: PriceMatrixRepository) -> None:
    """A stock's figures come as one text: some 10 kB, where MySQL cuts at 1,024 bytes by default."""
    year = tuple(date(2024, 1, 1) + timedelta(days=number) for number in range(366))
    await PriceRepository(db).upsert_daily([bar("000010", day, 1_000_000, 10**11) for day in year])
    found = await matrices.load(year)
    assert (found.volume == 10**11).all()
    assert (found.high == 1_000_007).all()


async def test_the_largest_values_survive(db: Database, matrices: PriceMatrixRepository) -> None:
    biggest = 2**63 - 1
    one = bar("000010", DAYS[0], 100_000_000, biggest)
    await PriceRepository(db).upsert_daily([one])
    found = await matrices.load(DAYS)
    assert int(found.volume[0, 0]) == biggest
