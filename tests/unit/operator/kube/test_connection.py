"""Finding the API server: service accounts and kubeconfigs, right and wrong ones."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.kube import connection
from prime_jennie_operator.kube.connection import find_connection, from_kubeconfig, in_cluster
from scripts.cluster.certificates import Authority

TOKEN = "eyJhbGciOi.payload.signature"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def config(authority: Authority) -> dict[str, Any]:
    ca = base64.b64encode(authority.certificate.read_bytes()).decode()
    return {
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/", "certificate-authority-data": ca}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "trading"}}],
        "current-context": "x",
    }


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(*configs: Any) -> None:
        paths = [tmp_path / f"config-{number}" for number in range(len(configs))]
        for path, content in zip(paths, configs, strict=True):
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))

    return write


@pytest.fixture
def account(tmp_path: Path, authority: Authority) -> Path:
    (tmp_path / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (tmp_path / "namespace").write_text("trading\n")
    (tmp_path / "token").write_text("first\n")
    return tmp_path


def test_a_token_of_a_kubeconfig_becomes_a_header_and_shows_nowhere(written: Any, config: dict[str, Any]) -> None:
    written(config)
    found = from_kubeconfig()
    assert (found.server, found.namespace) == ("https://10.0.0.1:6443", "trading")
    assert found.headers() == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN not in repr(found)


def test_a_client_certificate_of_a_kubeconfig_is_loaded(
    written: Any, config: dict[str, Any], authority: Authority
) -> None:
    pair = authority.client("person", "person", ("people",))
    config["users"][0]["user"] = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    written(config)
    assert from_kubeconfig().headers() == {}
    inline = {
        "client-certificate-data": base64.b64encode(pair.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(pair.key.read_bytes()).decode(),
    }
    config["users"][0]["user"] = inline
    written(config)
    assert from_kubeconfig().headers() == {}


def test_of_several_files_the_first_that_has_a_name_counts(written: Any, config: dict[str, Any]) -> None:
    other = {"users": [{"name": "u", "user": {"token": "other"}}], "current-context": None}
    written(other, config)
    assert from_kubeconfig().headers() == {"Authorization": "Bearer other"}


def test_who_is_to_be_played_is_said_to_the_server(written: Any, config: dict[str, Any]) -> None:
    config["users"][0]["user"] |= {"as": "system:serviceaccount:a:b", "as-groups": ["system:serviceaccounts"]}
    written(config)
    headers = from_kubeconfig().headers()
    assert headers["Impersonate-User"] == "system:serviceaccount:a:b"
    assert headers["Impersonate-Group"] == "system:serviceaccounts"


def test_a_pods_token_is_read_again_when_the_server_refused_it(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    found = in_cluster(account)
    assert found.server == "https://[fd00::1]:443"
    assert found.namespace == "trading"
    assert found.headers() == {"Authorization": "Bearer first"}
    (account / "token").write_text("second")
    assert found.headers() == {"Authorization": "Bearer first"}
    assert found.headers(anew=True) == {"Authorization": "Bearer second"}
    assert "second" not in repr(found)


def test_a_pods_token_is_read_again_after_a_while(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TOKEN_READ_EVERY_SECS", 0.0)
    found = in_cluster(account)
    found.headers()
    (account / "token").write_text("second")
    assert found.headers() == {"Authorization": "Bearer second"}


def test_the_service_account_goes_before_the_kubeconfig(
    account: Path, written: Any, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(config)
    assert find_connection().server == "https://10.0.0.1:6443"
    monkeypatch.setattr(connection, "ACCOUNT_FOLDER", account)
    assert find_connection().token_file == account / "token"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": "y"}, "has no context y"),
        ({"current-context": None}, "has no context None"),
        ({"contexts": [{"name": "x", "context": {"cluster": "d", "user": "u"}}]}, "has no cluster d"),
        ({"contexts": [{"name": "x", "context": {"cluster": "c", "user": "v"}}]}, "has no user v"),
        ({"users": [{"name": "u", "user": {"exec": {"command": "aws"}}}]}, "exec of user u needs another program"),
        ({"users": [{"name": "u", "user": {"client-certificate-data": "!", "client-key-data": "!"}}]}, "not a usable"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "not a usable kubeconfig (KeyError)"),
        ({"clusters": "c"}, "not a usable kubeconfig"),
    ],
)
def test_a_wrong_kubeconfig_says_what_is_wrong_and_no_secret(
    written: Any, config: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    written(config | change)
    with pytest.raises(BadInput, match="environment: KUBECONFIG") as refused:
        from_kubeconfig()
    assert said in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "- a", "token: [", "a: b: c: eyJhbGciOi"])
def test_a_file_that_is_no_kubeconfig_is_refused_without_repeating_it(written: Any, text: str) -> None:
    written(text)
    with pytest.raises(BadInput, match="KUBECONFIG") as refused:
        from_kubeconfig()
    assert "eyJ" not in str(refused.value)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match=r"nowhere: No such file"):
        from_kubeconfig()
