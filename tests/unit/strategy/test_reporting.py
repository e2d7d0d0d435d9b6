from dataclasses import replace
from datetime import UTC, date, datetime

from prime_jennie.domain.buying import BuyingFacts, ReasonCode
from prime_jennie.domain.holdings import DayTrade
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt
from prime_jennie.domain.strategy_report import DayBooks, OpenPosition, StrategyFacts
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie.strategy.reporting import report_of

AT = datetime(2026, 2, 19, 1, tzinfo=UTC)
BUYING = BuyingFacts(
    at=AT,
    live=LiveConfig(name="krx", generation=3, spec=StrategyConfig()),
    session=None,
    context=None,
    last_tick_at=None,
    listed=None,
    positions=0,
    buys_today=0,
    max_buys=None,
    is_dry_run=False,
)
NOTHING = StrategyFacts(
    strategy="krx",
    buying=BUYING,
    positions=(),
    books=None,
    settles_on=date(2026, 2, 23),
    buys=0,
    sells=0,
    realised_krw=0,
    open_orders=0,
    unresolved_orders=0,
    last_signal_at=None,
    services={},
)
TEN_SHARES = replace(
    NOTHING,
    positions=[OpenPosition("005930", "삼성전자", 10, 58_000.0, 580_000)],
    books=DayBooks({"005930": 10}, (), {}, {"005930": 59_000}),
)


def test_who_holds_nothing_and_has_not_traded_has_earned_nothing() -> None:
    report = report_of(NOTHING, {})
    assert (report.positions, report.unrealised_krw, report.day_pnl_krw) == ((), 0, 0)
    assert NOTHING.codes == []
    assert report.reason_codes[0] is ReasonCode.REGIME_UNKNOWN
    assert len(report.reasons) == len(report.reason_codes)
    assert not report.buys


def test_a_holding_is_valued_at_the_price_of_now_after_fees_and_tax() -> None:
    report = report_of(TEN_SHARES, {"005930": 60_000})
    assert report.day_pnl_krw == 10_000
    assert report.unrealised_krw == report.positions[0].profit_krw
    assert 18_000 < (report.unrealised_krw or 0) < 20_000
    assert TEN_SHARES.codes == ["005930"]


def test_a_price_or_a_close_that_nobody_knows_is_no_result_of_zero() -> None:
    unpriced = report_of(TEN_SHARES, {})
    assert (unpriced.unrealised_krw, unpriced.day_pnl_krw, unpriced.positions[0].price_krw) == (None, None, None)
    unclosed = replace(TEN_SHARES, books=DayBooks({"005930": 10}, (), {}, {}))
    assert report_of(unclosed, {"005930": 60_000}).day_pnl_krw is None
    beyond = report_of(replace(TEN_SHARES, settles_on=None), {"005930": 60_000})
    assert (beyond.positions[0].price_krw, beyond.unrealised_krw) == (60_000, None)


def test_the_days_trades_count() -> None:
    bought = DayTrade(stock_code="005930", is_buy=True, quantity=10, amount_krw=590_000, fees_krw=88)
    today = replace(TEN_SHARES, books=DayBooks({"005930": 10}, [bought], {}, {}))
    assert report_of(today, {"005930": 60_000}).day_pnl_krw == 600_000 - 590_000 - 88


def test_the_most_severe_halt_is_the_state() -> None:
    halts = [
        StandingHalt(strategy="krx", state=state, source=HaltSource.PERSON, who="kim", why="lunch")
        for state in (HaltState.PAUSED, HaltState.STOPPED)
    ]
    report = report_of(replace(NOTHING, buying=replace(BUYING, halts=halts)), {})
    assert report.trading is HaltState.STOPPED
    assert report.reasons[0] == "Paused by person (kim: lunch)"


def test_without_a_configuration_neither_mode_nor_generation_is_known() -> None:
    report = report_of(replace(NOTHING, buying=replace(BUYING, live=None)), {})
    assert (report.mode, report.generation, report.regime) == (None, None, None)
