"""The broker's rate as a resource: who may have which share of a gateway's calls a second.

Grants go by age, the oldest strategy first, while they fit beside the platform's own share. Whoever holds positions
keeps what it has, for without its share it could not sell; whoever asks for more than fits keeps what it had. Shares
are counted in thousandths of a call, so that ten times 0.1 is 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

DEFAULT_PARTS: Final = 4  # a strategy that names no share asks for a quarter of what the gateway may send
_UNKNOWN_AGE: Final = datetime.max.replace(tzinfo=UTC)


class Name(NamedTuple):
    """Whose share it is."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Room:
    """What one gateway has to give, in calls a second."""

    gateway: str
    limit: float
    platform: float
    """Kept for what the platform itself asks: balances, the order list, quotes for the scout."""

    @property
    def default_share(self) -> float:
        return _calls(_thousandths(self.limit) // DEFAULT_PARTS)


@dataclass(frozen=True, slots=True)
class Ask:
    """One strategy's wish, and what is known of it."""

    owner: Name
    gateway: str
    share: float | None
    """Calls a second; None asks for the gateway's default."""
    created_at: datetime | None
    granted: float = 0
    """What it was granted before; 0 for nothing."""
    holds: bool | None = None
    """Whether it has positions or orders at work; None is unknown, which never costs a grant."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a strategy may have; `message` says the numbers."""

    share: float
    reason: str
    message: str

    @property
    def is_granted(self) -> bool:
        return self.share > 0


def grants(asks: Iterable[Ask], rooms: Mapping[str, Room]) -> dict[Name, Grant]:
    """Judge all asks; `rooms` are the gateways by name, and one that is not among them gives nothing."""
    found: dict[Name, Grant] = {}
    by_gateway: dict[str, list[Ask]] = {}
    for ask in asks:
        by_gateway.setdefault(ask.gateway, []).append(ask)
    for gateway, own in by_gateway.items():
        room = rooms.get(gateway)
        if room is None:
            known = ", ".join(sorted(rooms)) or "none"
            message = f"there is no gateway {gateway} whose rate could be shared; known: {known}"
            found |= {ask.owner: Grant(0, "UnknownGateway", message) for ask in own}
        else:
            found |= _of_one_gateway(own, room)
    return found


def _of_one_gateway(asks: list[Ask], room: Room) -> dict[Name, Grant]:
    """Go through the asks by age; what holders have already is set aside for them from the start."""
    wanted = {ask.owner: _thousandths(room.default_share if ask.share is None else ask.share) for ask in asks}
    kept = {a.owner: min(_thousandths(a.granted), wanted[a.owner]) for a in asks if a.granted and a.holds is not False}
    free = _thousandths(room.limit) - _thousandths(room.platform) - sum(kept.values())
    taken: dict[Name, int] = {}
    found: dict[Name, Grant] = {}
    for ask in sorted(asks, key=_by_age):
        own, keeps = wanted[ask.owner], kept.get(ask.owner, 0)
        if own <= keeps or own - keeps <= free:
            free -= own - keeps
            taken[ask.owner] = own
            message = f"{_said(own)} of the {_said(_thousandths(room.limit))} calls a second of {room.gateway}"
            found[ask.owner] = Grant(_calls(own), "Granted", message)
        elif keeps or 0 < _thousandths(ask.granted) <= free:
            share = keeps or min(_thousandths(ask.granted), own)
            free -= share - keeps
            taken[ask.owner] = share
            why = f"keeps {_said(share)} calls a second{', as it may hold positions' if keeps else ''}"
            lack = _lack(ask, own, room, kept, taken)
            found[ask.owner] = Grant(
                _calls(share), "KeptWhileHolding" if keeps else "KeptUntilMoreFits", f"{why}; {lack}"
            )
        else:
            found[ask.owner] = Grant(0, "BudgetExhausted", _lack(ask, own, room, kept, taken))
    return found


def _by_age(ask: Ask) -> tuple[bool, datetime, Name]:
    """Put first who holds positions without a grant: it was created again, and somebody must sell them."""
    must_sell = ask.holds is True and not ask.granted
    return not must_sell, ask.created_at or _UNKNOWN_AGE, ask.owner


def _lack(ask: Ask, own: int, room: Room, kept: Mapping[Name, int], taken: Mapping[Name, int]) -> str:
    others = {**kept, **taken}
    others.pop(ask.owner, None)
    left = max(0, _thousandths(room.limit) - _thousandths(room.platform) - sum(others.values()))
    holders = ", ".join(sorted(name.name for name, share in others.items() if share)) or "nobody"
    sends, platform = _said(_thousandths(room.limit)), _said(_thousandths(room.platform))
    return (
        f"asks for {_said(own)} calls a second, {_said(left)} are left: {room.gateway} sends {sends}, "
        f"keeps {platform} for the platform and has granted {_said(sum(others.values()))} to {holders}"
    )


def _thousandths(calls: float) -> int:
    return int(round(calls * 1000, 3))


def _calls(thousandths: int) -> float:
    return thousandths / 1000


def _said(thousandths: int) -> str:
    return f"{_calls(thousandths):g}"
