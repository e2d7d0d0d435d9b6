"""Write text for Telegram: escaped, and cut into messages that each stand alone."""

import html
import re
from collections.abc import Sequence
from typing import Final

LONGEST_MESSAGE: Final = 4_096
"""Telegram counts after reading the tags; counting the HTML itself, in UTF-16 units, is never too long."""

_TOKEN: Final = re.compile(r"<[^<>]*>|&#?\w{1,10};|.", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)([\w-]+)[^<>]*>")

OpenTags = tuple[tuple[str, str], ...]
"""Name and whole text of each tag that is open, outermost first."""


def escaped(text: object) -> str:
    """Return a text as Telegram's HTML shows it: a name may hold anything and changes nothing."""
    return html.escape(str(text), quote=False)


def messages_of(markup: str, longest: int = LONGEST_MESSAGE) -> list[str]:
    """Split HTML into messages of at most `longest`, on line borders where lines are not longer than that.

    A tag that is open at a border is closed before it and opened again behind it; neither a tag nor an entity is cut.
    Parts that show nothing are left out, as Telegram refuses them.
    """
    messages: list[str] = []
    tokens, open_tags = _TOKEN.findall(markup), OpenTags()
    while tokens:
        taken, tags = _one_message(tokens, open_tags, longest)
        body = "".join(tokens[:taken])
        if _TAG.sub("", body).strip():
            messages.append(_opening(open_tags) + body.strip("\n") + _closing(tags))
        tokens, open_tags = tokens[taken:], tags
    return messages


def _one_message(tokens: Sequence[str], open_tags: OpenTags, longest: int) -> tuple[int, OpenTags]:
    """Return how many tokens fit, and the tags open behind them."""
    length, tags = _length(_opening(open_tags)), open_tags
    border: tuple[int, OpenTags] | None = None
    for index, piece in enumerate(tokens):
        behind = _tags_behind(tags, piece)
        length += _length(piece)
        if index and length + _length(_closing(behind)) > longest:
            return border or (index, tags)
        tags = behind
        if piece == "\n":
            border = (index + 1, tags)
    return len(tokens), tags


def _tags_behind(tags: OpenTags, token: str) -> OpenTags:
    tag = _TAG.fullmatch(token)
    if tag is None:
        return tags
    if tag[1]:
        return tags[:-1] if tags and tags[-1][0] == tag[2] else tags
    return (*tags, (tag[2], token))


def _opening(tags: OpenTags) -> str:
    return "".join(tag for _, tag in tags)


def _closing(tags: OpenTags) -> str:
    return "".join(f"</{name}>" for name, _ in reversed(tags))


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
