"""What an answer of KIS proves."""

import json

import pytest

from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown
from prime_jennie.infra.clients.kis.envelope import read_envelope


def answer(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_success_with_more_pages_says_so() -> None:
    envelope = read_envelope(200, "M", answer(rt_cd="0", msg_cd="MCA00000", msg1="ok", output={"a": "1"}))
    assert envelope.more
    assert envelope.output()["a"] == "1"


@pytest.mark.parametrize("tr_cont", ["D", "E", "", " "])
def test_last_and_unpaged_answers_have_no_more(tr_cont: str) -> None:
    assert not read_envelope(200, tr_cont, answer(rt_cd="0", msg_cd="MCA00000")).more


@pytest.mark.parametrize("code", ["EGW00201", "EGW00215", "EGW00123", "EGW00121"])
def test_limits_and_stale_tokens_are_definite_and_may_be_sent_again_though_they_arrive_as_500(code: str) -> None:
    with pytest.raises(BrokerRefused) as refused:
        read_envelope(500, "", answer(rt_cd="1", msg_cd=code, msg1="text"))
    assert refused.value.code == code
    assert refused.value.may_retry


def test_a_business_refusal_is_definite_and_final() -> None:
    with pytest.raises(BrokerRefused) as refused:
        read_envelope(200, "", answer(rt_cd="7", msg_cd="APBK0400", msg1="주문가능수량 초과   "))
    assert not refused.value.may_retry
    assert refused.value.message == "주문가능수량 초과"


@pytest.mark.parametrize("code", ["EGW00300", "EGW00301", "EGW00302"])
def test_timeouts_inside_the_broker_prove_nothing(code: str) -> None:
    with pytest.raises(OutcomeUnknown):
        read_envelope(500, "", answer(rt_cd="1", msg_cd=code, msg1="check the previous transaction"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"[1, 2]",
        b"\xff\xfe",
        b"{}",
        answer(rt_cd="1"),
        answer(rt_cd="1", msg_cd="proxy error"),
        answer(rt_cd=1, msg_cd="APBK0400"),
        answer(rt_cd="0", msg_cd="APBK0013"),
    ],
)
def test_what_cannot_be_read_on_a_500_proves_nothing(content: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        read_envelope(500, "", content)


def test_a_token_refusal_has_its_own_shape() -> None:
    with pytest.raises(BrokerRefused) as refused:
        read_envelope(403, "", answer(error_code="EGW00133", error_description="1분당 1회"))
    assert refused.value.code == "EGW00133"


def test_a_missing_block_is_an_error_and_never_an_empty_answer() -> None:
    envelope = read_envelope(200, "", answer(rt_cd="0", msg_cd="KIOK0510"))
    with pytest.raises(OutcomeUnknown):
        envelope.rows("output1")
    with pytest.raises(OutcomeUnknown):
        envelope.output("output2")


def test_an_object_wrapped_in_a_list_is_read_as_the_object() -> None:
    envelope = read_envelope(200, "", answer(rt_cd="0", msg_cd="KIOK0510", output2=[{"a": "1"}]))
    assert envelope.output("output2") == {"a": "1"}
