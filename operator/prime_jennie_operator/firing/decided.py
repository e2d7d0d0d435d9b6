"""Up to which moment every schedule's slots are decided, kept so that a restart knows what an outage has left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.slots import INSTANT

CONFIG_KEY: Final = "schedules:decided"
LONGEST_OUTAGE: Final = timedelta(days=7)  # slots missed before that leave no rows
ScheduleKey = tuple[str, str]
"""A schedule's namespace and name."""


def key_of(schedule: ScoutSchedule) -> ScheduleKey:
    return schedule.metadata.namespace, schedule.name


class DecidedUpto:
    """One moment a schedule, in the table `config`; a schedule without one is new and begins with this minute."""

    def __init__(self, configs: ConfigRepository) -> None:
        self._configs = configs
        self._upto: dict[str, datetime] | None = None

    async def load(self) -> None:
        """Read once what an earlier runner has written; an unreadable value counts as none."""
        if self._upto is None:
            row = await self._configs.get(CONFIG_KEY)
            self._upto = {} if row is None else _read(row.config_value)

    def since(self, key: ScheduleKey, now: datetime) -> datetime:
        """Return the moment after which a schedule's slots are to be looked at."""
        begins = now.replace(second=0, microsecond=0) - INSTANT
        upto = (self._upto or {}).get("/".join(key), begins)
        if upto > now:  # where the clock is virtual, the day lived before may have been a later one
            return begins
        return max(upto, now - LONGEST_OUTAGE)

    async def write(self, upto: Mapping[ScheduleKey, datetime], now: datetime) -> None:
        """Keep the moments of the schedules in force; who leaves and comes back begins anew."""
        moments = {"/".join(key): moment for key, moment in upto.items()}
        if moments == self._upto:
            return
        text = json.dumps({name: moment.isoformat() for name, moment in moments.items()})
        await self._configs.put(CONFIG_KEY, text, who="schedules", at=now, description="slots are decided up to here")
        self._upto = moments


def _read(text: str) -> dict[str, datetime]:
    try:
        found = {str(name): datetime.fromisoformat(moment) for name, moment in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    return {name: moment for name, moment in found.items() if moment.tzinfo is not None}
