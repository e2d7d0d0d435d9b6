"""The command line: what each command is called and what it takes; the work is done in `commands/`.

Commands are imported when they run: `jennie validate` must not load a database driver.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="jennie",
    help="Trades Korean stocks by YAML: a day in minutes, the same services on the real clock, and what they did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(name="data", help="Prices and masters: bring your own, see what there is.", no_args_is_help=True)
app.add_typer(data_app)

DEFAULT_FOLDER = Path(".jennie")

Files = Annotated[
    list[Path] | None, typer.Option("-f", "--file", metavar="FILE", help="YAML file or folder of them; repeatable.")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files.", show_default=False)]
Ports = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="NAME=PORT", help="Demand a port, e.g. kis-gateway=8080; taken is an error."),
]


@app.command()
def validate(file: Files = None, more: MoreFiles = None) -> None:
    """Check YAML files as the operator would, offline. Nothing is started or written."""
    from jennie.commands.documents import validate_files, yaml_files

    for line in validate_files(yaml_files(file, more)):
        typer.echo(line)


@app.command()
def render(
    file: Files = None,
    more: MoreFiles = None,
    platform: Annotated[bool, typer.Option("--platform", help="The platform that the chart installs, too.")] = False,
    values: Annotated[Path | None, typer.Option(metavar="FILE", help="Values instead of the chart's.")] = None,
) -> None:
    """Print the objects that the operator would apply, as YAML. Secrets appear as references only."""
    from jennie.commands.documents import render_files, yaml_files

    typer.echo(render_files(yaml_files(file, more), with_platform=platform, values_file=values), nl=False)


@app.command()
def run(
    file: Files = None,
    more: MoreFiles = None,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Logs, database and state of this run.")] = DEFAULT_FOLDER
    / "run",
    port: Ports = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget positions, orders and the exchange's day of an earlier run.")
    ] = False,
    logs: Annotated[bool, typer.Option(help="Show the services' log lines, each with its service's name.")] = True,
) -> None:
    """Run the YAML's services as local processes on the real clock until Ctrl-C.

    The broker is the built-in exchange unless KIS_ENV says paper or live; it lives the last day of its prices at real
    speed and leads the time. A changed file acts without a restart.
    """
    from jennie.commands.documents import yaml_files
    from jennie.commands.run import run_files

    run_files(yaml_files(file, more), folder=folder, ports=port or [], fresh=fresh, show_logs=logs)


@app.command()
def status(
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs keep their state.")] = DEFAULT_FOLDER,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show each strategy: why it trades or does not, what it holds, how its day goes; and the next slots."""
    from jennie.commands.status import show_status

    show_status(folder, as_json=json)


@app.command()
def trigger(
    task: Annotated[str, typer.Argument(metavar="TASK", help="scout, macro-council, data-collector, settlement …")],
    slot: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name, e.g. scout-20260219-0830; default: this minute's.")
    ] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Run a slot that was missed, skipped or failed; writes no live keys.")
    ] = False,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs keep their state.")] = DEFAULT_FOLDER,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Run one slot of a task in the running local run, once for ever, and wait for its outcome.

    Exit status 0 when it is done or had nothing to do, 1 when it failed or was missed. Ctrl-C leaves it running.
    """
    from jennie.commands.trigger import trigger as run_slot

    raise typer.Exit(run_slot(task, slot=slot, is_backfill=backfill, folder=folder, as_json=json))


@app.command()
def chat(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="Say one line and leave, e.g. /price 005930.")
    ] = None,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs keep their state.")] = DEFAULT_FOLDER,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A command-handler elsewhere; its token comes from JENNIE_OPERATOR_TOKEN."),
    ] = None,
) -> None:
    """Give the Telegram commands on the console to the run on this machine: /help lists them.

    Without COMMAND it talks until Ctrl-D, or answers every line of a pipe: echo /status | jennie chat. What moves
    money asks for a code, which is good for a minute. Exit status 0 only if every line was done as asked.
    """
    from jennie.commands.chat import chat as talk

    raise typer.Exit(talk(folder, command or [], url))


@app.command()
def demo(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The session to live.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="At most this many times real time; default: as fast as it goes.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of prices; default: JENNIE_DATA, imported, synthetic.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the made intraday paths.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the day's report as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the run's logs, database and ledger.")] = False,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty MariaDB or SQLite database; default: a SQLite file.")
    ] = None,
    file: Files = None,
    port: Ports = None,
) -> None:
    """Live one KRX trading day in minutes: real services, a simulated exchange, a virtual clock.

    Exit status 0 only if ledger, rows and positions agree, no order was sent twice, the exchange refused nothing for
    its rate and every service is healthy.
    """
    from jennie.commands.documents import yaml_files
    from jennie.commands.run import explicit_ports
    from jennie.demo import SAMPLE, DemoOptions
    from jennie.demo import demo as live_a_day

    options = DemoOptions(
        day=day.date() if day else None,
        rate=rate,
        data=data,
        seed=seed,
        report=report,
        keep=keep,
        database=database,
        files=tuple(yaml_files(file, None)) if file else (SAMPLE,),
        ports=explicit_ports(port or []),
    )
    raise typer.Exit(live_a_day(options))


@data_app.command("import")
def import_data(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or Parquet; daily bars or a master.")],
) -> None:
    """Import prices and masters; columns as krx-daily.parquet and stock-master.parquet have them."""
    from jennie.data import import_files

    for line in import_files(file):
        typer.echo(line)


@data_app.command("exchange")
def bring_from_exchange(
    url: Annotated[str, typer.Argument(metavar="URL", help="Its control port, e.g. http://localhost:9444.")],
) -> None:
    """Bring the built-in exchange's listings and the year of bars before its day into DATABASE_URL.

    A scout looks back a year. On a laptop `jennie demo` does this by itself.
    """
    import asyncio

    from jennie.exchange_data import bring_exchange

    for line in asyncio.run(bring_exchange(url)):
        typer.echo(line)


@data_app.command("list")
def list_data() -> None:
    """List what has been imported."""
    from jennie.data import list_imported

    for line in list_imported():
        typer.echo(line)
