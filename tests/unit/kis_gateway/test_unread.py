"""What nobody could read is kept for a person: bounded, without secrets, and never in the way of trading."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kis_gateway import unread as module
from kis_gateway.config import GatewaySettings
from kis_gateway.metrics import UNREAD
from kis_gateway.unread import UnreadMessages
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually
from tests.support.gateway import gateway_environment

AT = datetime(2025, 3, 4, 15, 30, tzinfo=UTC)  # half past midnight of the fifth in Seoul
ACCOUNT, PLAIN_ACCOUNT, HTS_ID = "50012345-01", "5001234501", "JENNIE77"
APP_KEY = "PSabcdefghijklmnopqrstuvwxyz01234567"
SECRETS = (APP_KEY, HTS_ID, ACCOUNT, PLAIN_ACCOUNT, "50012345", "")


def counted(fate: str) -> float:
    return float(UNREAD.labels(fate)._value.get())


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def texts(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in files(folder))


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in texts(folder).splitlines()]


@asynccontextmanager
async def writing(messages: UnreadMessages) -> AsyncIterator[None]:
    running = asyncio.create_task(messages.run())
    try:
        yield
    finally:
        await end_task(running)


async def test_a_message_is_a_line_of_its_day_in_seoul_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    messages = UnreadMessages(folder, SECRETS, ManualClock(AT))
    before = counted("kept")
    async with writing(messages):
        messages.keep("a trade of 3 fields", "0|H0STCNT0|001|005930^세^x")
        messages.keep("a frame that is neither data nor JSON", 'two\nlines "quoted" \x00')
        await eventually(lambda: counted("kept") == before + 2)
    assert kept(folder) == [
        {"at": AT.isoformat(), "reason": "a trade of 3 fields", "text": "0|H0STCNT0|001|005930^세^x"},
        {"at": AT.isoformat(), "reason": "a frame that is neither data nor JSON", "text": 'two\nlines "quoted" \x00'},
    ]
    [path] = files(folder)
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("unread-20250305.jsonl", 0o600)


@pytest.mark.parametrize(
    "text",
    [
        f"H0STCNI0|001|{HTS_ID}^{PLAIN_ACCOUNT}^0000012345",
        f'{{"account_no": "{ACCOUNT}", "appkey": "{APP_KEY}"}}',
        '{"body": {"output": {"iv": "hunter2-hunter22", "key": "hunter2hunter2hunter2hunter2hunt"}}}',
        '{"body":{"output":{"key":"hunter2hunter2hun',  # cut off
        '{"approval_key": "hunter2-approval"}',
        "Authorization: Bearer hunter2.hunter2",
        f"{'x' * 9_000} {APP_KEY}",
    ],
)
async def test_no_secret_reaches_the_disk(tmp_path: Path, text: str) -> None:
    messages = UnreadMessages(tmp_path, SECRETS, ManualClock(AT))
    async with writing(messages):
        messages.keep(f"a notice of {PLAIN_ACCOUNT}", text)
        await eventually(lambda: kept(tmp_path))
    found = texts(tmp_path)
    assert "a notice of ***" in found
    for secret in ("hunter2", APP_KEY, HTS_ID, PLAIN_ACCOUNT, "50012345"):
        assert secret not in found


def test_the_settings_name_every_form_of_the_brokers_secrets() -> None:
    given = {name.lower(): value for name, value in gateway_environment(KIS_ACCOUNT_NO=ACCOUNT).items()}
    found = GatewaySettings(**given).secrets
    assert {ACCOUNT, PLAIN_ACCOUNT, "50012345", given["kis_app_key"], given["kis_app_secret"]} <= set(found)


async def test_a_long_message_loses_its_end_and_a_days_file_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES_A_DAY", 30_000)
    messages = UnreadMessages(tmp_path, SECRETS, ManualClock(AT))
    before = counted("counted")
    async with writing(messages):
        for _ in range(20):
            messages.keep("x", "y " * 50_000)
        await eventually(lambda: counted("counted") == before + 17)
    assert [len(message["text"]) <= module.LONGEST_TEXT + 1 for message in kept(tmp_path)] == [True] * 3
    assert len(texts(tmp_path).encode()) <= 30_000


async def test_the_oldest_days_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DAYS", 3)
    (tmp_path / "notes.txt").write_text("a person's own")
    clock = ManualClock(AT)
    messages = UnreadMessages(tmp_path, SECRETS, clock)
    async with writing(messages):
        for day in range(5):
            clock.set(AT + timedelta(days=day))
            messages.keep("x", "y")
            newest = f"unread-202503{5 + day:02}.jsonl"
            await eventually(lambda: newest in [path.name for path in files(tmp_path)])  # noqa: B023
        await eventually(lambda: len(files(tmp_path)) == 4)
    names = [path.name for path in files(tmp_path)]
    assert names == ["notes.txt", "unread-20250307.jsonl", "unread-20250308.jsonl", "unread-20250309.jsonl"]


async def test_a_flood_is_counted_and_waits_for_no_disk(tmp_path: Path) -> None:
    messages = UnreadMessages(tmp_path, SECRETS, ManualClock(AT))  # nobody writes
    before = counted("counted")
    for _ in range(module.WAITING + 5):
        messages.keep("x", "y")
    assert counted("counted") == before + 5


async def test_without_a_folder_messages_are_counted_only(tmp_path: Path) -> None:
    messages = UnreadMessages(None, SECRETS, ManualClock(AT))
    before = counted("counted")
    async with writing(messages):
        messages.keep("x", "y")
        await asyncio.sleep(0)
    assert counted("counted") == before + 1


async def test_a_disk_that_takes_nothing_is_an_outage_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("not a folder")
    messages = UnreadMessages(folder, SECRETS, ManualClock(AT))
    messages.keep("x", "lost")
    with pytest.raises(OSError, match="state"):
        await messages.run()
    folder.unlink()
    async with writing(messages):
        messages.keep("x", "kept")
        await eventually(lambda: folder.is_dir() and kept(folder))
    assert [message["text"] for message in kept(folder)] == ["kept"]
