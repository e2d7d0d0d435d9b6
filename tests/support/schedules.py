"""ScoutSchedules of a few words, and the sessions that they follow."""

from datetime import date, datetime, time
from typing import Any

from hypothesis import strategies as st

from prime_jennie.domain.sessions import KST
from prime_jennie.infra.calendar import load_sessions
from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources import ScoutSchedule

SESSIONS = load_sessions
THURSDAY = date(2026, 2, 19)


def schedule(name: str = "scout", *, namespace: str = "default", task: str = "scout", **spec: Any) -> ScoutSchedule:
    """Return a schedule as loading gives it: hourly from 08:30 to 14:30 on weekdays unless told."""
    document = {
        "apiVersion": "trading.prime-jennie.io/v1alpha1",
        "kind": "ScoutSchedule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"task": task, "schedules": ["30 8-14 * * 1-5"], **spec},
    }
    found = load_document(document, "test")
    assert isinstance(found, ScoutSchedule)
    return found


def kst(clock: str, day: date = THURSDAY) -> datetime:
    """Return a moment in Seoul."""
    return datetime.combine(day, time.fromisoformat(clock), KST)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    """Return any text of one field of a cron line."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, 12).map(lambda n: f"*/{n}")
    some = st.lists(number, min_size=1, max_size=4).map(lambda ns: ",".join(map(str, ns)))
    return st.one_of(st.just("*"), number.map(str), span, step, some)


LINES = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 6)).map(" ".join)
