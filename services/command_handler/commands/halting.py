"""/pause, /resume, /stop: a person's halts, and nobody else's (design §7)."""

from typing import Final

from command_handler.desk import Ask, CommandDesk
from command_handler.phrases import Phrase, joined, same
from command_handler.replies import Outcome, Reply, WrongArgument, done
from command_handler.strategies import Strategies
from command_handler.words import HALT_SOURCES, HALT_STATES
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState, StandingHalt
from prime_jennie.infra.halts import HAND

STOP_WORDS: Final = frozenset({"확인", "긴급", "confirm", "emergency"})
LONGEST_WHY: Final = 200
LONGEST_WHO: Final = 100


class Halting:
    """Halts the whole account, or the strategy that is named."""

    def __init__(self, desk: CommandDesk, strategies: Strategies) -> None:
        self._desk = desk
        self._strategies = strategies

    async def pause(self, ask: Ask) -> Reply:
        """Stop buys; exits go on."""
        return await self._halt(ask, HaltState.PAUSED, ask.rest)

    async def stop(self, ask: Ask) -> Reply:
        """Stop everything automatic, once the word that means it stands there."""
        if not ask.words or ask.words[0].lower() not in STOP_WORDS:
            raise WrongArgument(
                Phrase(
                    "전면 중지는 자동 손절까지 멈춥니다. 정말이면 /stop 확인 (또는 긴급)",
                    "a full stop also stops protective exits; if you mean it: /stop confirm",
                )
            )
        return await self._halt(ask, HaltState.STOPPED, " ".join(ask.words[1:]))

    async def resume(self, ask: Ask) -> Reply:
        """Lift what a person set, and say what remains in force and where it can be lifted."""
        strategy = await self._halted_by_a_person(ask)
        lifted = await self._desk.halts.lift(strategy, HaltSource.PERSON)
        left = await self._left(ask)
        where = scope(strategy)
        if lifted:
            title = Phrase(f"{where.ko}: 사람이 건 중지를 풀었습니다", f"{where.en}: the person's halt is lifted")
        else:
            title = Phrase(f"{where.ko}: 사람이 건 중지가 없습니다", f"{where.en}: no person's halt is in force")
        rest = [Phrase("아직 유효한 중지:", "Still in force:"), *(standing(halt) for halt in left)]
        if not left:
            rest = [Phrase("거래가 정상입니다", "Trading is active")]
        return Reply(title, tuple(rest), Outcome.DONE if lifted else Outcome.REFUSED)

    async def _halt(self, ask: Ask, state: HaltState, why: str) -> Reply:
        await self._demand_known(ask)
        strategy = ask.strategy or WHOLE_ACCOUNT
        halt = Halt(
            state=state,
            source=HaltSource.PERSON,
            who=f"{ask.chat} {ask.who}"[:LONGEST_WHO],
            why=why[:LONGEST_WHY] or "-",
            at=ask.at,
        )
        in_force = await self._desk.halts.set(strategy, halt)
        where, now = scope(strategy), HALT_STATES[in_force.state]
        back = "/resume" if strategy == WHOLE_ACCOUNT else f"/resume @{strategy}"
        return done(
            Phrase(f"{where.ko}: {now.ko}", f"{where.en}: {now.en}"),
            consequence(in_force.state),
            Phrase(f"다시 시작: {back}", f"To go on: {back}"),
        )

    async def _demand_known(self, ask: Ask) -> None:
        """Refuse a name that nobody knows: a halt of a misspelt strategy would halt nothing."""
        if ask.strategy is not None:
            await self._strategies.meant(ask)

    async def _halted_by_a_person(self, ask: Ask) -> str:
        """Return what /resume means: the named strategy, else the account, else the only strategy that is halted."""
        if ask.strategy is not None:
            return ask.strategy
        by_person = {halt.strategy for halt in await self._left(ask) if _is_on_record(halt)}
        if WHOLE_ACCOUNT in by_person or len(by_person) != 1:
            return WHOLE_ACCOUNT
        return by_person.pop()

    async def _left(self, ask: Ask) -> list[StandingHalt]:
        known = await self._strategies.all()
        names = [ask.strategy] if ask.strategy is not None else [*known] or [WHOLE_ACCOUNT]
        found: dict[tuple[str, str, str], StandingHalt] = {}
        for name in names:
            spec = known[name].spec.trading if name in known else HaltState.ACTIVE
            for halt in await self._desk.halts.in_force(name, spec):
                found[(halt.strategy, halt.source.value, halt.why)] = halt
        return list(found.values())


def scope(strategy: str) -> Phrase:
    """Name what a halt binds."""
    return Phrase("계좌 전체", "The whole account") if strategy == WHOLE_ACCOUNT else same(strategy)


def consequence(state: HaltState) -> Phrase:
    """Say what a halt means for money."""
    if state is HaltState.STOPPED:
        return Phrase(
            "매수와 자동 매도가 모두 멈춥니다. 손절도 나가지 않습니다. 수동 매도와 강제 청산은 됩니다",
            "No buys and no automatic exits, stops included; sales by hand and forced liquidation still pass",
        )
    return Phrase("새 매수를 하지 않습니다. 손절과 익절은 계속됩니다", "No new buys; stops and profit targets go on")


def standing(halt: StandingHalt) -> Phrase:
    """Describe a halt in force, and where it is lifted."""
    where = joined([scope(halt.strategy), HALT_STATES[halt.state], HALT_SOURCES[halt.source]], " · ")
    reason = f" ({halt.who}: {halt.why})"
    lift = lifted_where(halt)
    return Phrase(f"- {where.ko}{reason} → {lift.ko}", f"- {where.en}{reason} → {lift.en}")


def lifted_where(halt: StandingHalt) -> Phrase:
    """Say who can lift a halt, for nobody else can."""
    if halt.source is HaltSource.SPEC:
        return Phrase("YAML의 spec.trading을 Active로", "set spec.trading to Active in the YAML")
    if halt.source is HaltSource.RISK:
        return Phrase(
            "위험 한도가 건 것이라 하루가 끝나야 풀립니다",
            "set by a risk limit: it ends with the day, not by a command",
        )
    if halt.who == HAND:
        return Phrase("Redis에 손으로 건 값이라 거기서 지워야 합니다", "set by hand in Redis: delete the key there")
    return same("/resume" if halt.strategy == WHOLE_ACCOUNT else f"/resume @{halt.strategy}")


def _is_on_record(halt: StandingHalt) -> bool:
    return halt.source is HaltSource.PERSON and halt.who != HAND
