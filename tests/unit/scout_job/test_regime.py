"""What a regime alone allows, and how its source is told."""

from datetime import date
from types import MappingProxyType

from prime_jennie.domain.macro import VixRegime
from prime_jennie.domain.market import IndexDailyPrice, MarketRegime
from prime_jennie.strategy.regime import IndexReading
from scout_job.regime import context_of, describe

DAY = date(2026, 2, 19)
READING = IndexReading(MarketRegime.BULL, MappingProxyType({MarketRegime.BULL: 60.0}), 1.234, -0.5, 3.456)


def bar(source: str | None) -> IndexDailyPrice:
    return IndexDailyPrice(
        index_code="0001",
        price_date=date(2026, 2, 13),
        open_price=2_500,
        high_price=2_500,
        low_price=2_500,
        close_price=2_500,
        volume=1,
        source=source,
    )


def test_a_context_without_a_council_is_neutral_and_its_unknown_vix_normal() -> None:
    found = context_of(READING, DAY, "index")
    assert (found.market_regime, found.date, found.regime_source) == (MarketRegime.BULL, DAY, "index")
    assert (found.position_multiplier, found.stop_loss_multiplier) == (1.0, 1.0)
    assert (found.vix_regime, found.risk_off_level, found.buys_blocked) == (VixRegime.NORMAL, 0, False)


def test_the_source_names_index_last_day_and_figures() -> None:
    assert describe(READING, [bar(None)]) == (
        "index fallback 0001 to 2026-02-13: +1.23 % from MA20, 1d -0.50 %, 5d +3.46 %"
    )


def test_approximated_figures_are_labelled() -> None:
    assert "0001 (shares × close) to" in describe(READING, [bar("shares × close")])


def test_a_long_label_is_cut_to_what_a_context_takes() -> None:
    source = describe(READING, [bar("x" * 500)])
    assert len(source) == 200
    assert context_of(READING, DAY, source).regime_source == source
