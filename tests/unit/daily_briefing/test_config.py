"""daily-briefing refuses what it could only find out at 17:00."""

import pytest
from pydantic import ValidationError

from daily_briefing.config import BriefingSettings
from prime_jennie.domain.reader import Language


def test_alone_it_needs_nothing_and_writes_korean() -> None:
    settings = BriefingSettings()
    assert (settings.port, settings.briefing_language, settings.telegram_bot_token) == (8086, Language.KOREAN, None)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("BRIEFING_LANGUAGE", "fr", "briefing_language"),
        ("TELEGRAM_CHAT_IDS", "@me", "telegram_chat_ids"),
        ("LLM_BASE_URL", "llm.example", "LLM_BASE_URL"),
        ("REMARK_WITHIN_SECS", "0", "remark_within_secs"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(
    name: str, value: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=field):
        BriefingSettings()
