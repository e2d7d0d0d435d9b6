"""What code and name give away, and what a stock needs to be listed."""

from typing import Any

import pytest

from prime_jennie.domain.symbols import Exclusion
from prime_jennie.strategy.universe import Floors, Tradability, candidates_of, kinds_of

FLOORS = Floors(price_krw=10_000, turnover_krw=5_000_000_000, top=0)


@pytest.mark.parametrize(
    ("code", "name", "kinds"),
    [
        ("005930", "삼성전자", ()),
        ("005935", "삼성전자우", (Exclusion.PREFERRED,)),
        ("00088K", "한화3우B", (Exclusion.PREFERRED,)),
        ("006800", "미래에셋대우", ()),
        ("0004Y0", "새로상장", ()),
        ("474490", "유안타제11호스팩", (Exclusion.SPAC,)),
        ("0010V0", "비엔케이제3호기업인수목적", (Exclusion.SPAC,)),
        ("474495", "스팩우", (Exclusion.PREFERRED, Exclusion.SPAC)),
    ],
)
def test_kinds_by_code_and_name(code: str, name: str, kinds: tuple[Exclusion, ...]) -> None:
    assert kinds_of(code, name) == kinds


def stock(code: str = "005930", **known: Any) -> Tradability:
    plain: dict[str, Any] = {"kinds": (), "price_krw": 10_000, "turnover_krw": 5e9, "traded_last": True}
    return Tradability(stock_code=code, **(plain | known))


def test_a_stock_at_the_floors_is_a_candidate() -> None:
    assert candidates_of([stock()], FLOORS) == ["005930"]


@pytest.mark.parametrize(
    "known",
    [{"price_krw": 9_999}, {"turnover_krw": 4_999_999_999.0}, {"traded_last": False}, {"kinds": (Exclusion.SPAC,)}],
)
def test_below_any_floor_it_is_none(known: dict[str, Any]) -> None:
    assert candidates_of([stock(**known)], FLOORS) == []


def test_a_kind_that_nobody_excludes_may_enter() -> None:
    floors = Floors(price_krw=0, turnover_krw=0, top=0, exclude=())
    assert candidates_of([stock(kinds=(Exclusion.PREFERRED,))], floors) == ["005930"]


def test_the_most_traded_come_first_and_may_be_counted() -> None:
    stocks = [stock("000010", turnover_krw=6e9), stock("000030", turnover_krw=9e9), stock("000020", turnover_krw=9e9)]
    assert candidates_of(stocks, FLOORS) == ["000020", "000030", "000010"]
    assert candidates_of(stocks, Floors(10_000, 5_000_000_000, top=2)) == ["000020", "000030"]
