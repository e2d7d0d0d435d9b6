"""Wrong values are refused before anything is installed, in words that name the field; by the models in the same."""

from __future__ import annotations

from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import laptop_values
from tests.support.chart import template


def one_gpu(llm: float, embed: float) -> dict[str, Any]:
    return {
        "vllm": {
            "gpu": {"shared": True},
            "llm": {"enabled": True, "gpuMemoryUtilization": llm},
            "embed": {"enabled": True, "gpuMemoryUtilization": embed},
        }
    }


# Values, what Helm says of them.
SINGLE_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"kisGateway": {"prot": 1}}, "at '/kisGateway': additional properties 'prot' not allowed"),
    ({"unknown": {}}, "additional properties 'unknown' not allowed"),
    ({"redis": {"port": 0}}, "at '/redis/port': minimum: got 0, want 1"),
    ({"redis": {"port": 70000}}, "at '/redis/port': maximum: got 70,000, want 65,535"),
    ({"redis": {"appendfsync": "no"}}, "at '/redis/appendfsync': value must be one of 'always', 'everysec'"),
    ({"redis": {"storage": "2GB"}}, "at '/redis/storage': '2GB' does not match pattern"),
    ({"redis": {"image": "redis"}}, "at '/redis/image': 'redis' does not match pattern"),
    ({"image": {"tag": 1}}, "at '/image/tag': got number, want string"),
    ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy': value must be one of"),
    ({"global": {"imagePullSecrets": "pull"}}, "at '/global/imagePullSecrets': got string, want array"),
    ({"metrics": {"scrape": "both"}}, "at '/metrics/scrape': value must be one of 'annotations', 'podMonitor', 'none'"),
    ({"operator": {"scope": "all"}}, "at '/operator/scope': value must be one of 'namespace', 'cluster'"),
    ({"operator": {"replicas": 0}}, "at '/operator/replicas': minimum: got 0, want 1"),
    ({"operator": None}, "missing property 'operator'"),
    ({"kisGateway": {"environment": "real"}}, "at '/kisGateway/environment': value must be one of"),
    ({"kisGateway": {"accountNo": "50012345"}}, "at '/kisGateway/accountNo': '50012345' does not match pattern"),
    ({"kisGateway": {"accountDailyLossLimitPct": 0}}, "at '/kisGateway/accountDailyLossLimitPct': minimum: got 0"),
    ({"mariadb": {"database": "a;b"}}, "at '/mariadb/database': 'a;b' does not match pattern"),
    ({"mariadb": {"user": "root'@'%"}}, "at '/mariadb/user': "),
    ({"scoutJob": {"resources": {"requests": {"cpu": 1}}}}, "at '/scoutJob/resources/requests/cpu': got number, want"),
    (
        {"vllm": {"llm": {"gpuMemoryUtilization": 1.01}}},
        "at '/vllm/llm/gpuMemoryUtilization': maximum: got 1.01, want 1",
    ),
    ({"vllm": {"embed": {"gpuMemoryUtilization": 0}}}, "at '/vllm/embed/gpuMemoryUtilization': exclusiveMinimum"),
    ({"vllm": {"gpu": {"resource": "gpu"}}}, "at '/vllm/gpu/resource': 'gpu' does not match pattern"),
    ({"vllm": {"parking": {"wake": "6 o'clock"}}}, "at '/vllm/parking/wake': "),
    ({"vllm": {"startupBudgetSecs": 5}}, "at '/vllm/startupBudgetSecs': minimum: got 5, want 60"),
]
# Values, the sentence that both Helm and the models say.
SEVERAL_FIELDS: list[tuple[dict[str, Any], str]] = [
    (one_gpu(0.96, 0.05), "llm and embed share one GPU: their gpuMemoryUtilization must add up to at most 1"),
    (one_gpu(0.5, 0.51), "llm and embed share one GPU: their gpuMemoryUtilization must add up to at most 1"),
    ({"vllm": {"gpu": {"shared": True}, "llm": {"gpus": 2}}}, "gpu.shared is for one GPU: gpus must be 1"),
    (
        {"kisSimulator": {"enabled": False}},
        "kisGateway.environment mock needs kisSimulator.enabled or kisGateway.baseUrl",
    ),
    (
        {"kisGateway": {"environment": "live"}},
        "liveConfirmation is empty: environment live sends real orders, repeat the account number",
    ),
    (
        {"kisGateway": {"environment": "live", "accountNo": "12345678-01", "liveConfirmation": "12345678-02"}},
        "liveConfirmation must repeat accountNo: environment live sends real orders",
    ),
    (
        {"kisGateway": {"environment": "paper"}},
        "virtualClock.enabled needs kisGateway.environment mock: a real market is led by nobody",
    ),
    ({"redis": {"enabled": False}}, "enabled is false: name another server by url or existingSecret"),
    ({"redis": {"url": "redis://other:6379/0"}}, "enabled must be false where url or existingSecret names another"),
    ({"redis": {"existingSecret": "other"}}, "enabled must be false where url or existingSecret names another server"),
]
GOOD: list[dict[str, Any]] = [
    one_gpu(0.95, 0.05),
    one_gpu(0.90, 0.05),
    {"vllm": {"llm": {"enabled": True, "gpuMemoryUtilization": 0.96, "gpus": 4}, "embed": {"enabled": True}}},
    {"global": {"somebodyElses": {"global": 1}}},
    {
        "kisGateway": {"environment": "live", "accountNo": "", "liveConfirmation": "12345678-01"},
        "virtualClock": {"enabled": False},
    },
    {"kisSimulator": {"enabled": False}, "kisGateway": {"baseUrl": "http://exchange:9443"}},
    {"redis": {"enabled": False, "url": "redis://other:6379/0"}},
    {"operator": {"enabled": False}, "rbac": {"create": False, "people": False}, "crds": {"enabled": False}},
    {"scoutJob": {"resources": {"requests": None, "limits": None}}},
]


@pytest.mark.parametrize(("values", "said"), SINGLE_FIELDS, ids=lambda value: str(value)[:60])
def test_a_wrong_field_is_named_by_helm_and_refused_by_the_models(values: dict[str, Any], said: str) -> None:
    done = template("simulator", values=values)
    assert done.returncode != 0
    assert said in done.stderr
    with pytest.raises(BadInput):
        laptop_values(values)


@pytest.mark.parametrize(("values", "sentence"), SEVERAL_FIELDS, ids=lambda value: str(value)[:60])
def test_fields_that_contradict_each_other_are_told_in_the_same_words(values: dict[str, Any], sentence: str) -> None:
    done = template("simulator", values=values)
    assert done.returncode != 0
    assert sentence in done.stderr
    with pytest.raises(BadInput) as refused:
        laptop_values(values)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("values", GOOD, ids=lambda value: str(value)[:60])
def test_what_is_right_is_let_pass(values: dict[str, Any]) -> None:
    done = template("simulator", values=values)
    assert done.returncode == 0, done.stderr
    laptop_values({key: value for key, value in values.items() if key != "scoutJob"})
