"""Whether a live object is what was wanted, by what it says and by who owns what of it."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from prime_jennie_operator.drift import applied_print, difference, quantity, taken_over, wanted_print

US = "prime-jennie-operator"

WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "one", "namespace": "default", "labels": {"app": "one"}},
    "spec": {
        "replicas": 0,
        "paused": False,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "i:1",
                        "args": ["--a", "--b"],
                        "env": [{"name": "A", "value": "1"}, {"name": "EMPTY", "value": ""}],
                        "ports": [{"containerPort": 80}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }
        },
    },
}
OWNED: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:paused": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"main"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        "f:env": {
                            'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}},
                            'k:{"name":"EMPTY"}': {".": {}, "f:name": {}, "f:value": {}},
                        },
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        "f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}},
                    }
                },
                "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
            }
        },
    },
}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: str) -> dict[str, Any]:
    about = {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
    return {**about, "fieldsV1": fields, **more}


@pytest.fixture
def live() -> dict[str, Any]:
    """What the API server makes of it: defaults added, zero values left out, quantities made canonical."""
    made = copy.deepcopy(WANTED)
    made["metadata"] |= {
        "uid": "u",
        "resourceVersion": "7",
        "managedFields": [
            entry(US, copy.deepcopy(OWNED), "Apply"),
            entry("kube-controller-manager", {"f:status": {"f:replicas": {}}}, subresource="status"),
        ],
        "annotations": {"deployment.kubernetes.io/revision": "1"},
    }
    made["status"] = {"replicas": 0}
    made["spec"]["progressDeadlineSeconds"] = 600
    del made["spec"]["paused"]
    container = containers(made)[0]
    container["imagePullPolicy"] = "IfNotPresent"
    container["ports"][0]["protocol"] = "TCP"
    container["resources"]["limits"] = {"cpu": "1", "memory": "1Gi"}
    del container["env"][1]["value"]
    return made


def containers(manifest: dict[str, Any]) -> Any:
    return manifest["spec"]["template"]["spec"]["containers"]


def foreign(live: dict[str, Any], container: dict[str, Any], manager: str = "kubectl-edit") -> None:
    """Note that somebody owns something of the container."""
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': container}}}}}
    live["metadata"]["managedFields"].append(entry(manager, fields))


def where(live: dict[str, Any], wanted: dict[str, Any] = WANTED) -> str | None:
    found = difference(wanted, live, US)
    same_print = applied_print(live, US) == wanted_print(wanted)
    assert not (same_print and found is not None), "a matching print means that nothing is wrong"
    return None if found is None else found.where


def test_what_the_api_server_makes_of_it_is_as_wanted(live: dict[str, Any]) -> None:
    assert difference(WANTED, live, US) is None
    assert applied_print(live, US) == wanted_print(WANTED)


def test_a_changed_value_is_found(live: dict[str, Any]) -> None:
    containers(live)[0]["image"] = "evil"
    assert where(live) == "spec.template.spec.containers[main].image"


def test_a_quantity_that_only_looks_equal_is_found(live: dict[str, Any]) -> None:
    containers(live)[0]["resources"]["limits"]["memory"] = "1G"
    assert where(live) == "spec.template.spec.containers[main].resources.limits.memory"


def test_text_that_looks_like_a_quantity_is_text(live: dict[str, Any]) -> None:
    wanted = copy.deepcopy(WANTED)
    wanted["metadata"]["labels"]["app"] = "1"
    live["metadata"]["labels"]["app"] = "1000m"
    assert where(live, wanted) == "metadata.labels.app"


def test_a_longer_a_shorter_and_another_list_are_found(live: dict[str, Any]) -> None:
    for args in (["--a", "--b", "--c"], ["--a"], ["--b", "--a"], []):
        containers(live)[0]["args"] = args
        assert where(live) in (
            "spec.template.spec.containers[main].args",
            "spec.template.spec.containers[main].args[0]",
        )


def test_the_order_of_named_items_does_not_matter_to_the_comparison(live: dict[str, Any]) -> None:
    containers(live)[0]["env"].reverse()
    assert difference(WANTED, live, US) is None


def test_what_somebody_added_is_named_and_who_did_it(live: dict[str, Any]) -> None:
    containers(live)[0]["env"].append({"name": "B", "value": "2"})
    foreign(live, {"f:env": {'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}}})
    found = difference(WANTED, live, US)
    assert found is not None
    assert found.added_by == ("kubectl-edit",)
    assert applied_print(live, US) is None


def test_a_field_that_somebody_added_is_named_to_its_end(live: dict[str, Any]) -> None:
    containers(live)[0]["lifecycle"] = {"preStop": {"exec": {"command": ["x"]}}}
    foreign(live, {"f:lifecycle": {".": {}, "f:preStop": {".": {}, "f:exec": {".": {}, "f:command": {}}}}})
    assert where(live) == "spec.template.spec.containers[main].lifecycle"


def test_what_others_may_say_is_let_be(live: dict[str, Any]) -> None:
    live["metadata"]["annotations"]["note"] = "x"
    template = {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}
    live["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    live["metadata"]["managedFields"].append(
        entry("kubectl", {"f:metadata": {"f:annotations": {"f:note": {}}}, "f:spec": {"f:template": template}})
    )
    assert difference(WANTED, live, US) is None


def test_what_another_owns_but_is_not_there_any_more_is_no_difference(live: dict[str, Any]) -> None:
    foreign(live, {"f:env": {'k:{"name":"B"}': {".": {}}}})
    assert difference(WANTED, live, US) is None


def test_a_field_of_ours_that_is_not_wanted_any_more_is_found(live: dict[str, Any]) -> None:
    owned = live["metadata"]["managedFields"][0]["fieldsV1"]
    containers(live)[0]["env"].append({"name": "OLD", "value": "1"})
    step = owned["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    step["f:env"]['k:{"name":"OLD"}'] = {".": {}, "f:name": {}, "f:value": {}}
    assert where(live) == "spec.template.spec.containers[main].env"
    del containers(live)[0]["args"]
    wanted = copy.deepcopy(WANTED)
    del containers(wanted)[0]["args"]
    assert where(live, wanted) is not None


def test_a_zero_value_that_somebody_took_away_is_found_by_who_owns_it(live: dict[str, Any]) -> None:
    """Absent and false read the same, and are not: an absent automountServiceAccountToken means true."""
    del live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:paused"]
    assert where(live) == "spec.paused"


def test_an_object_without_owners_is_not_as_wanted(live: dict[str, Any]) -> None:
    live["metadata"]["managedFields"] = []
    assert where(live) is not None
    del live["metadata"]["managedFields"]
    assert where(live) is not None


def test_an_update_in_our_name_is_somebody_elses(live: dict[str, Any]) -> None:
    live["metadata"]["managedFields"][0]["operation"] = "Update"
    assert where(live) is not None


@pytest.mark.parametrize("wanted_value", [None, {}])
def test_nothing_wanted_is_nothing_missing(live: dict[str, Any], wanted_value: Any) -> None:
    wanted = copy.deepcopy(WANTED)
    wanted["spec"]["strategy"] = wanted_value
    if wanted_value is not None:
        live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:strategy"] = {}
    assert difference(wanted, live, US) is None


def test_taking_over_moves_exactly_what_nobody_wanted(live: dict[str, Any]) -> None:
    containers(live)[0]["env"].append({"name": "B", "value": "2"})
    live["metadata"]["annotations"]["note"] = "x"
    step = {"f:image": {}, "f:env": {'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}}}
    foreign(live, step)
    live["metadata"]["managedFields"][-1]["fieldsV1"]["f:metadata"] = {"f:annotations": {"f:note": {}}}
    before = copy.deepcopy(live)
    own, status, other = taken_over(WANTED, live, US)
    assert live == before, "the live object stays as it is"
    assert status == before["metadata"]["managedFields"][1]
    main = 'k:{"name":"main"}'
    owned = own["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"][main]["f:env"]
    assert set(owned) == {'k:{"name":"A"}', 'k:{"name":"EMPTY"}', 'k:{"name":"B"}'}
    left = other["fieldsV1"]
    assert left["f:metadata"] == {"f:annotations": {"f:note": {}}}
    assert left["f:spec"]["f:template"]["f:spec"]["f:containers"][main] == {"f:image": {}}


def test_taking_over_ends_a_manager_who_has_nothing_left_and_begins_us_where_we_are_unknown(
    live: dict[str, Any],
) -> None:
    containers(live)[0]["tty"] = True
    live["metadata"]["managedFields"] = []
    foreign(live, {"f:tty": {}})
    (own,) = taken_over(WANTED, live, US)
    assert (own["manager"], own["operation"]) == (US, "Apply")
    assert "f:tty" in json.dumps(own["fieldsV1"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("1Ki", "1024"),
        ("1k", "1000"),
        ("2Gi", str(2 * 1024**3)),
        ("1e3", "1000"),
        ("1E-1", "0.1"),
        ("-1", "-1"),
        (1, "1"),
        ("1000000n", "0.001"),
        ("5E", "5000000000000000000"),
    ],
)
def test_quantities_are_read(text: object, number: str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "x", "1 Gi", "1gb", ".", "1..2", "Ki", "--1", "1e", None, "1\n", "NaN", "Infinity"]
)
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert quantity(text) is None
