from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.risk import HaltState
from prime_jennie_operator.applier import Refusal
from prime_jennie_operator.children import ChildKey
from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.strategy.budget import Grant
from prime_jennie_operator.strategy.conditions import GatewayStanding, invalid_spec, verdicts
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.rollout import Gate
from prime_jennie_operator.strategy.standing import Standing, Trouble
from prime_jennie_operator.verdicts import Verdict, settled
from tests.support.findings import PROGRAMS, all_is_well, report, running, strategy

READY, TRADING = ConditionType.READY, ConditionType.TRADING_ENABLED
REFUSED = Grant(0, "BudgetExhausted", "asks for 8 calls a second, 7.2 are left")
QUOTA = Refusal(ChildKey("Service", "desk", "krx-buy-scanner"), "QuotaExceeded", "exceeded quota: desk")
AT, LATER = datetime(2026, 2, 19, 1, tzinfo=UTC), datetime(2026, 2, 19, 2, tzinfo=UTC)
SILENT = Figures(report=report(), silent_since=AT, why="connection refused", is_asked=True)


def told(*reasons: tuple[ReasonCode, str]) -> Figures:
    return Figures(report=report(*reasons), is_asked=True)


def unready(program: str, trouble: Trouble | None = None, *, stalled: bool = False) -> tuple[Standing, ...]:
    return tuple(
        Standing(one.program, one.image, 0, 1, trouble, stalled) if one.program == program else one for one in running()
    )


def test_all_is_well() -> None:
    told = {kind.value: (one.status, one.reason) for kind, one in verdicts(all_is_well()).items()}
    assert told == {
        "Ready": ("True", "ServicesRunning"),
        "Progressing": ("False", "Complete"),
        "GatewayReady": ("True", "GatewayReady"),
        "TradingEnabled": ("True", "Buys"),
        "BudgetGranted": ("True", "Granted"),
        "RolloutPending": ("False", "UpToDate"),
        "ReconciliationPaused": ("False", "Active"),
        "FiguresCurrent": ("True", "Told"),
    }


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"barred": Trouble("EnvironmentMismatch", "mode live cannot")}, "EnvironmentMismatch", "mode live cannot"),
        (
            {"barred": Trouble("EnvironmentMismatch", "mode live cannot"), "goes_on": True},
            "EnvironmentMismatch",
            "mode live cannot; its services of before go on, as it may hold positions",
        ),
        ({"grant": REFUSED}, "BudgetExhausted", "asks for 8 calls a second, 7.2 are left"),
        (
            {"missing": ["Secret prime-jennie-database has no key url"]},
            "SecretMissing",
            "Secret prime-jennie-database has no key url",
        ),
        ({"refusals": [QUOTA]}, "QuotaExceeded", "Service krx-buy-scanner: exceeded quota: desk"),
        ({"services": unready("buy-executor")}, "WaitingForServices", "not ready yet: buy-executor"),
        (
            {"services": unready("buy-executor"), "gateway": GatewayStanding(False, "kis-gateway is not ready")},
            "WaitingForServices",
            "not ready yet: buy-executor; kis-gateway is not ready",
        ),
        (
            {"services": unready("buy-executor", Trouble("CrashLooping", "buy-executor ends"))},
            "CrashLooping",
            "buy-executor ends",
        ),
    ],
)
def test_ready_names_what_is_in_the_way(changes: dict[str, Any], reason: str, message: str) -> None:
    found = verdicts(all_is_well(**changes))[READY]
    assert found == Verdict("False", reason, message)


