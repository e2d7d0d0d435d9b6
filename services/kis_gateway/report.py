"""What /health tells about the gateway."""

from kis_gateway.breaker import BreakerState
from kis_gateway.parts import Parts
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.lifecycle import BlockCode, MarketState
from prime_jennie.infra.desk import answers

_BLIND = (BlockCode.RECOVERY_FAILED, BlockCode.POSITION_DRIFT)


async def dependencies_of(parts: Parts) -> dict[str, DependencyHealth]:
    """Ask Redis and SQL, and tell what is known of the broker without spending a call."""
    return {
        "redis": await answers(parts.redis.ping),
        "db": await answers(parts.db.ping),
        "broker": _broker(parts),
        "exchange_websocket": _socket(parts),
        "positions": _positions(parts),
        **parts.outages.as_dependencies(),
    }


def extras_of(parts: Parts) -> dict[str, object]:
    """Return the gateway's own keys."""
    socket = parts.broker.socket
    status = socket.status
    return {
        "environment": parts.settings.kis_env.value,
        "broker_connected": parts.breaker.state is BreakerState.CLOSED,
        "breaker": parts.breaker.state.value,
        "lease": {
            "owner": parts.ownership.owner,
            "epoch": parts.ownership.epoch,
            "ready": parts.ownership.is_ready,
            "state": parts.ownership.state,
        },
        "websocket": {
            "connected": status.connected,
            "hears_notices": socket.hears_notices,
            "registered": len(socket.confirmed),
            "wanted": len(socket.wanted),
            "limit": socket.limit,
            "frames": status.frames,
            "ticks": status.ticks,
            "bad_frames": status.bad_frames,
            "reconnects": status.reconnects,
            "last_tick_at": None if status.last_tick_at is None else status.last_tick_at.isoformat(),
            "last_error": status.last_error,
            "gaps": [[None if lost is None else lost.isoformat(), back.isoformat()] for lost, back in status.gaps],
        },
        "day_loss": parts.risk.losses,
        "unresolved_orders": parts.resolver.unresolved,
        "limits": {"rest_per_sec": parts.settings.rest_per_sec, "ledger_per_sec": parts.settings.ledger_per_sec},
        "market": parts.market.phase().value,
        "market_state": parts.lifecycle.standing.state.value,
        "buy_blocks": [f"{block.code.value}: {block.why}" for block in parts.lifecycle.blocks()],
    }


def _broker(parts: Parts) -> DependencyHealth:
    match parts.breaker.state:
        case BreakerState.CLOSED:
            return DependencyHealth(status=DependencyStatus.HEALTHY)
        case BreakerState.HALF_OPEN:
            return DependencyHealth(status=DependencyStatus.DEGRADED, message="circuit breaker half open")
        case _:
            return DependencyHealth(status=DependencyStatus.DOWN, message="circuit breaker open")


def _positions(parts: Parts) -> DependencyHealth:
    """Say whether books and broker are known to agree; where they are not, buys are held back."""
    worst = [block for block in parts.lifecycle.blocks() if block.code in _BLIND]
    if parts.lifecycle.standing.state is MarketState.STOPPED:
        return DependencyHealth(status=DependencyStatus.DEGRADED, message=parts.lifecycle.standing.reason[:200])
    if worst:
        return DependencyHealth(status=DependencyStatus.DEGRADED, message=worst[0].why[:200])
    return DependencyHealth(status=DependencyStatus.HEALTHY)


def _socket(parts: Parts) -> DependencyHealth:
    status = parts.broker.socket.status
    if status.connected:
        return DependencyHealth(status=DependencyStatus.HEALTHY)
    return DependencyHealth(status=DependencyStatus.DEGRADED, message=status.last_error or "not connected yet")
