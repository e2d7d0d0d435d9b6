"""What an exit rule sees of a position, which limits hold for it, and what it decides (rulebook §6)."""

from dataclasses import dataclass
from datetime import date

from prime_jennie.domain.exits import ExitsSpec
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.indicators import UNKNOWN_ATR_RATIO
from prime_jennie.strategy.regime import ScaleOutLevel, parameters_of


@dataclass(frozen=True, slots=True)
class ExitView:
    """One position at one price; money in KRW, percentages in percent.

    Every "has been" of the rules derives from the watermark, so nothing but it, the scale-out level and the RSI flag
    must survive a restart. A price of zero is a broken quote, never a loss of 100 %: it is refused.
    """

    stock_code: str
    price_krw: int
    buy_price_krw: float
    quantity: int
    high_watermark_krw: int
    holding_days: int
    atr_krw: float | None = None
    rsi: float | None = None
    macd_warning: bool = False
    death_cross: bool = False
    scale_out_level: int = 0
    """Scale-outs already filled; the next one is the level with this index."""
    rsi_sold: bool = False
    liquidation_armed: bool = False
    """Forced liquidation is armed and lists this stock."""
    flatten_due: bool = False
    """The strategy ends its day flat and the moment has come."""

    def __post_init__(self) -> None:
        for field in ("price_krw", "buy_price_krw", "quantity"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{self.stock_code}: {field} must be above zero, not {getattr(self, field)}")
        if self.scale_out_level < 0 or self.holding_days < 0:
            raise ValueError(f"{self.stock_code}: scale_out_level and holding_days must not be negative")

    @property
    def profit_pct(self) -> float:
        """Return P, the profit at the current price before fees."""
        return 100 * (self.price_krw - self.buy_price_krw) / self.buy_price_krw

    @property
    def peak_krw(self) -> float:
        """Return the best price since the purchase, the current one included."""
        return max(self.high_watermark_krw, self.price_krw, self.buy_price_krw)

    @property
    def best_profit_pct(self) -> float:
        """Return H, the best profit since the purchase."""
        return 100 * (self.peak_krw - self.buy_price_krw) / self.buy_price_krw

    @property
    def working_atr_krw(self) -> float:
        """Return the ATR, or 2 % of the purchase price where it is unknown."""
        return self.atr_krw if self.atr_krw else self.buy_price_krw * UNKNOWN_ATR_RATIO

    @property
    def atr_pct(self) -> float:
        """Return A, the ATR in percent of the purchase price."""
        return 100 * self.working_atr_krw / self.buy_price_krw

    @property
    def profit_text(self) -> str:
        """Return P with the two prices behind it."""
        return f"{self.profit_pct:+.2f} % ({self.price_krw:,} against {self.buy_price_krw:,.0f})"

    @property
    def value_krw(self) -> int:
        """Return what the holding is worth at the current price."""
        return self.price_krw * self.quantity


@dataclass(frozen=True, slots=True)
class ExitPolicy:
    """The limits in force for one strategy in one regime; percentages in percent and positive."""

    stop_loss_pct: float
    stop_loss_multiplier: float
    take_profit_pct: float
    trailing_activate_pct: float | None
    """None switches trailing off, and the profit target on."""
    trailing_drop_pct: float
    scale_out: tuple[ScaleOutLevel, ...]
    tightening_start_day: int
    max_holding_days: int
    bull: bool


@dataclass(frozen=True, slots=True)
class ExitDecision:
    """Sell `quantity` shares now; `rule` names the rule for a machine, `explanation` gives a person the numbers."""

    reason: SellReason
    rule: str
    quantity: int
    explanation: str
    scale_out_level: int | None = None
    """The level to store once this sale has FILLED, never earlier (rulebook §6 ✗); None outside scale-outs."""


def sell_all(view: ExitView, reason: SellReason, rule: str, explanation: str) -> ExitDecision:
    """Decide to sell the whole holding."""
    return ExitDecision(reason=reason, rule=rule, quantity=view.quantity, explanation=explanation)


def exit_policy(exits: ExitsSpec, context: TradingContext | None, day: date) -> ExitPolicy:
    """Return the limits of a strategy's spec and its regime; without a regime the safe default's (SIDEWAYS, × 1.2).

    Of the two trailing drops the tighter holds. A scale-out plan in the spec is no limit but a plan, and replaces the
    regime's; an empty one means none.
    """
    mood = context if context is not None else TradingContext.safe_default(day)
    table = parameters_of(mood.market_regime)
    trailing = exits.trailing
    return ExitPolicy(
        stop_loss_pct=exits.stop_loss_pct,
        stop_loss_multiplier=mood.stop_loss_multiplier,
        take_profit_pct=exits.take_profit_pct,
        trailing_activate_pct=trailing.activate_pct if trailing.enabled else None,
        trailing_drop_pct=min(table.trailing_drop_pct, trailing.drop_pct or table.trailing_drop_pct),
        scale_out=_scale_out(exits, table.scale_out),
        tightening_start_day=table.tightening_start_day,
        max_holding_days=exits.max_holding_days,
        bull=mood.market_regime.is_bull,
    )


def raised_watermark_krw(watermark_krw: int | None, price_krw: int) -> int:
    """Return the best price seen, which never falls."""
    return price_krw if watermark_krw is None else max(watermark_krw, price_krw)


def _scale_out(exits: ExitsSpec, regime_plan: tuple[ScaleOutLevel, ...]) -> tuple[ScaleOutLevel, ...]:
    if exits.scale_out is None:
        return regime_plan
    return tuple(ScaleOutLevel(level.profit_pct, level.share_pct) for level in exits.scale_out)
