"""Structured logs without secrets: one JSON object a line, or readable lines on a console."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import Processor

MASK = "***"
LONGEST_TEXT: Final = 4_096
LONGEST_TRACE: Final = 65_536  # a traceback says what went wrong in its last line
_LONGEST_SECRET: Final = 1_024
_TRACES: Final = frozenset({"exception", "stack"})
_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|authorization|bearer|appkey|app_key|api_?key|encryption_?key|approval_?key|hts_?id"
    r"|personalseckey|credential",
    re.IGNORECASE,
)
_ACCOUNT_NAME = re.compile(r"(?:^|_)(?:cano|account(?:_no)?)$", re.IGNORECASE)
# Strangers choose texts (an address, a header): each pattern below takes linear time. None begins with a run that it
# could begin again inside, so a name is known by its end alone.
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)((?:token|secret(?:(?!secret)\w)*+|password|appkey|app_key|api_?key|approval_?key|personalseckey)\b"
            r"[\"']?\s*+[=:]\s*+[\"']?)[^\s\"'&,;}]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"((?<=[\w+.-])://[^\s:/@]*+:)[^\s/@]++(@)"), rf"\1{MASK}\2"),  # passwords in URLs
    (re.compile(r"/bot\d+:[\w-]+"), f"/bot{MASK}"),  # Telegram puts its token into the path
    (re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}"), MASK),  # the same token alone
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]+"), MASK),  # Slack's tokens
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), MASK),  # keys of OpenAI-compatible servers
    (re.compile(r"(?<!\d)\d{4}(\d{4}-\d{2})(?!\d)"), r"****\1"),  # account numbers NNNNNNNN-NN
    (re.compile(r"(?i)(\bCANO\b[\"']?\s*[=:]\s*[\"']?)\d+"), rf"\1{MASK}"),
)


def mask_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` with tokens, keys, passwords and account numbers masked; one that is too long loses its end.

    It is cut before it is masked, for masking must not cost more than its result, and its last word goes with the
    rest: half a secret that no name announces looks like ordinary text.
    """
    if len(text) <= longest:
        return _masked(text)
    masked = _masked(text[: longest + _LONGEST_SECRET])
    whole = masked[:-_LONGEST_SECRET] + masked[-_LONGEST_SECRET:].rpartition(" ")[0]
    return whole[:longest] + "…"


def _masked(text: str) -> str:
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def mask_value(name: str, value: Any) -> Any:
    """Return a value fit for a log: hidden by its field's name, or with secrets inside its text masked."""
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name) and not isinstance(value, int | float):
        return MASK
    if _ACCOUNT_NAME.search(name) and isinstance(value, str):
        return f"****{value[-7:]}" if re.fullmatch(r"\d{8}-\d{2}", value) else MASK
    if isinstance(value, str):
        return mask_text(value, LONGEST_TRACE if name in _TRACES else LONGEST_TEXT)
    if isinstance(value, dict):
        return {key: mask_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(name, inner) for inner in value]
    if isinstance(value, BaseException):
        return mask_text(repr(value))
    return value


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every field of a log record, the rendered traceback too."""
    return {name: mask_value(name, value) for name, value in event.items()}


def configure_logging(service: str, *, level: str = "INFO", as_json: bool = True) -> None:
    """Send structlog and the standard library's loggers to stdout through the same masking."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "openai", "telegram", "slack_sdk", "websockets", "aiosqlite", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # some log whole URLs, tokens in them too
    structlog.contextvars.bind_contextvars(service=service)
