"""An allow-list is numbers or nothing: a typing mistake must not open or silence a chat."""

import pytest
from pydantic import ValidationError

from prime_jennie.infra.clients.telegram_settings import TelegramSettings


@pytest.mark.parametrize(
    ("written", "chats"),
    [("", ()), ("7", (7,)), (" 7, -1001234567890 ,7,", (7, -1_001_234_567_890)), (",", ())],
)
def test_chats_are_comma_separated_and_named_once(
    written: str, chats: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_CHAT_IDS", written)
    assert TelegramSettings().telegram_chat_ids == chats


@pytest.mark.parametrize("written", ["@me", "7;8", "7 8", "--7", "7.0", "٧", "[7]"])
def test_what_is_no_chat_id_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_CHAT_IDS", written)
    with pytest.raises(ValidationError, match="chat ids"):
        TelegramSettings()


def test_nobody_is_told_unless_somebody_is_named() -> None:
    settings = TelegramSettings()
    assert (settings.telegram_bot_token, settings.telegram_chat_ids) == (None, ())
    assert settings.telegram_url == "https://api.telegram.org/bot"


@pytest.mark.parametrize("url", ["api.telegram.org/bot", "https://api.telegram.org/", "file:///etc/bot"])
def test_an_address_to_which_no_token_can_be_added_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_URL", url)
    with pytest.raises(ValidationError):
        TelegramSettings()


def test_a_token_shows_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456789:AAEsecret")
    assert "AAEsecret" not in repr(TelegramSettings())
