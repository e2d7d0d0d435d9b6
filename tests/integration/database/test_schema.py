"""A service knows the tables it needs by one constant and one query, and waits for them however long they take."""

import ast
import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import SCRIPTS, migrate
from prime_jennie.infra.database.schema import REVISION, ExpectedSchema, missing_in, revisions
from tests.support.database import stand_at
from tests.support.eventually import eventually

T = TypeVar("T")
VERSIONS = sorted((SCRIPTS / "versions").glob("r*.py"))
TAKES_AWAY = re.compile(r"drop_|alter_column|rename_table|create_(unique|check|foreign)")


class CountingDatabase(Database):
    """Says how often it was read."""

    asked = 0

    async def read(self, work: Callable[[Session], T]) -> T:
        self.asked += 1
        return await super().read(work)


@pytest.fixture
def empty(database_url: str) -> Iterator[CountingDatabase]:
    db = CountingDatabase(database_url)
    yield db
    db.close_now()


def upgrade_calls(path: Path) -> Iterator[ast.Call]:
    """Give what a migration's way up calls."""
    for part in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(part, ast.FunctionDef) and part.name != "downgrade":
            yield from (node for node in ast.walk(part) if isinstance(node, ast.Call))


def takes_away(call: ast.Call) -> bool:
    """Tell whether older code would miss something, or could not write its rows, after this call."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name != "add_column":
        return TAKES_AWAY.match(name) is not None
    [column] = [one for one in call.args if isinstance(one, ast.Call)]
    told = {keyword.arg: keyword.value for keyword in column.keywords}
    nullable = told.get("nullable")
    return "server_default" not in told and isinstance(nullable, ast.Constant) and nullable.value is False


def test_the_code_expects_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(SCRIPTS))
    assert scripts.get_heads() == [REVISION]


def test_revisions_are_one_line_of_numbers_so_that_further_is_greater() -> None:
    scripts = ScriptDirectory(str(SCRIPTS))
    line = [script.revision for script in scripts.walk_revisions()][::-1]
    assert line == [f"{number:04}" for number in range(1, len(VERSIONS) + 1)]


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_only_adds_for_older_code_goes_on_beside_it(path: Path) -> None:
    assert [ast.unparse(call) for call in upgrade_calls(path) if takes_away(call)] == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("op.drop_column('orders', 'why')", True),
        ("batch.alter_column('price', type_=sa.Integer())", True),
        ("op.add_column('orders', sa.Column('why', sa.Text(), nullable=False))", True),
        ("op.add_column('orders', sa.Column('why', sa.Text(), nullable=False, server_default=''))", False),
        ("op.add_column('orders', sa.Column('why', sa.Text()))", False),
        ("op.create_unique_constraint('uq', 'orders', ['why'])", True),
        ("op.create_table('notes')", False),
    ],
)
def test_what_takes_away_would_be_noticed(call: str, found: bool) -> None:
    parsed = ast.parse(call, mode="eval").body
    assert isinstance(parsed, ast.Call)
    assert takes_away(parsed) is found


def test_an_empty_database_lacks_every_table(empty: Database) -> None:
    assert empty.read_now(missing_in) == (
        f"the database has no tables yet: revision {REVISION} is expected, and no migration has ended"
    )


@pytest.mark.parametrize(
    ("revision", "missing"),
    [
        (REVISION, ""),
        ("9999", ""),
        ("0001", f"the database is at revision 0001, {REVISION} is expected"),
        ("cafe", "the database is at revision 'cafe', which is none of ours"),
        ("99991", "the database is at revision '99991', which is none of ours"),
        (None, f"the database has no tables yet: revision {REVISION} is expected, and no migration has ended"),
    ],
)
def test_a_database_has_the_tables_from_the_expected_revision_on(
    db: Database, revision: str | None, missing: str
) -> None:
    stand_at(db, revision)
    assert db.read_now(missing_in) == missing


def test_a_rollback_takes_nothing_back_and_is_no_failure(
    db: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_at(db, "9999")
    migrate(database_url)
    assert capsys.readouterr().err == "migrate: a newer release has migrated this database, nothing is to be done\n"
    assert db.read_now(revisions) == ["9999"]


async def test_tables_that_come_later_are_waited_for_and_then_never_asked_for(
    empty: CountingDatabase, database_url: str
) -> None:
    schema = ExpectedSchema()
    waiting = asyncio.create_task(schema.wait_in(empty))
    await eventually(lambda: "no tables yet" in schema.missing)
    await asyncio.to_thread(migrate, database_url)
    await waiting
    assert schema.missing == ""
    asked = empty.asked
    await asyncio.sleep(0.2)
    assert empty.asked == asked


async def test_tables_that_are_there_cost_one_question(db: Database, database_url: str) -> None:
    counting = CountingDatabase(database_url)
    schema = ExpectedSchema()
    await schema.wait_in(counting)
    assert (counting.asked, schema.missing) == (1, "")
    await counting.close()


async def test_a_server_that_is_away_is_waited_for_and_its_password_is_not_told(
    mariadb_db: Database, mariadb_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, _, socket = mariadb_url.partition("?unix_socket=")
    door = tmp_path / "mariadb.sock"
    db = Database(f"{address.replace('root@', 'root:hidden@')}?unix_socket={door}")
    schema = ExpectedSchema()
    waiting = asyncio.create_task(schema.wait_in(db))
    await eventually(lambda: schema.missing.startswith("database: "))
    assert "hidden" not in schema.missing + "".join(capsys.readouterr())
    waiting.cancel()
    await asyncio.wait({waiting})
    await db.close()

    db = Database(f"{address}?unix_socket={door}")
    waiting = asyncio.create_task(schema.wait_in(db))
    await eventually(lambda: schema.missing.startswith("database: "))
    door.symlink_to(socket)
    await waiting
    assert schema.missing == ""
    await db.close()


async def test_a_file_whose_folder_is_not_mounted_yet_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    db = Database(f"sqlite:///{folder / 'x.db'}")
    schema = ExpectedSchema()
    waiting = asyncio.create_task(schema.wait_in(db))
    await eventually(lambda: "unable to open" in schema.missing)
    await asyncio.to_thread(migrate, f"sqlite:///{folder / 'x.db'}")
    await waiting
    await db.close()
