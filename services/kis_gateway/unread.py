"""Keep what the exchange said and nobody could read, for a person who must find out what it was.

One file a day of Seoul, `unread-YYYYMMDD.jsonl`, a JSON object a line: `at`, `reason`, `text`. The files are bounded in
size and number, secrets are masked, and nothing that trades waits for the disk.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from kis_gateway.metrics import UNREAD
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.logging import MASK, mask_text

MOST_BYTES_A_DAY: Final = 1_000_000
MOST_DAYS: Final = 30
LONGEST_TEXT: Final = 8_192  # characters of one message: a frame of trades has some thousand
WAITING: Final = 64  # messages for the disk; a flood's others are counted only
_STREAM_KEYS: Final = re.compile(r"(\"(?:key|iv)\"\s*:\s*\")[^\"]+")  # of a subscription's answer, whole or cut off


class UnreadMessages:
    """Written one after the other by `run`; without a folder they are counted only."""

    def __init__(self, folder: Path | None, secrets: Iterable[str], clock: Clock) -> None:
        self.folder = folder
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[datetime, str, str]] = asyncio.Queue(WAITING)

    def keep(self, reason: str, text: str) -> None:
        """Take a message; this neither waits nor fails."""
        if self.folder is None or self._waiting.full():
            UNREAD.labels("counted").inc()
        else:
            self._waiting.put_nowait((self._clock.now(), self._masked(reason), self._masked(text)))

    async def run(self) -> None:
        """Write for ever; what a disk does not take is counted, and the outage raised."""
        while True:
            message = await self._waiting.get()
            try:
                is_kept = await asyncio.to_thread(self._write, *message)
            except OSError:
                UNREAD.labels("counted").inc()
                raise
            UNREAD.labels("kept" if is_kept else "counted").inc()

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return mask_text(_STREAM_KEYS.sub(rf"\1{MASK}", text), LONGEST_TEXT)

    def _write(self, at: datetime, reason: str, text: str) -> bool:
        """Append a line; False where the day's file is full."""
        if self.folder is None:
            return False
        told = {"at": at.isoformat(), "reason": reason, "text": text}
        line = (json.dumps(told, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"unread-{at.astimezone(KST):%Y%m%d}.jsonl"
        is_new = not path.exists()
        if not is_new and path.stat().st_size + len(line) > MOST_BYTES_A_DAY:
            return False
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
        if is_new:
            self._forget_the_oldest(self.folder)
        return True

    def _forget_the_oldest(self, folder: Path) -> None:
        for path in sorted(folder.glob("unread-*.jsonl"))[:-MOST_DAYS]:
            with suppress(FileNotFoundError):
                path.unlink()
