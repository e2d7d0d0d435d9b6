"""Put command-handler together: it belongs to the platform, and waits for the gateway to say whose account it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import FastAPI

from command_handler.commands.every import every_command
from command_handler.config import CommandSettings
from command_handler.confirmations import Confirmations
from command_handler.console import ConsoleDesk, console_routes
from command_handler.console_room import ConsoleRoom
from command_handler.desk import NAME, CommandDesk
from command_handler.gateway_watch import GatewayWatch
from command_handler.herald import Herald
from command_handler.languages import Languages
from command_handler.manual_list import ManualList
from command_handler.manual_orders import ManualOrders
from command_handler.mute import Mute
from command_handler.outbox import Outbox
from command_handler.outcomes import Outcomes
from command_handler.price_watch import PriceWatch
from command_handler.switchboard import Switchboard
from command_handler.telegram import TelegramCommands, TelegramPost
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.ports import Gateway
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clients.telegram import TelegramSender
from prime_jennie.infra.database.repositories.commands import CommandLog
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.desk import answers
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.job_app import demand_token, open_job_desk
from prime_jennie.infra.jobs import JobDesk
from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie.infra.runtime import behind_edge, service_app, supervise, survive

NO_ACCOUNT: Final[tuple[type[Exception], ...]] = (BadInput, *OUTAGES)  # BadInput: the gateway refuses our token

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Room:
    """Everything of one process."""

    desk: CommandDesk
    console: ConsoleDesk
    switchboard: Switchboard
    confirmations: Confirmations
    outbox: Outbox
    outcomes: Outcomes
    herald: Herald
    watch: PriceWatch
    manual: ManualList
    telegram: TelegramCommands | None

    def loops(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """Return what runs beside the requests; commands are taken once what a restart interrupted is told."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "notices": self.outbox.run,
            "fills": self.herald.tell_fills,
            "alerts": self.herald.tell_alerts,
            "outcomes": self.outcomes.follow,
            "price-alerts": self.watch.watch,
            "manual-list": self.manual.keep,
        }
        return loops if self.telegram is None else {**loops, "telegram": self.telegram.poll}

    def extras(self) -> Mapping[str, object]:
        """Return what /health adds; chats appear as a number only."""
        return {
            "transport": "console" if self.telegram is None else "telegram",
            "allowed_chats": len(self.desk.settings.telegram_chat_ids),
            "last_update_id": None if self.telegram is None else self.telegram.last_update_id,
            "strangers": 0 if self.telegram is None else self.telegram.strangers.count,
            "backlog": self.outbox.backlog,
            "price_alerts": self.watch.waiting,
        }

    def dependencies(self) -> dict[str, DependencyHealth]:
        """Return what is interrupted besides the stores."""
        found = self.herald.stream_health()
        if self.outbox.outage is not None:
            found["notices"] = DependencyHealth(status=DependencyStatus.DEGRADED, message=self.outbox.outage)
        return found if self.telegram is None else {**found, **self.telegram.health()}


def furnish(desk: CommandDesk) -> Room:
    """Bind everything of one process."""
    settings = desk.settings
    command_log = CommandLog(desk.db, desk.account_no, NAME)
    languages = Languages(desk.db, settings.command_language)
    post = None
    if settings.telegram_bot_token is not None:
        sender = TelegramSender(
            settings.telegram_bot_token, settings.telegram_url, timeout_secs=settings.telegram_timeout_secs
        )
        post = TelegramPost(desk, sender, languages)
    console_room = ConsoleRoom()
    outbox = Outbox(post, console_room, SqlInbox(desk.db, desk.clock))
    orders = ManualOrders(desk, command_log)
    outcomes = Outcomes(desk, command_log, outbox, orders.news)
    watch = PriceWatch(desk, outbox)
    mute = Mute(desk.redis)
    manual = ManualList(desk.redis, desk.db)
    helping = every_command(
        desk, outbox=outbox, orders=orders, manual=manual, watch=watch, mute=mute, languages=languages
    )
    confirmations = Confirmations(desk.clock, settings.confirm_within_secs)
    switchboard = Switchboard(desk, helping, command_log, confirmations, outbox)
    return Room(
        desk=desk,
        console=ConsoleDesk(switchboard, console_room, languages, outcomes),
        switchboard=switchboard,
        confirmations=confirmations,
        outbox=outbox,
        outcomes=outcomes,
        herald=Herald(desk, outbox, mute),
        watch=watch,
        manual=manual,
        telegram=None if post is None else TelegramCommands(desk, switchboard, post, helping.catalogue),
    )