def test_the_most_basic_trouble_is_named_first() -> None:
    every = all_is_well(
        barred=Trouble("EnvironmentMismatch", "mode"),
        grant=REFUSED,
        missing=["Secret"],
        refusals=[QUOTA],
        services=unready("buy-scanner", Trouble("ImagePullFailed", "image")),
    )
    order = []
    for less in (
        {},
        {"barred": None},
        {"grant": all_is_well().grant},
        {"missing": ()},
        {"refusals": ()},
        {"services": running()},
    ):
        every = replace(every, **less)  # type: ignore[arg-type]
        order.append(verdicts(every)[READY].reason)
    assert order == [
        *("EnvironmentMismatch", "BudgetExhausted", "SecretMissing", "QuotaExceeded", "ImagePullFailed"),
        "ServicesRunning",
    ]


@pytest.mark.parametrize(
    ("changes", "status", "reason", "message"),
    [
        ({"grant": REFUSED, "services": ()}, "False", "BudgetExhausted", REFUSED.message),
        (
            {"strategy": strategy(trading="Paused")},
            "False",
            "Halt",
            "Paused by spec (TradingStrategy: spec.trading is Paused)",
        ),
        (
            {"strategy": strategy(trading="Stopped"), "acknowledged": None},
            "Unknown",
            "RedisSilent",
            "Stopped by spec (TradingStrategy: spec.trading is Stopped), but Redis does not answer: who follows which "
            "generation is unknown",
        ),
        (
            {
                "strategy": strategy(trading="Stopped"),
                "acknowledged": {**dict.fromkeys(PROGRAMS, 3), "sell-executor": 2},
            },
            "False",
            "NotAcknowledged",
            "Stopped by spec (TradingStrategy: spec.trading is Stopped), but generation 3 is not followed yet by "
            "sell-executor (2)",
        ),
        ({"services": running("sell-executor", "price-monitor")}, "False", "ServiceDisabled", None),
        ({"services": unready("price-monitor")}, "False", "WaitingForServices", "not ready: price-monitor"),
        ({"acknowledged": None}, "Unknown", "RedisSilent", None),
        (
            {"acknowledged": {**dict.fromkeys(PROGRAMS, 3), "buy-scanner": 2}},
            "False",
            "NotAcknowledged",
            "generation 3 is not followed yet by buy-scanner (2)",
        ),
        (
            {"acknowledged": {}},
            "False",
            "NotAcknowledged",
            "generation 3 is not followed yet by buy-scanner, buy-executor, sell-executor, price-monitor",
        ),
        # Of a strategy of the same name that was deleted: its services followed a later generation.
        ({"acknowledged": dict.fromkeys(PROGRAMS, 9)}, "False", "NotAcknowledged", None),
        (
            {"figures": SILENT},
            "Unknown",
            "FiguresUnknown",
            "dashboard-api does not answer since 2026-02-19 10:00 KST: connection refused",
        ),
        ({"figures": Figures()}, "Unknown", "FiguresUnknown", "dashboard-api does not answer"),
        ({"figures": Figures(is_asked=True)}, "Unknown", "FiguresUnknown", None),
        (
            {
                "figures": Figures(
                    report=report((ReasonCode.NO_TICK, "no tick"), (ReasonCode.DRY_RUN, "x")), is_asked=True
                )
            },
            "False",
            "NoTick",
            "no tick",
        ),
    ],
)
def test_trading_names_the_first_thing_that_keeps_it_from_buying(
    changes: dict[str, Any], status: str, reason: str, message: str | None
) -> None:
    found = verdicts(all_is_well(**changes))[TRADING]
    assert (found.status, found.reason) == (status, reason)
    assert message is None or found.message == message


def test_every_reason_of_jennie_status_has_a_word_for_programs() -> None:
    for code in ReasonCode:
        figures = told((code, "why"))
        reason = verdicts(all_is_well(figures=figures))[TRADING].reason
        assert reason.isalnum()
        assert reason[0].isupper(), code


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"services": ()}, "False", "NothingRuns"),
        ({"services": unready("buy-scanner")}, "True", "ServicesStarting"),
        ({"services": unready("buy-scanner", Trouble("ImagePullFailed", "x"))}, "False", "Stalled"),
        ({"services": unready("buy-scanner", stalled=True)}, "False", "Stalled"),
    ],
)
def test_progress(changes: dict[str, Any], status: str, reason: str) -> None:
    found = verdicts(all_is_well(**changes))[ConditionType.PROGRESSING]
    assert (found.status, found.reason) == (status, reason)


