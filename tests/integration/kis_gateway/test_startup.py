"""What the gateway refuses to start with: exit status 2 and one line that names the variable."""

import subprocess
import sys

import pytest

from tests.support.gateway import ENCRYPTION_KEY, gateway_environment


def started_with(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kis_gateway"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("name", ["KIS_APP_SECRET", "JENNIE_TOKEN_KEY"])
def test_a_missing_credential_is_named_in_one_line(name: str) -> None:
    variables = gateway_environment(KIS_ENV="live")
    del variables[name]
    ended = started_with(**variables)
    assert ended.returncode == 2
    assert name in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_live_needs_the_account_a_second_time_and_says_so_without_repeating_a_secret() -> None:
    ended = started_with(**gateway_environment(KIS_ENV="live"))
    assert ended.returncode == 2
    assert "KIS_LIVE_CONFIRM" in ended.stderr
    assert ENCRYPTION_KEY not in ended.stderr
