"""An alert is bounded and always knows who tells it."""

import pytest
from pydantic import ValidationError

from prime_jennie.domain.alerts import LONGEST_TEXT, Alert, AlertLevel, shortened

AT = "2025-02-14T01:00:00+00:00"


def test_an_alert_survives_its_way_over_the_wire() -> None:
    alert = Alert(
        level=AlertLevel.CRITICAL,
        title="일일 손실 한도",
        text="매수를 멈췄습니다",
        service="buy-executor",
        at=AT,
        key="k",
    )
    assert Alert.model_validate_json(alert.model_dump_json()) == alert


@pytest.mark.parametrize("field", [{"title": ""}, {"text": "긴" * (LONGEST_TEXT + 1)}, {"service": ""}, {"key": ""}])
def test_an_alert_without_a_title_teller_or_key_or_without_end_is_refused(field: dict[str, str]) -> None:
    whole = {"level": "INFO", "title": "t", "text": "", "service": "s", "at": AT, "key": "k"}
    with pytest.raises(ValidationError, match=next(iter(field))):
        Alert.model_validate(whole | field)


@pytest.mark.parametrize(
    ("text", "longest", "shown"), [("짧다", 2, "짧다"), ("조금 길다", 4, "조금 …"), ("", 3, ""), ("ab", 1, "…")]
)
def test_a_shortened_text_says_that_something_is_left_out(text: str, longest: int, shown: str) -> None:
    assert shortened(text, longest) == shown
