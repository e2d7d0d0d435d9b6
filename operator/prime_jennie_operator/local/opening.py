"""Everything that a command needs to run YAML files here, put together; and the files' changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import CHART_VALUES, laptop_values
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.errors import LocalRunError
from prime_jennie_operator.local.folder import RunFolder
from prime_jennie_operator.local.process import Report, best_effort
from prime_jennie_operator.local.run import LocalRun, say_nothing
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from prime_jennie_operator.local.settings import LocalSettings
from prime_jennie_operator.local.watch import watch


def open_run(
    files: Sequence[Path],
    folder: Path,
    *,
    secrets_file: Path,
    settings: LocalSettings | None = None,
    overrides: Mapping[str, Any] | None = None,
    values_file: Path = CHART_VALUES,
    ports: Mapping[str, int] | None = None,
    fresh: bool = False,
    report: Report = say_nothing,
) -> tuple[Assembly, LocalRun]:
    """Prepare a run, starting nothing; raise BadInput for what the files or the environment say wrongly.

    `overrides` wins over the environment's settings, these over the chart's values.
    """
    settings = settings or LocalSettings()
    folder = folder.resolve()
    logs = {"dashboardApi": {"logsFolder": str(RunFolder(folder).logs)}}
    values = laptop_values(logs, settings.values(), overrides or {}, path=values_file)
    credentials = settings.kis_credentials() if values.kis_gateway.environment != "mock" else None
    assembly = Assembly(files, values, folder)
    database_url = settings.database_url or f"sqlite:///{RunFolder(folder).database}"
    secrets = LocalSecrets(
        load_generated(secrets_file), database_url, credentials, settings.prices_url, settings.channel_secrets()
    )
    run = LocalRun(
        assembly.objects(), folder, secrets, schedules=assembly.schedules, ports=ports, fresh=fresh, report=report
    )
    return assembly, run


async def follow_files(assembly: Assembly, run: LocalRun, report: Report) -> None:
    """Let changed files act while the run goes on, until cancelled; a bad change is told and changes nothing.

    One that this machine cannot take, as on a full disk, is told once and tried until it can.
    """
    report = best_effort(report)
    untaken = ""

    async def on_change() -> bool:
        nonlocal untaken
        try:
            if not assembly.revise() and not untaken:
                return True
            restarted = await run.apply(assembly.objects(), assembly.schedules)
            late = await run.until_acknowledged()
        except (BadInput, LocalRunError) as error:
            report("runner", f"{error}; what was in force stays")
            return True
        except OSError as error:
            if untaken != (untaken := (error.strerror or "it cannot be written").lower()):
                report("runner", f"the change was not taken: {untaken}; what was in force stays, and it is tried again")
            return False
        untaken = ""
        in_force = [f"{s.name} generation {s.metadata.generation}" for s in assembly.strategies]
        in_force += [f"{len(assembly.schedules)} schedules"] if assembly.schedules else []
        report("runner", f"in force: {', '.join(in_force)}; restarted: {', '.join(restarted) or 'nothing'}")
        for strategy, services in late.items():
            report("runner", f"{strategy}: not yet acknowledged by {', '.join(sorted(services))}")
        return True

    await watch(assembly.files, on_change)
