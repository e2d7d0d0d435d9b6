"""Keep the halts true everywhere: copies in Redis, configurations in SQL, and a person told where stops are off."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from kis_gateway.market_day import MarketDay
from kis_gateway.ownership import Ownership
from kis_gateway.standing import Standings
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.risk import HaltState, StandingHalt
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.redis.strategies import remember_strategies, remembered_strategies

KEEP_SECS: Final = 2.0  # real; an emptied Redis says again within seconds what is halted
REMIND_AFTER: Final = timedelta(minutes=30)


class HaltKeeper:
    """Works for the owner of the account only; every step may be repeated and changes nothing then."""

    def __init__(
        self,
        *,
        account: str,
        db: Database,
        halts: HaltDesk,
        standings: Standings,
        alerts: Alerts,
        ownership: Ownership,
        market: MarketDay,
        clock: Clock,
    ) -> None:
        self._account = account
        self._db = db
        self._halts = halts
        self._standings = standings
        self._alerts = alerts
        self._ownership = ownership
        self._market = market
        self._clock = clock
        self._positions = PositionRepository(db)
        self._remembered: dict[str, LiveConfig] | None = None
        self._told_at: dict[str, datetime] = {}

    async def run(self) -> None:
        """Keep for ever; raises the outage that interrupts it."""
        await self._ownership.work(self.keep, KEEP_SECS)

    async def keep(self) -> None:
        """Do everything once."""
        strategies = await self._standings.all()
        await self._remember(strategies)
        await self._halts.level_copies({name: live.spec.trading for name, live in strategies.items()})
        await self._tell_of_stops()

    async def _remember(self, strategies: dict[str, LiveConfig]) -> None:
        if self._remembered is None:
            self._remembered = await remembered_strategies(self._db)
        news = {name: live for name, live in strategies.items() if self._remembered.get(name) != live}
        await remember_strategies(self._db, news, clock=self._clock, who="kis-gateway")
        self._remembered |= news

    async def _tell_of_stops(self) -> None:
        """Alert when open positions lose their automatic exits, and every half hour while the exchange is open."""
        held = Counter(row.strategy for row in await self._positions.open_positions(self._account))
        stopped = {strategy: stops for strategy in held if (stops := await self._stops(strategy))}
        for strategy in self._told_at.keys() - stopped.keys():
            del self._told_at[strategy]
        now = self._clock.now()
        for strategy, stops in stopped.items():
            told_at = self._told_at.get(strategy)
            if told_at is not None and (now - told_at < REMIND_AFTER or not self._market.phase().is_open):
                continue
            if await self._tell(strategy, held[strategy], stops, now):
                self._told_at[strategy] = now

    async def _stops(self, strategy: str) -> list[StandingHalt]:
        return [halt for halt in await self._standings.halts(strategy) if halt.state is HaltState.STOPPED]

    async def _tell(self, strategy: str, positions: int, stops: list[StandingHalt], now: datetime) -> bool:
        causes = "\n".join(f"{halt.source.value} · {halt.who}: {halt.why}" for halt in stops)
        return await self._alerts.send(
            AlertLevel.CRITICAL,
            f"{strategy}: 전체 정지 중, 보유 {positions}종목은 자동으로 매도되지 않습니다",
            f"손절도 나가지 않습니다. 수동 매도와 강제 청산만 가능합니다.\n{causes}",
            key=f"stopped-with-positions:{strategy}:{now.isoformat()}",
            strategy=strategy,
        )
