"""What `jennie status` tells of a strategy, and the pure question why it does not buy."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import HaltState, StandingHalt
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.strategy.entry_window import entry_hours


class HeldStock(BaseModel):
    """One open position; the price is the gateway's newest, None when it did not answer."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    quantity: int
    average_price_krw: float
    price_krw: int | None
    profit_krw: int | None
    profit_pct: float | None


class StrategyReport(BaseModel):
    """One strategy's line; `reasons` is empty while it may buy. Amounts are KRW since midnight in Korea."""

    model_config = ConfigDict(frozen=True)

    strategy: str
    mode: str | None
    trading: HaltState
    buys: bool
    reasons: tuple[str, ...]
    regime: str | None
    positions: tuple[HeldStock, ...]
    buys_today: int
    sells_today: int
    realised_krw: int
    unrealised_krw: int | None
    day_pnl_krw: int
    open_orders: int
    unresolved_orders: int
    generation: int | None
    services: dict[str, str]


def reasons_not_to_buy(
    config: LiveConfig | None,
    *,
    services: dict[str, str],
    halts: list[StandingHalt],
    flags: list[str],
    context: TradingContext | None,
    session: Session | None,
    now: datetime,
    buys_today: int,
) -> tuple[str, ...]:
    """Name everything that keeps a strategy from buying, the most basic first; empty when nothing does."""
    reasons = [f"{name} is {state}" for name, state in sorted(services.items()) if state != "healthy"]
    if config is None:
        return (*reasons, "no live configuration is announced")
    spec = config.spec
    if spec.trading is not HaltState.ACTIVE:
        reasons.append(f"{spec.trading.value} by the strategy's own YAML (spec.trading)")
    reasons += [f"{halt.state.value} by {halt.source.value} {halt.who}: {halt.why}" for halt in halts]
    reasons += [f"emergency flag {flag} is set" for flag in flags]
    if context is None:
        reasons.append("no market regime (regime:current is absent): scout-job has not judged the market")
    elif context.buys_blocked:
        reasons.append(f"the market's risk level is {context.intraday_risk_level.value}: buys are blocked")
    if buys_today >= spec.risk.max_buys_per_day:
        reasons.append(f"{buys_today} of {spec.risk.max_buys_per_day} buys a day are used (risk.maxBuysPerDay)")
    return (*reasons, *_outside_hours(config, session, now))


def _outside_hours(config: LiveConfig, session: Session | None, now: datetime) -> list[str]:
    if session is None:
        return ["the exchange has no session today"]
    entries_from, entries_to = entry_hours(session, config.spec.session)
    if now >= session.closes_at:
        return ["the exchange has closed"]
    if not entries_from <= now < entries_to:
        return [f"outside its entry hours {entries_from.astimezone(KST):%H:%M}-{entries_to.astimezone(KST):%H:%M} KST"]
    return []
