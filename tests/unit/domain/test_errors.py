"""Errors say where, which field and why."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.errors import BadInput, BrokerRefused, ErrorResponse, JennieError, OutcomeUnknown, field_path
from prime_jennie.domain.trading_strategy import StrategyConfig


def test_bad_input_names_the_file_the_field_and_the_reason() -> None:
    error = BadInput("strategy.yaml", "spec.risk.maxPositions", "must be at most 40")
    assert str(error) == "strategy.yaml: spec.risk.maxPositions: must be at most 40"


def test_bad_input_without_a_field_has_no_empty_part() -> None:
    assert str(BadInput("a.yaml", "", "is empty")) == "a.yaml: is empty"


def test_a_refused_model_is_told_with_the_path_as_its_author_wrote_it() -> None:
    with pytest.raises(ValidationError) as refusal:
        StrategyConfig.model_validate({"watchlist": {"symbols": [{"code": "005930"}, {"code": "5930"}]}})
    error = BadInput.from_validation("a.yaml", refusal.value)
    assert error.field == "watchlist.symbols[1].code"


def test_a_cross_field_refusal_keeps_its_sentence_only() -> None:
    with pytest.raises(ValidationError) as refusal:
        StrategyConfig.model_validate({"mode": "live"})
    error = BadInput.from_validation("a.yaml", refusal.value)
    assert str(error) == "a.yaml: account.secretRef is required in mode live"


@pytest.mark.parametrize(
    ("loc", "path"),
    [((), ""), (("risk",), "risk"), (("symbols", 3, "code"), "symbols[3].code"), ((0, "a"), "[0].a")],
)
def test_a_location_reads_like_a_path(loc: tuple[int | str, ...], path: str) -> None:
    assert field_path(loc) == path


def test_a_brokers_refusal_keeps_its_code_and_whether_a_second_try_is_safe() -> None:
    refused = BrokerRefused("EGW00201", "초당 거래건수를 초과하였습니다.", may_retry=True)
    assert (refused.code, refused.may_retry) == ("EGW00201", True)
    assert not BrokerRefused("APBK0918", "장운영일자가 아닙니다").may_retry
    assert isinstance(refused, JennieError)
    assert not isinstance(OutcomeUnknown("no answer"), BrokerRefused)


def test_an_error_response_needs_an_aware_time() -> None:
    made = ErrorResponse(error="bad_request", service="kis-gateway", timestamp=datetime(2026, 2, 19, tzinfo=UTC))
    assert made.detail is None
    with pytest.raises(ValidationError):
        ErrorResponse.model_validate({"error": "x", "service": "y", "timestamp": "2026-02-19T00:00:00"})
