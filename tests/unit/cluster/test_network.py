"""What is removed of a node's network is the node's: others' rules, chains and records stay."""

from pathlib import Path

import pytest

from scripts.cluster import network
from scripts.cluster.place import Place

NAT = """\
-P PREROUTING ACCEPT
-N CNI-0ab1
-N CNI-77ff
-N KUBE-SERVICES
-N KUBE-SVC-AAA
-N DOCKER
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.244.0.2/32 -m comment --comment "name: \\"prime-jennie\\" id: \\"f00\\"" -j CNI-0ab1
-A POSTROUTING -s 10.88.0.2/32 -m comment --comment "name: \\"podman\\" id: \\"bar\\"" -j CNI-77ff
-A CNI-0ab1 -d 10.244.0.0/24 -m comment --comment "name: \\"prime-jennie\\" id: \\"f00\\"" -j ACCEPT
-A CNI-77ff -d 10.88.0.0/16 -m comment --comment "name: \\"podman\\" id: \\"bar\\"" -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j KUBE-SVC-AAA
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Play iptables with a table of ours and others' rules; give what was asked of it beside looking."""
    calls: list[tuple[str, ...]] = []

    def run(*words: str, **_: object) -> str:
        if words[-1] == "-S":
            return NAT if words[0] == "iptables" and words[2] == "nat" else ""
        calls.append(words)
        return ""

    monkeypatch.setattr(network, "run", run)
    return calls


def test_only_chains_of_ours_and_what_jumps_to_them_go(
    asked: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_bridge_exists", lambda: False)
    monkeypatch.setattr(network, "RECORDS", tmp_path)
    network.remove(Place(tmp_path / "state", tmp_path / "run"))
    said = [" ".join(words).removeprefix("iptables -w -t nat ") for words in asked]
    assert sorted(said[:2]) == [
        '-D POSTROUTING -s 10.244.0.2/32 -m comment --comment name: "prime-jennie" id: "f00" -j CNI-0ab1',
        "-D PREROUTING -m comment --comment kubernetes service portals -j KUBE-SERVICES",
    ]
    assert sorted(said[2:5]) == ["-F CNI-0ab1", "-F KUBE-SERVICES", "-F KUBE-SVC-AAA"]
    assert sorted(said[5:]) == ["-X CNI-0ab1", "-X KUBE-SERVICES", "-X KUBE-SVC-AAA"]


def test_records_of_our_pods_go_with_their_loopbacks(
    asked: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_bridge_exists", lambda: False)
    monkeypatch.setattr(network, "RECORDS", tmp_path)
    for name in ("prime-jennie-f00-eth0", "cni-loopback-f00-lo", "podman-bar-eth0", "cni-loopback-bar-lo"):
        (tmp_path / name).touch()
    network.remove(Place(tmp_path / "state", tmp_path / "run"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cni-loopback-bar-lo", "podman-bar-eth0"]


def test_settings_are_put_back_as_they_were(
    asked: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    (tmp_path / "state").mkdir()
    setting = tmp_path / "setting"
    setting.write_text("0\n")
    monkeypatch.setattr(network, "_bridge_exists", lambda: True)
    monkeypatch.setattr(network, "RECORDS", tmp_path / "none")
    monkeypatch.setattr(network, "SETTINGS", {str(setting): "1"})  # an absolute path replaces /proc/sys
    place = Place(state, tmp_path / "run")
    network.prepare(place)
    network.prepare(place)  # a second look must not take our own value for the machine's
    assert setting.read_text() == "1"
    network.remove(place)
    assert setting.read_text() == "0"
