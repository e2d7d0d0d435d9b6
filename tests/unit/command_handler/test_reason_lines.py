"""A reason not to buy as a line of /status."""

from command_handler.commands.status import reason_line
from prime_jennie.domain.buying import Reason, ReasonCode
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt


def test_a_halt_says_where_it_is_lifted_and_everything_else_stands_in_a_list() -> None:
    halt = StandingHalt(strategy="", state=HaltState.STOPPED, source=HaltSource.PERSON, who="Kim", why="점심")
    line = reason_line(Reason(ReasonCode.HALT, halt=halt))
    assert line.ko == "- 계좌 전체 · 전면 중지 · 사람 (Kim: 점심) → /resume"
    assert line.en == "- The whole account · Stopped · a person (Kim: 점심) → /resume"
    other = reason_line(Reason(ReasonCode.NO_TICK))
    assert (other.ko, other.en) == ("- 체결가가 아직 오지 않았습니다", "- no tick has come yet")
