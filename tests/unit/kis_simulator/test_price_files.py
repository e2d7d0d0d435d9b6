"""Broken files are refused with file, column, row and reason."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kis_simulator.market.files import load_folder
from kis_simulator.market.price_files import read_master, read_prices
from prime_jennie.domain.errors import BadInput

HEADER = "code,date,open,high,low,close,volume"
GOOD = ["000020,2025-03-03,9350,9550,9330,9550,78661", "005930,2025-03-03,0,0,0,54500,0", "005930,2025-03-04,1,3,1,2,9"]


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "prices.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_good_file_is_read_with_zeros_on_halted_days_and_leading_zeros_of_codes(tmp_path: Path) -> None:
    frame = read_prices(written(tmp_path, *GOOD))
    assert frame["code"].to_list() == ["000020", "005930", "005930"]
    assert frame["volume"].to_list() == [78661, 0, 9]


@pytest.mark.parametrize(
    ("rows", "field", "reason"),
    [
        ([GOOD[1], GOOD[0]], "date, row 2", "not sorted"),
        ([GOOD[2], GOOD[1]], "date, row 2", "not sorted"),
        ([GOOD[0], GOOD[0]], "date, row 2", "duplicate"),
        (["000020,2025-03-03,9350,9550,9330,9550,-1"], "volume, row 1", "negative"),
        (["000020,2025-03-03,-5,9550,9330,9550,1"], "open, row 1", "negative"),
        (["000020,2025-03-03,0,9550,9330,9550,1"], "open, row 1", "zero on a day with volume"),
        (["000020,2025-03-03,0,0,0,0,0"], "close, row 1", "zero"),
        (["000020,2025-03-03,9350,9000,9330,9300,1"], "high, row 1", "below low"),
        (["20,2025-03-03,9350,9550,9330,9550,1"], "code, row 1", "six of 0-9A-Z"),
        (["00002a,2025-03-03,9350,9550,9330,9550,1"], "code, row 1", "six of 0-9A-Z"),
        (["000020,03/03/2025,9350,9550,9330,9550,1"], "date, row 1", "not a date"),
        (["000020,2025-03-03,9350.5,9550,9330,9550,1"], "open, row 1", "not a whole number"),
        (["000020,2025-03-03,,9550,9330,9550,1"], "open, row 1", "empty"),
        (["000020,2025-03-03,9350,9550,9330,999999999999,1"], "close, row 1", "above"),
    ],
)
def test_a_broken_row_is_named_with_its_column_and_reason(
    tmp_path: Path, rows: list[str], field: str, reason: str
) -> None:
    path = written(tmp_path, *rows)
    with pytest.raises(BadInput) as caught:
        read_prices(path)
    assert caught.value.where == str(path)
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "000020,2025-03-03,1,1,1,1", header="code,date,open,high,low,close")
    with pytest.raises(BadInput, match="volume: column is missing"):
        read_prices(path)


def test_empty_unreadable_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no rows"):
        read_prices(written(tmp_path))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(BadInput, match="cannot be read"):
        read_prices(broken)
    with pytest.raises(BadInput, match="does not exist"):
        read_prices(tmp_path / "absent.csv")
    other = tmp_path / "prices.xlsx"
    other.write_bytes(b"x")
    with pytest.raises(BadInput, match=r"neither \.csv nor \.parquet"):
        read_prices(other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), suffix=st.sampled_from([".csv", ".parquet"]))
def test_hostile_bytes_are_refused_and_nothing_else(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"hostile{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_prices(path)


def test_parquet_with_codes_as_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    row = {"code": [5930], "date": ["2025-03-04"], "open": [1], "high": [1], "low": [1], "close": [1], "volume": [1]}
    pl.DataFrame(row).write_parquet(path)
    with pytest.raises(BadInput, match="code: must be text"):
        read_prices(path)


def test_a_listing_may_lack_everything_but_its_code_and_not_twice(tmp_path: Path) -> None:
    path = tmp_path / "master.csv"
    path.write_text("code,name,industry,market,shares\n0004Y0,가나,,KOSDAQ,5\n000075,,,,\n", encoding="utf-8")
    assert read_master(path)["shares"].to_list() == [5, None]
    path.write_text("code,name,industry,market,shares\n000075,,,,\n000075,,,,\n", encoding="utf-8")
    with pytest.raises(BadInput, match="duplicate"):
        read_master(path)


def test_a_folder_becomes_a_market_with_notes_on_what_was_done(tmp_path: Path) -> None:
    rows = [*GOOD, "0004Y0,2025-03-04,12341,12341,12341,12341,7"]
    rows = [rows[3], GOOD[0], GOOD[1], GOOD[2]]
    (tmp_path / "krx-daily.csv").write_text("\n".join([HEADER, *sorted(rows)]) + "\n", encoding="utf-8")
    (tmp_path / "stock-master.csv").write_text(
        "code,name,industry,market,shares\n005930,삼성전자,통신,KOSPI,100\n", encoding="utf-8"
    )
    market = load_folder(tmp_path)
    assert market.source == "real"
    assert market.listings["005930"].name == "삼성전자"
    assert market.listings["0004Y0"].name == "0004Y0"
    notes = " ".join(market.notes)
    assert "1 closes of 1 stocks were off the tick grid" in notes
    assert "2 codes have prices but no listing row" in notes
    assert "made from daily bars" in notes


def test_a_folder_without_prices_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"krx-daily\.parquet: file: is missing"):
        load_folder(tmp_path)
