"""Live the fixed days of README's table, one after the other, and print the table.

    JENNIE_DATA=DIR .venv/bin/python scripts/fixed_days.py [DAY …]

Exits with 1 when a day's invariants did not hold; its folder out/days/DAY keeps the report and what was printed.
"""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from prime_jennie.domain.market import MarketRegime

# The 10th and the 20th of each month or the next session, in November the exam day instead of the 10th, and the last
# day of the data.
DAYS = (
    "2024-07-10",
    "2024-07-22",
    "2024-08-12",
    "2024-08-20",
    "2024-09-10",
    "2024-09-20",
    "2024-10-10",
    "2024-10-21",
    "2024-11-14",
    "2024-11-20",
    "2024-12-10",
    "2024-12-20",
    "2025-01-10",
    "2025-01-20",
    "2025-02-10",
    "2025-02-20",
    "2025-03-10",
    "2025-03-20",
    "2025-03-31",
)
OUT = Path("out/days")
HEAD = (
    "| Day | Regime | Scored | Listed | Slots | Signals | Orders filled | Fills | Buys | Sells | Left | Realised KRW |"
    " Unrealised KRW |"
)
RULE = "| --- | --- |" + " ---: |" * 11


def live(day: str) -> tuple[int, dict[str, Any]]:
    """Live a day and return the exit status and its report (empty where none was written)."""
    folder = OUT / day
    folder.mkdir(parents=True, exist_ok=True)
    report = (folder / "report.json").resolve()
    report.unlink(missing_ok=True)
    with (folder / "out.txt").open("w") as out:
        command = [sys.executable, "-m", "jennie", "demo", "--day", day, "--report", str(report)]
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    return status, json.loads(report.read_text()) if report.exists() else {}


def morning_regime(jobs: dict[str, str]) -> str:
    """Return the regime that the day's first council named, as its slot's reason tells it."""
    told = next(reason for slot, reason in jobs.items() if slot.startswith("council-"))
    return next(regime.value for regime in MarketRegime if f" {regime.value} " in told)


def row(day: str, report: dict[str, Any]) -> str:
    """Return a day's figures as a row of the table."""
    figures = (
        morning_regime(report["jobs"]),
        f"{report['universe']:,}",
        report["watchlist"],
        len(report["jobs"]),
        report["signals"],
        report["orders_filled"],
        report["fills"],
        report["buys"],
        report["sells"],
        report["open_positions"],
        f"{report['realized_pnl_krw']:+,}",
        f"{report['unrealized_pnl_krw']:+,}",
    )
    return f"| {day} | " + " | ".join(str(figure) for figure in figures) + " |"


def main(days: list[str]) -> int:
    """Live the days asked for, else all of them; return 1 when one of them failed."""
    print(HEAD, RULE, sep="\n")
    failed = []
    for day in days or DAYS:
        status, report = live(date.fromisoformat(day).isoformat())
        if status:
            failed.append(day)
        print(row(day, report) if report else f"| {day} | no report: see {OUT / day / 'out.txt'} |", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}; see {OUT}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
