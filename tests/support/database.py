"""Give tests a migrated database: SQLite always, MariaDB where the server is installed."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database, driver_url
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.schema import missing_in

SERVER_NAMES = ("mariadbd", "mysqld")
SERVER_FOLDERS = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin")
START_SECS = 150
# A killed server keeps what the kernel has and nobody cuts the power of a test; on a slow disk a thousand syncs take
# longer than a test may.
UNSYNCED = ("--debug-no-sync", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-file-per-table=0")


class MariaDb:
    """A private MariaDB server that listens on a socket in its own folder only."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "sql.sock"
        self._folder = folder
        self._data = folder / "data"
        self._server = find_server()
        self._user = ["--user=root"] if os.geteuid() == 0 else []

    def start(self) -> None:
        """Initialise the data folder and wait until the server answers."""
        install = shutil.which("mariadb-install-db") or "mysql_install_db"
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={self._data}",
                "--auth-root-authentication-method=normal",
                *UNSYNCED,
                *self._user,
            ],
            check=True,
            capture_output=True,
        )
        self._run()

    def restart(self) -> None:
        """Kill the server as a power cut would, and bring it back on what it has on its disk."""
        self.stop()
        self._run()

    def _run(self) -> None:
        self._process = subprocess.Popen(
            [
                str(self._server),
                "--no-defaults",
                f"--datadir={self._data}",
                f"--socket={self.socket}",
                f"--pid-file={self._folder / 'pid'}",
                "--skip-networking",
                "--innodb-buffer-pool-size=32M",
                *UNSYNCED,
                "--innodb-flush-log-at-trx-commit=2",
                "--max-connections=400",
                *self._user,
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("a"),
        )
        deadline = time.monotonic() + START_SECS
        while True:
            try:
                self._execute("SELECT 1")
                return
            except pymysql.err.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def fresh_url(self) -> Iterator[str]:
        """Create an empty database and drop it afterwards."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield f"mariadb://root@localhost/{name}?unix_socket={self.socket}"
        finally:
            self._execute(f"DROP DATABASE {name}")

    def _execute(self, statement: str) -> None:
        connection = pymysql.connect(user="root", unix_socket=str(self.socket))
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()


def find_server() -> Path | None:
    """Return the MariaDB server of this machine."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SERVER_FOLDERS])
    found = next((found for name in SERVER_NAMES if (found := shutil.which(name, path=path))), None)
    return Path(found) if found else None


@pytest.fixture(scope="session")
def mariadb_server() -> MariaDb:
    """Run one MariaDB server for all tests, or skip them loudly where none is installed."""
    if find_server() is None:
        sys.stderr.write("\nMariaDB is not installed: the tests against it are SKIPPED\n")
        pytest.skip("MariaDB is not installed: nothing here was tried against it")
    return _server_of_this_process()


@functools.cache
def _server_of_this_process() -> MariaDb:
    """Start it once: pytest makes a fixture anew for each module that imports it, session or not."""
    # A short path: the name of a Unix socket may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="pj-sql-"))
    server = MariaDb(folder)
    server.start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    return server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Name a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'prime-jennie.db'}"


@pytest.fixture
def mariadb_url(mariadb_server: MariaDb) -> Iterator[str]:
    """Name an empty MariaDB database."""
    with mariadb_server.fresh_url() as url:
        yield url


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """Open a migrated SQLite database."""
    yield from migrated(sqlite_url)


@pytest.fixture
def mariadb_db(mariadb_url: str) -> Iterator[Database]:
    """Open a migrated MariaDB database."""
    yield from migrated(mariadb_url)


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Name an empty database of either kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """Open a migrated database of either kind."""
    yield from migrated(database_url)


def migrate_empty(url: str) -> None:
    """Bring an empty database to the newest schema, as a copy of one that was migrated before."""
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        if Path(str(parsed.database)).exists():
            migrate(url)
        else:
            shutil.copyfile(_migrated_file(), str(parsed.database))
        return
    socket = str(parsed.query["unix_socket"])
    statements = _migrated_database(socket)
    connection = pymysql.connect(user="root", unix_socket=socket, database=str(parsed.database))
    try:
        cursor = connection.cursor()
        if cursor.execute("SHOW TABLES"):
            migrate(url)
            return
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
    finally:
        connection.close()


@functools.cache
def _migrated_database(socket: str) -> tuple[str, ...]:
    """Return what makes a database of the newest schema; migrating takes a second, and hundreds of tests ask for it."""
    name = f"template_{os.getpid()}"
    connection = pymysql.connect(user="root", unix_socket=socket)
    try:
        cursor = connection.cursor()
        cursor.execute(f"CREATE DATABASE {name}")
        migrate(f"mariadb://root@localhost/{name}?unix_socket={socket}")
        cursor.execute(f"USE {name}")
        cursor.execute("SHOW TABLES")
        statements: list[str] = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{table}`")
            statements.append(str(cursor.fetchall()[0][1]))
            if cursor.execute(f"SELECT 1 FROM `{table}` LIMIT 1"):  # noqa: S608 - a name of our own
                statements.append(f"INSERT INTO `{table}` SELECT * FROM `{name}`.`{table}`")  # noqa: S608
        return tuple(statements)
    finally:
        connection.close()


@functools.cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pj-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(f"sqlite:///{folder / 'migrated.sqlite3'}")
    return folder / "migrated.sqlite3"


def migrated(url: str) -> Iterator[Database]:
    """Migrate, open, and close again."""
    migrate_empty(url)
    database = Database(url)
    yield database
    database.close_now()


def is_current(url: str) -> bool:
    """Tell whether a database has the tables that the code expects."""
    database = Database(url)
    try:
        return database.read_now(missing_in) == ""
    finally:
        database.close_now()


def stand_at(db: Database, revision: str | None) -> None:
    """Let a migrated database say that it stands elsewhere."""

    def work(session: Session) -> None:
        session.execute(text("DELETE FROM alembic_version"))
        if revision is not None:
            session.execute(text("INSERT INTO alembic_version VALUES (:at)"), {"at": revision})

    db.write_now(work)
