"""One road for every command, whichever chat it comes from: pace, once, audit, handler, outcome."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from command_handler import metrics
from command_handler.commands.catalogue import CommandSpec
from command_handler.commands.helping import Helping
from command_handler.confirmations import Confirmations
from command_handler.desk import Ask, CommandDesk, outage_phrase
from command_handler.flood import FloodGate, Pace
from command_handler.outbox import Notice, Outbox
from command_handler.parsing import Command, Confirmation, Unreadable, parse
from command_handler.phrases import Phrase, same
from command_handler.replies import Outcome, Question, Refused, Reply, WrongArgument
from prime_jennie.domain.errors import JennieError
from prime_jennie.infra.database.repositories.commands import CommandLog, TakenCommand
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.outages import OUTAGES

CONFIRM: Final = "confirm"
UNKNOWN: Final = "unknown"
LONGEST_AUDITED: Final = 300
REMEMBERED: Final = 1_000
INTERRUPTED_WITHIN: Final = timedelta(days=1)
_BOT_TOKEN: Final = re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a person; `age_secs` is real, `is_paced` False where a machine may speak fast."""

    message_id: str
    chat: str
    who: str
    text: str
    age_secs: float = 0.0
    is_paced: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """A message that was taken: it is acted upon once."""

    said: Said
    ask: Ask
    taken: TakenCommand
    spec: CommandSpec | None
    """None for a confirmation and for what is no command."""
    parsed: Command | Confirmation | Unreadable
    is_audited: bool
    ignored_before: int

    @property
    def changes(self) -> bool:
        return isinstance(self.parsed, Confirmation) or (self.spec is not None and self.spec.changes)

    @property
    def stales(self) -> bool:
        return isinstance(self.parsed, Confirmation) or (self.spec is not None and self.spec.stales)


class Switchboard:
    """Takes messages, answers them; a message that was taken is never acted upon again, not even after a crash."""

    def __init__(
        self, desk: CommandDesk, helping: Helping, command_log: CommandLog, confirmations: Confirmations, outbox: Outbox
    ) -> None:
        self._desk = desk
        self._helping = helping
        self._log = command_log
        self._confirmations = confirmations
        self._outbox = outbox
        self._gate = FloodGate(desk.settings.command_every_secs)
        self._lanes: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._seen: dict[str, None] = {}

    async def answer(self, said: Said) -> Reply | None:
        """Take a message and act upon it; None for what is not answered: repeated, or too fast once more."""
        job = await self.take(said)
        return await self.act(job) if isinstance(job, Job) else job

    async def take(self, said: Said) -> Job | Reply | None:
        """Write down that a message will be acted upon, before anything else is asked of it.

        Without a database nothing is remembered: what only looks, and what only halts, is then answered all the same.
        """
        parsed = parse(said.text)
        spec = self._helping.catalogue.find(parsed.name) if isinstance(parsed, Command) else None
        at = self._desk.clock.now()
        if said.message_id in self._seen:
            return None
        is_paced = said.is_paced and not isinstance(parsed, Confirmation) and (spec is None or not spec.urgent)
        if is_paced:
            pace = self._gate.look(said.chat, at)
            if pace is not Pace.FINE:
                metrics.IGNORED.inc()
                return _too_fast(self._desk.settings.command_every_secs) if pace is Pace.TOO_FAST else None
        taken = TakenCommand(said.message_id, said.chat, said.who[:100], name_of(parsed, spec), masked(said.text), at)
        try:
            is_new, is_audited = await self._log.begin(taken), True
        except OUTAGES as error:
            log.error("command not audited", command=taken.name, who=taken.who, error=type(error).__name__)
            is_new, is_audited = True, False
        self._remember(said.message_id)
        if not is_new:
            return None
        words, strategy = (parsed.words, parsed.strategy) if isinstance(parsed, Command) else ((), None)
        ask = Ask(said.message_id, said.chat, said.who, at, words, strategy)
        ignored = self._gate.ignored(said.chat) if is_paced else 0
        return Job(said, ask, taken, spec, parsed, is_audited, ignored)

    async def act(self, job: Job) -> Reply:
        """Carry a taken message out and note its outcome."""
        is_urgent = job.spec is not None and job.spec.urgent
        async with self._lanes[(job.said.chat, is_urgent)]:
            reply = await self._guarded(job)
        metrics.COMMANDS.labels(job.taken.name, reply.outcome.value).inc()
        log.info("command", command=job.taken.name, chat=job.said.chat, who=job.said.who, outcome=reply.outcome.value)
        if job.is_audited:
            await self._close(job, reply)
        return reply

    async def tell_interrupted(self) -> None:
        """Close what an earlier process took and did not end, and tell its chats; nothing is done again."""
        now = self._desk.clock.now()
        for taken in await self._log.without_outcome(now - INTERRUPTED_WITHIN):
            if await self._log.end(taken, Outcome.INTERRUPTED.value, at=now):
                log.warning("command interrupted by a restart", command=taken.name, chat=taken.chat)
                reply = interrupted(taken)
                await self._outbox.put(Notice(f"interrupted:{taken.message_id}", reply, (taken.chat,)))

    async def _guarded(self, job: Job) -> Reply:
        """Turn everything that can go wrong into an answer."""
        try:
            return await self._run(job)
        except WrongArgument as wrong:
            usage = job.spec.usage if job.spec is not None else same("")
            lines = (wrong.why, Phrase("사용법: ", "Usage: ") + usage)
            return Reply(Phrase("명령을 확인하십시오", "Look at the command again"), lines, Outcome.WRONG)
        except Refused as refused:
            return refused.reply
        except OUTAGES as error:
            log.warning("command met an outage", command=job.taken.name, error=f"{type(error).__name__}: {error}")
            return _not_answered(outage_phrase(error), changes=job.changes)
        except JennieError as error:
            return Reply(Phrase("할 수 없습니다", "It cannot be done"), (same(mask_text(str(error))),), Outcome.FAILED)
        except Exception:  # one command's bug must not silence the others
            log.exception("command failed", command=job.taken.name)
            return _not_answered(Phrase("내부 오류", "an internal error"), changes=job.changes)

    async def _run(self, job: Job) -> Reply:
        stale_secs = self._desk.settings.telegram_stale_secs
        if job.stales and job.said.age_secs > stale_secs:
            return _too_old(job.said.age_secs)
        if job.changes and not job.is_audited and not (job.spec is not None and job.spec.urgent):
            return _not_answered(
                Phrase("데이터베이스가 응답하지 않습니다", "the database does not answer"), changes=False
            )
        match job.parsed:
            case Confirmation(code):
                act = self._confirmations.take(job.said.chat, job.said.who, code)
                return await act(job.said.message_id)
            case Unreadable(why):
                return self._helping.listing(why, Outcome.UNKNOWN_COMMAND)
            case Command(name):
                if job.spec is None:
                    title = Phrase(f"/{name}: 모르는 명령입니다", f"/{name} is no command")
                    return self._helping.listing(title, Outcome.UNKNOWN_COMMAND)
                answer = await job.spec.run(job.ask)
                return self._ask_to_confirm(job, answer) if isinstance(answer, Question) else answer

    def _ask_to_confirm(self, job: Job, question: Question) -> Reply:
        code = self._confirmations.ask(job.said.chat, job.said.who, question.act)
        secs = self._confirmations.within_secs
        how = Phrase(f"실행하려면 {secs}초 안에: 확인 {code}", f"To do it, within {secs} s: confirm {code}")
        return Reply(question.title, (*question.lines, how), Outcome.ASKED)

    async def _close(self, job: Job, reply: Reply) -> None:
        details = {"ignored_before": job.ignored_before} if job.ignored_before else {}
        try:
            await self._log.end(
                job.taken, reply.outcome.value, at=self._desk.clock.now(), told=reply.title.en, **details
            )
        except OUTAGES as error:  # the next start closes it as interrupted, and does nothing else
            log.error("outcome not audited", command=job.taken.name, error=type(error).__name__)

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def name_of(parsed: Command | Confirmation | Unreadable, spec: CommandSpec | None) -> str:
    """Name a message for audit and metrics: only known names, for anybody can invent one."""
    if isinstance(parsed, Confirmation):
        return CONFIRM
    return UNKNOWN if spec is None else spec.name


