"""Build the exchange from its settings and keep it running."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from datetime import UTC, datetime, timedelta

import structlog

from kis_simulator.clock_loop import ClockLoop, Leader, OwnClock, Pace, VirtualDay
from kis_simulator.config import SimulatorSettings
from kis_simulator.control import control_app, tick_density
from kis_simulator.credentials import Credentials
from kis_simulator.exchange.events import DayOpened
from kis_simulator.exchange.exchange import Exchange
from kis_simulator.exchange.journal import Journal
from kis_simulator.faults import Faults
from kis_simulator.limits import CallJudge
from kis_simulator.market.bars import Market
from kis_simulator.market.path import PathShape
from kis_simulator.market.tapes import Tapes
from kis_simulator.rest.app import rest_app
from kis_simulator.servers import listen, serve_http
from kis_simulator.websocket.server import WebSocketServer
from kis_simulator.world import World
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import CLOSING_AUCTION, KST, Session, SessionTable
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import ClockSession
from prime_jennie.infra.redis.connection import connect

log = structlog.get_logger(__name__)

_AFTER_CLOSE = timedelta(minutes=5)


async def run(settings: SimulatorSettings, market: Market, session: Session) -> int:
    """Start the exchange, print the ready line, serve until SIGTERM or SIGINT; returns the exit status."""
    sessions = load_sessions(closures=settings.closures)
    listeners = {
        "--port": listen("--port", settings.host, settings.port),
        "--ws-port": listen("--ws-port", settings.host, settings.ws_port),
        "--control-port": listen("--control-port", settings.host, settings.control_port),
    }
    start_at, ends_at = _start(settings, session), _end(settings, session)
    journal = Journal(settings.journal)
    pace = Pace(settings.rate or _own_rate(settings))
    leader = _leader(settings, session, start_at, pace)
    world = _world(settings, sessions, session, market, journal, leader, start_at)
    sockets = WebSocketServer(world)
    resumed = _resume(world, journal)
    loop = ClockLoop(leader, pace, world.exchange, sockets, world.stats, ends_at)
    # Bars live as long as the process: keep the collector from walking them again and again.
    gc.freeze()

    stop = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(asked, stop.set)
    ws_server = await sockets.listen(listeners["--ws-port"])
    ports = {flag: listener.getsockname()[1] for flag, listener in listeners.items()}
    tasks = [
        asyncio.create_task(serve_http(rest_app(world), listeners["--port"], stop)),
        asyncio.create_task(serve_http(control_app(world, sockets, loop), listeners["--control-port"], stop)),
        asyncio.create_task(loop.run(reunion=resumed and world.credentials.any_approved())),
    ]
    _announce(settings, world, ports, resumed)
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
    crashed = stopping not in done
    for task in done - {stopping}:
        if not stop.is_set():
            log.critical("the exchange broke", exc_info=task.exception())
    stop.set()
    tasks[-1].cancel()
    ws_server.close()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
    await ws_server.wait_closed()
    await leader.close()
    journal.close()
    return 1 if crashed else 0


def _own_rate(settings: SimulatorSettings) -> float | None:
    """Return real time for an exchange alone; a virtual day goes as fast as its followers can."""
    return None if settings.clock_url is not None else 1.0


def _start(settings: SimulatorSettings, session: Session) -> datetime:
    start_at = datetime.combine(session.day, settings.at, KST).astimezone(UTC)
    if start_at >= session.closes_at:
        closes = session.closes_at.astimezone(KST)
        raise BadInput("jennie-sim", "--at", f"{settings.at:%H:%M} is not before the close of {closes:%H:%M}")
    return start_at


def _end(settings: SimulatorSettings, session: Session) -> datetime:
    if settings.until is None:
        return session.closes_at + _AFTER_CLOSE
    ends_at = datetime.combine(session.day, settings.until, KST).astimezone(UTC)
    if ends_at <= session.closes_at:
        closes = session.closes_at.astimezone(KST)
        raise BadInput("jennie-sim", "--until", f"{settings.until:%H:%M} is not after the close of {closes:%H:%M}")
    return ends_at


def _leader(settings: SimulatorSettings, session: Session, start_at: datetime, pace: Pace) -> Leader:
    if settings.clock_url is None:
        return OwnClock(start_at, pace)
    record = ClockSession(
        day=session.day,
        opens_at=session.opens_at,
        closes_at=session.closes_at,
        start_at=start_at,
        rate=settings.rate,
    )
    return VirtualDay(connect(settings.clock_url), record)


def _world(
    settings: SimulatorSettings,
    sessions: SessionTable,
    session: Session,
    market: Market,
    journal: Journal,
    leader: Leader,
    start_at: datetime,
) -> World:
    length = session.closes_at - session.opens_at
    shape = PathShape(
        tick_secs=settings.tick_secs,
        continuous_secs=int((length - CLOSING_AUCTION).total_seconds()),
        session_secs=int(length.total_seconds()),
    )
    tapes = Tapes(market, session.day, settings.seed, shape)
    exchange = Exchange(
        tapes,
        session,
        sessions.settlement_day(session.day),
        journal,
        start_at=start_at,
        cash_krw=settings.cash,
        seed=settings.seed,
        paper=settings.env == "paper",
    )
    return World(
        settings=settings,
        sessions=sessions,
        session=session,
        tapes=tapes,
        exchange=exchange,
        credentials=Credentials(settings.token_per_min, journal.append),
        judge=CallJudge(settings.rest_per_s, settings.ledger_per_s),
        faults=Faults(settings.seed),
        # A restarted exchange knows its time from the journal before Redis told it the clock's.
        now=lambda: max(leader.now(), exchange.at),
    )


def _resume(world: World, journal: Journal) -> bool:
    """Open the journal and rebuild the books from it; tells whether it had any."""
    settings, market = world.settings, world.tapes.market
    opened = DayOpened(day=world.day.isoformat(), seed=settings.seed, source=market.source, env=settings.env)
    journal.open()
    batches = list(journal.read())
    if not batches:
        journal.append([opened])
        return False
    if batches[0] != [opened]:
        raise BadInput(
            str(journal.path),
            "journal",
            f"belongs to {batches[0][0]}; give another --journal or remove it",
        )
    world.exchange.resume(batches)
    for batch in batches:
        for event in batch:
            world.credentials.apply(event)
    return True


def _announce(settings: SimulatorSettings, world: World, ports: dict[str, int], resumed: bool) -> None:
    """Print the ready line: words for people, name=value for machines."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    market = world.tapes.market
    sys.stdout.write(
        f"jennie-sim ready rest=http://{host}:{ports['--port']} ws=ws://{host}:{ports['--ws-port']}"
        f" control=http://{host}:{ports['--control-port']} day={world.day} env={settings.env} layout={settings.layout}"
        f" data_source={market.source} universe={market.bars.listed_on(world.day)} seed={settings.seed}"
        f" journal={settings.journal or 'none'} resumed={'yes' if resumed else 'no'}"
        f' tick_density="{tick_density(settings.tick_secs)}"\n'
    )
    for note in market.notes:
        sys.stdout.write(f"jennie-sim note: {note}\n")
    sys.stdout.flush()
