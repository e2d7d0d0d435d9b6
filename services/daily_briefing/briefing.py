"""Run the briefing's slot: find, write, store once a day, send."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

import structlog
from redis.asyncio import Redis

from daily_briefing.delivery import BriefingDelivery
from daily_briefing.facts import FactFinder
from daily_briefing.remark import BriefingWriter
from daily_briefing.text import briefing_html
from daily_briefing.words import WORDS
from prime_jennie.domain.briefing import Briefing, ChatDelivery, DeliveryState
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.reader import Language
from prime_jennie.domain.sessions import KST, SessionTable, UnknownSession
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.database.repositories.briefings import BriefingRepository
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.outages import OUTAGES

log = structlog.get_logger(__name__)


class BriefingRun:
    """One service's briefings; a day's text is written once, whatever is repeated."""

    def __init__(
        self,
        facts: FactFinder,
        writer: BriefingWriter,
        briefings: BriefingRepository,
        delivery: BriefingDelivery,
        redis: Redis,
        clock: Clock,
        sessions: SessionTable,
        *,
        language: Language,
    ) -> None:
        self._facts = facts
        self._writer = writer
        self._briefings = briefings
        self._delivery = delivery
        self._redis = redis
        self._clock = clock
        self._sessions = sessions
        self._language = language

    async def run(self, job: Job) -> str:
        """Return what was stored and who has it. SlotSkipped where all of it was done before, or the day still trades.

        A past day's briefing is stored and sent to nobody. Unavailable where a chat can still be reached later: the
        next attempt sends the stored text to those alone.
        """
        language = self._language_of(job)
        self._demand_closed(job.day)
        stored = await self._briefings.find(job.day)
        is_new = stored is None
        briefing = stored or await self._written(job, language)
        await job.report("sending", 80)
        if not job.newest:
            if not is_new:
                raise SlotSkipped(f"the briefing of {job.day} is stored since {briefing.created_at:%Y-%m-%d %H:%M} UTC")
            return f"{_described(briefing)}; of a past day, sent to nobody"
        before = await self._briefings.deliveries(job.day)
        deliveries = await self._delivery.deliver(job.day, briefing.body)
        late = [one for one in deliveries if one.state is DeliveryState.NOT_SENT]
        if late:
            raise Unavailable(f"{_described(briefing)}; {len(late)} chat(s) not reached: {late[0].reason}")
        if not is_new and len(before) == len(deliveries) and all(before.get(d.chat_id) == d for d in deliveries):
            raise SlotSkipped(f"the briefing of {job.day} was done before: {told(deliveries)}")
        await self._note_sent(job, deliveries)
        return f"{_described(briefing)}; {told(deliveries)}"

    def _demand_closed(self, day: date) -> None:
        """Leave the day's one text to the evening: a look at noon would be all that is ever told of it."""
        with suppress(UnknownSession):
            session = self._sessions.get(day)
            if session is not None and self._clock.now() < session.closes_at:
                closes = session.closes_at.astimezone(KST)
                raise SlotSkipped(f"the session of {day} closes at {closes:%H:%M}: its briefing is written after that")

    async def _written(self, job: Job, language: Language) -> Briefing:
        await job.report("collecting", 10)
        facts = await self._facts.find(job)
        await job.report("writing", 50)
        remark = await self._writer.write(facts, language)
        words = WORDS[language]
        return await self._briefings.put(
            Briefing(
                briefing_date=job.day,
                body=briefing_html(facts, remark, words),
                sources={
                    **facts.sources,
                    "language": language.value,
                    "remark": f"{remark.unused_model}: {remark.note}" if remark.note else remark.writer,
                },
                gaps=tuple(words.missing[gap] for gap in facts.missing),
                writer=remark.writer,
                created_at=self._clock.now(),
            )
        )

    def _language_of(self, job: Job) -> Language:
        asked = job.parameters.get("language")
        if asked is None:
            return self._language
        try:
            return Language(str(asked))
        except ValueError:
            raise BadInput("trigger", "parameters.language", "is neither ko nor en") from None

    async def _note_sent(self, job: Job, deliveries: Sequence[ChatDelivery]) -> None:
        """Keep the seeds' key: a copy for whoever looks, SQL decides."""
        if not any(one.state is DeliveryState.SENT for one in deliveries):
            return
        key = RedisKeys.BRIEFING_SENT
        try:
            await self._redis.set(Keyspace().of(key, date=job.day), self._clock.now().isoformat(), ex=key.ttl_secs)
        except OUTAGES as error:
            log.warning("briefing:sent not noted", error=f"{type(error).__name__}: {error}")


def told(deliveries: Sequence[ChatDelivery]) -> str:
    """Say in a few words who has the briefing; a chat is counted, never named."""
    if not deliveries:
        return "sent to nobody: no bot or no chat is configured"
    counts = Counter(one.state.value for one in deliveries)
    return ", ".join(f"{state} {counts[state]}" for state in sorted(counts))


def _described(briefing: Briefing) -> str:
    return f"{len(briefing.body)} characters, {len(briefing.gaps)} gaps, closing words by {briefing.writer}"
