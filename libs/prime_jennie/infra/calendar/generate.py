"""Write the session tables from the calendar library: python -m prime_jennie.infra.calendar.generate [--check].

A tool of developers: nothing at run time imports it or the library.
"""

import argparse
import sys
from pathlib import Path

import exchange_calendars

from prime_jennie.infra.calendar.sessions import EXCHANGES, FIRST_DAY, HERE, LAST_DAY, sessions_file


def session_table(exchange: str) -> str:
    """Return an exchange's table as CSV: date, open and close on its own clocks."""
    calendar = exchange_calendars.get_calendar(exchange, start=FIRST_DAY.isoformat(), end=LAST_DAY.isoformat())
    times = calendar.schedule[["open", "close"]]
    lines = ["date,open,close"]
    for day, opens, closes in times.itertuples():
        local = (at.tz_convert(EXCHANGES[exchange].key).strftime("%H:%M") for at in (opens, closes))
        lines.append(f"{day:%Y-%m-%d},{','.join(local)}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None, folder: Path = HERE) -> int:
    """Write the tables, or with --check say whether the files are what the library gives; 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie.infra.calendar.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is out of date")
    only_check = parser.parse_args(arguments).check
    status = 0
    for exchange in EXCHANGES:
        file, wanted = sessions_file(exchange, folder), session_table(exchange)
        if not only_check:
            file.write_text(wanted, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != wanted:
            sys.stderr.write(f"{file.name} is out of date: run make generate\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
