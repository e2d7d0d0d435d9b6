"""Score the market of one moment: bars of the days before, what else was known, and today's quotes if there are any.

Loads numpy: imported with the first run.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from prime_jennie.domain.analyst import AnalystCase
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import EnrichedCandidate, QuantScore
from prime_jennie.infra.database.repositories.research import Research
from prime_jennie.strategy.hybrid import LOWEST_ANALYSED
from prime_jennie.strategy.price_figures import FEWEST_BARS, PriceFigures
from prime_jennie.strategy.scoring_matrix import quoted, score_all, sector_returns
from prime_jennie.strategy.universe import Floors, Tradability, candidates_of, kinds_of
from scout_job.history import MarketHistory
from scout_job.quotes import Quotes


@dataclass(frozen=True)
class ScoredMarket:
    """Every stock's score, in the order of the codes, and what the later steps ask about the candidates."""

    quant: tuple[QuantScore, ...]
    candidates: Mapping[str, EnrichedCandidate]
    figures: Mapping[str, PriceFigures]
    sectors: Mapping[str, SectorGroup]
    changes_pct: Mapping[str, float]
    """Of today where a stock was quoted and has traded, else of its last session."""
    sizes_krw: Mapping[str, float]
    sized_by_turnover: bool

    @property
    def scored(self) -> int:
        """Count the valid scores."""
        return sum(score.is_valid for score in self.quant)


def may_be_listed(history: MarketHistory, floors: Floors) -> list[str]:
    """Return the codes above the floors whose history can be judged, the most traded first; by last closes."""
    columns = history.year.figures
    stocks = [
        Tradability(
            stock_code=code,
            kinds=kinds_of(code, stock.master.stock_name),
            price_krw=float(columns.last_close[row]),
            turnover_krw=float(history.year.liquidity.turnover_krw[row]),
            traded_last=bool(history.year.liquidity.traded_last[row]),
        )
        for row, (code, stock) in enumerate(zip(history.codes, history.stocks, strict=True))
        if columns.bars[row] >= FEWEST_BARS
    ]
    return candidates_of(stocks, floors)


def score_market(
    history: MarketHistory, research: Research, listable: Sequence[str], quotes: Quotes | None, regime: MarketRegime
) -> ScoredMarket:
    """Score every stock; `quotes` is None while the exchange is closed, when the last close is the quote.

    Sizes are market caps as known then, or turnovers if one candidate's cap is unknown: the two are not comparable.
    """
    known = _known(history, research, quotes)
    quant = score_all(known, history.year.figures, regime)
    columns = quoted(history.year.figures, known)
    row_of = {code: row for row, code in enumerate(history.codes)}
    caps = [research.market_caps_krw.get(code) for code in listable]
    by_turnover = None in caps
    return ScoredMarket(
        quant=tuple(quant),
        candidates={code: known[row_of[code]] for code in listable},
        figures={code: columns.known(row_of[code]) for code in listable},
        sectors=dict(zip(history.codes, history.sectors, strict=True)),
        changes_pct=_changes(history, listable, quotes),
        sizes_krw={
            code: float(history.year.liquidity.turnover_krw[row_of[code]]) if by_turnover else float(cap or 0)
            for code, cap in zip(listable, caps, strict=True)
        },
        sized_by_turnover=by_turnover,
    )


def _known(history: MarketHistory, research: Research, quotes: Quotes | None) -> list[EnrichedCandidate]:
    """Put together what is known of each stock; sectors are judged by last closes, whose day is the same for all."""
    returns = sector_returns(history.year.figures, history.sectors)
    found = {} if quotes is None else quotes.found
    return [
        EnrichedCandidate(
            master=stock.master,
            snapshot=found.get(code),
            news_sentiment_avg=research.sentiments.get(code),
            investor_trading=research.flows.get(code),
            financial_trend=research.fundamentals.get(code),
            consensus=research.consensus.get(code),
            sector_avg_return_20d=returns.get(sector),
        )
        for code, stock, sector in zip(history.codes, history.stocks, history.sectors, strict=True)
    ]


def _changes(history: MarketHistory, listable: Sequence[str], quotes: Quotes | None) -> dict[str, float]:
    """Return the changes of one day: today's of the stocks that trade, or everybody's last session."""
    if quotes is not None:
        traded = {code: seen.change_pct for code, seen in quotes.found.items() if seen.volume > 0}
        return {code: traded[code] for code in listable if code in traded}
    last = dict(zip(history.codes, history.year.changes_pct.tolist(), strict=True))
    return {code: last[code] for code in listable}


def cases_of(
    market: ScoredMarket,
    regime: MarketRegime,
    headlines: Mapping[str, Sequence[str]],
    codes: Sequence[str],
) -> list[AnalystCase]:
    """Return the cases of the codes."""
    scores = {score.stock_code: score for score in market.quant}
    return [
        AnalystCase(
            candidate=market.candidates[code],
            quant=scores[code],
            sector=market.sectors[code],
            regime=regime,
            price_krw=market.figures[code].price,
            change_pct=market.changes_pct.get(code, 0.0),
            rsi=market.figures[code].rsi,
            return_20_pct=market.figures[code].return_20_pct,
            volume_ratio=market.figures[code].volume_ratio,
            high_distance_pct=market.figures[code].high_distance_pct,
            headlines=tuple(headlines.get(code, ())),
        )
        for code in codes
    ]


def worth_analysing(market: ScoredMarket, listed: Collection[str], most: int) -> list[str]:
    """Return the best candidates by quant score, and whatever is listed now: it has a place to lose."""
    best = sorted(
        (score for score in market.quant if score.stock_code in market.candidates),
        key=lambda score: (-score.total_score, score.stock_code),
    )
    asked = [score for score in best if score.total_score >= LOWEST_ANALYSED]
    return [score.stock_code for rank, score in enumerate(asked) if rank < most or score.stock_code in listed]