def masked(text: str) -> str:
    """Return a message as the audit keeps it: cut, and without secrets that somebody pasted."""
    return _BOT_TOKEN.sub("***", mask_text(text[:LONGEST_AUDITED]))


def interrupted(taken: TakenCommand) -> Reply:
    """Tell that a restart came between a command and its outcome."""
    title = Phrase("다시 시작하느라 명령이 끊겼습니다", "A restart interrupted your command")
    doubt = Phrase(
        "실행되었을 수도, 아닐 수도 있습니다. /status 와 /portfolio 를 보고 필요하면 다시 보내십시오",
        "It may have been carried out or not: look at /status and /portfolio, and send it again if it is needed",
    )
    return Reply(title, (same(taken.text), doubt), Outcome.INTERRUPTED)


def _too_fast(every_secs: float) -> Reply:
    return Reply(
        Phrase("너무 빠릅니다", "Too fast"),
        (Phrase(f"명령은 {every_secs:g}초에 하나씩", f"One command every {every_secs:g} s"),),
        Outcome.TOO_FAST,
    )


def _too_old(age_secs: float) -> Reply:
    return Reply(
        Phrase("너무 오래된 명령이라 실행하지 않았습니다", "Too old: it was not carried out"),
        (
            Phrase(
                f"{age_secs:.0f}초 전에 보내셨습니다. 필요하면 다시 보내십시오",
                f"It was sent {age_secs:.0f} s ago; send it again if it is needed",
            ),
        ),
        Outcome.TOO_OLD,
    )


def _not_answered(why: Phrase, *, changes: bool) -> Reply:
    lines = [why]
    if changes:
        lines.append(
            Phrase(
                "실행되었는지 확실하지 않습니다. /status 로 확인하십시오",
                "Whether it was carried out is not certain: look at /status",
            )
        )
    return Reply(Phrase("지금은 할 수 없습니다", "It cannot be done now"), tuple(lines), Outcome.FAILED)
