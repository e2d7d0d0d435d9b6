"""No secret reaches a log, whichever way it is written there."""

import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from prime_jennie.infra.logging import LONGEST_TEXT, configure_logging, mask_text, mask_value

APPKEY = "PSabcdefghijklmnopqrstuvwxyz01234567"
SECRET = "s3cr3tValue/With+Signs=="


@pytest.fixture
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"POST https://x/oauth2/tokenP?appkey={APPKEY}&appsecret={SECRET}",
        f'{{"appkey": "{APPKEY}", "appsecret": "{SECRET}"}}',
        f"{{'access_token': '{SECRET}'}}",
        f"approval_key={SECRET}",
        f"mysql://jennie:{SECRET.replace('/', '_')}@db/prime",
        "https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-b/sendMessage",
        "bot 123456789:" + "AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc rejected",
        "slack said no to xoxb-" + "1234-5678-AAEhBOweik6ad9r",
        "key sk-proj-AAEhBOweik6ad9r0123456789",
        "account 12345678-01 refused",
        "CANO=12345678&ACNT_PRDT_CD=01",
        f"password: {SECRET}",
    ],
)
def test_secrets_inside_a_text_are_masked(text: str) -> None:
    masked = mask_text(text)
    for secret in (SECRET, SECRET.replace("/", "_"), APPKEY, "AAEhBOweik6ad9r", "1234"):
        assert secret not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "005930 bought 10 at 71,000",
        "2025-03-04T09:00:00+00:00",
        "token bucket is empty",
        "trade:0123456789abcdef:10",
        "stream entry 1740000000000-0 of risk-off-days",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert mask_text(text) == text


def cpu_secs(text: str) -> float:
    """Return what masking a whole text takes, the best of three."""
    best = float("inf")
    for _ in range(3):
        began_at = time.process_time()
        mask_text(text, len(text))
        best = min(best, time.process_time() - began_at)
    return best


@pytest.mark.parametrize(
    "piece",
    [
        *("a-", "a.", "a+", "token-", "secret", "secret-", "asecret_", "token ", "secret =", "token=          "),
        *("://a:", "a://a:", "/bot1", "bearer ", "basic", " ", "'", "1", "1234-", "CANO ", "xox", "sk-"),
    ],
)
def test_what_strangers_send_is_masked_in_time_that_grows_with_its_length_alone(piece: str) -> None:
    long, longer = (piece * (length // len(piece)) for length in (8_192, 65_536))
    assert cpu_secs(longer) < 8 * 3 * max(cpu_secs(long), 0.002)  # 64 times as much where it grows with the square


@pytest.mark.parametrize(
    "text",
    [
        "a-" * 60 + f"token={SECRET}",
        f"secretsecret_secret={SECRET}",
        f"my.{'x' * 100}_secret_of_mine : '{SECRET}'",
        f"{'a+' * 50}b://jennie:{SECRET.replace('/', '_')}@db",
    ],
)
def test_a_name_is_known_however_much_stands_before_it(text: str) -> None:
    assert mask_text(text).count("***") == 1
    assert SECRET[:8] not in mask_text(text)


@pytest.mark.parametrize(
    "secret",
    [
        f"token={SECRET * 40}",
        f"https://x?appsecret={SECRET}",
        f"Bearer {SECRET}",
        f"mysql://jennie:{SECRET.replace('/', '_')}@db",
        "xoxb-" + SECRET[:9] * 9,
        "123456789:" + SECRET[:10] * 4,
        "sk-" + SECRET[:10] * 4,
        "12345678-01",
    ],
)
def test_a_long_text_loses_its_end_and_never_shows_a_secret_that_is_cut(secret: str) -> None:
    text = "x y " * LONGEST_TEXT
    for shown in range(0, len(secret) + 2, 3):
        cut = LONGEST_TEXT - shown
        for at in (cut, cut + 1_024):  # where masked and where unmasked text is cut
            masked = mask_text(text[: at - 1] + " " + secret + text)
            assert len(masked) <= LONGEST_TEXT + 1
            assert masked.endswith("…")
            assert SECRET[:3] not in masked
            assert "123" not in masked


def test_a_long_text_of_one_word_is_shortened_too() -> None:
    assert mask_text("a" * 100_000) == "a" * LONGEST_TEXT + "…"


def test_a_traceback_keeps_its_last_line() -> None:
    trace = "  File x, line 1, in y\n" * 1_000 + "ValueError: why"
    assert mask_value("exception", trace).endswith("ValueError: why")
    assert len(mask_value("event", trace)) <= LONGEST_TEXT + 1
    assert len(mask_value("exception", trace * 10)) < 70_000


@pytest.mark.parametrize(
    "name", ["service_token", "appsecret", "KIS_APP_KEY", "password", "authorization", "approval_key"]
)
def test_a_field_with_a_secrets_name_is_hidden(name: str) -> None:
    assert mask_value(name, "anything") == "***"
    assert mask_value("outer", {name: "anything"}) == {name: "***"}


def test_numbers_called_tokens_are_counts_and_stay() -> None:
    assert mask_value("tokens_in", 1_234) == 1_234


def test_an_account_keeps_its_last_digits() -> None:
    assert mask_value("account", "12345678-01") == "****5678-01"
    assert mask_value("cano", "12345678") == "***"


@pytest.mark.usefixtures("_put_back")
def test_a_log_line_is_one_json_object_with_the_service_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("kis-gateway")
    structlog.get_logger("gateway").info("token issued", access_token=SECRET, note=f"Bearer {SECRET}", code="005930")
    try:
        raise ValueError(f"bad appkey={APPKEY}")
    except ValueError:
        structlog.get_logger("gateway").exception("failed")
    logging.getLogger("uvicorn.error").warning("password=%s", SECRET)
    out = capsys.readouterr().out
    first, *_ = [json.loads(line) for line in out.splitlines()]
    assert (first["event"], first["service"], first["code"]) == ("token issued", "kis-gateway", "005930")
    assert len(out.splitlines()) == 3
    assert SECRET not in out
    assert APPKEY not in out


@pytest.mark.usefixtures("_put_back")
def test_httpx_which_logs_whole_urls_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("kis-gateway")
    logging.getLogger("httpx").info("HTTP Request: POST https://x?appsecret=%s", SECRET)
    assert capsys.readouterr().out == ""
