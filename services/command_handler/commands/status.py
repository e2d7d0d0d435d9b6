"""/status and /diagnose: does it trade, why not, and what is wrong."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from command_handler.arguments import no_words
from command_handler.commands.halting import standing
from command_handler.desk import Ask, CommandDesk, outage_phrase
from command_handler.outbox import Outbox
from command_handler.phrases import Phrase, joined, same, signed_krw, worded
from command_handler.replies import Reply, told
from command_handler.strategies import Strategies
from command_handler.words import REGIMES
from prime_jennie.domain.buying import BuyingFacts, Reason, ReasonCode
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.lifecycle import BlockCode
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotState
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.buying_facts import BuyingFactsReader
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.database.repositories.workers import Worker, WorkerRepository
from prime_jennie.infra.heartbeat import EXITING
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.upcoming_slots import UpcomingSlots
from prime_jennie.strategy.buying import why_not

SLOTS_SHOWN: Final = 5
SLOT_STATES: Final = {
    SlotState.RUNNING: Phrase("실행 중", "running"),
    SlotState.RAN: Phrase("완료", "ran"),
    SlotState.SKIPPED: Phrase("건너뜀", "skipped"),
    SlotState.MISSED: Phrase("놓침", "missed"),
    SlotState.BACKFILLED: Phrase("뒤늦게 완료", "backfilled"),
    SlotState.FAILED: Phrase("실패", "failed"),
}


class Overview:
    """Answers from what is stored and from who answers, never from memory."""

    def __init__(self, desk: CommandDesk, strategies: Strategies, facts: BuyingFactsReader, outbox: Outbox) -> None:
        self._desk = desk
        self._strategies = strategies
        self._facts = facts
        self._outbox = outbox
        self._slots = SlotRepository(desk.db)
        self._workers = WorkerRepository(desk.db)
        self._upcoming = UpcomingSlots(desk.db)

    async def status(self, ask: Ask) -> Reply:
        """Say of each strategy whether it buys, and why not."""
        no_words(ask.words)
        meant = await self._strategies.meant(ask)
        lines: list[Phrase] = []
        for live in meant.values():
            lines += await self._strategy_lines(live, ask.at)
        if not meant:
            lines.append(Phrase("아직 전략이 없습니다", "There is no strategy yet"))
        lines += [*await self._slot_lines(ask.at), *await self._next_lines(ask.at)]
        title = f"{ask.at.astimezone(KST):%m-%d %H:%M} KST · {self._desk.account.environment.value}"
        return told(same(title), *lines)

    async def diagnose(self, ask: Ask) -> Reply:
        """Walk through everything that must work, and name what does not."""
        no_words(ask.words)
        lines = [
            await self._answering(Phrase("Redis", "Redis"), self._desk.redis.ping),
            await self._answering(Phrase("데이터베이스", "database"), self._desk.db.ping),
            await self._answering(Phrase("게이트웨이", "gateway"), self._desk.gateway.info),
            self._telegram_line(),
            *[
                same("! ") + same(f"{name}: {health.message}")
                for name, health in self._desk.outages.as_dependencies().items()
            ],
        ]
        for question in (
            self._day_lines,
            self._tick_line,
            self._worker_lines,
            self._order_lines,
            self._strategy_flow_lines,
        ):
            lines += await self._or_outage(question, ask)
        lines += await self._slot_lines(ask.at, only_bad=True)
        bad = sum(line.ko.startswith("!") for line in lines)
        title = (
            Phrase("이상 없음", "Nothing is wrong") if bad == 0 else Phrase(f"이상 {bad}건", f"{bad} things are wrong")
        )
        return told(title, *lines)

    async def _strategy_lines(self, live: LiveConfig, at: datetime) -> list[Phrase]:
        facts = await self._facts.read(live.name, live, at)
        reasons = [reason_line(reason) for reason in why_not(facts)]
        if reasons:
            head = Phrase(
                f"{live.name} ({live.spec.mode.value}): 사지 않습니다",
                f"{live.name} ({live.spec.mode.value}): does not buy",
            )
        else:
            head = Phrase(
                f"{live.name} ({live.spec.mode.value}): 매수 가능", f"{live.name} ({live.spec.mode.value}): buys"
            )
        return [head, *reasons, *await self._figures(live, facts)]

    async def _figures(self, live: LiveConfig, facts: BuyingFacts) -> list[Phrase]:
        parts: list[Phrase] = []
        if facts.context is not None:
            parts.append(Phrase("국면 ", "regime ") + REGIMES[facts.context.market_regime])
        if facts.positions is not None:
            parts.append(Phrase(f"보유 {facts.positions}", f"{facts.positions} positions"))
        try:
            today = await self._facts.today(live.name, facts.at)
        except OUTAGES:
            today = None
        if today is not None:
            parts.append(Phrase(f"매수 {today.buys} 매도 {today.sells}", f"{today.buys} buys, {today.sells} sells"))
            parts.append(Phrase("실현 ", "realised ") + signed_krw(today.realised_krw))
            if today.open_orders or today.unresolved_orders:
                parts.append(
                    Phrase(
                        f"미체결 {today.open_orders} · 미확인 {today.unresolved_orders}",
                        f"{today.open_orders} open, {today.unresolved_orders} unresolved",
                    )
                )
        return [same("  ") + joined(parts, " · ")] if parts else []

    async def _slot_lines(self, at: datetime, *, only_bad: bool = False) -> list[Phrase]:
        """Tell the day's last slots, or those that went wrong."""
        try:
            slots = await self._slots.page(self._desk.namespace, day=at.astimezone(KST).date())
        except OUTAGES:
            return []
        bad = (SlotState.FAILED, SlotState.MISSED)
        chosen = [slot for slot in slots if slot.state in bad] if only_bad else slots[:SLOTS_SHOWN]
        lines = []
        for slot in chosen:
            state = SLOT_STATES[slot.state]
            mark = "! " if slot.state in bad else ""
            tail = f" {slot.progress_pct}% {slot.phase}" if slot.state is SlotState.RUNNING else f" {slot.reason}"[:100]
            lines.append(Phrase(f"{mark}{slot.name} {state.ko}{tail}", f"{mark}{slot.name} {state.en}{tail}"))
        return lines

    async def _next_lines(self, at: datetime) -> list[Phrase]:
        """Tell what comes next, of each task its soonest slot."""
        try:
            ahead = await self._upcoming.after(at)
        except OUTAGES:
            return []
        if not ahead:
            return []
        text = ", ".join(f"{name} ({moment.astimezone(KST):%H:%M})" for name, moment in ahead[:SLOTS_SHOWN])
        return [Phrase(f"다음: {text}", f"next: {text}")]

    async def _answering(self, name: Phrase, question: Callable[[], Awaitable[object]]) -> Phrase:
        took_ms, failure = await timed(question)
        if failure is None:
            return Phrase(f"{name.ko} 정상 ({took_ms:.0f}ms)", f"{name.en} answers ({took_ms:.0f} ms)")
        detail = outage_phrase(failure)
        return Phrase(f"! {name.ko}: {detail.ko}", f"! {name.en}: {detail.en}")

    def _telegram_line(self) -> Phrase:
        waiting = self._outbox.backlog
        if self._desk.settings.telegram_bot_token is None:
            return Phrase("텔레그램 없음 (콘솔만)", "no Telegram, console only")
        if self._outbox.outage is not None:
            return Phrase(f"! 텔레그램 불통, 대기 {waiting}건", f"! Telegram does not answer, {waiting} notices wait")
        return Phrase(f"텔레그램 연결, 대기 {waiting}건", f"Telegram is connected, {waiting} notices wait")

    async def _or_outage(self, question: Callable[[Ask], Awaitable[list[Phrase]]], ask: Ask) -> list[Phrase]:
        try:
            return await question(ask)
        except OUTAGES:
            return []  # named above already

    async def _day_lines(self, _ask: Ask) -> list[Phrase]:
        day = await self._desk.gateway.market_state()
        lines = [Phrase(f"장 상태 {day.state.value}: {day.reason}", f"the day is {day.state.value}: {day.reason}")]
        for block in day.buy_blocks:
            if block.code is not BlockCode.MARKET_STATE:
                lines.append(same("! ") + worded(Reason(ReasonCode.BLOCK, block=block)))
        return lines

    async def _tick_line(self, ask: Ask) -> list[Phrase]:
        heard_at = await self._facts.last_tick_at()
        if heard_at is None:
            return [Phrase("체결가: 아직 없음", "ticks: none yet")]
        age = max(0.0, (ask.at - heard_at).total_seconds())
        return [Phrase(f"체결가: {age:.0f}초 전", f"ticks: {age:.0f} s ago")]

    async def _worker_lines(self, _ask: Ask) -> list[Phrase]:
        """Judge each service by its newest process: an earlier run's rows stay for a week."""
        newest: dict[tuple[str, str], Worker] = {}
        for worker in sorted(await self._workers.all(), key=lambda one: one.last_heartbeat_at):
            newest[worker.service, worker.strategy] = worker
        silent = [worker for worker in newest.values() if worker.is_stale or worker.status == EXITING]
        lines = []
        for worker in silent:
            name, since = f"{worker.service} {worker.strategy}".strip(), worker.last_heartbeat_at.astimezone(KST)
            lines.append(Phrase(f"! {name}: {since:%H:%M}부터 소식 없음", f"! {name}: silent since {since:%H:%M}"))
        live = len(newest) - len(silent)
        return [*lines, Phrase(f"서비스 {live}개 정상", f"{live} services live")]

    async def _order_lines(self, ask: Ask) -> list[Phrase]:
        lines = []
        for live in (await self._strategies.meant(ask)).values():
            today = await self._facts.today(live.name, ask.at)
            if today is not None and today.unresolved_orders:
                count = today.unresolved_orders
                lines.append(
                    Phrase(
                        f"! {live.name}: 결과를 모르는 주문 {count}건",
                        f"! {live.name}: {count} orders of unknown outcome",
                    )
                )
        return lines

    async def _strategy_flow_lines(self, ask: Ask) -> list[Phrase]:
        """Compare generations, and count what nobody could read."""
        lines: list[Phrase] = []
        for live in (await self._strategies.meant(ask)).values():
            keys = Keyspace(live.name)
            acknowledged = await self._desk.redis.hgetall(keys.of(RedisKeys.CONFIG_ACK))
            behind = sorted(str(name) for name, number in acknowledged.items() if str(number) != str(live.generation))
            if behind:
                names = ", ".join(behind)
                lines.append(
                    Phrase(
                        f"! {live.name}: 설정 {live.generation}세대를 아직 모르는 서비스: {names}",
                        f"! {live.name}: behind generation {live.generation}: {names}",
                    )
                )
            for topic in (BUY_SIGNALS, SELL_ORDERS):
                dead = int(await self._desk.redis.xlen(topic.dead_letters_for(keys)))
                if dead:
                    stream = topic.stream_for(keys)
                    lines.append(
                        Phrase(f"! {stream}: 읽지 못한 메시지 {dead}건", f"! {stream}: {dead} unreadable entries")
                    )
        return lines


def reason_line(reason: Reason) -> Phrase:
    """Say one reason, a halt with where it is lifted."""
    return standing(reason.halt) if reason.halt is not None else same("- ") + worded(reason)


async def timed(question: Callable[[], Awaitable[object]]) -> tuple[float, Exception | None]:
    """Return the real milliseconds that an answer took, and the outage where there was none."""
    asked_at = time.monotonic()
    failure: Exception | None = None
    try:
        await question()
    except OUTAGES as error:
        failure = error
    return (time.monotonic() - asked_at) * 1000, failure
