"""What is known of a strategy, made up for tests."""

from dataclasses import replace
from typing import Any

from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.strategy_report import HeldStock, StrategyReport
from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources import TradingStrategy
from prime_jennie_operator.strategy.budget import Grant
from prime_jennie_operator.strategy.conditions import Findings, GatewayStanding
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.rollout import Gate
from prime_jennie_operator.strategy.standing import Standing

PROGRAMS = ("buy-scanner", "buy-executor", "sell-executor", "price-monitor")
HELD = HeldStock(
    code="005930",
    name="삼성전자",
    quantity=1,
    average_price_krw=1,
    price_krw=None,
    profit_krw=None,
    profit_pct=None,
)


def strategy(generation: int = 3, **spec: Any) -> TradingStrategy:
    found = load_document(
        {
            "apiVersion": "trading.prime-jennie.io/v1alpha1",
            "kind": "TradingStrategy",
            "metadata": {"name": "krx", "namespace": "desk", "generation": generation},
            "spec": spec,
        },
        "test",
    )
    assert isinstance(found, TradingStrategy)
    return found


def report(*reasons: tuple[ReasonCode, str], positions: int = 0, **more: Any) -> StrategyReport:
    return StrategyReport(
        strategy="krx",
        mode="paper",
        trading=more.pop("trading", HaltState.ACTIVE),
        buys=not reasons,
        reasons=tuple(text for _, text in reasons),
        reason_codes=tuple(code for code, _ in reasons),
        regime=more.pop("regime", "BULL"),
        positions=(HELD,) * positions,
        buys_today=0,
        sells_today=0,
        realised_krw=0,
        unrealised_krw=0,
        day_pnl_krw=more.pop("day_pnl_krw", 0),
        last_signal_at=more.pop("last_signal_at", None),
        open_orders=more.pop("open_orders", 0),
        unresolved_orders=more.pop("unresolved_orders", 0),
        generation=3,
        services={},
    )


def running(*programs: str) -> tuple[Standing, ...]:
    return tuple(Standing(program, f"registry.local/{program}:1", 1, 1) for program in programs or PROGRAMS)


def all_is_well(**changes: Any) -> Findings:
    """A strategy that buys, but for the changes."""
    well = Findings(
        strategy=strategy(),
        grant=Grant(5, "Granted", "5 of the 19 calls a second of kis-gateway"),
        gate=Gate(),
        gateway=GatewayStanding(True, "kis-gateway is ready"),
        figures=Figures(report=report(), is_asked=True),
        services=running(),
        waiting={},
        acknowledged=dict.fromkeys(PROGRAMS, 3),
    )
    return replace(well, **changes)
