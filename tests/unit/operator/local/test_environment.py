import sys
from pathlib import Path

import pytest

from prime_jennie.infra.tokens import verify
from prime_jennie_operator.local.environment import Launch, Machine
from prime_jennie_operator.local.errors import BadObjects
from prime_jennie_operator.local.folder import RunFolder
from prime_jennie_operator.local.ports import PortMap
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from prime_jennie_operator.local.workloads import read_workloads, service_targets
from prime_jennie_operator.manifest import Manifest
from tests.support.stand_in_objects import live_configuration, redis_store, stand_in


def launch(objects: list[Manifest], name: str, ports: PortMap, folder: Path) -> Launch:
    workloads = read_workloads(objects)
    machine = Machine(
        folder=RunFolder(folder),
        ports=ports,
        targets=service_targets(objects),
        process_of={w.object_name: w.name for w in workloads},
        secrets=LocalSecrets(load_generated(folder / "secrets.json"), "sqlite:///here"),
        find_redis=lambda: "/opt/redis-server",
    )
    return machine.launch(next(w for w in workloads if w.name == name))


def test_addresses_of_services_become_loopback_with_the_actual_port(tmp_path: Path) -> None:
    objects = stand_in("front", 1, BACK="http://back:2/x", FULL="http://back.default.svc:2", OTHER="http://api.test:2")
    ports = {("front", "http"): 1, ("back", "http"): 4711}
    env = launch(objects + stand_in("back", 2), "front", ports, tmp_path).env
    assert (env["BACK"], env["FULL"]) == ("http://127.0.0.1:4711/x", "http://127.0.0.1:4711")
    assert env["OTHER"] == "http://api.test:2"


def test_arguments_see_the_actual_port_and_folder(tmp_path: Path) -> None:
    argv = launch(redis_store(), "redis", {("redis", "redis"): 7000}, tmp_path).argv
    assert argv[:5] == ("/opt/redis-server", "--port", "7000", "--bind", "127.0.0.1")
    assert argv[6] == str(tmp_path / "volumes" / "redis" / "data")


def test_a_persons_path_below_tmp_is_not_taken_for_the_containers(tmp_path: Path) -> None:
    tmp = "/tmp"  # noqa: S108 - a path in the objects, nothing is written there
    bars = f"{tmp}/krx/bars"
    objects = stand_in("exchange", 1, DATA=bars)
    pod = objects[0]["spec"]["template"]["spec"]
    pod["containers"][0]["volumeMounts"] = [
        {"name": "tmp", "mountPath": tmp},
        {"name": "state", "mountPath": "/var/lib/jennie"},
    ]
    pod["volumes"] = [{"name": "tmp", "emptyDir": {}}, {"name": "state", "emptyDir": {}}]
    pod["containers"][0]["command"] += ["--data", bars, "--journal", "/var/lib/jennie/journal"]
    started = launch(objects, "exchange", {("exchange", "http"): 1}, tmp_path)
    assert started.env["DATA"] == bars
    assert started.argv[-3] == bars
    assert started.argv[-1] == str(tmp_path / "volumes" / "exchange" / "state" / "journal")


def test_the_live_configuration_is_a_file_of_this_machine(tmp_path: Path) -> None:
    objects = [*stand_in("scanner", 1, strategy="krx"), live_configuration("krx", 1, 10)]
    env = launch(objects, "scanner", {("scanner", "http"): 1}, tmp_path).env
    assert env["JENNIE_STRATEGY_FILE"] == str(tmp_path / "config" / "krx-config" / "strategy.json")


def test_python_is_the_runners_own(tmp_path: Path) -> None:
    assert launch(stand_in("one", 1), "one", {("one", "http"): 1}, tmp_path).argv[0] == sys.executable


def secret_env(name: str, key: str, *, optional: bool = False) -> list[Manifest]:
    objects = stand_in("one", 1)
    reference = {"name": name, "key": key, "optional": optional}
    container = objects[0]["spec"]["template"]["spec"]["containers"][0]
    container["env"].append({"name": "SECRET", "valueFrom": {"secretKeyRef": reference}})
    return objects


def test_a_strategys_token_is_minted_from_the_token_key(tmp_path: Path) -> None:
    token = launch(secret_env("krx-token", "token"), "one", {("one", "http"): 1}, tmp_path).env["SECRET"]
    assert verify(token, load_generated(tmp_path / "secrets.json")["token-key"]) == "krx"


def test_an_unknown_secret_is_refused_by_name_and_an_optional_one_left_out(tmp_path: Path) -> None:
    with pytest.raises(BadObjects, match="Secret nobodys: no key k on this machine"):
        launch(secret_env("nobodys", "k"), "one", {("one", "http"): 1}, tmp_path)
    assert "SECRET" not in launch(secret_env("x", "k", optional=True), "one", {("one", "http"): 1}, tmp_path).env


def test_what_is_printed_of_a_launch_holds_no_secret(tmp_path: Path) -> None:
    started = launch(secret_env("prime-jennie", "token-key"), "one", {("one", "http"): 1}, tmp_path)
    assert started.env["SECRET"] not in repr(started)
