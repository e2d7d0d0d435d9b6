import json

import pytest

from prime_jennie_operator.kube.errors import Forbidden, Invalid, refusal


@pytest.mark.parametrize("status", [400, 403, 422])
@pytest.mark.parametrize(
    "message",
    [
        "x is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no strangers",
        'admission webhook "w.example" denied the request: no strangers',
    ],
)
def test_a_rule_of_the_cluster_is_no_mistake_of_the_object_whatever_its_code(status: int, message: str) -> None:
    body = json.dumps({"kind": "Status", "message": message, "reason": "Invalid", "code": status}).encode()
    found = refusal(status, body)
    assert isinstance(found, Forbidden)
    assert found.because == "AdmissionDenied"


def test_a_wrong_object_is_wrong() -> None:
    body = json.dumps({"kind": "Status", "message": "spec.replicas: Invalid value", "reason": "Invalid"}).encode()
    assert isinstance(refusal(422, body), Invalid)
