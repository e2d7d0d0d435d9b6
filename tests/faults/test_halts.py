"""A day whose buys are stopped by a person, by the YAML and by a loss, each lifted only where it was set."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import redis

from jennie.demo import SAMPLE
from tests.faults.conftest import DemoProcess
from tests.faults.test_kills import assert_invariants
from tests.support import web
from tests.support.gateway import until

pytestmark = pytest.mark.timeout(1_800)

AS_FAST_AS_IT_GOES, A_MINUTE_A_SECOND = 0, 60
ACTIVE, PAUSED = "trading: Active", "trading: Paused"
LIMIT, TINY_LIMIT = "dailyLossLimitPct: 3", "dailyLossLimitPct: 0.1"
CAPITAL, TINY_CAPITAL = "capitalKrw: 50000000", "capitalKrw: 1000000"  # with the limit: a loss of 1,000 won
SOON_SECS = 90.0  # real: a service starts again, the runner reads the file, a position loses what its sale would cost


class HaltedDay:
    """A demo of a strategy file of its own, in which a person acts."""

    def __init__(self, folder: Path, start_demo: Callable[..., DemoProcess]) -> None:
        self.file = folder / "strategy.yaml"
        self.file.write_text(SAMPLE.read_text())
        self.demo = start_demo("-f", str(self.file))

    def chat(self, *words: str, done: bool = True) -> None:
        """Say a line as a person does; it must be done as asked, or not be."""
        command = [sys.executable, "-m", "jennie", "chat", *words]
        said = subprocess.run(command, cwd=self.demo.folder, capture_output=True, text=True, timeout=120, check=False)
        assert (said.returncode == 0) is done, said.stdout + said.stderr

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert text.count(old) == 1
        self.file.write_text(text.replace(old, new))

    def pace(self, rate: int) -> None:
        web.post(f"{self.demo.control_url()}/control/clock", json={"rate": rate}, timeout=10).raise_for_status()

    def halted_by(self) -> set[str]:
        """Return the sources of the halts in force, as the dashboard tells them."""
        dashboard = self.demo.endpoints()["services"]["dashboard-api"]["ports"]["http"]
        token = json.loads((self.demo.folder / ".jennie/secrets.json").read_text())["read-token"]
        told = web.get(f"http://127.0.0.1:{dashboard}/api/halts", headers={"Authorization": f"Bearer {token}"})
        (strategy,) = told.raise_for_status().json()
        return {halt["source"] for halt in strategy["halts"]}

    def until_halted_by(self, *sources: str) -> None:
        """Wait until just these halts are in force."""

        def is_so() -> bool:
            try:
                return self.halted_by() == set(sources)
            except httpx.HTTPError:  # the gateway, or Redis' content, is on its way back
                return False

        until(is_so, what=f"halted by {sources or 'nobody'}", within_secs=SOON_SECS)

    def buys(self) -> int:
        """Return how many buys the exchange has been sent."""
        account = self.demo.endpoints()["account_no"]
        ledger = web.get(f"{self.demo.control_url()}/control/ledger/{account}", timeout=10).raise_for_status().json()
        return sum(order["kind"] == "new" and order["side"] == "BUY" for order in ledger["orders"])

    def lose_the_gateway_and_redis_keys(self) -> None:
        """Kill the one and empty the other, but for the clock, which the exchange would only write again."""
        self.demo.kill("kis-gateway")
        with redis.Redis.from_url(self.demo.endpoints()["redis_url"]) as client:
            for key in client.scan_iter("*"):
                if not key.startswith(b"clock"):
                    client.delete(key)


def test_each_halt_acts_outlives_a_restart_and_an_emptied_redis_and_is_lifted_only_where_it_was_set(
    tmp_path: Path, start_demo: Callable[..., DemoProcess]
) -> None:
    day = HaltedDay(tmp_path, start_demo)
    day.demo.until("09:20")
    day.pace(A_MINUTE_A_SECOND)
    until(lambda: day.buys() > 0, what="a buy", within_secs=240)

    day.chat("/pause", "점심")
    day.until_halted_by("person")
    day.change(ACTIVE, PAUSED)
    day.until_halted_by("person", "spec")
    bought, at = day.buys(), day.demo.clock()
    day.lose_the_gateway_and_redis_keys()
    day.until_halted_by("person", "spec")
    day.demo.until(ten_minutes_after(at))
    day.chat("/resume")
    day.until_halted_by("spec")
    assert day.buys() == bought
    day.change(PAUSED, ACTIVE)
    day.until_halted_by()

    day.pace(AS_FAST_AS_IT_GOES)
    until(lambda: day.buys() >= bought + 3, what="more to lose with", within_secs=240)
    day.change(CAPITAL, TINY_CAPITAL)
    day.change(LIMIT, TINY_LIMIT)
    day.until_halted_by("risk")
    day.pace(A_MINUTE_A_SECOND)
    bought, at = day.buys(), day.demo.clock()
    day.chat("/resume", done=False)
    day.change(TINY_LIMIT, LIMIT)
    day.change(TINY_CAPITAL, CAPITAL)
    day.lose_the_gateway_and_redis_keys()
    day.demo.until(ten_minutes_after(at))
    day.until_halted_by("risk")

    day.pace(AS_FAST_AS_IT_GOES)
    report = day.demo.finish()
    assert_invariants(report, day.demo.output())
    assert report["buys"] <= bought, "a halted strategy bought"


def ten_minutes_after(at: str) -> str:
    """Return the time of day ten minutes later, HH:MM."""
    minutes = int(at[:2]) * 60 + int(at[3:5]) + 10
    return f"{minutes // 60:02}:{minutes % 60:02}"
