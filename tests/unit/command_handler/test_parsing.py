"""What somebody typed: commands, confirmations, and everything else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_handler.parsing import LONGEST_TEXT, Command, Confirmation, Unreadable, parse


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/status", Command("status")),
        ("  /STATUS  ", Command("status")),
        ("/status@prime_jennie_bot", Command("status")),
        ("/buy 삼성전자 10", Command("buy", ("삼성전자", "10"))),
        ("/buy\u00a0삼성전자\n10\t@krx-core", Command("buy", ("삼성전자", "10"), "krx-core")),
        ("/sell @krx-core 005930", Command("sell", ("005930",), "krx-core")),
        ("/price\u200b 005930", Command("price", ("005930",))),
        ("/", Command("")),
        ("/ status", Command("", ("status",))),
    ],
)
def test_a_command_has_a_name_words_and_perhaps_a_strategy(text: str, command: Command) -> None:
    assert parse(text) == command


def test_a_name_typed_on_a_mac_is_the_same_name() -> None:
    assert parse(unicodedata.normalize("NFD", "/price 삼성전자")) == Command("price", ("삼성전자",))


@pytest.mark.parametrize("text", ["확인 1234", "/확인 1234", "confirm 1234", "CONFIRM  1234", " 확인\n1234 "])
def test_a_code_confirms(text: str) -> None:
    assert parse(text) == Confirmation("1234")


@pytest.mark.parametrize("text", ["확인", "확인 123", "확인 12345", "확인 12a4", "확인 １２３４", "1234", "hello", ""])
def test_anything_else_is_no_command(text: str) -> None:
    assert isinstance(parse(text), Unreadable)


@pytest.mark.parametrize("text", ["/buy x @a @b", "/buy x @A", "/buy x @", "/buy x @krx:core", "/buy x @<b>"])
def test_a_strategy_is_named_once_and_as_strategies_are_named(text: str) -> None:
    assert isinstance(parse(text), Unreadable)


def test_a_text_of_five_thousand_characters_is_too_long_and_not_repeated() -> None:
    found = parse("/buy " + "x" * 5_000)
    assert isinstance(found, Unreadable)
    assert "5,005" in found.why.ko
    assert len(found.why.ko) < 100
    assert isinstance(parse("/" + "x" * (LONGEST_TEXT - 1)), Command)


@given(st.text(max_size=600))
def test_no_text_breaks_the_parser(text: str) -> None:
    found = parse(text)
    if isinstance(found, Command):
        assert all(word and word.isprintable() and " " not in word for word in found.words)
