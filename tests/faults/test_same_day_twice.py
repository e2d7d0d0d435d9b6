"""The same seed and day give the same decisions up to the first fill."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(900)  # two whole days

DECISIONS = (
    "SELECT stock_code, strategy_signal, price, status, suppressed_reason, reason, signal_at FROM signal_logs"
    " WHERE signal_type = 'BUY' AND signal_at < ? ORDER BY signal_at, stock_code"
)


def decisions_before_the_first_fill(folder: Path) -> tuple[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(folder / ".jennie/demo/jennie.sqlite3") as database:
        (first_fill,) = database.execute("SELECT MIN(filled_at) FROM fills").fetchone()
        return first_fill, database.execute(DECISIONS, (first_fill,)).fetchall()


def test_the_scanner_decides_alike_until_something_is_filled(start_demo: Any) -> None:
    first = start_demo("--seed", "7")
    assert first.finish()["exit"] == 0, first.output()
    one_fill_at, one = decisions_before_the_first_fill(first.folder)
    second = start_demo("--seed", "7")
    assert second.finish()["exit"] == 0, second.output()
    other_fill_at, other = decisions_before_the_first_fill(second.folder)
    until = min(one_fill_at, other_fill_at)
    alike = [[row for row in rows if row[-1] < until] for rows in (one, other)]
    assert alike[0] == alike[1]
    assert alike[0], "nothing was decided before the first fill: the day proves nothing"
