"""What an order must pass before its intent is written: halts, hours, backstops, and shares to sell."""

import structlog
from redis.exceptions import RedisError

from kis_gateway.config import GatewaySettings
from kis_gateway.guard import BuyGuard
from kis_gateway.market_day import MarketDay
from kis_gateway.prices import Prices
from kis_gateway.risk import RiskEngine
from kis_gateway.standing import Standings
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.orders import OrderRequest, TradeType
from prime_jennie.domain.ports import Broker
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import LiveConfig, TradingMode
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.strategy.admission import UNSTOPPABLE_REASONS

log = structlog.get_logger(__name__)

_BY_HAND = tuple(reason.value for reason in UNSTOPPABLE_REASONS)


class PreTradeChecks:
    """Each check returns why an order is refused, or None; a store that does not answer raises for buys."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        broker: Broker,
        market: MarketDay,
        prices: Prices,
        standings: Standings,
        risk: RiskEngine,
        guard: BuyGuard,
        orders: OrderRepository,
        fills: FillRepository,
        positions: PositionRepository,
    ) -> None:
        self._settings = settings
        self._account = settings.kis_account_no
        self._broker = broker
        self._market = market
        self._prices = prices
        self._standings = standings
        self._risk = risk
        self._guard = guard
        self._orders = orders
        self._fills = fills
        self._positions = positions
        self._total_asset_krw: int | None = None

    async def refuses_buy(self, order: OrderRequest, strategy: str) -> str | None:
        """Return why a buy may not be sent; how many there may be is the quota's."""
        if why := await self.halted(strategy):
            return why
        if not await self._market.is_open_for_buys():
            return "OUT_OF_TRADING_WINDOW: the exchange is closed, or whether it opens today is unknown"
        if why := self._guard.refuses(strategy):
            return why
        if order.quantity > self._settings.order_max_quantity:
            return f"MAX_QTY_EXCEEDED: {order.quantity} shares, the limit is {self._settings.order_max_quantity}"
        config = await self._standings.config(strategy)
        return (
            self._means_another_environment(config)
            or await self._exceeds_capital(order, config)
            or await self._risk.refuses_buy(strategy, config)
        )

    async def halted(self, strategy: str) -> str | None:
        """Return why a strategy buys nothing now."""
        halt = await self._standings.halt(strategy)
        return None if halt.allows_buys else f"HALTED: trading is {halt.value}"

    async def refuses_sell(self, order: OrderRequest, strategy: str, reason: str) -> str | None:
        """Return why a sell may not be sent: a full stop, or shares that are not this strategy's."""
        if await self._is_stopped(strategy) and not reason.startswith(_BY_HAND):
            return "HALTED: trading is Stopped, only manual and forced sells pass"
        sellable = await self._sellable(strategy, order.stock_code)
        if order.quantity > sellable:
            return f"INSUFFICIENT_POSITION_QTY: {order.quantity} shares, this strategy may sell {sellable}"
        return None

    async def _is_stopped(self, strategy: str) -> bool:
        try:
            return await self._standings.halt(strategy) is HaltState.STOPPED
        except (RedisError, OSError) as error:
            log.warning("halts in redis unreadable, SQL decides", error=f"{type(error).__name__}: {error}")
            return await self._standings.halt_in_sql(strategy) is HaltState.STOPPED

    async def _sellable(self, strategy: str, stock_code: str) -> int:
        """Count the strategy's own shares less those promised already; shares bought elsewhere are not its own."""
        executed = (await self._fills.totals(self._account, strategy)).get(stock_code, 0)
        position = await self._positions.position(self._account, strategy, stock_code)
        held = max(executed, position.quantity if position is not None else 0)
        working = await self._orders.open_orders(self._account, strategy)
        promised = sum(
            order.quantity - order.filled_qty
            for order in working
            if order.stock_code == stock_code
            and order.side == TradeType.SELL.value
            and order.order_date == self._market.today  # yesterday's ended with its day
        )
        return max(0, held - promised)

    def _means_another_environment(self, config: LiveConfig | None) -> str | None:
        """Refuse a buy with real money that its strategy does not say is meant, whoever started it and however."""
        if self._settings.kis_env is not Environment.LIVE:
            return None
        if config is None:
            return "ENVIRONMENT_MISMATCH: this gateway sends real orders, and whether the strategy means to is unknown"
        if config.spec.mode is not TradingMode.LIVE:
            return f"ENVIRONMENT_MISMATCH: this gateway sends real orders, the strategy is in mode {config.spec.mode}"
        return None

    async def _exceeds_capital(self, order: OrderRequest, config: LiveConfig | None) -> str | None:
        price = order.price or await self._prices.current(order.stock_code)
        notional_krw = price * order.quantity
        limit_krw = await self._capital(config)
        if notional_krw > limit_krw:
            return f"NOTIONAL_LIMIT_EXCEEDED: {notional_krw} won, the strategy's capital is {limit_krw}"
        return None

    async def _capital(self, config: LiveConfig | None) -> int:
        named = config.spec.capital_krw if config is not None else None
        named = named or self._settings.capital_krw
        if named is not None:
            return named
        if self._total_asset_krw is None:
            self._total_asset_krw = (await self._broker.balance()).total_asset
        if self._total_asset_krw <= 0:
            raise Unavailable("the account's assets are unknown")
        return self._total_asset_krw
