"""From an admitted signal to an order: price, volatility, correlation, size, portfolio guard (rulebook §5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import DailyPrice, MarketRegime
from prime_jennie.domain.orders import OrderRequest
from prime_jennie.domain.risk import PositionSizingRequest, SectorBudget
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import BuySignal
from prime_jennie.domain.trading_strategy import StrategyConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository, as_position
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.strategy.capital import open_risk_pct, risk_limits, sizing_base_krw, spendable_cash_krw
from prime_jennie.strategy.correlation import correlation_refusal
from prime_jennie.strategy.exposure import Exposure, merge_positions, own_positions
from prime_jennie.strategy.guard import Portfolio, Purchase, portfolio_refusal
from prime_jennie.strategy.indicators import atr
from prime_jennie.strategy.order_terms import order_price_krw, order_request
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.sizing import size_as_asked, size_position
from prime_jennie.strategy.trend import traded_days
from prime_jennie.strategy.watchlist import stale_sessions

DAILY_BARS = 80  # sixty traded closes for the correlation, and room for halted days


@dataclass(frozen=True)
class Plan:
    """An order worth sending, and why in one line."""

    request: OrderRequest
    sector: SectorGroup
    reason: str


class Planner:
    """Asks for prices and money once a signal; an outage raises, and the signal is tried again until it expires."""

    def __init__(self, desk: Desk, history: PriceHistory, *, guard_enabled: bool) -> None:
        self._desk = desk
        self._history = history
        self._guard_enabled = guard_enabled
        self._prices = PriceRepository(desk.db)
        self._positions = PositionRepository(desk.db)
        self._masters = MasterRepository(desk.db)
        self._budgets = TypedCache.of(desk.redis, RedisKeys.SECTOR_BUDGET, SectorBudget)
        self._watchlists = TypedCache.of(desk.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)

    async def plan(self, signal: BuySignal, regime: MarketRegime, working: frozenset[str]) -> Plan | Refusal:
        """Return the order, or the first reason against it; `working` are stocks being bought right now."""
        config = self._desk.config.current.spec
        code = signal.stock_code
        today = self._desk.clock.now().astimezone(KST).date()
        live_price = (await self._desk.gateway.snapshot(code)).price
        balance = await self._desk.gateway.balance()
        rows = await self._positions.open_positions(self._desk.account.account_no, self._desk.strategy)
        sectors = await self._sectors([code, *(held.stock_code for held in balance.positions)])
        exposures = merge_positions(balance.positions, [as_position(row) for row in rows], sectors)

        held = {exposure.stock_code for exposure in exposures if exposure.value_krw > 0} | working
        daily = await self._daily(code, held - {code}, today)
        bars = daily.pop(code, [])
        if refusal := correlation_refusal(bars, daily):
            return refusal

        price = order_price_krw(signal, live_price)
        sector = signal.sector_group or sectors.get(code) or SectorGroup.ETC
        own = own_positions(exposures)
        base_krw = sizing_base_krw(config.capital_krw, balance.total_asset)
        cash_krw = spendable_cash_krw(base_krw, await self._desk.gateway.cash(), own)
        limits = risk_limits(config.risk, regime, signal.llm_score)
        request = PositionSizingRequest(
            stock_code=code,
            stock_price=price,
            atr=atr_krw(bars),
            available_cash=cash_krw,
            portfolio_value=max(0, base_krw),
            llm_score=signal.llm_score,
            hybrid_score=signal.hybrid_score,
            trade_tier=signal.trade_tier,
            risk_tag=signal.risk_tag,
            sector_group=sector,
            held_sector_groups=held_sectors(exposures),
            portfolio_risk_pct=open_risk_pct(own, base_krw),
            position_multiplier=signal.position_multiplier,
            stale_days=await self._stale_days(signal, config, today),
        )
        if signal.quantity is None:
            size = size_position(request, limits)
        else:
            size = size_as_asked(signal.quantity, request, limits)
        if size.quantity == 0:
            return Refusal("sizing", size.reasoning)
        if self._guard_enabled:
            purchase = Purchase(code, sector, size.quantity, price)
            budget = await self._budgets.get()
            if refusal := portfolio_refusal(purchase, Portfolio(base_krw, cash_krw, exposures), limits, budget):
                return refusal
        return Plan(
            order_request(signal, size.quantity, price), sector, reason_line(signal, live_price, size.reasoning)
        )

    async def _daily(self, code: str, held: set[str], today: date) -> dict[str, list[DailyPrice]]:
        codes = [code, *sorted(held)]
        await self._history.ensure(codes, before=today)
        return dict(await self._prices.daily_of(codes, DAILY_BARS, before=today))

    async def _sectors(self, codes: Sequence[str]) -> dict[str, SectorGroup]:
        known = await self._masters.find_all(list(codes))
        return {code: stock.master.sector_group for code, stock in known.items() if stock.master.sector_group}

    async def _stale_days(self, signal: BuySignal, config: StrategyConfig, today: date) -> int:
        """Return how many sessions old the scores behind a signal are; what a person asks for now is of now."""
        if signal.source == "manual":
            return 0
        symbols = {symbol.code: symbol.since for symbol in config.watchlist.symbols}
        entry = None
        if signal.stock_code not in symbols and config.watchlist.source is WatchlistSource.SCOUT:
            hot = await self._watchlists.get()
            entry = next((one for one in hot.stocks if one.stock_code == signal.stock_code), None) if hot else None
        return stale_sessions(entry, symbols.get(signal.stock_code), today, self._desk.sessions)


def atr_krw(daily: Sequence[DailyPrice]) -> float:
    """Return the ATR over the last 14 traded days; 0 where it is unknown."""
    bars = traded_days(daily)
    found = atr([bar.high_price for bar in bars], [bar.low_price for bar in bars], [bar.close_price for bar in bars])
    return found or 0.0


def held_sectors(exposures: Sequence[Exposure]) -> tuple[SectorGroup, ...]:
    """Return the sectors in which anything is held, ours or not."""
    return tuple(dict.fromkeys(exposure.sector_group for exposure in exposures if exposure.value_krw > 0))


def reason_line(signal: BuySignal, live_price: int, sizing: str) -> str:
    """Say in one line what made us buy, and how many."""
    return (
        f"{signal.signal_type.value} at {signal.signal_price:,} (now {live_price:,}; hybrid {signal.hybrid_score:g}, "
        f"{signal.trade_tier.value}, {signal.market_regime.value}): {sizing}"
    )
