"""Whatever the text, every message stands alone: balanced, short enough, and nothing that is shown is lost."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prime_jennie.infra.clients.telegram_text import LONGEST_MESSAGE, escaped, messages_of
from tests.support.telegram_html import plain_text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_a_stock_named_like_a_script_is_shown_and_changes_nothing() -> None:
    name = '<script>alert("&amp;")</script>&'
    assert plain_text(f"<b>{escaped(name)}</b>") == name


def test_numbers_are_escaped_too() -> None:
    assert escaped(71_000) == "71000"


def test_a_short_text_is_one_message() -> None:
    assert messages_of("<b>오늘</b>\n두 줄") == ["<b>오늘</b>\n두 줄"]


@pytest.mark.parametrize("nothing", ["", "\n\n", "<b></b>", " \n<i> </i>\n"])
def test_nothing_to_show_is_no_message(nothing: str) -> None:
    assert messages_of(nothing) == []


def test_a_long_text_is_cut_between_lines() -> None:
    lines = [f"{number:04}: {'가' * 90}" for number in range(100)]
    messages = messages_of("\n".join(lines))
    assert len(messages) == 3
    assert [line for message in messages for line in message.split("\n")] == lines


def test_a_line_that_is_too_long_alone_is_cut_inside() -> None:
    messages = messages_of("짧은 줄\n" + "가" * 9_000)
    assert messages[0] == "짧은 줄"
    assert [len(message) for message in messages[1:]] == [4_096, 4_096, 808]


def test_a_tag_open_at_the_border_is_closed_and_opened_again() -> None:
    messages = messages_of("<b><i>" + "\n".join(["가" * 40] * 200) + "</i></b>")
    assert len(messages) == 3
    for message in messages:
        assert message.startswith("<b><i>가")
        assert message.endswith("가</i></b>")


def test_an_entity_is_never_cut() -> None:
    messages = messages_of("&amp;" * 2_000)
    assert all(re.fullmatch(r"(&amp;)+", message) for message in messages)
    assert "".join(messages) == "&amp;" * 2_000


def test_characters_outside_the_first_plane_count_twice_as_telegram_counts_them() -> None:
    messages = messages_of("📈" * 3_000)
    assert [_units(message) for message in messages] == [4_096, 1_904]


def test_a_stray_end_tag_or_bracket_does_not_stop_the_cutting() -> None:
    assert messages_of("a </b> < & b") == ["a </b> < & b"]


_TEXT = st.text(alphabet="가나 abc\n<>&;\"'📈", max_size=60)
_NODE = st.recursive(
    _TEXT.map(escaped),
    lambda inner: st.tuples(st.sampled_from(["b", "i", "code"]), st.lists(inner, max_size=4)).map(
        lambda node: f"<{node[0]}>{''.join(node[1])}</{node[0]}>"
    ),
    max_leaves=30,
)


LONGEST_CHARACTER = len("&quot;")


def _deepest(markup: str) -> int:
    """Return how long the tags around the most deeply nested character are."""
    deepest, opened = 0, [0]
    for end, name in re.findall(r"<(/?)(\w+)>", markup):
        if end:
            opened.pop()
        else:
            opened.append(opened[-1] + len(f"<{name}></{name}>"))
        deepest = max(deepest, opened[-1])
    return deepest


@given(st.lists(_NODE, max_size=8).map("".join), st.integers(60, 200))
def test_every_message_is_balanced_and_short_and_together_they_show_the_text(markup: str, longest: int) -> None:
    assume(_deepest(markup) + LONGEST_CHARACTER <= longest)  # tags within tags alone would be longer
    messages = messages_of(markup, longest)
    assert all(_units(message) <= longest for message in messages)
    shown = "".join(plain_text(message) for message in messages)  # raises where a message is not balanced
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", plain_text(markup))


def test_the_limit_is_telegrams() -> None:
    assert LONGEST_MESSAGE == 4_096
