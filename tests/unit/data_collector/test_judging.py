"""Which quotes become bars of the day, and what is said about the others."""

from typing import Any

import pytest

from data_collector.judging import base_krw, carried, contradiction, day_bars
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.market import Snapshots, StockSnapshot
from tests.support.collector import DAY, HYNIX, KAKAO, NAVER, SAMSUNG, daily, quote

CLOSES = {SAMSUNG: 70_000, HYNIX: 200_000, NAVER: 150_000}


def quotes(*found: StockSnapshot, **missing: str) -> Snapshots:
    return Snapshots(snapshots=found, missing=missing)


def test_a_traded_stock_has_the_exchanges_bar_and_its_change() -> None:
    found = day_bars(
        quotes(quote(SAMSUNG, 70_700, open_price=70_100, high_price=71_000, low_price=69_900, volume=12_345)),
        DAY,
        CLOSES,
    )
    (bar,) = found.bars
    assert (bar.open_price, bar.high_price, bar.low_price, bar.close_price) == (70_100, 71_000, 69_900, 70_700)
    assert (bar.stock_code, bar.price_date, bar.volume, bar.change_pct) == (SAMSUNG, DAY, 12_345, 1.0)
    assert (found.gaps, found.rebased) == ((), ())


def test_a_day_without_trading_stands_at_its_carried_close_and_is_told() -> None:
    halted = quote(SAMSUNG, 70_000, open_price=0, high_price=0, low_price=0, volume=0, change_pct=0.0)
    found = day_bars(quotes(halted), DAY, CLOSES)
    (bar,) = found.bars
    assert (bar.open_price, bar.high_price, bar.low_price, bar.close_price) == (70_000,) * 4
    assert bar.volume == 0
    assert [(gap.kind, gap.subject) for gap in found.gaps] == [(GapKind.HALTED, SAMSUNG)]


BAD: list[dict[str, Any]] = [
    {"open_price": 0},
    {"high_price": 0},
    {"low_price": 0},
    {"low_price": 70_800},
    {"high_price": 70_600},
    {"open_price": 71_000},
    {"open_price": 70_000},
    {"change_pct": -100.0},
]


@pytest.mark.parametrize("bad", BAD)
def test_figures_that_contradict_themselves_are_kept_out_and_cost_nobody_else(bad: dict[str, Any]) -> None:
    found = day_bars(
        quotes(quote(SAMSUNG), quote(HYNIX, 202_000, **bad_for(202_000, bad)), quote(NAVER, 151_500)), DAY, CLOSES
    )
    assert [bar.stock_code for bar in found.bars] == [SAMSUNG, NAVER]
    assert [(gap.kind, gap.subject) for gap in found.gaps] == [(GapKind.BAD, HYNIX)]
    assert found.gaps[0].reason


def bad_for(price: int, bad: dict[str, Any]) -> dict[str, Any]:
    """Scale a defect made for 70,700 to another price."""
    return {name: value if name == "change_pct" else value * price // 70_700 for name, value in bad.items()}


def test_stocks_without_a_quote_are_told_with_the_brokers_reason_and_whether_they_vanished() -> None:
    found = day_bars(quotes(quote(SAMSUNG), **{HYNIX: "the exchange gives no price", KAKAO: "unknown"}), DAY, CLOSES)
    assert {gap.subject: gap.reason for gap in found.gaps} == {
        HYNIX: "had a bar the session before, now the exchange gives no price",
        KAKAO: "unknown",
    }
    assert {gap.kind for gap in found.gaps} == {GapKind.UNQUOTED}


def test_a_first_bar_is_told_but_not_where_no_history_is_stored_at_all() -> None:
    assert [gap.kind for gap in day_bars(quotes(quote(KAKAO)), DAY, CLOSES).gaps] == [GapKind.NEW]
    assert day_bars(quotes(quote(KAKAO)), DAY, {}).gaps == ()


def test_a_base_that_is_not_the_stored_close_tells_of_a_corporate_action() -> None:
    split = quote(SAMSUNG, 14_140, change_pct=1.0)
    found = day_bars(quotes(split), DAY, CLOSES)
    assert found.rebased == (SAMSUNG,)
    assert [gap.kind for gap in found.gaps] == [GapKind.ADJUSTED]
    assert len(found.bars) == 1
    assert base_krw(split) == pytest.approx(14_000)


def test_the_largest_move_of_a_day_is_no_corporate_action() -> None:
    for price, change_pct in ((91_000, 30.0), (49_000, -30.0)):
        found = day_bars(quotes(quote(SAMSUNG, price, change_pct=change_pct)), DAY, CLOSES)
        assert (found.rebased, found.gaps) == ((), ())


def test_a_halted_quote_contradicts_nothing_and_a_halted_bar_is_filled_like_an_imported_one() -> None:
    assert contradiction(quote(SAMSUNG, volume=0, open_price=0, high_price=0, low_price=0)) == ""
    halted = daily(SAMSUNG, DAY, volume=0).model_copy(update={"open_price": 0, "high_price": 0, "low_price": 0})
    filled = carried(halted)
    assert (filled.open_price, filled.high_price, filled.low_price, filled.volume) == (70_000, 70_000, 70_000, 0)
    assert carried(daily(SAMSUNG, DAY)) == daily(SAMSUNG, DAY)
