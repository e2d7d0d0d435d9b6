"""What the rendered objects have in common: hardened, pulled from one place, called by few, scraped once."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from prime_jennie_operator.desired.schedule import schedule_objects
from prime_jennie_operator.desired.strategy import strategy_objects
from prime_jennie_operator.loading import laptop_values, load_files, load_values
from prime_jennie_operator.manifest import NAME_LABEL, Manifest, of_kind
from tests.support.chart import CHART, pods, rendered, template
from tests.support.pod_security import violations

ROOT = CHART.parents[1]
DAY = ROOT / "manifests" / "samples" / "02-day.yaml"
# Everything that the chart can render at once.
EVERYTHING: dict[str, Any] = {
    "qdrant": {"enabled": True},
    "kisGateway": {"standby": True},
    "vllm": {"llm": {"enabled": True}, "embed": {"enabled": True}, "parking": {"enabled": True}},
    "virtualClock": {"enabled": True},
}
# Who speaks to the API server, by what it does there.
WITH_TOKEN = {
    "Deployment/prime-jennie-operator",
    "Job/uninstall-guard",
    "Job/installation-test",
    "CronJob/vllm-wake",
    "CronJob/vllm-park",
}
ADDRESS = re.compile(r"(?<=[/@])([a-z][a-z0-9-]*):(\d+)")


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return rendered("simulator", values=EVERYTHING)


def of_the_operator() -> list[Manifest]:
    """What the operator makes of the sample day beside the chart's objects."""
    loaded, values = load_files([DAY]), laptop_values(EVERYTHING)
    made = [o for strategy in loaded.strategies for o in strategy_objects(strategy, values)]
    return made + [o for one in loaded.schedules for o in schedule_objects(one, values, loaded.schedules)]


def test_every_pod_keeps_the_restricted_standard_and_few_have_a_token(objects: list[Manifest]) -> None:
    found = {where: list(violations(pod["spec"])) for where, pod in pods(objects)}
    assert {where: told for where, told in found.items() if told} == {
        where: ["mounts its account's token"] for where in WITH_TOKEN
    }


def test_a_weaker_pod_would_be_noticed(objects: list[Manifest]) -> None:
    [pod] = [json.loads(json.dumps(pod)) for where, pod in pods(objects) if where == "StatefulSet/redis"]
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    pod["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    assert list(violations(pod["spec"])) == [
        "may run as root",
        "volume host is {'hostPath'}",
        "redis keeps capabilities",
    ]


def test_every_token_belongs_to_an_account_that_may_do_little(objects: list[Manifest]) -> None:
    accounts = {pod["spec"]["serviceAccountName"] for where, pod in pods(objects) if where in WITH_TOKEN}
    bound = {s["name"] for o in objects if o["kind"] == "RoleBinding" for s in o["subjects"]}
    assert bound == accounts
    assert not of_kind(objects, "ClusterRoleBinding"), "a release that serves one namespace has no right beyond it"
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], role["metadata"]["name"]


def test_nobody_may_list_secrets(objects: list[Manifest]) -> None:
    rules = [rule for role in of_kind(objects, "Role") for rule in role["rules"] if "secrets" in rule["resources"]]
    assert [rule["verbs"] for rule in rules] == [["get", "create", "patch"]]


def test_only_the_gateway_reads_the_brokers_secret(objects: list[Manifest]) -> None:
    holders = [
        where
        for where, pod in pods(objects)
        if "kis-credentials" in json.dumps(pod["spec"]["containers"][0].get("env"))
    ]
    assert holders == ["StatefulSet/kis-gateway"]


def test_an_operator_of_the_whole_cluster_has_its_rights_there() -> None:
    found = rendered("simulator", values={"operator": {"scope": "cluster"}}, namespace="desk")
    [binding] = [o for o in of_kind(found, "ClusterRoleBinding") if "operator" in o["metadata"]["name"]]
    assert binding["subjects"][0]["namespace"] == "desk"
    assert binding["roleRef"]["name"] == "prime-jennie-operator-desk"
    assert [r["metadata"]["name"] for r in of_kind(found, "Role") if "operator" in r["metadata"]["name"]] == [
        "prime-jennie-operator-lease"
    ]


