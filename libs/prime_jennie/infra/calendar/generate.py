"""Write the session table from the calendar library: python -m prime_jennie.infra.calendar.generate [--check].

A tool of developers: nothing at run time imports it or the library.
"""

import argparse
import sys
from pathlib import Path

import exchange_calendars

from prime_jennie.infra.calendar.sessions import FIRST_DAY, LAST_DAY, SESSIONS_FILE

EXCHANGE = "XKRX"
ZONE = "Asia/Seoul"


def session_table() -> str:
    """Return the table as CSV: date, open and close in KST."""
    calendar = exchange_calendars.get_calendar(EXCHANGE, start=FIRST_DAY.isoformat(), end=LAST_DAY.isoformat())
    times = calendar.schedule[["open", "close"]]
    lines = ["date,open,close"]
    for day, opens, closes in times.itertuples():
        in_kst = (at.tz_convert(ZONE).strftime("%H:%M") for at in (opens, closes))
        lines.append(f"{day:%Y-%m-%d},{','.join(in_kst)}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None, file: Path = SESSIONS_FILE) -> int:
    """Write the table, or with --check say whether the file is what the library gives; 1 when it is not."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie.infra.calendar.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the file is out of date")
    wanted = session_table()
    if not parser.parse_args(arguments).check:
        file.write_text(wanted, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{file.name} is out of date: run make generate\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
