"""The command of the chart's MariaDB, run as a container runs it: any user id, whatever image brings the server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from tests.support.chart import pods, rendered

USER_ID = 10001
START_SECS = 60.0

pytestmark = pytest.mark.skipif(
    shutil.which("mariadbd") is None or shutil.which("setpriv") is None, reason="no MariaDB server on this machine"
)


class Server:
    """One claim, in which servers are started one after another."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        values = {"mariadb": {"port": self.port, "bufferPool": "16M"}}
        [pod] = [pod for where, pod in pods(rendered(values=values)) if where == "StatefulSet/mariadb"]
        main = pod["spec"]["containers"][0]
        assert main["command"][:2] == ["sh", "-euc"]
        script = main["command"][2]
        self.claim, own_tmp = folder / "claim", folder / "tmp"
        for made in (self.claim, own_tmp):
            made.mkdir()
            if os.geteuid() == 0:
                os.chown(made, USER_ID, USER_ID)
        script = script.replace("/tmp", str(own_tmp))  # noqa: S108 — a path inside the container
        self._script = script.replace("/var/lib/mysql", str(self.claim))
        self._log = folder / "log"

    @contextmanager
    def started(self, password: str) -> Iterator[None]:
        as_user = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
        command = [*(as_user if os.geteuid() == 0 else []), "sh", "-euc", self._script]
        with self._log.open("a") as log:
            process = subprocess.Popen(
                command,
                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "MYSQL_PWD": password},
                cwd="/",
                stdout=log,
                stderr=log,
            )
        try:
            self._until_it_answers(process, password)
            yield
        finally:
            process.terminate()
            process.wait(START_SECS)

    def execute(self, password: str, statement: str) -> tuple[tuple[object, ...], ...]:
        given = {"host": "127.0.0.1", "port": self.port, "user": "jennie", "password": password}
        connection = pymysql.connect(**given, database="prime_jennie", autocommit=True)  # type: ignore[arg-type]
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return tuple(cursor.fetchall())
        finally:
            connection.close()

    def _until_it_answers(self, process: subprocess.Popen[bytes], password: str) -> None:
        deadline = time.monotonic() + START_SECS
        while True:
            try:
                self.execute(password, "SELECT 1")
                return
            except pymysql.err.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{error}: {self._log.read_text()[-2000:]}") from None
                time.sleep(0.1)


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="jennie-mariadb-"))  # a test's own folder is closed to other users
    folder.chmod(0o755)
    yield Server(folder)
    shutil.rmtree(folder)


def test_a_claim_keeps_its_rows_and_takes_the_password_of_the_secret_of_today(server: Server) -> None:
    (server.claim / "new").mkdir(mode=0o777)  # of a first start that was cut
    (server.claim / "lost+found").mkdir()  # of a fresh disk
    if os.geteuid() == 0:
        os.chown(server.claim / "new", USER_ID, USER_ID)
    first, second = "it's a \\ first", "second"
    with server.started(first):
        server.execute(first, "CREATE TABLE kept (n INT)")
        server.execute(first, "INSERT INTO kept VALUES (7)")
        assert server.execute(first, "SELECT @@character_set_database, @@max_connections") == (("utf8mb4", 1000),)
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            server.execute("wrong", "SELECT 1")
    with server.started(second):
        assert server.execute(second, "SELECT n FROM kept") == ((7,),)
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            server.execute(first, "SELECT 1")
