"""Write a day's facts as Telegram's HTML; every figure is one of the facts, every stranger's word is escaped."""

from collections.abc import Iterable, Sequence
from typing import Final

from daily_briefing.words import Words
from prime_jennie.domain.alerts import shortened
from prime_jennie.domain.briefing import (
    BriefingFacts,
    IndexFigure,
    MarketFigures,
    Missing,
    PortfolioFigures,
    Remark,
    TradeFigures,
)
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.telegram_text import escaped

LONGEST_BRIEFING: Final = 3_500  # rulebook §10; fits one Telegram message
LONGEST_NAME: Final = 20
LONGEST_HEADLINE: Final = 70
LONGEST_REASON: Final = 80
LONGEST_COUNCIL: Final = 60
MOST_LISTED: Final = 5
OF_MARKET: Final = (Missing.KOSPI, Missing.KOSDAQ, Missing.VIX, Missing.USD_KRW, Missing.SENTIMENT, Missing.REGIME)
OF_TRADES: Final = (Missing.ACCOUNT, Missing.SETTLEMENT)
OF_PORTFOLIO: Final = (Missing.SNAPSHOT, Missing.POSITIONS, Missing.PRICES)


def briefing_html(facts: BriefingFacts, remark: Remark, words: Words) -> str:
    """Write the whole briefing within 3,500 characters; lists get shorter where it would be longer."""
    for listed in range(MOST_LISTED, -1, -1):
        text = _written(facts, remark, words, listed)
        if len(text) <= LONGEST_BRIEFING:
            return text
    raise AssertionError("a briefing without lists is bounded by its fields")


def figure_lines(facts: BriefingFacts, words: Words) -> list[str]:
    """Write only our own figures, one line each, without names, times and strangers' words: what a model may repeat."""
    bare = facts.market.model_copy(update={"council": None, "regime_at": None})
    return [
        f"{facts.day:%Y-%m-%d}",
        *_market(bare, words),
        *_trades(facts.trades, words, named=False),
        *_portfolio(facts.portfolio, words, 0),
    ]


def _written(facts: BriefingFacts, remark: Remark, words: Words, listed: int) -> str:
    def section(title: str, lines: Iterable[str], gaps: Iterable[Missing]) -> str:
        missing = [f"• {escaped(words.missing[gap])}" for gap in gaps if gap in facts.missing]
        return "\n".join([f"<b>{escaped(title)}</b>", *(f"• {line}" for line in lines), *missing])

    return "\n\n".join(
        [
            _head(facts, words),
            section(words.market, _market(facts.market, words), OF_MARKET),
            section(words.trades, _trades(facts.trades, words, named=True), OF_TRADES),
            section(words.portfolio, _portfolio(facts.portfolio, words, listed), OF_PORTFOLIO),
            section(words.watchlist, _watchlist(facts, words, listed), [Missing.WATCHLIST]),
            section(words.slots, _slots(facts, words, listed), [Missing.SLOTS]),
            section(words.news, _news(facts, words, listed), [Missing.NEWS]),
            f"<b>{escaped(words.closing)}</b>\n{escaped(remark.text)}",
            f"<i>{escaped(_signature(remark, words))}</i>",
        ]
    )


def _signature(remark: Remark, words: Words) -> str:
    written = words.writer.format(writer=shortened(remark.writer, LONGEST_REASON))
    if not remark.unused_model:
        return written
    return f"{written} · {words.unused.format(model=shortened(remark.unused_model, LONGEST_REASON))}"


def _head(facts: BriefingFacts, words: Words) -> str:
    weekday = (words.weekdays.split() if " " in words.weekdays else words.weekdays)[facts.day.weekday()]
    lines = [f"<b>{escaped(words.title)}</b> {facts.day:%Y-%m-%d} ({weekday})", escaped(words.greeting)]
    if facts.has_session is False:
        lines.append(escaped(words.no_session))
    if facts.has_session is None:
        lines.append(escaped(words.unknown_session))
    return "\n".join(lines)


def _market(market: MarketFigures, words: Words) -> list[str]:
    lines = [
        *_index(words.kospi, market.kospi, words),
        *_index(words.kosdaq, market.kosdaq, words),
        *([f"{words.vix} {market.vix:,.2f}"] if market.vix is not None else []),
        *([f"{words.usd_krw} {words.krw.format(figure=f'{market.usd_krw:,.2f}')}"] if market.usd_krw else []),
    ]
    if market.sentiment is not None:
        score = (
            "" if market.sentiment_score is None else f" {words.score.format(figure=f'{market.sentiment_score:.0f}')}"
        )
        name = shortened(market.council or "", LONGEST_COUNCIL)
        council = f" ({words.council.format(name=escaped(name))})" if name else ""
        lines.append(f"{words.sentiment}: {words.sentiments[market.sentiment]}{score}{council}")
    if market.regime is not None:
        at = "" if market.regime_at is None else f"{market.regime_at.astimezone(KST):%H:%M}"
        since = f" ({words.regime_at.format(time=at)})" if at else ""
        lines.append(f"{words.regime}: {words.regimes[market.regime]}{since}")
    return lines


