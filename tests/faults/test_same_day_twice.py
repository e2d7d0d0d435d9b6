"""The same seed and day give the same morning, and the same decisions up to the first fill."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(1_800)  # two whole days

SEED = "20260914"  # of values.yaml: a day on which the scout lists stocks and the scanner finds reasons
DECISIONS = (
    "SELECT stock_code, strategy_signal, price, status, suppressed_reason, reason, signal_at FROM signal_logs"
    " WHERE signal_type = 'BUY' AND signal_at < ? ORDER BY signal_at, stock_code"
)

SCORES = (
    "SELECT stock_code, total_quant_score, llm_score, hybrid_score, risk_tag, trade_tier, is_final_selected"
    " FROM daily_quant_score WHERE run_id LIKE 'scout-%-0830' ORDER BY stock_code"
)
WATCHLIST = (
    "SELECT rank, stock_code, quant_score, hybrid_score, trade_tier, sector_group, market_regime, since"
    " FROM watchlist_history WHERE run_id LIKE 'scout-%-0830' ORDER BY rank"
)
INSIGHT = "SELECT reason FROM slots WHERE name LIKE 'council-%-0730'"


def morning(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(folder / ".jennie/demo/jennie.sqlite3") as database:
        queries = {"scores": SCORES, "watchlist": WATCHLIST, "insight": INSIGHT}
        return {name: database.execute(query).fetchall() for name, query in queries.items()}


def decisions_before_the_first_fill(folder: Path) -> tuple[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(folder / ".jennie/demo/jennie.sqlite3") as database:
        (first_fill,) = database.execute("SELECT MIN(filled_at) FROM fills").fetchone()
        return first_fill, database.execute(DECISIONS, (first_fill,)).fetchall()


def test_the_morning_is_the_same_and_the_scanner_decides_alike_until_something_is_filled(start_demo: Any) -> None:
    first = start_demo("--seed", SEED)
    assert first.finish()["exit"] == 0, first.output()
    first_morning = morning(first.folder)
    one_fill_at, one = decisions_before_the_first_fill(first.folder)
    second = start_demo("--seed", SEED)
    assert second.finish()["exit"] == 0, second.output()
    assert morning(second.folder) == first_morning
    assert all(first_morning.values()), "an empty morning proves nothing"
    other_fill_at, other = decisions_before_the_first_fill(second.folder)
    until = min(one_fill_at, other_fill_at)
    alike = [[row for row in rows if row[-1] < until] for rows in (one, other)]
    assert alike[0] == alike[1]
    assert alike[0], "nothing was decided before the first fill: the day proves nothing"
