"""Bind what an executor needs to its desk."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import TRADE_NOTIFICATIONS
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.execution.books import Books
from prime_jennie.infra.execution.emergency import Emergency
from prime_jennie.infra.execution.following import Follower
from prime_jennie.infra.execution.placement import Placement
from prime_jennie.infra.execution.simulation import DryRun
from prime_jennie.infra.execution.strays import Strays
from prime_jennie.infra.redis.streams import TypedStreamConsumer, TypedStreamPublisher


@dataclass(frozen=True)
class Room:
    """The parts of one executor."""

    desk: Desk
    placement: Placement
    books: Books
    follower: Follower
    emergency: Emergency
    dry_run: DryRun

    @property
    def account(self) -> str:
        """Return the account whose money moves."""
        return self.desk.account.account_no

    @property
    def owner(self) -> str:
        """Return who holds this executor's locks, the same after a restart."""
        return f"{self.desk.service}:{self.desk.strategy or 'alone'}"

    @property
    def consumer_name(self) -> str:
        """Return the name under which this executor finds its own messages after a restart."""
        strategy = self.desk.strategy
        return f"{strategy}:{self.desk.service}" if strategy else self.desk.service

    def strays(self, side: TradeType, in_flight: Collection[str]) -> Strays:
        """Return the sweep over this executor's own orders."""
        return Strays(
            OrderRepository(self.desk.db),
            self.books,
            self.follower,
            self.desk.clock,
            account=self.account,
            strategy=self.desk.strategy,
            side=side,
            in_flight=in_flight,
        )


def open_room(desk: Desk) -> Room:
    """Make the parts."""
    account = desk.account.account_no
    stream = TRADE_NOTIFICATIONS.stream_for(desk.keyspace)
    notifications = TypedStreamPublisher(desk.redis, stream, TRADE_NOTIFICATIONS.model)
    books = Books(desk.db, desk.sessions, desk.clock, notifications, account, desk.strategy)
    return Room(
        desk=desk,
        placement=Placement(desk.gateway, OrderRepository(desk.db), account, desk.strategy),
        books=books,
        follower=Follower(desk.clock, desk.gateway, books, desk.sessions),
        emergency=Emergency(desk.halts, desk.strategy, desk.config),
        dry_run=DryRun(desk.db, desk.strategy),
    )


def stream_health(consumer: TypedStreamConsumer[Any]) -> dict[str, DependencyHealth]:
    """Return an entry for /health while the stream is interrupted."""
    if consumer.outage is None:
        return {}
    return {consumer.stream: DependencyHealth(status=DependencyStatus.DEGRADED, message=consumer.outage[:200])}