def create_app(settings: CommandSettings) -> FastAPI:
    """Return the service's application; its lifespan opens the room behind the HTTP edge."""
    at_work: list[tuple[JobDesk, Room]] = []
    opened: list[JobDesk] = []
    schema = ExpectedSchema()

    async def open_and_work(app: FastAPI, stack: AsyncExitStack) -> None:
        demand_token(settings)
        job_desk = await stack.enter_async_context(open_job_desk(settings, NAME, schema=schema, doing=extras))
        app.state.clock = job_desk.clock
        opened[:] = [job_desk]
        token = settings.service_token or settings.read_token
        # A person waits for the answer: one question is given up long before a trading service would.
        gateway = await stack.enter_async_context(
            GatewayClient(settings.kis_gateway_url, token, caller=NAME, answer_secs=settings.gateway_answer_secs)
        )
        alerts = Alerts(job_desk.redis, job_desk.clock, NAME)
        watch = GatewayWatch(gateway, alerts, job_desk.clock, job_desk.sessions).watch
        watching = {"gateway-watch": survive("gateway-watch", watch, job_desk.outages)}
        await stack.enter_async_context(supervise(watching))  # before the wait for the gateway, which may be long
        desk = await command_desk(settings, job_desk, gateway)
        room = furnish(desk)
        stack.push_async_callback(room.confirmations.close)
        await survive("interrupted", room.switchboard.tell_interrupted, desk.outages)
        await stack.enter_async_context(
            supervise({loop: survive(loop, run, desk.outages) for loop, run in room.loops().items()})
        )
        at_work.append((job_desk, room))
        await asyncio.Event().wait()

    async def dependencies() -> dict[str, DependencyHealth]:
        gateway = {"kis_gateway": await answers(opened[0].gateway.info)} if opened else {}
        if not at_work:
            why = schema.missing or "starting"
            return {"room": DependencyHealth(status=DependencyStatus.DEGRADED, message=why), **gateway}
        job_desk, room = at_work[0]
        return {**await job_desk.dependencies(), **gateway, **room.dependencies()}

    def console() -> ConsoleDesk:
        if not at_work:
            raise Unavailable("command-handler is starting")
        return at_work[0][1].console

    def extras() -> Mapping[str, object]:
        return at_work[0][1].extras() if at_work else {}

    app = service_app(
        NAME,
        lifespan=behind_edge("room", open_and_work, at_work.clear),
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(at_work),
        waits_for=lambda: schema.missing,
    )
    app.include_router(console_routes(console, settings.operator_token))
    return app


async def command_desk(settings: CommandSettings, job_desk: JobDesk, gateway: Gateway) -> CommandDesk:
    """Wait until the gateway says whose account it is, for halts and rows are keyed by it.

    One that refuses our token is waited for, too: it may be what has to be mended.
    """
    backoff = Backoff()
    while True:
        try:
            account = await gateway.info()
            break
        except NO_ACCOUNT as error:
            log.info("waiting for the gateway", error=f"{type(error).__name__}: {error}")
            await backoff.pause()
    return CommandDesk(
        settings=settings,
        clock=job_desk.clock,
        redis=job_desk.redis,
        db=job_desk.db,
        gateway=gateway,
        sessions=job_desk.sessions,
        outages=job_desk.outages,
        namespace=job_desk.namespace,
        account=account,
        halts=HaltDesk(job_desk.redis, job_desk.db, account.account_no),
    )
