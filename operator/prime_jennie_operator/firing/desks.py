"""The desks of every namespace that has schedules, each with the database of its own platform."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.domain.slots import Slot
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.firing.book import ScheduleBook
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.firing.desk import SlotDesk
from prime_jennie_operator.firing.jobs import JobRefused
from prime_jennie_operator.kube.kinds import SECRET

URL_KEY: Final = "url"
LOOK_AGAIN_SECS: Final = 60.0  # real; at another namespace's Secret, of which no watch tells


class NoLedger(JennieError):  # noqa: N818 - a state of the installation
    """There is no database in which a namespace's slots could stand; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class _Opened:
    desk: SlotDesk
    url: str = field(repr=False)
    looked_at_secs: float


class Desks:
    """Opens each desk when it is first asked for."""

    def __init__(
        self,
        deps: Dependencies,
        book: ScheduleBook,
        *,
        tell: Callable[[Slot], None],
        due: Callable[[ScheduleKey], None],
        trouble: Callable[[ScheduleKey, JobRefused | None], None],
    ) -> None:
        self._deps = deps
        self._book = book
        self._tell = tell
        self._due = due
        self._trouble = trouble
        self._opened: dict[str, _Opened] = {}
        self._opening = asyncio.Lock()

    async def of(self, namespace: str) -> SlotDesk:
        """Return a namespace's desk; raise NoLedger where it has no database."""
        async with self._opening:
            opened = self._opened.get(namespace)
            if opened is None or time.monotonic() - opened.looked_at_secs > LOOK_AGAIN_SECS:
                opened = self._opened[namespace] = await self._look(namespace, opened)
            return opened.desk

    async def close(self) -> None:
        for opened in self._opened.values():
            await opened.desk.close()

    async def _look(self, namespace: str, opened: _Opened | None) -> _Opened:
        """Open a desk, a new one where the database's address has changed."""
        url = await self._database_url(namespace)
        if opened is not None:
            if opened.url == url:
                return _Opened(opened.desk, url, time.monotonic())
            del self._opened[namespace]
            await opened.desk.close()
        try:
            desk = SlotDesk(
                self._deps, namespace, url, self._book, tell=self._tell, due=self._due, trouble=self._trouble
            )
        except BadInput as error:
            raise NoLedger(str(error)) from None
        return _Opened(desk, url, time.monotonic())

    async def _database_url(self, namespace: str) -> str:
        """Take our own platform's database from the environment, another namespace's from its Secret."""
        settings = self._deps.settings
        if settings.scope == "namespace" or namespace == settings.namespace:
            if settings.database_url is None:
                raise NoLedger("DATABASE_URL is not set")
            return settings.database_url.get_secret_value()
        name = self._deps.values.secrets.database
        secret = await self._deps.api.get(SECRET, namespace, name)
        if secret is None or URL_KEY not in (secret.get("data") or {}):
            raise NoLedger(f"there is no Secret {name} with a key {URL_KEY}")
        try:
            return base64.b64decode(secret["data"][URL_KEY], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise NoLedger(f"Secret {name}: {URL_KEY} cannot be read") from None
