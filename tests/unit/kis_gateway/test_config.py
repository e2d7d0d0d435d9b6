"""The gateway's settings: what must be there, and what cannot be meant."""

import pytest
from pydantic import ValidationError

from kis_gateway.config import GatewaySettings
from prime_jennie.domain.broker import Environment

VALID = {
    "kis_app_key": "K" * 36,
    "kis_app_secret": "S" * 180,
    "kis_account_no": "12345678-01",
    "jennie_encryption_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "jennie_token_key": "a-key-for-tests-only",
}


def settings(**changes: object) -> GatewaySettings:
    return GatewaySettings.model_validate({**VALID, **changes})


@pytest.mark.parametrize(
    ("environment", "rest", "ledger"),
    [(Environment.MOCK, 19.0, 5.0), (Environment.LIVE, 17.0, 5.0), (Environment.PAPER, 1 / 1.1, 1 / 1.1)],
)
def test_the_limits_are_one_below_what_each_exchange_allows(
    environment: Environment, rest: float, ledger: float
) -> None:
    chosen = settings(kis_env=environment, kis_live_confirm="12345678-01")
    assert (chosen.rest_per_sec, chosen.ledger_per_sec) == (rest, ledger)


def test_the_seeds_nineteen_a_second_can_be_set_for_live() -> None:
    assert settings(kis_env="live", kis_live_confirm="12345678-01", kis_rest_per_sec=19).rest_per_sec == 19


def test_the_hosts_are_those_of_the_environment_unless_said_otherwise() -> None:
    assert settings().base_url == "http://127.0.0.1:9443"
    assert "openapivts" in settings(kis_env="paper").base_url
    assert settings(kis_env="live", kis_live_confirm="12345678-01").ws_url.endswith(":21000")
    assert settings(kis_base_url="http://127.0.0.1:1").base_url == "http://127.0.0.1:1"


@pytest.mark.parametrize("confirmed", [None, "", "yes", "12345678-02"])
def test_live_needs_the_account_a_second_time(confirmed: str | None) -> None:
    with pytest.raises(ValidationError, match="KIS_LIVE_CONFIRM"):
        settings(kis_env="live", kis_live_confirm=confirmed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kis_env", "production"),
        ("kis_account_no", "12345678"),
        ("jennie_encryption_key", "short"),
        ("jennie_token_key", "short"),
        ("kis_rest_per_sec", 21),
        ("kis_rest_per_sec", -1),
        ("order_max_quantity", 0),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})


def test_the_simulator_is_never_the_brokers_own_host() -> None:
    with pytest.raises(ValidationError, match="KIS_BASE_URL"):
        settings(kis_base_url="https://openapi.koreainvestment.com:9443")


def test_secrets_stay_out_of_repr() -> None:
    text = repr(settings())
    assert "K" * 36 not in text
    assert "S" * 180 not in text
