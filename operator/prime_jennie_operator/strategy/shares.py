"""Who has which share of which gateway's rate at the moment: an index over all strategies, judged when it changes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from prime_jennie.domain.broker import Environment
from prime_jennie.domain.trading_strategy import TradedMarket
from prime_jennie_operator.desired.agreement import mismatch
from prime_jennie_operator.desired.platform import GATEWAY
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.strategy.budget import Ask, Grant, Name, Room, grants
from prime_jennie_operator.work import Key

REMEMBERED_SECS: Final = 30.0  # until then the watch has told of the grant that we wrote

Holds = Callable[[Key], bool | None]
"""Tells whether a strategy may have something to sell; None is unknown."""


def room_of(values: PlatformValues) -> Room:
    """Say what the release's gateway has to give."""
    gateway = values.kis_gateway
    limit = gateway.rest_per_second or Environment(gateway.environment).rest_per_sec
    return Room(GATEWAY, limit, limit * gateway.platform_share_pct / 100)


_NOT_ASKED: Final = Grant(0, "NotAsked", "asks for no share while nothing of it may run")


@dataclass(frozen=True, slots=True)
class _Asked(Ask):
    is_barred: bool = False
    """Whether another environment or market keeps it from running at all."""


@dataclass(frozen=True, slots=True)
class _Decided:
    share: float
    at_secs: float


class Shares:
    """The budgets of every namespace. Each namespace has a gateway, and so a budget, of its own."""

    def __init__(self, values: PlatformValues, holds: Holds, tell: Callable[[Key], None]) -> None:
        self._values = values
        self._rooms = {GATEWAY: room_of(values)}
        self._holds = holds
        self._tell = tell
        self._asks: dict[str, dict[Key, _Asked]] = defaultdict(dict)
        self._decided: dict[Key, _Decided] = {}
        self._judged: dict[str, dict[Name, Grant]] = {}

    def note(self, key: Key, manifest: Manifest | None) -> None:
        """Take what the watch tells of a strategy; None for one that is gone."""
        before = self._effective(key)
        now = None if manifest is None else _ask_of(key, manifest, self._values)
        if now is None:
            self._asks[key.namespace].pop(key, None)
            self._decided.pop(key, None)
        else:
            self._asks[key.namespace][key] = now
            decided = self._decided.get(key)
            if decided is not None and (
                decided.share == now.granted or time.monotonic() - decided.at_secs > REMEMBERED_SECS
            ):
                del self._decided[key]
        if self._effective(key) != before:  # a grant of ours that has been written down changes nothing
            self.judge_again(key.namespace)

    def judge_again(self, namespace: str) -> None:
        """Forget a namespace's grants, as something that they depend on has changed."""
        self._judged.pop(namespace, None)

    def grant_of(self, key: Key) -> Grant:
        """Return what a strategy may have now; whose grant has changed with it is told."""
        judged = self._judged.get(key.namespace)
        if judged is None:
            judged = self._judge(key.namespace)
        return judged.get(Name(key.namespace, key.name)) or _NOT_ASKED

    def settle(self, namespace: str) -> None:
        """Judge where nobody asks: what one has given back may be enough for another."""
        if namespace not in self._judged:
            self._judge(namespace)

    def _judge(self, namespace: str) -> dict[Name, Grant]:
        asks = self._asks[namespace]
        standing = {key: self._as_it_is(key, ask) for key, ask in asks.items()}
        # One that is barred has no use for a share; while it may still have to sell, it keeps what it has.
        asking = [one for one in standing.values() if not one.is_barred or (one.granted and one.holds is not False)]
        found = grants(asking, self._rooms)
        self._judged[namespace] = found
        for key, ask in asks.items():
            share = found[ask.owner].share if ask.owner in found else 0
            if share != self._granted(key, ask):
                self._decided[key] = _Decided(share, time.monotonic())
                self._tell(key)
        return found

    def _effective(self, key: Key) -> _Asked | None:
        """Return an ask with what was decided, though the watch may not have told of it yet."""
        ask = self._asks[key.namespace].get(key)
        return None if ask is None else replace(ask, granted=self._granted(key, ask))

    def _granted(self, key: Key, ask: _Asked) -> float:
        decided = self._decided.get(key)
        return ask.granted if decided is None else decided.share

    def _as_it_is(self, key: Key, ask: _Asked) -> _Asked:
        granted = self._granted(key, ask)
        share = granted if ask.is_barred else ask.share
        return replace(ask, share=share, granted=granted, holds=self._holds(key))


def _ask_of(key: Key, manifest: Manifest, values: PlatformValues) -> _Asked | None:
    """Read the few fields that count, of a spec that nobody has checked; one that asks wrongly asks for nothing."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    gateway, account = spec.get("gateway") or {}, spec.get("account") or {}
    share = gateway.get("requestsPerSecond")
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1_000):
        return None
    born = manifest["metadata"].get("creationTimestamp")
    granted = (manifest.get("status") or {}).get("grantedRequestsPerSecond")
    secret = (account.get("secretRef") or {}).get("name")
    is_foreign = spec.get("market", TradedMarket.KRX) != TradedMarket.KRX
    return _Asked(
        owner=Name(key.namespace, key.name),
        gateway=str(gateway.get("name", GATEWAY)),
        share=None if share is None else float(share),
        created_at=datetime.fromisoformat(born) if born else None,
        granted=float(granted or 0),
        is_barred=is_foreign or mismatch(spec.get("mode", "paper"), secret, values.kis_gateway) is not None,
    )
