"""What the gateway refuses to start with: exit status 2 and one line that names the variable."""

import subprocess
import sys

import pytest

from tests.support.gateway import ENCRYPTION_KEY, gateway_environment


def started_with(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kis_gateway"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("environment", ["mock", "live"])
@pytest.mark.parametrize(
    "name", ["KIS_APP_KEY", "KIS_APP_SECRET", "KIS_ACCOUNT_NO", "JENNIE_ENCRYPTION_KEY", "JENNIE_TOKEN_KEY"]
)
def test_a_missing_credential_is_named(environment: str, name: str) -> None:
    variables = gateway_environment(KIS_ENV=environment)
    del variables[name]
    ended = started_with(**variables)
    assert ended.returncode == 2
    assert name in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("confirmed", ["", "yes", "12345678-02"])
def test_live_needs_the_account_a_second_time(confirmed: str) -> None:
    ended = started_with(**gateway_environment(KIS_ENV="live", KIS_LIVE_CONFIRM=confirmed))
    assert ended.returncode == 2
    assert "KIS_LIVE_CONFIRM" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIS_ENV", "production"),
        ("KIS_ACCOUNT_NO", "12345678"),
        ("JENNIE_ENCRYPTION_KEY", "short"),
        ("JENNIE_TOKEN_KEY", "short"),
        ("KIS_BASE_URL", "https://openapi.koreainvestment.com:9443"),
        ("KIS_REST_PER_SEC", "21"),
        ("PORT", "http"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named_and_not_repeated(name: str, value: str) -> None:
    ended = started_with(**gateway_environment(**{name: value}))
    assert ended.returncode == 2
    assert name in ended.stderr
    assert ENCRYPTION_KEY not in ended.stderr
