"""Put daily-briefing together."""

import asyncio
import html
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import Field

from daily_briefing.briefing import BriefingRun, told
from daily_briefing.config import BriefingSettings
from daily_briefing.delivery import BriefingDelivery
from daily_briefing.facts import FactFinder
from daily_briefing.remark import BriefingWriter, ModelWriter, OfflineWriter
from prime_jennie.domain.briefing import Briefing, ChatDelivery, DeliveryState
from prime_jennie.domain.errors import NotFound, Unavailable
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.slots import Task
from prime_jennie.infra.clients.llm import open_model
from prime_jennie.infra.clients.telegram import TelegramSender
from prime_jennie.infra.database.repositories.briefings import BriefingRepository
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job, JobDesk, JobWork

NAME = "daily-briefing"


class ToldChat(Record):
    """A chat without its whole number: enough to recognise one's own."""

    chat: str
    state: DeliveryState
    reason: str


class BriefingView(Record):
    """A day's briefing, and who has it."""

    date: date
    html: str = Field(description="as sent to Telegram")
    text: str = Field(description="the same without markup, for a console")
    writer: str
    gaps: tuple[str, ...]
    sources: dict[str, str]
    created_at: Timestamp
    sent_at: Timestamp | None
    deliveries: tuple[ToldChat, ...]


class BriefingDesk:
    """What the service's routes read: the stored briefings, and how the newest stands."""

    def __init__(self, briefings: BriefingRepository, delivery: BriefingDelivery) -> None:
        self._briefings = briefings
        self._delivery = delivery
        self._changed = asyncio.Event()
        self.standing: Mapping[str, object] = {"briefing_date": None, "delivery": None}

    def changed(self) -> None:
        """Have the standing read again."""
        self._changed.set()

    async def follow(self) -> None:
        """Keep the newest briefing's standing for /status, for ever."""
        while True:
            self._changed.clear()
            await self._delivery.recover()
            newest = await self._briefings.newest()
            if newest is not None:
                deliveries = await self._briefings.deliveries(newest.briefing_date)
                self.standing = {
                    "briefing_date": newest.briefing_date.isoformat(),
                    "delivery": told(list(deliveries.values())),
                }
            await self._changed.wait()

    async def view(self, day: date | None) -> BriefingView:
        """Return a day's briefing, or the newest; NotFound where there is none."""
        found = await (self._briefings.newest() if day is None else self._briefings.find(day))
        if found is None:
            raise NotFound("no briefing yet" if day is None else f"no briefing of {day}")
        return _view(found, list((await self._briefings.deliveries(found.briefing_date)).values()))


def create_app(settings: BriefingSettings) -> FastAPI:
    """Return the service's application."""
    opened: list[BriefingDesk] = []

    def work_of(desk: JobDesk) -> JobWork:
        briefings = BriefingRepository(desk.db)
        delivery = BriefingDelivery(briefings, _sender(settings), settings.telegram_chat_ids, desk.clock)
        own = BriefingDesk(briefings, delivery)
        opened[:] = [own]
        run = BriefingRun(
            FactFinder(desk),
            _writer(settings, desk),
            briefings,
            delivery,
            desk.redis,
            desk.clock,
            desk.sessions,
            language=settings.briefing_language,
        )

        async def brief(job: Job) -> str:
            try:
                return await run.run(job)
            finally:
                own.changed()

        return JobWork(
            tasks={Task.DAILY_BRIEFING: brief},
            loops={"standing": own.follow},
            extras=lambda: own.standing,
            status=lambda: own.standing,
        )

    app = job_app(settings, NAME, work_of, starting_extras={"briefing_date": None, "delivery": None})

    @app.get("/briefing")
    async def briefing(
        day: Annotated[date | None, Query(alias="date", description="YYYY-MM-DD; absent: the newest")] = None,
    ) -> BriefingView:
        """Return a stored briefing: for the console, and where there is no Telegram."""
        if not opened:
            raise Unavailable(f"{NAME} is starting")
        return await opened[0].view(day)

    return app


def _writer(settings: BriefingSettings, desk: JobDesk) -> BriefingWriter:
    model = open_model(settings, desk.redis, desk.clock)
    fixed = OfflineWriter()
    return fixed if model is None else ModelWriter(model, fixed, within_secs=settings.remark_within_secs)


def _sender(settings: BriefingSettings) -> TelegramSender | None:
    if settings.telegram_bot_token is None:
        return None
    return TelegramSender(
        settings.telegram_bot_token, settings.telegram_url, timeout_secs=settings.telegram_timeout_secs
    )


def _view(briefing: Briefing, deliveries: list[ChatDelivery]) -> BriefingView:
    return BriefingView(
        date=briefing.briefing_date,
        html=briefing.body,
        text=html.unescape(re.sub(r"</?\w+>", "", briefing.body)),
        writer=briefing.writer,
        gaps=briefing.gaps,
        sources=briefing.sources,
        created_at=briefing.created_at,
        sent_at=briefing.sent_at,
        deliveries=tuple(
            ToldChat(chat=f"…{str(one.chat_id)[-3:]}", state=one.state, reason=one.reason) for one in deliveries
        ),
    )
