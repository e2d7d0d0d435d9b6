"""A person's own prices: imported whole or not at all, and played by the exchange."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from jennie.data import import_files, list_imported
from kis_simulator.market.imported import load_imported
from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.repositories.prices import PriceRepository

HEADER = "code,date,open,high,low,close,volume"
BARS = ["005930,2025-03-03,0,0,0,54000,0", "005930,2025-03-04,53900,55000,53800,54500,18553933"]
MASTER = "code,name,industry,market,shares\n005930,삼성전자,통신 및 방송 장비 제조업,KOSPI,5919637922\n000075,,,,\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/inner/prices.sqlite"


def prices(folder: Path, *rows: str, name: str = "prices.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def master(folder: Path, text: str = MASTER) -> Path:
    path = folder / "master.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_prices_and_listings_are_told_apart_by_their_columns_and_stored(tmp_path: Path, url: str) -> None:
    lines = import_files([prices(tmp_path, *BARS), master(tmp_path)], url)
    assert lines[0].endswith("2 bars of 1 stocks, 2025-03-03 to 2025-03-04")
    assert lines[1].endswith("1 listings (1 without name or market left out)")
    listed = list_imported(url)
    assert listed[-1] == "in all: 2 bars of 1 stocks, 2025-03-03 to 2025-03-04; 1 listings"
    assert any(line.startswith("prices.csv: prices, 2 rows, imported ") for line in listed)


def test_parquet_is_imported_like_csv(tmp_path: Path, url: str) -> None:
    path = tmp_path / "prices.parquet"
    pl.read_csv(prices(tmp_path, *BARS), schema_overrides={"code": pl.String}, try_parse_dates=True).write_parquet(path)
    import_files([path], url)
    assert list_imported(url)[-1].startswith("in all: 2 bars of 1 stocks")


def test_the_exchange_plays_what_was_imported(tmp_path: Path, url: str) -> None:
    import_files([prices(tmp_path, *BARS), master(tmp_path)], url)
    market = load_imported(url, None)
    assert market is not None
    assert market.source == "imported"
    assert market.listings["005930"].name == "삼성전자"
    bar = market.bars.bar("005930", date(2025, 3, 4))
    assert bar is not None
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (53_900, 55_000, 53_800, 54_500, 18_553_933)
    halted = market.bars.bar("005930", date(2025, 3, 3))
    assert halted is not None
    assert (halted.close, halted.volume) == (54_000, 0)


async def test_a_halted_days_zeros_become_its_carried_close_for_every_other_reader(tmp_path: Path, url: str) -> None:
    import_files([prices(tmp_path, *BARS)], url)
    db = Database(url)
    (halted, _) = await PriceRepository(db).daily("005930", 5, before=date(2025, 4, 1))
    await db.close()
    assert (halted.open_price, halted.high_price, halted.close_price, halted.volume) == (54_000, 54_000, 54_000, 0)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["005930,2025-03-04,1,1,1,1,-1"], "negative"),
        ([BARS[1], BARS[0]], "not sorted"),
        ([BARS[1], BARS[1]], "duplicate"),
        (["5930,2025-03-04,1,1,1,1,1"], "six of 0-9A-Z"),
    ],
)
def test_one_broken_file_keeps_all_of_them_out(tmp_path: Path, url: str, rows: list[str], reason: str) -> None:
    broken = prices(tmp_path, *rows, name="broken.csv")
    with pytest.raises(BadInput, match=reason) as caught:
        import_files([prices(tmp_path, *BARS), master(tmp_path), broken], url)
    assert caught.value.where == str(broken)
    assert list_imported(url) == [f"nothing imported into {url.removeprefix('sqlite:///')}"]


def test_a_failing_write_leaves_nothing_half_written(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[dict[str, object]]:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("jennie.data._listings", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        import_files([prices(tmp_path, *BARS), master(tmp_path)], url)
    assert list_imported(url) == ["in all: 0 bars of 0 stocks; 0 listings"]


def test_a_file_of_neither_kind_names_the_missing_column(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput, match="volume: column is missing"):
        import_files([prices(tmp_path, "005930,2025-03-04,1,1,1,1", header="code,date,open,high,low,close")], url)
    with pytest.raises(BadInput, match="shares: column is missing"):
        import_files([master(tmp_path, "code,name,industry,market\n005930,삼성전자,,KOSPI\n")], url)


def test_a_listing_on_another_exchange_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput, match="market: NYSE of 005930 is neither KOSPI nor KOSDAQ"):
        import_files([master(tmp_path, "code,name,industry,market,shares\n005930,삼성전자,,NYSE,1\n")], url)


def test_importing_again_overwrites_instead_of_doubling(tmp_path: Path, url: str) -> None:
    import_files([prices(tmp_path, *BARS)], url)
    import_files([prices(tmp_path, "005930,2025-03-04,53900,55000,53800,54600,5")], url)
    assert list_imported(url)[-1].startswith("in all: 2 bars of 1 stocks")
    market = load_imported(url, None)
    assert market is not None
    bar = market.bars.bar("005930", date(2025, 3, 4))
    assert bar is not None
    assert bar.close == 54_600


def test_bars_that_a_service_fetched_are_no_import(url: str, tmp_path: Path) -> None:
    migrate(url)
    assert load_imported(url, None) is None
    assert load_imported(f"sqlite:///{tmp_path}/absent.sqlite", None) is None


def test_a_url_of_another_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not supported"):
        import_files([prices(tmp_path, *BARS)], "postgresql://nowhere/prices")
