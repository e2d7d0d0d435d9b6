"""The one WebSocket session of an app key: registrations, trades, order notices, and what to do when it dies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from prime_jennie.domain.broker import FillNotice
from prime_jennie.domain.errors import Conflict, JennieError
from prime_jennie.domain.market import Tick
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.auth import Tokens
from prime_jennie.infra.clients.kis.frames import ControlFrame, DataFrame, read_frame, trades
from prime_jennie.infra.clients.kis.notices import BadFrameError, StreamKey, decrypt, parse_notice
from prime_jennie.infra.clients.kis.trs import TRADE_STREAM
from prime_jennie.infra.clients.kis.unread import Unread, let_go

log = structlog.get_logger(__name__)

MAX_REGISTRATIONS = 41  # over all transactions of a session; the notices take one
_OPEN_TIMEOUT_SECS = 5.0
_BACKLOG = 1_000  # frames read ahead of their consumer; then the socket waits
_ALREADY_REGISTERED = "OPSP0002"
_NOT_REGISTERED = "OPSP0003"
_INVALID_APPROVAL = "OPSP0011"
_APP_KEY_IN_USE = "OPSP8996"


@dataclass(frozen=True)
class SocketSettings:
    """`silence_secs` and the backoff are real seconds: sockets do not live on a virtual clock."""

    url: str
    notice_stream: str
    hts_id: str | None
    silence_secs: float
    backoff_first_secs: float
    backoff_most_secs: float


@dataclass
class SocketStatus:
    connected: bool = False
    reconnects: int = 0
    bad_frames: int = 0
    frames: int = 0
    ticks: int = 0
    last_tick_at: datetime | None = None
    last_error: str | None = None
    gaps: list[tuple[datetime | None, datetime]] = field(default_factory=list)
    """From the last tick before a lost connection to the first after it; only the newest twenty."""


class KisWebSocketClient:
    """Keep the session alive and hand over every frame, in order, one at a time."""

    def __init__(
        self,
        settings: SocketSettings,
        tokens: Tokens,
        clock: Clock,
        *,
        in_session: Callable[[], bool],
        unread: Unread = let_go,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._in_session = in_session
        self._unread = unread
        self._ticks: asyncio.Queue[tuple[Tick, ...]] = asyncio.Queue(_BACKLOG)
        self._notices: asyncio.Queue[FillNotice] = asyncio.Queue(_BACKLOG)
        self._wanted: dict[str, None] = {}
        self._confirmed: set[tuple[str, str]] = set()
        self._refused: dict[str, str] = {}
        self._keys: dict[str, StreamKey] = {}
        self._connection: ClientConnection | None = None
        self._approval = ""
        self._lost_at: datetime | None = None
        self._is_gap = False
        self.status = SocketStatus()

    @property
    def limit(self) -> int:
        """How many stocks fit beside the notices."""
        return MAX_REGISTRATIONS - (1 if self._settings.hts_id else 0)

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(self._wanted)

    @property
    def confirmed(self) -> tuple[str, ...]:
        return tuple(code for code in self._wanted if (TRADE_STREAM, code) in self._confirmed)

    @property
    def refused(self) -> dict[str, str]:
        return dict(self._refused)

    @property
    def hears_notices(self) -> bool:
        return any(tr_id == self._settings.notice_stream for tr_id, _ in self._confirmed)

    async def subscribe(self, codes: Sequence[str]) -> None:
        """Want the trades of these stocks from now on, across reconnections; Conflict beyond the limit."""
        new = [code for code in dict.fromkeys(codes) if code not in self._wanted]
        if len(self._wanted) + len(new) > self.limit:
            raise Conflict(
                f"{len(self._wanted)} + {len(new)} registrations are more than the {self.limit} that KIS allows"
            )
        self._wanted.update(dict.fromkeys(new))
        for code in new:
            await self._ask("1", TRADE_STREAM, code)

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        """Stop wanting these stocks."""
        for code in codes:
            if code in self._wanted:
                del self._wanted[code]
                self._refused.pop(code, None)
                await self._ask("2", TRADE_STREAM, code)

    async def ticks(self) -> AsyncIterator[tuple[Tick, ...]]:
        """Yield the trades of each frame, across reconnections."""
        while True:
            yield await self._ticks.get()

    async def fill_notices(self) -> AsyncIterator[FillNotice]:
        """Yield the account's notices, across reconnections."""
        while True:
            yield await self._notices.get()

    async def run(self) -> None:
        """Connect, listen, and connect again with a growing pause, until cancelled."""
        pause_secs = self._settings.backoff_first_secs
        while True:
            before = self.status.frames
            try:
                await self._session()
                reason = "closed by the exchange"
            except (WebSocketException, OSError, JennieError, TimeoutError) as error:
                reason = f"{type(error).__name__}: {error}"
            self._drop(reason)
            if self.status.frames > before:
                pause_secs = self._settings.backoff_first_secs
            await asyncio.sleep(pause_secs)
            pause_secs = min(pause_secs * 2, self._settings.backoff_most_secs)
            self.status.reconnects += 1

    async def _session(self) -> None:
        self._approval = await self._tokens.approval()
        async with connect(
            self._settings.url,
            proxy=None,  # as for REST: a broker's session goes the direct way
            ping_interval=None,
            open_timeout=_OPEN_TIMEOUT_SECS,
            close_timeout=1,
            max_size=2**20,
        ) as connection:
            self._connection = connection
            self.status.connected = True
            self.status.last_error = None
            if self._settings.hts_id:
                await self._ask("1", self._settings.notice_stream, self._settings.hts_id)
            for code in tuple(self._wanted):
                await self._ask("1", TRADE_STREAM, code)
            while True:
                await self._hear(connection, await self._next_message(connection))

    async def _next_message(self, connection: ClientConnection) -> str:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.silence_secs):
                    message = await connection.recv()
                return message if isinstance(message, str) else message.decode("utf-8", "replace")
            if self._in_session() and (self._wanted or self._settings.hts_id):
                raise TimeoutError(f"not one frame in {self._settings.silence_secs:g} s of an open session")

    async def _hear(self, connection: ClientConnection, text: str) -> None:
        self.status.frames += 1
        try:
            frame = read_frame(text)
            if isinstance(frame, ControlFrame):
                await self._control(connection, frame, text)
            elif frame.tr_id == TRADE_STREAM:
                await self._take_trades(frame)
            elif frame.tr_id == self._settings.notice_stream:
                await self._take_notices(frame)
        except BadFrameError as error:
            self.status.bad_frames += 1
            log.warning("frame refused", error=str(error))
            self._unread(str(error), text if error.plain is None else error.plain)

    async def _take_trades(self, frame: DataFrame) -> None:
        ticks = trades(frame, self._today())
        newest = max(tick.at for tick in ticks)
        if self._is_gap:
            self.status.gaps = [*self.status.gaps[-19:], (self._lost_at, newest)]
            self._is_gap = False
        self.status.ticks += len(ticks)
        self.status.last_tick_at = newest
        await self._ticks.put(ticks)

    async def _take_notices(self, frame: DataFrame) -> None:
        plain = frame.payload
        if frame.encrypted:
            key = self._keys.get(frame.tr_id)
            if key is None:
                raise BadFrameError("a notice before its key")
            plain = decrypt(frame.payload, key)
        try:
            for fields in frame.records(plain):
                await self._notices.put(parse_notice(fields, self._today()))
        except BadFrameError as error:
            error.plain = f"{frame.tr_id}|{frame.count}|{plain}"
            raise

    def _today(self) -> date:
        return self._clock.now().astimezone(KST).date()

    async def _control(self, connection: ClientConnection, frame: ControlFrame, text: str) -> None:
        if frame.is_ping:
            await connection.send(text)
            return
        if frame.key and frame.iv:
            self._keys[frame.tr_id] = StreamKey(frame.key, frame.iv)
        if frame.ok or frame.code == _ALREADY_REGISTERED:
            registered = (frame.tr_id, frame.tr_key)
            if frame.code == "OPSP0001":
                self._confirmed.discard(registered)
            else:
                self._confirmed.add(registered)
                self._refused.pop(frame.tr_key, None)
        elif frame.code == _INVALID_APPROVAL:
            self._tokens.refused("approval", self._approval)
            raise ConnectionError("the approval key was refused")
        elif frame.code == _APP_KEY_IN_USE:
            raise ConnectionError("another session uses this app key")
        elif frame.code != _NOT_REGISTERED:
            self._refused[frame.tr_key] = f"{frame.code} {frame.message}"
            log.warning("registration refused", tr_id=frame.tr_id, code=frame.code, message=frame.message)

    async def _ask(self, tr_type: str, tr_id: str, tr_key: str) -> None:
        if self._connection is None:
            return
        header = {"approval_key": self._approval, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"}
        message = {"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}
        with suppress(WebSocketException):  # the reader notices, and the next session asks again
            await self._connection.send(json.dumps(message))

    def _drop(self, reason: str) -> None:
        if self.status.connected or self.status.last_error is None:
            log.warning("exchange websocket lost", reason=reason)
        if self.status.connected and not self._is_gap:
            self._lost_at, self._is_gap = self.status.last_tick_at, True
        self._connection = None
        self._confirmed.clear()
        self.status.connected = False
        self.status.last_error = reason
