"""Read HTML as the Bot API does: few tags, four named entities, and a refusal for everything else."""

import re
from html import unescape

TAGS = {
    *("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "tg-spoiler", "span"),
    *("blockquote", "tg-emoji"),
}
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_TAG = re.compile(r"<(/?)([^\s>/]*)([^>]*)>")


class CannotParseError(Exception):
    """The Bot API's words for what is wrong."""


def plain_text(html: str) -> str:
    """Return what a person sees; raises CannotParseError as the Bot API answers."""
    shown: list[str] = []
    open_tags: list[str] = []
    at = 0
    while at < len(html):
        if html[at] != "<":
            end = html.find("<", at)
            end = len(html) if end < 0 else end
            shown.append(_ENTITY.sub(lambda entity: unescape(entity[0]), html[at:end]))
            at = end
            continue
        offset = len(html[:at].encode())
        tag = _TAG.match(html, at)
        if tag is None:
            raise CannotParseError(f"Unclosed start tag at byte offset {offset}")
        name = tag[2].lower()
        if tag[1]:
            if not open_tags:
                raise CannotParseError(f"Unexpected end tag at byte offset {offset}")
            if open_tags[-1] != name:
                raise CannotParseError(
                    f'Unmatched end tag at byte offset {offset}, expected "</{open_tags[-1]}>", found "</{name}>"'
                )
            open_tags.pop()
        elif name not in TAGS:
            raise CannotParseError(f'Unsupported start tag "{name}" at byte offset {offset}')
        else:
            open_tags.append(name)
        at = tag.end()
    if open_tags:
        raise CannotParseError(f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"')
    return "".join(shown)