def test_every_image_comes_from_the_global_registry_and_every_account_pulls_with_its_secrets() -> None:
    values = EVERYTHING | {"global": {"imageRegistry": "registry.desk:5000/mirror", "imagePullSecrets": ["one", "two"]}}
    found = rendered("simulator", values=values)
    images = {container["image"] for _, pod in pods(found) for container in pod["spec"]["containers"]}
    assert len(images) > 10
    assert {image for image in images if not image.startswith("registry.desk:5000/mirror/")} == set()
    for account in of_kind(found, "ServiceAccount"):
        assert account["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}], account["metadata"]["name"]
    used = {pod["spec"]["serviceAccountName"] for _, pod in pods(found)}
    assert used == {account["metadata"]["name"] for account in of_kind(found, "ServiceAccount")}


def test_every_claim_has_the_global_storage_class() -> None:
    found = rendered("simulator", values=EVERYTHING | {"global": {"storageClass": "fast"}})
    claims = [c for o in of_kind(found, "StatefulSet") for c in o["spec"].get("volumeClaimTemplates", [])]
    assert len(claims) == 7
    assert {claim["spec"]["storageClassName"] for claim in claims} == {"fast"}


@pytest.mark.parametrize("scrape", ["annotations", "podMonitor", "none"])
def test_prometheus_finds_a_pod_by_one_way_at_most(scrape: str) -> None:
    found = rendered("simulator", values=EVERYTHING | {"metrics": {"scrape": scrape}})
    annotated = [
        where for where, pod in pods(found) if "prometheus.io/scrape" in pod["metadata"].get("annotations", {})
    ]
    monitors = of_kind(found, "PodMonitor")
    assert (bool(annotated), bool(monitors)) == (scrape == "annotations", scrape == "podMonitor")
    for where, pod in pods(found):
        annotations = pod["metadata"].get("annotations", {})
        if where in annotated:
            ports = {str(p["containerPort"]) for p in pod["spec"]["containers"][0]["ports"]}
            assert annotations["prometheus.io/port"] in ports, where


def test_a_pod_monitor_finds_what_annotations_would() -> None:
    annotated = rendered("simulator", values=EVERYTHING)
    wanted = {
        pod["metadata"]["labels"]["app.kubernetes.io/name"]
        for _, pod in pods(annotated)
        if "prometheus.io/scrape" in pod["metadata"].get("annotations", {})
    }
    [monitor] = of_kind(rendered("simulator", values=EVERYTHING | {"metrics": {"scrape": "podMonitor"}}), "PodMonitor")
    port = monitor["spec"]["podMetricsEndpoints"][0]["port"]
    found = {
        pod["metadata"]["labels"]["app.kubernetes.io/name"]
        for _, pod in pods(annotated)
        if selected(monitor["spec"]["selector"], pod["metadata"]["labels"])
        and port in [p["name"] for p in pod["spec"]["containers"][0].get("ports", [])]
    }
    assert found == wanted


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Judge labels as the API server does."""
    expressions = {
        "In": lambda key, values: labels.get(key) in values,
        "NotIn": lambda key, values: labels.get(key) not in values,
        "Exists": lambda key, _: key in labels,
    }
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        expressions[e["operator"]](e["key"], e.get("values")) for e in selector.get("matchExpressions", [])
    )


def calls(owners: list[Manifest]) -> Iterator[tuple[Mapping[str, str], str, int]]:
    """Give who calls whom by the addresses in environments and arguments: the caller's labels, Service, port."""
    for where, pod in pods(owners):
        main = pod["spec"]["containers"][0]
        texts = [entry.get("value", "") for entry in main.get("env", [])] + main.get("args", [])
        refs = [
            entry["valueFrom"]["secretKeyRef"]["name"]
            for entry in main.get("env", [])
            if "secretKeyRef" in entry.get("valueFrom", {})
        ]
        texts += (
            ["mysql://x@mariadb:3307/x"] if "prime-jennie-database" in refs and where != "StatefulSet/mariadb" else []
        )
        for name, port in {(m[1], int(m[2])) for text in texts for m in ADDRESS.finditer(text)}:
            yield pod["metadata"]["labels"], name, port


def admits(policies: list[Manifest], called: Mapping[str, str], port: str, caller: Mapping[str, str]) -> bool:
    """Judge whether the policies let a pod of this namespace call a port by its name."""
    about = [p for p in policies if selected(p["spec"]["podSelector"], called)]
    rules = [rule for policy in about for rule in policy["spec"].get("ingress", [])]
    return not about or any(
        port in [p["port"] for p in rule["ports"]]
        and any(selected(peer["podSelector"], caller) for peer in rule["from"] if "namespaceSelector" not in peer)
        for rule in rules
    )


def test_whoever_has_an_address_may_call_there_and_nobody_else_may(objects: list[Manifest]) -> None:
    made = of_the_operator()
    policies = of_kind(objects, "NetworkPolicy")
    services = {o["metadata"]["name"]: o for o in of_kind(objects, "Service")}
    owners = {o["metadata"]["name"]: pod for o in objects for _, pod in pods([o])}
    everybody = [pod["metadata"]["labels"] for _, pod in pods(objects + made)]
    wanted = {(caller[NAME_LABEL], name, port) for caller, name, port in calls(objects + made) if name in services}
    assert len({name for _, name, _ in wanted}) >= 10, wanted
    # What is in no environment: figures for the operator, and a slot's clock, which is read in a virtual day only.
    wanted |= {("prime-jennie-operator", "dashboard-api", 8090), ("slot", "redis", 6379)}
    found = set()
    for name, service in services.items():
        called = owners[name]["metadata"]["labels"]
        for port, caller in product(service["spec"]["ports"], everybody):
            if admits(policies, called, port["name"], caller) and (name, port["name"]) != ("qdrant", "grpc"):
                found.add((caller[NAME_LABEL], name, port["port"]))
    assert sorted(found - wanted) == []
    assert sorted(wanted - found) == []


def test_nobody_without_a_policy_is_open(objects: list[Manifest]) -> None:
    policies = of_kind(objects, "NetworkPolicy")
    for where, pod in pods(objects):
        assert any(selected(p["spec"]["podSelector"], pod["metadata"]["labels"]) for p in policies), where


def test_only_named_namespaces_may_scrape(objects: list[Manifest]) -> None:
    elsewhere = {
        json.dumps(peer)
        for policy in of_kind(objects, "NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        if "namespaceSelector" in peer
    }
    assert elsewhere == {'{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}'}


def test_the_kinds_are_those_of_the_checkout_and_stay_when_the_release_goes(objects: list[Manifest]) -> None:
    found = {o["metadata"]["name"]: o for o in of_kind(objects, "CustomResourceDefinition")}
    wanted = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    assert len(wanted) == len(found) == 3
    for definition in wanted:
        kept = found[definition["metadata"]["name"]]
        assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert {**definition, "metadata": {}} == {**kept, "metadata": {}}
    without = rendered("simulator", values={"crds": {"keep": False}})
    assert not any("annotations" in o["metadata"] for o in of_kind(without, "CustomResourceDefinition"))


def test_the_operator_reads_the_values_as_they_were_installed(objects: list[Manifest], tmp_path: Path) -> None:
    [config] = [o for o in of_kind(objects, "ConfigMap") if o["metadata"]["name"] == "prime-jennie-values"]
    (tmp_path / "values.yaml").write_text(config["data"]["values.yaml"], encoding="utf-8")
    assert load_values(tmp_path / "values.yaml") == laptop_values(EVERYTHING)


def test_what_an_umbrella_chart_shares_is_repeated_nowhere() -> None:
    told = template("simulator", values={"global": {"redis": {"password": "umbrellas-own"}}})
    assert told.returncode == 0
    assert "umbrellas-own" not in told.stdout


def test_made_secrets_are_of_the_forms_that_their_readers_demand(objects: list[Manifest]) -> None:
    secrets = {
        o["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in o["data"].items()}
        for o in of_kind(objects, "Secret")
    }
    platform, database, broker = (secrets[n] for n in ("prime-jennie", "prime-jennie-database", "kis-credentials"))
    assert len(base64.urlsafe_b64decode(platform["encryption-key"])) == 32
    assert min(len(platform[key]) for key in ("token-key", "read-token", "operator-token")) >= 32
    assert database["url"] == f"mariadb://jennie:{database['password']}@mariadb:3307/prime_jennie"
    assert (len(broker["app-key"]), len(broker["app-secret"])) == (36, 180)
    again = rendered("simulator", values=EVERYTHING)
    assert {
        o["data"]["token-key"] for o in of_kind(objects + again, "Secret") if "token-key" in o["data"]
    }.__len__() == 2


def test_without_its_consent_the_chart_makes_no_secret() -> None:
    assert of_kind(rendered("simulator", values={"secrets": {"create": False}}), "Secret") == []
    names = {o["metadata"]["name"] for o in of_kind(rendered(values={"mariadb": {"enabled": False}}), "Secret")}
    assert names == {"prime-jennie"}, "a broker's keys and another database's password are a person's"


def test_model_servers_go_to_gpu_nodes_with_a_gpu_each(objects: list[Manifest]) -> None:
    for name, port, share in (("vllm-llm", 8001, "0.9"), ("vllm-embed", 8002, "0.05")):
        [pod] = [pod for where, pod in pods(objects) if where == f"StatefulSet/{name}"]
        spec, main = pod["spec"], pod["spec"]["containers"][0]
        assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
        assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        assert spec["runtimeClassName"] == "nvidia"
        assert main["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert main["args"][main["args"].index("--gpu-memory-utilization") + 1] == share
        assert main["args"][main["args"].index("--port") + 1] == str(port)
        assert (
            main["startupProbe"]["httpGet"]
            == main["readinessProbe"]["httpGet"]
            == {"path": "/v1/models", "port": "http"}
        )
        assert main["startupProbe"]["periodSeconds"] * main["startupProbe"]["failureThreshold"] == 1800
        shm = next(v for v in spec["volumes"] if v["name"] == "shm")
        assert shm["emptyDir"]["medium"] == "Memory"
    others = [where for where, pod in pods(objects) if "vllm" not in where and "tolerations" in pod["spec"]]
    assert others == []


def test_two_model_servers_on_one_gpu_stand_on_one_node() -> None:
    found = dict(pods(rendered("simulator", "gpu")))
    affinity = found["StatefulSet/vllm-embed"]["spec"]["affinity"]["podAffinity"]
    [term] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert selected(term["labelSelector"], found["StatefulSet/vllm-llm"]["metadata"]["labels"])
    assert "affinity" not in found["StatefulSet/vllm-llm"]["spec"]


def test_parked_servers_are_not_woken_by_an_upgrade(objects: list[Manifest]) -> None:
    servers = {
        o["metadata"]["name"]: o["spec"] for o in of_kind(objects, "StatefulSet") if "vllm" in o["metadata"]["name"]
    }
    assert all("replicas" not in spec for spec in servers.values())
    [role] = [o for o in of_kind(objects, "Role") if o["metadata"]["name"] == "vllm-parking"]
    assert role["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["statefulsets/scale"],
            "resourceNames": sorted(servers, reverse=True),
            "verbs": ["patch"],
        }
    ]


def test_gateway_and_stores_are_replaced_by_nobody_but_the_operator(objects: list[Manifest]) -> None:
    kept = {o["metadata"]["name"]: o for o in of_kind(objects, "StatefulSet")}
    for name in ("kis-gateway", "mariadb", "redis"):
        assert kept[name]["spec"]["updateStrategy"] == {"type": "OnDelete"}
    gateway = kept["kis-gateway"]
    assert (gateway["spec"]["replicas"], gateway["spec"]["podManagementPolicy"]) == (2, "Parallel")


def test_migrations_run_beside_the_database_and_anew_in_each_revision(objects: list[Manifest]) -> None:
    [job] = [o for o in of_kind(objects, "Job") if o["metadata"]["name"].startswith("migrations-")]
    assert "annotations" not in job["metadata"], "a hook would wait for a database that comes after it"
    other = rendered("simulator", values=EVERYTHING | {"image": {"tag": "0.2.0"}})
    assert job["metadata"]["name"] not in {o["metadata"]["name"] for o in other}


def test_an_operators_upgrade_keeps_one_at_work(objects: list[Manifest]) -> None:
    [budget] = of_kind(objects, "PodDisruptionBudget")
    [operator] = [pod for where, pod in pods(objects) if where == "Deployment/prime-jennie-operator"]
    assert budget["spec"]["minAvailable"] == 1
    assert selected(budget["spec"]["selector"], operator["metadata"]["labels"])
    alone = rendered("simulator", values={"operator": {"replicas": 1}})
    assert of_kind(alone, "PodDisruptionBudget") == [], "with one alone, its node could never drain"


def test_templates_know_no_value_that_the_file_does_not() -> None:
    told = template("simulator", values={"metrics": {"interval": "30s"}, **EVERYTHING})
    assert "<no value>" not in told.stdout
    assert "%!" not in told.stdout