def test_what_waits_at_the_gate_is_named_and_until_when() -> None:
    gate = Gate("ExchangeOpen", "until the exchange closes at 2026-02-19 15:30 KST")
    found = verdicts(all_is_well(gate=gate, waiting={"krx-buy-scanner": "image b instead of a", "krx-a": "env"}))
    assert found[ConditionType.ROLLOUT_PENDING] == Verdict(
        "True",
        "ExchangeOpen",
        "waits until the exchange closes at 2026-02-19 15:30 KST: krx-a: env; krx-buy-scanner: image b instead of a",
    )
    assert verdicts(all_is_well(gate=gate))[ConditionType.ROLLOUT_PENDING].status == "False"


def test_a_freeze_is_shown_though_nothing_waits() -> None:
    found = verdicts(all_is_well(gate=Gate("Frozen", "while the annotation x is set")))
    assert found[ConditionType.ROLLOUT_PENDING] == Verdict(
        "False", "Frozen", "nothing waits; a change would wait while the annotation x is set"
    )


def test_a_pause_is_shown() -> None:
    found = verdicts(all_is_well(is_paused=True))[ConditionType.RECONCILIATION_PAUSED]
    assert (found.status, found.reason) == ("True", "PausedByAnnotation")


def test_old_figures_say_how_old() -> None:
    found = verdicts(all_is_well(figures=SILENT))[ConditionType.FIGURES_CURRENT]
    assert found == Verdict("False", "DashboardSilent", "figures are as of 2026-02-19 10:00 KST: connection refused")


def test_a_gateway_that_nobody_has_seen_is_unknown() -> None:
    found = verdicts(all_is_well(gateway=GatewayStanding(None, "not looked at yet")))[ConditionType.GATEWAY_READY]
    assert found.status == "Unknown"


def test_times_are_of_the_last_change_of_status() -> None:
    first = settled({READY: Verdict("False", "WaitingForServices", "a")}, (), 3, AT)
    same = settled({READY: Verdict("False", "CrashLooping", "b")}, first, 4, LATER)
    other = settled({READY: Verdict("True", "ServicesRunning")}, same, 4, LATER)
    assert [one.last_transition_time for one in (*first, *same, *other)] == [
        *("2026-02-19T01:00:00Z", "2026-02-19T01:00:00Z", "2026-02-19T02:00:00Z"),
    ]
    assert (same[0].reason, same[0].message, same[0].observed_generation) == ("CrashLooping", "b", 4)


def test_an_endless_message_is_cut() -> None:
    [told] = settled({READY: Verdict("False", "x" * 300, "y" * 9_000)}, (), 1, AT)
    assert (len(told.reason), len(told.message)) == (200, 4_000)


def test_a_spec_that_cannot_be_read_says_so() -> None:
    found = invalid_spec("spec.mode: 'real' is none of paper, live")
    assert found[READY] == Verdict("False", "InvalidSpec", "spec.mode: 'real' is none of paper, live")


@pytest.mark.parametrize(
    ("spec", "told", "trading"),
    [
        ("Active", HaltState.ACTIVE, HaltState.ACTIVE),
        ("Paused", HaltState.ACTIVE, HaltState.PAUSED),
        ("Paused", HaltState.STOPPED, HaltState.STOPPED),
        ("Active", HaltState.PAUSED, HaltState.PAUSED),
    ],
)
def test_the_most_severe_halt_counts(spec: str, told: HaltState, trading: HaltState) -> None:
    figures = Figures(report=report(trading=told), is_asked=True)
    assert all_is_well(strategy=strategy(trading=spec), figures=figures).trading is trading
