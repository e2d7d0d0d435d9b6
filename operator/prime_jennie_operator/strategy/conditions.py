"""From what is known of a strategy to the conditions that people and `kubectl wait` read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prime_jennie.domain.risk import HaltState
from prime_jennie_operator.applier import Refusal
from prime_jennie_operator.marks import PAUSE_RECONCILIATION
from prime_jennie_operator.resources import TradingStrategy
from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.strategy.budget import Grant
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.rollout import Gate, clock_of
from prime_jennie_operator.strategy.standing import Standing, Trouble
from prime_jennie_operator.verdicts import Verdict

_BUYING: Final = ("buy-scanner", "buy-executor")


@dataclass(frozen=True, slots=True)
class GatewayStanding:
    """Whether the strategy's gateway answers as Kubernetes sees it; None is unknown."""

    is_ready: bool | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known of one strategy at a moment."""

    strategy: TradingStrategy
    grant: Grant
    gate: Gate
    gateway: GatewayStanding
    figures: Figures
    barred: Trouble | None = None
    """Why nothing of it may run at all: another environment, another market, a name that is taken."""
    missing: Sequence[str] = ()
    """Secrets and keys that its pods need and that are not there, as sentences."""
    refusals: Sequence[Refusal] = ()
    services: Sequence[Standing] = ()
    waiting: Mapping[str, str] | None = None
    """Deployments whose new template waits, with what is new; None where nothing was applied."""
    acknowledged: Mapping[str, int] | None = None
    """Which service follows which generation; None where Redis does not answer."""
    is_paused: bool = False
    goes_on: bool = False
    """Whether it is barred and its services of before go on, because it holds positions or nobody knows."""

    @property
    def trading(self) -> HaltState:
        """The most severe halt that is known: the spec's at once, the others' as they are told."""
        told = self.figures.report.trading if self.figures.report is not None else HaltState.ACTIVE
        return HaltState.most_severe(self.strategy.spec.trading, told)

    @property
    def behind(self) -> list[str]:
        """The services that do not follow this generation yet, with the one that they follow."""
        generation, known = self.strategy.metadata.generation, self.acknowledged or {}
        late = [s.program for s in self.services if known.get(s.program) != generation]
        return [f"{name} ({known[name]})" if name in known else name for name in late]


def invalid_spec(message: str) -> dict[ConditionType, Verdict]:
    """Say of a spec that cannot be read what is wrong with it; what ran before goes on."""
    wrong = Verdict("False", "InvalidSpec", message)
    return {
        ConditionType.READY: wrong,
        ConditionType.TRADING_ENABLED: Verdict("Unknown", "InvalidSpec", "what ran before goes on as it was"),
        ConditionType.FIGURES_CURRENT: Verdict("Unknown", "InvalidSpec", "the figures are of the spec of before"),
    }


def verdicts(found: Findings) -> dict[ConditionType, Verdict]:
    """Judge every aspect."""
    return {
        ConditionType.READY: _ready(found),
        ConditionType.PROGRESSING: _progressing(found),
        ConditionType.GATEWAY_READY: _gateway(found.gateway),
        ConditionType.TRADING_ENABLED: _trading(found),
        ConditionType.BUDGET_GRANTED: Verdict.of(found.grant.is_granted, found.grant.reason, found.grant.message),
        ConditionType.ROLLOUT_PENDING: _rollout(found),
        ConditionType.RECONCILIATION_PAUSED: _paused(found),
        ConditionType.FIGURES_CURRENT: _figures(found.figures),
    }


def _ready(found: Findings) -> Verdict:
    trouble = next(_troubles(found), None)
    if trouble is not None:
        return Verdict("False", trouble.reason, trouble.message)
    services = ", ".join(one.program for one in found.services)
    return Verdict("True", "ServicesRunning", f"{services} are ready" if services else "no service is enabled")


def _troubles(found: Findings) -> Iterator[Trouble]:
    """Yield what keeps it from running, the most basic first."""
    if found.barred is not None:
        kept = "; its services of before go on, as it may hold positions" if found.goes_on else ""
        yield Trouble(found.barred.reason, found.barred.message + kept)
    if not found.grant.is_granted:
        yield Trouble(found.grant.reason, found.grant.message)
    if found.missing:
        yield Trouble("SecretMissing", "; ".join(found.missing))
    for refusal in found.refusals:
        yield Trouble(refusal.reason, str(refusal))
    unready = [one for one in found.services if not one.is_ready]
    for one in unready:
        if one.trouble is not None:
            yield one.trouble
    if unready:
        names = ", ".join(one.program for one in unready)
        gateway = f"; {found.gateway.message}" if found.gateway.is_ready is False else ""
        yield Trouble("WaitingForServices", f"not ready yet: {names}{gateway}")


def _progressing(found: Findings) -> Verdict:
    unready = [one.program for one in found.services if not one.is_ready]
    if not found.services:
        return Verdict("False", "NothingRuns", "no service is to run")
    if not unready:
        return Verdict("False", "Complete", "every service runs as it was let through")
    stalled = [one.program for one in found.services if one.is_stalled or one.trouble is not None]
    if stalled:
        return Verdict("False", "Stalled", f"{', '.join(stalled)}: no progress, see Ready")
    return Verdict("True", "ServicesStarting", f"{', '.join(unready)} start")


def _gateway(gateway: GatewayStanding) -> Verdict:
    if gateway.is_ready is None:
        return Verdict("Unknown", "GatewayUnknown", gateway.message)
    return Verdict.of(gateway.is_ready, "GatewayReady" if gateway.is_ready else "GatewayNotReady", gateway.message)


def _trading(found: Findings) -> Verdict:
    """Name the first thing that keeps it from buying; True only when every service follows this generation."""
    if found.barred is not None or not found.grant.is_granted:
        first = next(_troubles(found))
        return Verdict("False", first.reason, first.message)
    halted = found.strategy.spec.trading
    if halted is not HaltState.ACTIVE:
        said = f"{halted.value} by spec (TradingStrategy: spec.trading is {halted.value})"
        return _unheard(found, said) or Verdict("False", "Halt", said)
    running = {one.program: one for one in found.services}
    for program in _BUYING:
        if program not in running:
            return Verdict("False", "ServiceDisabled", f"{program} is disabled: nobody buys")
    unready = [one.program for one in found.services if not one.is_ready]
    if unready:
        return Verdict("False", "WaitingForServices", f"not ready: {', '.join(unready)}")
    return _unheard(found) or _as_told(found.figures)


def _unheard(found: Findings, said: str = "") -> Verdict | None:
    """Tell whether somebody may still act by an older generation: a halt is done only when everybody has heard it."""
    begins = f"{said}, but " if said else ""
    if found.acknowledged is None:
        message = f"{begins}Redis does not answer: who follows which generation is unknown"
        return Verdict("Unknown", "RedisSilent", message)
    if behind := found.behind:
        message = f"{begins}generation {found.strategy.metadata.generation} is not followed yet by {', '.join(behind)}"
        return Verdict("False", "NotAcknowledged", message)
    return None


def _as_told(figures: Figures) -> Verdict:
    report = figures.report
    if not figures.is_current:
        since = f" since {clock_of(figures.silent_since)}" if figures.silent_since is not None else ""
        return Verdict("Unknown", "FiguresUnknown", f"dashboard-api does not answer{since}: {figures.why}".rstrip(": "))
    if report is None:
        return Verdict("Unknown", "FiguresUnknown", "dashboard-api does not know this strategy yet")
    if not report.reasons:
        return Verdict("True", "Buys", "nothing keeps it from buying")
    word = report.reason_codes[0].value if report.reason_codes else "other"
    return Verdict("False", "".join(part.title() for part in word.split("_")), report.reasons[0])


def _rollout(found: Findings) -> Verdict:
    if found.waiting:
        what = "; ".join(f"{name}: {change}" for name, change in sorted(found.waiting.items()))
        return Verdict("True", found.gate.reason, f"waits {found.gate.why}: {what}")
    if found.gate.reason == "Frozen":
        return Verdict("False", "Frozen", f"nothing waits; a change would wait {found.gate.why}")
    return Verdict("False", "UpToDate", "no change waits")


def _paused(found: Findings) -> Verdict:
    if found.is_paused:
        return Verdict("True", "PausedByAnnotation", f"nothing is written while {PAUSE_RECONCILIATION} is true")
    return Verdict("False", "Active")


def _figures(figures: Figures) -> Verdict:
    if figures.is_current and figures.report is None:
        return Verdict("Unknown", "NotTold", "dashboard-api does not know this strategy")
    if figures.is_current:
        return Verdict("True", "Told")
    if figures.silent_since is None:
        return Verdict("Unknown", "NotAskedYet", "dashboard-api has not been asked yet")
    since = clock_of(figures.silent_since)
    return Verdict("False", "DashboardSilent", f"figures are as of {since}: {figures.why}")
