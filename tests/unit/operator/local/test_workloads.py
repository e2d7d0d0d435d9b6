import json

import pytest

from prime_jennie_operator.desired.platform import platform_objects
from prime_jennie_operator.desired.strategy import strategy_objects
from prime_jennie_operator.loading import laptop_values, load_documents
from prime_jennie_operator.local.errors import BadObjects
from prime_jennie_operator.local.workloads import read_workloads, service_targets
from prime_jennie_operator.manifest import Manifest
from tests.support.stand_in_objects import job, redis_store, stand_in


def strategies(*names: str) -> list[Manifest]:
    kind = {"apiVersion": "trading.prime-jennie.io/v1alpha1", "kind": "TradingStrategy", "spec": {}}
    loaded = load_documents((name, kind | {"metadata": {"name": name}}) for name in names)
    return [o for strategy in loaded.strategies for o in strategy_objects(strategy, laptop_values())]


def test_a_process_depends_on_the_services_whose_addresses_it_is_given() -> None:
    objects = stand_in("front", 1, BACK="http://back:2/path", STORE="redis://redis:6379/0", ELSE="http://elsewhere:9")
    workloads = read_workloads(objects + stand_in("back", 2) + redis_store())
    assert [w.name for w in workloads] == ["back", "redis", "front"]
    assert workloads[-1].depends_on == {"back", "redis"}


def test_whom_a_process_only_looks_at_it_does_not_wait_for() -> None:
    objects = stand_in("front", 1, SERVICE_URLS="back=http://back:2,other=http://other:3", BACK="http://back:2")
    workloads = read_workloads(objects + stand_in("back", 2) + stand_in("other", 3))
    assert next(w for w in workloads if w.name == "front").depends_on == {"back"}


def test_a_port_that_no_service_has_makes_no_dependency() -> None:
    workloads = read_workloads(stand_in("front", 1, BACK="http://back:3") + stand_in("back", 2))
    assert all(not w.depends_on for w in workloads)


def test_only_users_of_the_database_wait_for_jobs() -> None:
    objects = [job("tables", "true"), *stand_in("reader", 1, DATABASE_URL="sqlite://"), *stand_in("other", 2)]
    depends = {w.name: w.depends_on for w in read_workloads(objects)}
    assert depends == {"tables": frozenset(), "reader": {"tables"}, "other": frozenset()}


def test_processes_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(BadObjects, match="one, two: each waits for another of them"):
        read_workloads(stand_in("one", 1, TWO="http://two:2") + stand_in("two", 2, ONE="http://one:1"))


def test_the_whole_platform_starts_in_an_order_that_works() -> None:
    workloads = read_workloads(platform_objects(laptop_values(), "default") + strategies("krx"))
    position = {w.name: index for index, w in enumerate(workloads)}
    assert all(position[needed] < position[w.name] for w in workloads for needed in w.depends_on)
    assert position["kis-simulator"] < position["kis-gateway"] < position["buy-scanner"]
    assert "migrations" in next(w for w in workloads if w.name == "buy-executor").depends_on


def test_a_program_is_named_shortly_unless_two_strategies_run_it() -> None:
    assert {w.name for w in read_workloads(strategies("a"))} >= {"buy-scanner", "price-monitor"}
    assert {w.name for w in read_workloads(strategies("a", "b"))} >= {"a-buy-scanner", "b-buy-scanner"}


def test_zero_replicas_start_nothing() -> None:
    objects = stand_in("one", 1)
    objects[0]["spec"]["replicas"] = 0
    assert read_workloads(objects) == []


def test_a_reference_that_only_a_cluster_resolves_is_refused_by_name() -> None:
    objects = stand_in("one", 1)
    container = objects[0]["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    with pytest.raises(BadObjects, match="env NODE: only secretKeyRef can be resolved"):
        read_workloads(objects)


def test_a_services_selector_finds_its_program() -> None:
    objects = strategies("a", "b")
    assert service_targets(objects)[("b-buy-scanner", 8081)] == ("b-buy-scanner", "http")


def test_equal_objects_make_equal_workloads_so_that_nothing_restarts() -> None:
    first, second = (read_workloads(json.loads(json.dumps(strategies("a")))) for _ in range(2))
    assert first == second
