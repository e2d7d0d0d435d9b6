"""The clock that an application answers with."""

from datetime import datetime

from fastapi import FastAPI

from prime_jennie.infra.clock.real import RealClock

_REAL = RealClock()


def now_of(app: FastAPI) -> datetime:
    """Return the time of the clock that the lifespan chose, real time before it did."""
    clock = getattr(app.state, "clock", _REAL)
    try:
        now: datetime = clock.now()
    except RuntimeError:  # a follower that has not heard its leader yet
        return _REAL.now()
    return now