def _index(label: str, index: IndexFigure | None, words: Words) -> list[str]:
    if index is None:
        return []
    change = "" if index.change_pct is None else f" ({_pct(index.change_pct)})"
    return [f"{label} {index.close:,.2f}{change}{f' · {words.approximation}' if index.is_approximation else ''}"]


def _trades(trades: TradeFigures | None, words: Words, *, named: bool) -> list[str]:
    if trades is None:
        return []
    if not trades.buys and not trades.sells:
        return [words.no_trades]
    lines = [
        words.bought.format(count=f"{trades.buys:,}", krw=_krw(trades.bought_krw, words)),
        words.sold.format(count=f"{trades.sells:,}", krw=_krw(trades.sold_krw, words)),
        words.realized.format(krw=_krw(trades.realized_krw, words, signed=True))
        + ("" if trades.is_settled else f" ({words.before_settlement})"),
    ]
    if trades.win_rate is not None:
        lines.append(
            words.win_rate.format(pct=f"{trades.win_rate * 100:.1f} %", wins=trades.wins, losses=trades.losses)
        )
    for template, sale in ((words.best, trades.best), (words.worst, trades.worst)):
        if sale is not None:
            pct = "" if sale.profit_pct is None else f" ({_pct(sale.profit_pct)})"
            name = _name(sale.stock_name) if named else "-"
            lines.append(template.format(name=name, krw=_krw(sale.profit_krw, words, signed=True)) + pct)
    return lines


def _portfolio(portfolio: PortfolioFigures | None, words: Words, listed: int) -> list[str]:
    if portfolio is None:
        return []
    lines = []
    if None not in (portfolio.total_asset_krw, portfolio.cash_krw, portfolio.stock_krw):
        total, cash, stock = (
            _krw(value or 0, words) for value in (portfolio.total_asset_krw, portfolio.cash_krw, portfolio.stock_krw)
        )
        lines.append(words.assets.format(total=total, cash=cash, stock=stock))
    if portfolio.positions == 0:
        return [*lines, words.no_positions]
    if portfolio.positions is not None:
        lines.append(words.positions.format(count=f"{portfolio.positions:,}"))
    if portfolio.unrealized_krw is not None:
        lines.append(words.unrealized.format(krw=_krw(portfolio.unrealized_krw, words, signed=True)))
    for held in portfolio.holdings[:listed]:
        result = "" if held.unrealized_krw is None else f" {_krw(held.unrealized_krw, words, signed=True)}"
        quantity = words.shares.format(count=f"{held.quantity:,}")
        lines.append(words.holding.format(name=_name(held.stock_name), quantity=quantity) + result)
    return [*lines, *_rest(portfolio.holdings, listed, words)] if listed else lines


def _watchlist(facts: BriefingFacts, words: Words, listed: int) -> list[str]:
    picks = [
        f"{_name(pick.stock_name)} {pick.trade_tier.value} {words.score.format(figure=f'{pick.hybrid_score:.1f}')}"
        for pick in facts.watchlist[:listed]
    ]
    return [*picks, *_rest(facts.watchlist, listed, words)]


def _slots(facts: BriefingFacts, words: Words, listed: int) -> list[str]:
    if Missing.SLOTS in facts.missing:
        return []
    lines = [
        f"{slot.at.astimezone(KST):%H:%M} {words.tasks[slot.task]} {words.states.get(slot.state, slot.state.value)}: "
        f"{escaped(shortened(slot.reason, LONGEST_REASON))}"
        for slot in facts.troubled_slots[:listed]
    ]
    lines += _rest(facts.troubled_slots, listed, words)
    if facts.slots_open:
        lines.append(words.slots_open.format(count=facts.slots_open))
    if facts.slots_done and not facts.troubled_slots:
        lines.insert(0, words.slots_fine.format(done=facts.slots_done))
    return lines


def _news(facts: BriefingFacts, words: Words, listed: int) -> list[str]:
    lines = [
        f"{_name(news.stock_name)} {words.score.format(figure=f'{news.sentiment_score:.0f}')} · "
        f"{escaped(shortened(' '.join(news.headline.split()), LONGEST_HEADLINE))}"
        for news in facts.news[:listed]
    ]
    return [*lines, *_rest(facts.news, listed, words)]


def _rest(items: Sequence[object], listed: int, words: Words) -> list[str]:
    return [words.more.format(count=len(items) - listed)] if len(items) > listed else []


def _name(name: str) -> str:
    return escaped(shortened(" ".join(name.split()), LONGEST_NAME))


def _krw(amount: int, words: Words, *, signed: bool = False) -> str:
    return words.krw.format(figure=f"{amount:+,}" if signed else f"{amount:,}")


def _pct(pct: float) -> str:
    return f"{pct:+.2f} %"
