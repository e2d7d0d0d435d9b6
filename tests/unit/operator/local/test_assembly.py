from pathlib import Path

import pytest
from pydantic import SecretStr

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.folder import RunFolder, write_atomically
from prime_jennie_operator.local.settings import LocalSettings
from prime_jennie_operator.manifest import of_kind

HEAD = "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: TradingStrategy\nmetadata: {name: krx}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "krx.yaml"
    path.write_text(HEAD + "spec: {risk: {maxPositions: 5}}")
    return path


def assembled(file: Path, folder: Path) -> Assembly:
    return Assembly([file], laptop_values(), folder)


def generation(assembly: Assembly) -> int:
    return assembly.strategies[0].metadata.generation


def test_each_accepted_change_is_a_new_generation(file: Path, tmp_path: Path) -> None:
    assembly = assembled(file, tmp_path / "run")
    assert (generation(assembly), assembly.revise()) == (1, False)
    file.write_text(HEAD + "spec: {risk: {maxPositions: 4}}")
    assert (assembly.revise(), generation(assembly)) == (True, 2)


def test_a_change_of_services_alone_is_no_new_generation(file: Path, tmp_path: Path) -> None:
    assembly = assembled(file, tmp_path / "run")
    file.write_text(HEAD + "spec: {risk: {maxPositions: 5}, services: {buyScanner: {env: [{name: A, value: b}]}}}")
    assert (assembly.revise(), generation(assembly)) == (True, 1)


def test_a_bad_change_is_refused_whole_and_the_old_stays(file: Path, tmp_path: Path) -> None:
    assembly = assembled(file, tmp_path / "run")
    for bad in ("spec: {risk: {maxPositions: 0}}", "spec: [", "spec: {market: US}", "spec: {mode: live}"):
        file.write_text(HEAD + bad)
        with pytest.raises(BadInput):
            assembly.revise()
    assert assembly.strategies[0].spec.risk.max_positions == 5
    assert generation(assembly) == 1


def test_a_restart_continues_the_generations_that_services_may_remember(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = assembled(file, run)
    texts = [one["data"].get("strategy.json") for one in of_kind(first.objects(), "ConfigMap")]
    [text] = [text for text in texts if text is not None]
    stored = text.replace('"generation": 1', '"generation": 6')
    write_atomically(RunFolder(run).config_map("krx-config") / "strategy.json", stored)
    assert generation(assembled(file, run)) == 6
    file.write_text(HEAD + "spec: {risk: {maxPositions: 4}}")
    assert generation(assembled(file, run)) == 7


def test_a_live_strategy_without_a_live_gateway_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_text(
        HEAD + "spec: {mode: live, capitalKrw: 10000000, account: {secretRef: {name: kis-credentials}}, "
        "risk: {dailyLossLimitPct: 2}}"
    )
    with pytest.raises(
        BadInput, match=r"TradingStrategy krx: spec[.]mode: mode live cannot trade through a gateway in mock"
    ):
        assembled(file, tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kis_env": "live"}, "environment: KIS_ACCOUNT_NO: missing; KIS_ENV=live needs it"),
        ({"kis_env": "paper", "kis_account_no": "1234"}, "environment: KIS_ACCOUNT_NO: must be NNNNNNNN-NN"),
        ({"kis_env": "live", "kis_account_no": "12345678-01"}, "environment: KIS_LIVE_CONFIRM: must repeat KIS_ACC"),
        (
            {"kis_env": "live", "kis_account_no": "12345678-01", "kis_live_confirm": "12345678-02"},
            "environment: KIS_LIVE_CONFIRM: must repeat KIS_ACCOUNT_NO",
        ),
        ({"kis_env": "paper", "kis_account_no": "12345678-01"}, "environment: KIS_APP_KEY: missing; KIS_ENV=paper"),
        (
            {
                "kis_env": "live",
                "kis_account_no": "12345678-01",
                "kis_live_confirm": "12345678-01",
                "kis_app_key": "k",
            },
            "environment: KIS_APP_SECRET: missing; KIS_ENV=live needs it",
        ),
    ],
)
def test_a_real_broker_without_credentials_is_refused(settings: dict[str, str], expected: str) -> None:
    def prepare() -> None:
        read = LocalSettings(**settings)  # type: ignore[arg-type]
        laptop_values(read.values())
        read.kis_credentials()

    with pytest.raises(BadInput, match=expected):
        prepare()


def test_a_data_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"environment: JENNIE_DATA: .*nowhere is no folder"):
        LocalSettings(jennie_data=tmp_path / "nowhere").values()


def test_sources_of_the_worlds_figures_go_to_their_service_as_a_value_and_a_secret() -> None:
    settings = LocalSettings(vix_url="https://query1.finance.yahoo.com", ecos_api_key=SecretStr("an-ecos-key"))
    values = laptop_values(settings.values())
    assert values.world_figures.vix_url == "https://query1.finance.yahoo.com"
    assert settings.channel_secrets()[values.world_figures.credentials_secret] == {"ecos-api-key": "an-ecos-key"}
    assert "an-ecos-key" not in repr(settings)
