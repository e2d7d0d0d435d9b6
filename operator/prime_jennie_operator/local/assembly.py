"""The YAML files of a run as objects, again and again: each accepted change is a new generation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie_operator.desired.agreement import environment_mismatch
from prime_jennie_operator.desired.platform import SERVICES, platform_objects
from prime_jennie_operator.desired.strategy import CONFIG_FILE, strategy_objects
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.loading import load_files
from prime_jennie_operator.local.folder import RunFolder
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import ScoutSchedule, TradingStrategy
from prime_jennie_operator.schedule.faults import check_schedules


class Assembly:
    """Hold what is in force; `revise` takes the files' new content whole or not at all."""

    def __init__(self, files: Sequence[Path], values: PlatformValues, folder: Path) -> None:
        """Read the files. The folder tells generations of an earlier run, which services may still know."""
        self.files = tuple(files)
        self.values = values
        self.strategies: tuple[TradingStrategy, ...] = ()
        self.schedules: tuple[ScoutSchedule, ...] = ()
        self._known = _stored_configurations(RunFolder(folder))
        self.revise()

    def objects(self) -> list[Manifest]:
        """Render the platform and every strategy."""
        rendered = platform_objects(self.values, _namespace(self.strategies, self.schedules))
        for strategy in self.strategies:
            rendered += strategy_objects(strategy, self.values)
        return rendered

    def revise(self) -> bool:
        """Read the files again; raise BadInput and keep what is in force if anything is wrong; tell of a change."""
        loaded = load_files(self.files)
        if loaded.backfills:
            reason = "only the operator runs backfills; here: jennie trigger TASK --slot NAME --backfill"
            raise BadInput(f"Backfill {loaded.backfills[0].name}", "kind", reason)
        if not loaded.strategies and not loaded.schedules:
            raise BadInput(", ".join(map(str, self.files)), "kind", "no TradingStrategy and no ScoutSchedule to run")
        revised = tuple(self._with_generation(strategy) for strategy in _unique(loaded.strategies))
        for strategy in revised:
            self._check(strategy)
        self._check_schedules(loaded.schedules, _namespace(revised, loaded.schedules))
        changed = (revised, loaded.schedules) != (self.strategies, self.schedules)
        self.strategies, self.schedules = revised, loaded.schedules
        self._known |= {strategy.name: strategy.live_config() for strategy in revised}
        return changed

    def _with_generation(self, strategy: TradingStrategy) -> TradingStrategy:
        known = self._known.get(strategy.name)
        generation = 1
        if known is not None:
            generation = known.generation + (known.spec != strategy.config())
        metadata = strategy.metadata.model_copy(update={"generation": generation})
        return strategy.model_copy(update={"metadata": metadata})

    def _check(self, strategy: TradingStrategy) -> None:
        where = f"TradingStrategy {strategy.name}"
        mismatch = environment_mismatch(strategy, self.values)
        if mismatch is not None:
            raise BadInput(where, "spec.mode", mismatch)
        before = next((s for s in self.strategies if s.name == strategy.name), None)
        if before is not None:
            try:
                strategy.config().refuse_change_from(before.config())
            except ValueError as error:
                raise BadInput(where, "spec", str(error)) from None

    def _check_schedules(self, schedules: Sequence[ScoutSchedule], namespace: str) -> None:
        """Demand of schedules what a run of their own needs: one namespace, and everything they wait for."""
        check_schedules(schedules, load_sessions, SERVICES)
        names = {schedule.name for schedule in schedules}
        for schedule in schedules:
            where = f"ScoutSchedule {schedule.name}"
            if schedule.metadata.namespace != namespace:
                raise BadInput(where, "metadata.namespace", f"one run has one namespace, here it is {namespace}")
            for name in schedule.spec.depends_on:
                if name not in names:
                    raise BadInput(where, "spec.dependsOn", f"there is no ScoutSchedule {name} in these files")


def _namespace(strategies: Sequence[TradingStrategy], schedules: Sequence[ScoutSchedule]) -> str:
    return strategies[0].metadata.namespace if strategies else schedules[0].metadata.namespace


def _unique(strategies: Sequence[TradingStrategy]) -> Sequence[TradingStrategy]:
    names = [strategy.name for strategy in strategies]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"TradingStrategy {name}", "metadata.namespace", "one run has one namespace a name")
    return strategies


def _stored_configurations(folder: RunFolder) -> dict[str, LiveConfig]:
    stored = {}
    for file in (folder.root / "config").glob(f"*/{CONFIG_FILE}"):
        try:
            config = LiveConfig.model_validate_json(file.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        stored[config.name] = config
    return stored
