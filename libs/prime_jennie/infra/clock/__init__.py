"""The clock of the business: real, or a virtual day that the exchange leads and everybody follows."""

from prime_jennie.infra.clock.follower import VirtualClock
from prime_jennie.infra.clock.leader import ClockLeader, Step, StepResult
from prime_jennie.infra.clock.protocol import CONSUMED_ALL, ClockSession, read_session
from prime_jennie.infra.clock.real import RealClock
from prime_jennie.infra.clock.start import open_clock

__all__ = [
    "CONSUMED_ALL",
    "ClockLeader",
    "ClockSession",
    "RealClock",
    "Step",
    "StepResult",
    "VirtualClock",
    "open_clock",
    "read_session",
]
