"""A really started gateway for tests: with redis-server, SQLite and the exchange, all as processes of their own."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.tokens import mint
from tests.support import web
from tests.support.database import migrate_empty
from tests.support.exchange import ACCOUNT, APP_KEY, APP_SECRET, RunningExchange, start_exchange
from tests.support.redis_server import RedisServer, free_port
from tests.support.warm_process import WarmProcess

TOKEN_KEY = "a-key-for-tests-only"
READ_TOKEN = "a-read-token-for-tests-only"
ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
STRATEGY = "krx-core"
HTS_ID = "HTSID01"
SAMSUNG, HYNIX = "005930", "000660"
READY_WITHIN_SECS = 60.0


def gateway_environment(**changes: str) -> dict[str, str]:
    """Return the variables of a gateway for the simulator."""
    return {
        "KIS_ENV": "mock",
        "KIS_APP_KEY": APP_KEY,
        "KIS_APP_SECRET": APP_SECRET,
        "KIS_ACCOUNT_NO": ACCOUNT,
        "KIS_HTS_ID": HTS_ID,
        "JENNIE_ENCRYPTION_KEY": ENCRYPTION_KEY,
        "JENNIE_TOKEN_KEY": TOKEN_KEY,
        "JENNIE_READ_TOKEN": READ_TOKEN,
        **changes,
    }


class RunningGateway:
    """One gateway process; killed and started again on the same port and database."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._environment = {**_own_environment(), **environment, "PORT": str(self.port)}
        self.process: WarmProcess | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start the process and wait until it is ready, or until it answers at all."""
        self.process = WarmProcess("kis_gateway", env=self._environment, log=self._log)
        self.wait("/readyz" if ready else "/livez")

    def wait(self, path: str, within_secs: float = READY_WITHIN_SECS) -> None:
        """Return when a path answers 200."""
        deadline = time.monotonic() + within_secs
        while not self._answers(path):
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"kis-gateway: no 200 from {path}\n{self._log.read_text()[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process without any chance to clean up."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """End the process as an operator would and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def health(self) -> dict[str, Any]:
        """Return /health."""
        found: dict[str, Any] = web.get(f"{self.url}/health", timeout=10).json()
        return found

    def post(self, path: str, body: object, *, token: str | None = "", **headers: str) -> httpx.Response:
        """Post JSON as the strategy, with another token, or with none."""
        token = mint(STRATEGY, TOKEN_KEY) if token == "" else token
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return web.post(self.url + path, json=body, headers=headers, timeout=60)

    def log_text(self) -> str:
        """Return what the process has logged."""
        return self._log.read_text()

    def _answers(self, path: str) -> bool:
        try:
            return web.get(self.url + path, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


class House:
    """Redis, exchange, database and gateway of one virtual morning, 09:30 on 4 March 2025 at first."""

    def __init__(
        self,
        folder: Path,
        *,
        rate: str = "20",
        flags: tuple[str, ...] = (),
        database_url: str | None = None,
        **environment: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.redis = RedisServer(folder)
        self.redis.start()
        self.database_url = database_url or f"sqlite:///{folder / 'prime-jennie.db'}"
        migrate_empty(self.database_url)
        self.db = Database(self.database_url)
        self._flags = ("--rate", rate, "--journal", str(folder / "journal"), *flags)
        self.exchange: RunningExchange = start_exchange(*self._flags, env={"JENNIE_CLOCK": self.redis.url})
        self.gateway = RunningGateway(
            gateway_environment(
                REDIS_URL=self.redis.url,
                DATABASE_URL=self.database_url,
                JENNIE_CLOCK=self.redis.url,
                KIS_BASE_URL=self.exchange.rest_url,
                KIS_WS_URL=self.exchange.ws_url,
                **environment,
            ),
            folder / "gateway.log",
        )

    def close(self) -> None:
        """Stop everything."""
        if self.gateway.process is not None:
            self.gateway.stop()
        self.exchange.stop()
        self.db.close_now()
        self.redis.kill()

    def client(self, caller: str = "test", strategy: str = STRATEGY) -> GatewayClient:
        """Return a client with the strategy's token."""
        return GatewayClient(self.gateway.url, SecretStr(mint(strategy, TOKEN_KEY)), caller=caller)

    def kill_exchange(self) -> None:
        """End the exchange as SIGKILL does."""
        self.exchange.kill()

    def revive_exchange(self) -> None:
        """Start the exchange again on its ports and its journal."""
        ports = {
            "--port": self.exchange.rest_url,
            "--ws-port": self.exchange.ws_url,
            "--control-port": self.exchange.control_url,
        }
        flags = [part for flag, url in ports.items() for part in (flag, url.rsplit(":", 1)[1].strip("/"))]
        self.exchange = start_exchange(*self._flags, *flags, env={"JENNIE_CLOCK": self.redis.url})

    def disarm(self) -> None:
        """Take every fault back."""
        web.delete(f"{self.exchange.control_url}/control/faults", timeout=10)

    def ledger(self) -> dict[str, Any]:
        """Return the exchange's own books of the account."""
        return self.exchange.control(f"ledger/{ACCOUNT}")

    def listings(self) -> list[dict[str, Any]]:
        """Return every stock the exchange lists."""
        found: list[dict[str, Any]] = web.get(f"{self.exchange.control_url}/control/listings", timeout=10).json()
        return found

    def exchange_orders(self) -> list[dict[str, Any]]:
        """Return the exchange's own orders of the account, cancellations left out."""
        response = web.get(f"{self.exchange.control_url}/control/ledger/{ACCOUNT}", timeout=10)
        if response.status_code == 404:
            return []
        orders: list[dict[str, Any]] = response.json()["orders"]
        return [order for order in orders if order["kind"] == "new"]


@contextmanager
def running_house(folder: Path, *, start: bool = True, **options: Any) -> Iterator[House]:
    """Run a house for the block."""
    house = House(folder, **options)
    try:
        if start:
            house.gateway.start()
        yield house
    finally:
        house.close()


def until(condition: Callable[[], bool], within_secs: float = 20.0, what: str = "") -> None:
    """Return when a condition holds, for tests without an event loop."""
    deadline = time.monotonic() + within_secs
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within_secs} s: {what}")
        time.sleep(0.02)


def _own_environment() -> dict[str, str]:
    ours = ("KIS_", "JENNIE_", "REDIS_", "DATABASE_", "ORDER_", "PORT", "HOST")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
