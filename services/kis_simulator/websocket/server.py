"""Accept sessions, answer registrations, push trades and notices."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kis_simulator.exchange.orders import Execution, Order
from kis_simulator.websocket.feed import Feed
from kis_simulator.websocket.records import TRADES, encrypt, notice_record, trade_frames
from kis_simulator.websocket.session import LivenessConnection, Registration, Session
from kis_simulator.world import World
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.symbols import is_stock_code

log = structlog.get_logger(__name__)

_LIVENESS_CHECK_SECS = 0.5
_STALL_SECS = 30.0
_MESSAGE_LIMIT_BYTES = 64 * 1024


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore")

    approval_key: str = ""
    tr_type: str = ""


class _Input(BaseModel):
    model_config = ConfigDict(extra="ignore")

    tr_id: str = Field("", max_length=16)
    tr_key: str = Field("", max_length=32)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input: _Input


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore")

    header: _Header
    body: _Body


@dataclass
class WebSocketServer:
    """All sessions of the exchange; one at a time for each app key."""

    world: World
    sessions: list[Session] = field(default_factory=list)
    _stalled_until: float = 0.0

    def __post_init__(self) -> None:
        """Follow the day's prints and the exchange's orders."""
        self._feed = Feed(self.world)
        self._notices_tr = "H0STCNI9" if self.world.exchange.paper else "H0STCNI0"
        self.world.exchange.listen(self.push_notice)

    async def listen(self, listener: socket.socket) -> Server:
        """Start accepting sessions on any path."""
        return await serve(
            self._handle,
            sock=listener,
            create_connection=LivenessConnection,
            compression=None,
            ping_interval=None,
            max_size=_MESSAGE_LIMIT_BYTES,
            close_timeout=1.0,
        )

    # --- pushing ----------------------------------------------------------------------------------------------------
    def push_trades(self, before: datetime, to: datetime) -> None:
        """Send every session the prints of (before, to] of its stocks, in one frame."""
        if self.world.faults.draw("ws_cut") is not None:
            for session in self.sessions:
                session.cut()
        stall = self.world.faults.draw("ws_stall")
        if stall is not None:
            self._stalled_until = time.monotonic() + stall.secs(_STALL_SECS)
        for session in self.sessions:
            records = self._feed.records(session.codes(TRADES), before, to)
            if not records or self._stalled:
                continue
            for frame in trade_frames(records):
                session.push(frame)
                self.world.stats.frames_sent += 1
            self.world.stats.ticks_sent += len(records)

    def push_notice(self, order: Order, executions: Sequence[Execution]) -> None:
        """Send an acceptance, or each fill, to the sessions of the order's app key that asked for notices."""
        for session in self.sessions:
            if session.appkey_id != order.instruction.appkey_id:
                continue
            for registration, cipher in session.registrations.items():
                if registration.tr_id != self._notices_tr:
                    continue
                for execution in executions or (None,):
                    times = 2 if self.world.faults.draw("duplicate_notice") is not None else 1
                    if self._stalled or self.world.faults.draw("missing_notice") is not None:
                        times = 0
                    plain = self._notice(order, execution, registration.tr_key)
                    payload = encrypt(plain, cipher.key, cipher.iv)
                    for _ in range(times):
                        session.push(f"1|{self._notices_tr}|001|{payload}")
                        self.world.stats.notices_sent += 1

    @property
    def _stalled(self) -> bool:
        return time.monotonic() < self._stalled_until

    def _notice(self, order: Order, execution: Execution | None, customer: str) -> str:
        listing = self.world.tapes.market.listings.get(order.instruction.code)
        at = (execution.at if execution else order.accepted_at).astimezone(KST).strftime("%H%M%S")
        name = listing.name if listing else order.instruction.code
        return notice_record(order, execution, customer, name, at, self.world.settings.layout)

    # --- sessions ---------------------------------------------------------------------------------------------------
    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, LivenessConnection)  # noqa: S101 create_connection says so
        session = Session(connection)
        self.sessions.append(session)
        writer = asyncio.create_task(session.write())
        pinger = asyncio.create_task(self._ping(session))
        try:
            async for message in connection:
                await self._answer(session, message)
        except ConnectionClosed:
            pass
        finally:
            self.sessions.remove(session)
            for task in (writer, pinger):
                task.cancel()
            await asyncio.gather(writer, pinger, return_exceptions=True)

    async def _ping(self, session: Session) -> None:
        """Send PINGPONG in real time; cut a session that gave no sign of life within the allowed seconds after it."""
        every_secs = self.world.settings.ping_every_secs
        next_at = time.monotonic() + every_secs
        unanswered_since: float | None = None
        while True:
            await asyncio.sleep(_LIVENESS_CHECK_SECS)
            real = time.monotonic()
            if unanswered_since is not None and session.connection.heard_at > unanswered_since:
                unanswered_since = None
            if unanswered_since is not None and real - unanswered_since > self.world.settings.pong_within_secs:
                log.info("session gave no sign of life, cut")
                session.cut()
                return
            if real >= next_at and not self._stalled:
                next_at = real + every_secs
                unanswered_since = unanswered_since or real
                now = self.world.now().astimezone(KST).strftime("%Y%m%d%H%M%S")
                await session.reply({"header": {"tr_id": "PINGPONG", "datetime": now}})

    async def _answer(self, session: Session, message: str | bytes) -> None:
        try:
            parsed = json.loads(message)
        except (ValueError, RecursionError):
            await session.reply(_control("(null)", "", "9", "OPSP9999", "JSON PARSING ERROR : invalid json"))
            return
        if isinstance(parsed, dict) and _tr_id_of(parsed) == "PINGPONG":
            return
        try:
            request = _Request.model_validate(parsed)
        except ValidationError as error:
            missing_header = any(part["loc"][:1] in ((), ("header",)) for part in error.errors())
            code, text = ("OPSP9998", "header") if missing_header else ("OPSP9992", "body")
            await session.reply(_control("(null)", "", "9", code, f"invalid {text}"))
            return
        await self._register(session, request)

    async def _register(self, session: Session, request: _Request) -> None:
        tr_id, tr_key = request.body.input.tr_id, request.body.input.tr_key
        owner = self.world.credentials.approved(request.header.approval_key, self.world.now())
        if owner is None or session.appkey_id not in ("", owner):
            await session.reply(_control(tr_id, tr_key, "9", "OPSP0011", "invalid approval : NOT FOUND"))
            return
        if any(other is not session and other.appkey_id == owner for other in self.sessions):
            await session.reply(_control("(null)", "", "9", "OPSP8996", "ALREADY IN USE appkey"))
            return
        session.appkey_id = owner
        registration = Registration(tr_id, tr_key)
        refusal = self._refusal(session, request.header.tr_type, registration)
        if refusal is not None:
            await session.reply(_control(tr_id, tr_key, "1", *refusal))
        elif request.header.tr_type == "2":
            del session.registrations[registration]
            await session.reply(_control(tr_id, tr_key, "0", "OPSP0001", "UNSUBSCRIBE SUCCESS"))
        else:
            cipher = session.register(registration)
            secrets = {"iv": cipher.iv, "key": cipher.key}
            encrypted = "Y" if tr_id == self._notices_tr else "N"
            await session.reply(_control(tr_id, tr_key, "0", "OPSP0000", "SUBSCRIBE SUCCESS", secrets, encrypted))

    def _refusal(self, session: Session, tr_type: str, registration: Registration) -> tuple[str, str] | None:
        if tr_type not in ("1", "2"):
            return "OPSP8997", "invalid tr_type"
        if registration.tr_id not in (TRADES, self._notices_tr):
            return "OPSP8991", "invalid tr_id : NOT FOUND"
        if not registration.tr_key or (registration.tr_id == TRADES and not is_stock_code(registration.tr_key)):
            return "OPSP8992", "invalid tr_key : NOT FOUND"
        known = registration in session.registrations
        if tr_type == "2":
            return None if known else ("OPSP0003", "UNSUBSCRIBE ERROR(not found!)")
        if known:
            return "OPSP0002", "ALREADY IN SUBSCRIBE"
        if len(session.registrations) >= self.world.settings.ws_registrations:
            return "OPSP0008", "MAX SUBSCRIBE OVER"
        return None


def _tr_id_of(message: dict[str, Any]) -> object:
    header = message.get("header")
    return header.get("tr_id") if isinstance(header, dict) else None


def _control(
    tr_id: str,
    tr_key: str,
    rt_cd: str,
    msg_cd: str,
    msg1: str,
    output: dict[str, str] | None = None,
    encrypted: str = "N",
) -> dict[str, Any]:
    body: dict[str, Any] = {"rt_cd": rt_cd, "msg_cd": msg_cd, "msg1": msg1}
    if output is not None:
        body["output"] = output
    return {"header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": encrypted}, "body": body}
