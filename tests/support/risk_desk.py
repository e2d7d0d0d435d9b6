"""The gateway's risk engine and halt keeper alone: real Redis and SQL, a broker and a clock in memory."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from redis.asyncio import Redis

from kis_gateway.day_results import DayMeter
from kis_gateway.halt_keeper import HaltKeeper
from kis_gateway.market_day import MarketDay
from kis_gateway.prices import Prices
from kis_gateway.risk import RiskEngine
from kis_gateway.standing import Standings
from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.holdings import Correction
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import ALERTS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.holdings import Amendment, HoldingRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk

MONDAY, FRIDAY = date(2025, 3, 10), date(2025, 3, 7)
NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)


class RiskDesk:
    """One account, of which `restart` makes a new process."""

    def __init__(
        self, redis: Redis, db: Database, *, account_limit_pct: float | None = None, now: datetime = NOON
    ) -> None:
        self.redis = redis
        self.db = db
        self.clock = ManualClock(now)
        self.broker = InMemoryBroker(self.clock, prices_krw={SAMSUNG: 72_100})
        self.orders = OrderDesk(db)
        self.ownership = SimpleNamespace(is_ready=True)
        self._account_limit_pct = account_limit_pct
        self.restart()

    def restart(self) -> None:
        """Forget everything that lives in memory only."""
        sessions = load_sessions()
        self.outages = Outages()
        self.halts = HaltDesk(self.redis, self.db, ACCOUNT)
        self.standings = Standings(self.redis, self.db, self.halts)
        self.prices = Prices(self.broker, self.clock)
        market = MarketDay(self.broker, sessions, self.clock, asks=False)
        alerts = Alerts(self.redis, self.clock, "kis-gateway")
        owner = cast(Any, self.ownership)
        self.risk = RiskEngine(
            account=ACCOUNT,
            account_limit_pct=self._account_limit_pct,
            meter=DayMeter(
                account=ACCOUNT,
                db=self.db,
                broker=self.broker,
                prices=self.prices,
                sessions=sessions,
                clock=self.clock,
            ),
            halts=self.halts,
            standings=self.standings,
            orders=OrderRepository(self.db),
            market=market,
            sessions=sessions,
            ownership=owner,
            alerts=alerts,
            outages=self.outages,
            clock=self.clock,
        )
        self.keeper = HaltKeeper(
            account=ACCOUNT,
            db=self.db,
            halts=self.halts,
            standings=self.standings,
            alerts=alerts,
            ownership=owner,
            market=market,
            clock=self.clock,
        )

    async def announce(self, strategy: str = STRATEGY, generation: int = 1, **spec: Any) -> LiveConfig:
        """Announce a configuration as the operator does."""
        live = LiveConfig.model_validate({"name": strategy, "generation": generation, "spec": spec})
        await self.redis.set(f"{strategy}:config", live.model_dump_json(by_alias=True))
        return live

    async def buy(self, quantity: int = 58, price: int = 72_100, *, key: str = "buy", at: datetime = OPEN) -> None:
        """Fill and book a purchase, and let the broker's account hold it too."""
        await self.orders.traded(key, TradeType.BUY, [(quantity, price)], at=at)
        await self.orders.books.book_strategy(ACCOUNT, STRATEGY)

    async def sell(self, quantity: int, price: int, *, key: str = "sell", at: datetime = OPEN) -> None:
        """Fill and book a sale."""
        await self.orders.traded(key, TradeType.SELL, [(quantity, price)], at=at)
        await self.orders.books.book_strategy(ACCOUNT, STRATEGY)

    async def level(self, *, held: int, left: int) -> None:
        """Let position-sync find shares sold by hand, and take them out of the books."""
        holdings = HoldingRepository(self.db)
        (position,) = (await holdings.books(ACCOUNT)).positions
        correction = Correction(STRATEGY, SAMSUNG, position.position_id, held, left)
        amendment = Amendment(ACCOUNT, "sold elsewhere", "kim", self.clock.now(), await self.orders.lease())
        await holdings.correct(correction, left, amendment)

    async def close_at(self, price: int, day: date = FRIDAY, code: str = SAMSUNG) -> None:
        """Store a day's close."""
        await PriceRepository(self.db).upsert_daily([daily_bar(price, day, code)])

    async def alerts(self) -> list[Alert]:
        """Return what was told, oldest first, each event once."""
        entries = await self.redis.xrange(ALERTS.stream.value)
        told = {fields["id"]: Alert.model_validate_json(fields["payload"]) for _, fields in entries}
        return list(told.values())

    def pass_days(self, days: int) -> None:
        """Go on to a later day's noon."""
        self.clock.advance(timedelta(days=days).total_seconds())


def daily_bar(price: int, day: date = FRIDAY, code: str = SAMSUNG) -> DailyPrice:
    """Return a bar that closes at a price."""
    return DailyPrice(
        stock_code=code,
        price_date=day,
        open_price=price,
        high_price=price,
        low_price=price,
        close_price=price,
        volume=1,
    )
