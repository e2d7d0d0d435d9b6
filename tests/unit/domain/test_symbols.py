"""Stock codes: six of 0-9 and A-Z."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Market, StockMaster, is_stock_code


@pytest.mark.parametrize("code", ["005930", "000660", "0004Y0", "00088K", "ABCDEF"])
def test_codes_with_letters_are_codes_too(code: str) -> None:
    """Ancestor's defect: digits only."""
    assert is_stock_code(code)


@pytest.mark.parametrize(
    "code", ["", "5930", "0059300", "00593a", "00593-", "００５９３０", " 05930", "005930\n", 5930, None, b"005930"]
)
def test_anything_else_is_no_code(code: object) -> None:
    assert not is_stock_code(code)


@given(st.text(max_size=8))
def test_a_code_is_six_ascii_digits_or_capitals(text: str) -> None:
    expected = len(text) == 6 and all(c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for c in text)
    assert is_stock_code(text) == expected


def test_a_master_takes_its_sector_by_label_and_refuses_an_unknown_one() -> None:
    body = {"stock_code": "005930", "stock_name": "삼성전자", "market": "KOSPI", "sector_group": "반도체/IT"}
    master = StockMaster.model_validate(body)
    assert master.sector_group is SectorGroup.SEMICONDUCTOR_IT
    assert master.market is Market.KOSPI
    assert master.is_active
    with pytest.raises(ValidationError, match="sector_group"):
        StockMaster.model_validate(body | {"sector_group": "반도체"})
    with pytest.raises(ValidationError, match="market"):
        StockMaster.model_validate(body | {"market": "NYSE"})
