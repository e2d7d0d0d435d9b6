"""Judge calls a second and tokens a minute in sliding windows of the exchange's clock."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class SlidingWindow:
    """Allow at most `allowance` events in any window; refused events are not counted against it."""

    def __init__(self, allowance: int, window: timedelta) -> None:
        """Set the allowance and the window's length."""
        self._allowance = allowance
        self._window = window
        self._granted: deque[datetime] = deque()

    def admit(self, now: datetime) -> bool:
        """Count an event and tell whether it is allowed."""
        _forget(self._granted, now - self._window)
        if len(self._granted) >= self._allowance:
            return False
        self._granted.append(now)
        return True


class BusiestSecond:
    """Remember the most events seen in any sliding second, refused ones included."""

    def __init__(self) -> None:
        """Start with none."""
        self._seen: deque[datetime] = deque()
        self.most = 0

    def note(self, now: datetime) -> None:
        """Count one event."""
        _forget(self._seen, now - SECOND)
        self._seen.append(now)
        self.most = max(self.most, len(self._seen))


class CallJudge:
    """Judge each app key's REST calls and each app key's calls on the ledger."""

    def __init__(self, rest_per_s: int, ledger_per_s: int) -> None:
        """Set both limits in calls a second."""
        self._rest_per_s = rest_per_s
        self._ledger_per_s = ledger_per_s
        self._rest: dict[str, SlidingWindow] = {}
        self._ledger: dict[str, SlidingWindow] = {}
        self._busiest: dict[str, BusiestSecond] = {}

    def admit_rest(self, appkey_id: str, now: datetime) -> bool:
        """Count a REST call of an app key and tell whether it is within the limit."""
        self._busiest.setdefault(appkey_id, BusiestSecond()).note(now)
        return self._rest.setdefault(appkey_id, SlidingWindow(self._rest_per_s, SECOND)).admit(now)

    def admit_ledger(self, appkey_id: str, now: datetime) -> bool:
        """Count a call on accounts or orders and tell whether it is within the ledger's limit."""
        return self._ledger.setdefault(appkey_id, SlidingWindow(self._ledger_per_s, SECOND)).admit(now)

    def busiest(self) -> dict[str, int]:
        """Return the most calls in any sliding second by app key."""
        return {appkey_id: second.most for appkey_id, second in self._busiest.items()}


def _forget(times: deque[datetime], before: datetime) -> None:
    """Drop times at or before `before`: a window of one second holds what is younger than one second."""
    while times and times[0] <= before:
        times.popleft()
