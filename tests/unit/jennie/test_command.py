"""The command line as scripts see it: exit status, one line on stderr, text on stdout."""

from pathlib import Path

import pytest
import yaml

from jennie.__main__ import run

ROOT = Path(__file__).parents[3]
SAMPLE = str(ROOT / "manifests" / "samples" / "01-minimal.yaml")


def status_and_complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = run(arguments)
    captured = capsys.readouterr()
    return status, captured.err


def test_the_sample_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "-f", SAMPLE]) == 0
    assert capsys.readouterr().out == "TradingStrategy default/krx-core: valid\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["validate", "-f", "nowhere.yaml"], "jennie: nowhere.yaml: no such file or directory\n"),
        (["validate"], "jennie: -f: name at least one YAML file\n"),
        (["render", "--values", "nowhere.yaml", SAMPLE], "jennie: nowhere.yaml: no such file or directory\n"),
        (
            ["run", "-f", SAMPLE, "--port", "8080"],
            "jennie: --port: 8080: must be NAME=PORT with a port from 1 to 65535, such as kis-gateway=8080\n",
        ),
        (["run", "-f", SAMPLE, "--port", "a=1", "--port", "b=1"], "jennie: --port: b=1: the name or the number stands"),
        (["validat"], "jennie: No such command 'validat'."),
        (["demo", "--day", "monday"], "jennie: Invalid value for '--day'"),
        (["demo", "--seed", "-1"], "jennie: Invalid value for '--seed'"),
        (["demo", "--report", "/"], "jennie: --report: /: is a folder"),
        (["demo", "--report", "/dev/null/day.json"], "jennie: --report: /dev/null/day.json: "),
        (["run", "-f", SAMPLE, "--folder", "/dev/null/run"], "jennie: /dev/null"),
        (["status", "--nope"], "jennie: No such option: --nope"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, complaint = status_and_complaint(arguments, capsys)
    assert status == 2
    assert complaint.startswith(expected)
    assert complaint.count("\n") == 1


def test_a_live_strategy_without_a_live_broker_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIS_ENV", raising=False)
    file = tmp_path / "live.yaml"
    file.write_text(
        "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: TradingStrategy\nmetadata: {name: real}\n"
        "spec: {mode: live, capitalKrw: 1000000, account: {secretRef: {name: kis-credentials}}, "
        "risk: {dailyLossLimitPct: 2}}\n"
    )
    status, complaint = status_and_complaint(["run", "-f", str(file), "--folder", str(tmp_path / "j" / "run")], capsys)
    assert (status, complaint) == (
        2,
        "jennie: TradingStrategy real: spec.mode: mode live cannot trade through a gateway in mock\n",
    )
    monkeypatch.setenv("KIS_ENV", "live")
    status, complaint = status_and_complaint(["run", "-f", str(file), "--folder", str(tmp_path / "j" / "run")], capsys)
    assert (status, complaint) == (2, "jennie: environment: KIS_ACCOUNT_NO: missing; KIS_ENV=live needs it\n")
    assert not (tmp_path / "j").exists()


def test_render_prints_objects_without_any_secrets_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "--platform", "-f", SAMPLE]) == 0
    printed = capsys.readouterr().out
    kinds = [document["kind"] for document in yaml.safe_load_all(printed)]
    workloads = {"Deployment", "StatefulSet", "Job"}
    policies = {"NetworkPolicy", "PodDisruptionBudget"}
    assert set(kinds) == workloads | policies | {"ConfigMap", "Service", "ServiceAccount"}
    assert "Secret" not in kinds
    assert run(["render", "--platform", "-f", SAMPLE]) == 0
    assert capsys.readouterr().out == printed


def test_a_folder_stands_for_its_yaml_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(ROOT / "manifests" / "samples")]) == 0
    assert "krx-core: valid" in capsys.readouterr().out


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("validate", "render", "run", "status", "demo", "data"):
        assert run([command, "--help"]) == 0
        assert len(capsys.readouterr().out.splitlines()) > 5


def test_status_says_that_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--folder", str(tmp_path)]) == 0
    assert "Nothing runs here" in capsys.readouterr().out
    assert run(["status", "--folder", str(tmp_path), "--json"]) == 0
    assert '"running": false' in capsys.readouterr().out


def test_what_a_file_holds_cannot_break_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bars.csv"
    file.write_text('code,date,open,high,low,close,volume\n"005930\n\x1b[31m",2025-02-14,1,2,1,1,5\n')
    status, complaint = status_and_complaint(["data", "import", str(file)], capsys)
    assert status == 2
    assert "005930\\n\\x1b[31m" in complaint
    assert complaint.count("\n") == 1


def test_a_wrong_variable_is_named_as_it_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIS_ENV", "prod")
    status, complaint = status_and_complaint(["run", "-f", SAMPLE], capsys)
    assert status == 2
    assert complaint.startswith("jennie: environment: KIS_ENV: ")
