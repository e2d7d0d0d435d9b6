"""Where a namespace's ledger is: in the environment for our own, in its platform's Secret for any other."""

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from prime_jennie.infra.database.engines import driver_url
from prime_jennie_operator.firing import desks
from prime_jennie_operator.firing.desks import Desks, NoLedger
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.settings import OperatorSettings

ONE, OTHER = "sqlite:////srv/one.db", "sqlite:////srv/other.db"


class DeskTwin:
    """Opens nothing, and refuses what a database refuses."""

    def __init__(self, _deps: object, _namespace: str, url: str, _book: object, **_hears: object) -> None:
        driver_url(url)
        self.url = url
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False


class Secrets:
    """An API server that knows one Secret, and takes its time."""

    def __init__(self) -> None:
        self.data: dict[str, str] | None = {}
        self.asked: list[tuple[str, str]] = []

    def tell(self, url: str) -> None:
        self.data = {"url": base64.b64encode(url.encode()).decode()}

    async def get(self, _kind: object, namespace: str, name: str) -> dict[str, Any] | None:
        self.asked.append((namespace, name))
        await asyncio.sleep(0)
        return None if self.data is None else {"data": self.data}


class World:
    def __init__(self, **settings: Any) -> None:
        self.secrets = Secrets()
        deps: Any = SimpleNamespace(
            api=self.secrets, settings=OperatorSettings(namespace="operators", **settings), values=laptop_values()
        )
        hears: dict[str, Any] = dict.fromkeys(("tell", "due", "trouble"))
        nothing: Any = None
        self.desks = Desks(deps, nothing, **hears)

    async def open(self, namespace: str = "seoul") -> Any:
        return await self.desks.of(namespace)


@pytest.fixture(autouse=True)
def no_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "SlotDesk", DeskTwin)


@pytest.fixture
def world() -> World:
    made = World(scope="cluster", database_url=SecretStr(ONE))
    made.secrets.tell(OTHER)
    return made


async def test_our_own_is_in_the_environment_and_anothers_in_its_secret(world: World) -> None:
    assert (await world.open("operators")).url == ONE
    assert world.secrets.asked == []
    assert (await world.open("seoul")).url == OTHER
    assert world.secrets.asked == [("seoul", "prime-jennie-database")]


async def test_who_serves_one_namespace_reads_no_secret() -> None:
    world = World(database_url=SecretStr(ONE))
    assert (await world.open("operators")).url == ONE
    assert world.secrets.asked == []


async def test_however_many_ask_at_once_one_desk_is_opened(world: World) -> None:
    found = await asyncio.gather(*(world.open() for _ in range(8)))
    assert len({id(desk) for desk in found}) == 1
    assert len(world.secrets.asked) == 1


async def test_another_address_opens_another_desk_and_closes_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "LOOK_AGAIN_SECS", -1.0)
    first = await world.open()
    assert await world.open() is first
    world.secrets.tell(ONE)
    second = await world.open()
    assert (second.url, second.is_open, first.is_open) == (ONE, True, False)
    await world.desks.close()
    assert not second.is_open


async def test_a_secret_is_not_read_at_every_look(world: World) -> None:
    for _ in range(5):
        await world.open()
    assert len(world.secrets.asked) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "there is no Secret prime-jennie-database with a key url"),
        ({}, "there is no Secret prime-jennie-database with a key url"),
        ({"url": "not base64!"}, "Secret prime-jennie-database: url cannot be read"),
        ({"url": base64.b64encode(b"\xff\xfe").decode()}, "Secret prime-jennie-database: url cannot be read"),
        ({"url": base64.b64encode(b"oracle://me:s3cret-word@db/x").decode()}, "oracle is not supported"),
        ({"url": base64.b64encode(b"s3cret-word").decode()}, "not a database URL"),
    ],
)
async def test_what_is_wrong_with_it_is_said_without_what_it_holds_and_mended_without_a_restart(
    world: World, data: Any, says: str
) -> None:
    world.secrets.data = data
    with pytest.raises(NoLedger, match=says) as refused:
        await world.open()
    assert "s3cret-word" not in str(refused.value)
    world.secrets.tell(ONE)
    assert (await world.open()).url == ONE


async def test_without_a_database_of_our_own_that_is_said() -> None:
    with pytest.raises(NoLedger, match="DATABASE_URL is not set"):
        await World().open("operators")
    with pytest.raises(NoLedger, match="not a database URL"):
        await World(database_url=SecretStr("nonsense")).open("operators")
