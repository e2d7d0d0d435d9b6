"""Say what a day's briefing is made of: figures that were found, and the names of those that were not."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from prime_jennie.domain.macro import Sentiment
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.money import Amount, Finite, Krw, Ratio, Score
from prime_jennie.domain.slots import SlotState, Task
from prime_jennie.domain.tiers import TradeTier


class Missing(StrEnum):
    """What a briefing had to leave out; said in its text, never filled in."""

    KOSPI = "kospi"
    KOSDAQ = "kosdaq"
    VIX = "vix"
    USD_KRW = "usd_krw"
    SENTIMENT = "sentiment"
    REGIME = "regime"
    ACCOUNT = "account"
    SETTLEMENT = "settlement"
    SNAPSHOT = "snapshot"
    POSITIONS = "positions"
    PRICES = "prices"
    WATCHLIST = "watchlist"
    SLOTS = "slots"
    NEWS = "news"


class IndexFigure(Record):
    """An index at the end of the day, in points."""

    close: float = Field(gt=0, allow_inf_nan=False)
    change_pct: Finite | None = None
    is_approximation: bool = False


class MarketFigures(Record):
    """The market's day; what is None is missing."""

    kospi: IndexFigure | None = None
    kosdaq: IndexFigure | None = None
    vix: Finite | None = None
    usd_krw: Finite | None = None
    sentiment: Sentiment | None = None
    sentiment_score: Score | None = None
    council: str | None = None
    regime: MarketRegime | None = None
    regime_at: Timestamp | None = None
    """When the regime was last written down."""


class SaleFigure(Record):
    """One sell order, after fees and tax."""

    stock_name: str
    profit_krw: Krw
    profit_pct: Finite | None = None


class TradeFigures(Record):
    """What was traded, orders and not executions; KRW after fees and tax."""

    buys: int = Field(default=0, ge=0)
    sells: int = Field(default=0, ge=0)
    bought_krw: Amount = 0
    sold_krw: Amount = 0
    realized_krw: Krw = 0
    is_settled: bool = False
    """False: the sum of the booked sales, before any settlement."""
    wins: int = Field(default=0, ge=0)
    losses: int = Field(default=0, ge=0)
    win_rate: Ratio | None = None
    best: SaleFigure | None = None
    worst: SaleFigure | None = None


class HoldingFigure(Record):
    """One position; its result at the settlement's price, None without one."""

    stock_name: str
    quantity: Amount
    unrealized_krw: Krw | None = None


class PortfolioFigures(Record):
    """What is held at the end of the day."""

    positions: int | None = Field(default=None, ge=0)
    total_asset_krw: Krw | None = None
    cash_krw: Krw | None = None
    stock_krw: Amount | None = None
    unrealized_krw: Krw | None = None
    holdings: tuple[HoldingFigure, ...] = ()
    """Largest result first."""


class PickFigure(Record):
    """A stock near the top of the watchlist."""

    stock_name: str
    trade_tier: TradeTier
    hybrid_score: Score


class SlotFigure(Record):
    """A scheduled run that did not do its work."""

    task: Task
    at: Timestamp
    state: SlotState
    reason: str


class NewsFigure(Record):
    """An article as a stranger titled it, and how it was judged."""

    stock_name: str
    headline: str
    sentiment_score: Score


class BriefingFacts(Record):
    """A day, as far as it is known."""

    day: date
    has_session: bool | None = None
    """None where the calendar does not reach."""
    market: MarketFigures = MarketFigures()
    trades: TradeFigures | None = None
    """None where it is not known whose trades to count."""
    portfolio: PortfolioFigures | None = None
    watchlist: tuple[PickFigure, ...] = ()
    slots_done: int = Field(default=0, ge=0)
    slots_open: int = Field(default=0, ge=0)
    troubled_slots: tuple[SlotFigure, ...] = ()
    news: tuple[NewsFigure, ...] = ()
    missing: tuple[Missing, ...] = ()
    sources: dict[str, str] = Field(default_factory=dict)
    """Where each part was read."""


class Remark(Record):
    """The closing words, and who wrote them."""

    text: str
    writer: str
    unused_model: str = ""
    """The model whose words were not used."""
    note: str = ""
    """Why they were not."""


class DeliveryState(StrEnum):
    """What is known about a briefing in one chat."""

    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"
    """It may have arrived: it is never sent again."""


class ChatDelivery(Record):
    """One chat's delivery."""

    chat_id: int
    state: DeliveryState
    reason: str = ""


class Briefing(Record):
    """A day's briefing as stored."""

    briefing_date: date
    body: str
    """Telegram's HTML."""
    sources: dict[str, str] = Field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    writer: str
    created_at: Timestamp
    sent_at: Timestamp | None = None
