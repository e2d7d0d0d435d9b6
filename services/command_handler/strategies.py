"""Find the strategy that a command means."""

from redis.asyncio import Redis

from command_handler.desk import Ask
from command_handler.phrases import Phrase
from command_handler.replies import Refused, WrongArgument
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.redis.strategies import known_strategies


class Strategies:
    """The strategies that are announced, or remembered while Redis is empty."""

    def __init__(self, redis: Redis, db: Database) -> None:
        self._redis = redis
        self._db = db

    async def all(self) -> dict[str, LiveConfig]:
        """Return every strategy by name."""
        return await known_strategies(self._redis, self._db)

    async def meant(self, ask: Ask) -> dict[str, LiveConfig]:
        """Return the named strategy, or all; raise WrongArgument for a name that nobody knows."""
        known = await self.all()
        if ask.strategy is None:
            return known
        if ask.strategy not in known:
            raise WrongArgument(
                Phrase(
                    f"@{ask.strategy}: 모르는 전략입니다. 있는 전략: {_names(known)}",
                    f"@{ask.strategy} is no known strategy; there are: {_names(known)}",
                )
            )
        return {ask.strategy: known[ask.strategy]}

    async def the_one(self, ask: Ask) -> LiveConfig:
        """Return the named strategy, or the only one; raise WrongArgument where there is a choice."""
        meant = await self.meant(ask)
        if not meant:
            raise Refused(Phrase("아직 전략이 없습니다", "There is no strategy yet"))
        if len(meant) > 1:
            raise WrongArgument(
                Phrase(
                    f"전략이 여럿입니다. 하나를 덧붙이십시오: {_names(meant)}",
                    f"there are several strategies; add one of: {_names(meant)}",
                )
            )
        return next(iter(meant.values()))


def _names(known: dict[str, LiveConfig]) -> str:
    return " ".join(f"@{name}" for name in known) or "-"
