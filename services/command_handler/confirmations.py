"""One-time codes: what moves money is done only when the same person repeats the code in time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from command_handler.parsing import CODE_DIGITS
from command_handler.phrases import Phrase
from command_handler.replies import Refused, Reply
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.tasks import end_tasks

WRONG_CODES: Final = 3
Act = Callable[[str], Awaitable[Reply]]


@dataclass
class _Waiting:
    code: str
    act: Act
    expires_at: datetime
    holding: "asyncio.Task[None]"
    wrong: int = 0


class Confirmations:
    """At most one open question a person and chat; a newer one replaces it, a restart forgets it."""

    def __init__(self, clock: Clock, within_secs: float) -> None:
        self._clock = clock
        self._within = timedelta(seconds=within_secs)
        self._waiting: dict[tuple[str, str], _Waiting] = {}

    @property
    def within_secs(self) -> int:
        """How long a code is good."""
        return int(self._within.total_seconds())

    def ask(self, chat: str, who: str, act: Act) -> str:
        """Remember what to do and return the code that allows it."""
        self._forget((chat, who))
        expires_at = self._clock.now() + self._within
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        holding = asyncio.create_task(self._hold(expires_at), name="hold-for-confirmation")
        self._waiting[(chat, who)] = _Waiting(code, act, expires_at, holding)
        return code

    def take(self, chat: str, who: str, code: str) -> Act:
        """Return what this code allows, once; raise Refused for a wrong, used or late one."""
        waiting = self._waiting.get((chat, who))
        if waiting is None:
            raise Refused(
                Phrase("확인할 명령이 없습니다", "There is nothing to confirm"),
                Phrase("이미 처리되었거나 다시 시작되었습니다", "It was dealt with already, or a restart forgot it"),
            )
        if self._clock.now() >= waiting.expires_at:
            self._forget((chat, who))
            raise Refused(
                Phrase("확인 시간이 지났습니다", "The code has expired"),
                Phrase("아무것도 하지 않았습니다. 명령을 다시 보내십시오", "Nothing was done; send the command again"),
            )
        if not secrets.compare_digest(waiting.code, code):
            waiting.wrong += 1
            left = WRONG_CODES - waiting.wrong
            if left == 0:
                self._forget((chat, who))
            raise Refused(
                Phrase("확인 번호가 다릅니다", "That is not the code"),
                Phrase(f"남은 시도: {left}", f"Tries left: {left}"),
            )
        self._forget((chat, who))
        return waiting.act

    async def close(self) -> None:
        """Forget every question."""
        holding = [waiting.holding for waiting in self._waiting.values()]
        self._waiting.clear()
        await end_tasks(holding)

    def _forget(self, key: tuple[str, str]) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.holding.cancel()

    async def _hold(self, expires_at: datetime) -> None:
        """Keep a virtual day at the speed of the person who reads the question."""
        async with self._clock.hold("command-handler:confirmation"):
            await self._clock.sleep_until(expires_at)
