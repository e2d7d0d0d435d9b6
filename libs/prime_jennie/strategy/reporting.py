"""Report a strategy: does it buy and why not, what it holds, what the day has earned; all after fees and tax."""

from collections.abc import Mapping

from prime_jennie.domain.buying_words import said
from prime_jennie.domain.reader import Language
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.strategy_report import DayBooks, HeldStock, OpenPosition, StrategyFacts, StrategyReport
from prime_jennie.strategy.buying import why_not
from prime_jennie.strategy.day_loss import UnknownLoss, day_result_krw
from prime_jennie.strategy.pnl import profit_pct, unrealised_profit_krw


def report_of(facts: StrategyFacts, prices_krw: Mapping[str, int]) -> StrategyReport:
    """Make a report of what was read; what no price or close is known of has no result, and never one of zero."""
    reasons = why_not(facts.buying)
    held = tuple(_valued(one, prices_krw.get(one.code), facts) for one in facts.positions)
    profits = [stock.profit_krw for stock in held]
    live, context = facts.buying.live, facts.buying.context
    return StrategyReport(
        strategy=facts.strategy,
        mode=live.spec.mode.value if live else None,
        trading=HaltState.most_severe(*(halt.state for halt in facts.buying.halts)),
        buys=not reasons,
        reasons=tuple(said(reason, Language.ENGLISH) for reason in reasons),
        reason_codes=tuple(reason.code for reason in reasons),
        regime=context.market_regime.value if context else None,
        positions=held,
        buys_today=facts.buys,
        sells_today=facts.sells,
        realised_krw=facts.realised_krw,
        unrealised_krw=sum(p for p in profits if p is not None) if None not in profits else None,
        day_pnl_krw=_day_result_krw(facts.books, prices_krw),
        last_signal_at=facts.last_signal_at,
        open_orders=facts.open_orders,
        unresolved_orders=facts.unresolved_orders,
        generation=live.generation if live else None,
        services=dict(facts.services),
    )


def _day_result_krw(books: DayBooks | None, prices_krw: Mapping[str, int]) -> int | None:
    """Return what was earned since the previous closes."""
    if books is None:
        return 0
    result = day_result_krw(
        books.held, books.trades, gone=books.gone, closes_krw=books.closes_krw, prices_krw=prices_krw
    )
    return None if isinstance(result, UnknownLoss) else result


def _valued(position: OpenPosition, price_krw: int | None, facts: StrategyFacts) -> HeldStock:
    """Say what selling the whole position now would earn."""
    profit_krw = None
    if price_krw is not None and facts.settles_on is not None:
        profit_krw = unrealised_profit_krw(position.cost_krw, position.quantity, price_krw, facts.settles_on)
    return HeldStock(
        code=position.code,
        name=position.name,
        quantity=position.quantity,
        average_price_krw=position.average_price_krw,
        price_krw=price_krw,
        profit_krw=profit_krw,
        profit_pct=None if profit_krw is None else round(profit_pct(position.cost_krw, profit_krw), 2),
    )
