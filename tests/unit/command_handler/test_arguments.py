"""Numbers as people write them, on and off; a wrong one says what is right."""

import pytest

from command_handler.arguments import looks_like_number, no_words, switch, whole_number
from command_handler.phrases import Phrase
from command_handler.replies import WrongArgument

WHAT = Phrase("수량", "the number of shares")


@pytest.mark.parametrize(("word", "number"), [("10", 10), ("1,000", 1_000), ("72,100원", 72_100), ("007", 7), ("0", 0)])
def test_numbers_as_people_write_them(word: str, number: int) -> None:
    assert whole_number(word, WHAT, least=0, most=100_000, unit="원") == number


@pytest.mark.parametrize(
    "word", ["", "-1", "+1", "1.5", "1e3", "1,00", ",100", "0x10", "٣", "１０", "원", "10주", "100001", "9" * 30, "<b>"]
)
def test_a_wrong_number_names_the_range(word: str) -> None:
    with pytest.raises(WrongArgument) as wrong:
        whole_number(word, WHAT, least=1, most=100_000, unit="원")
    assert "1~100,000" in wrong.value.why.ko
    assert "from 1 to 100,000" in wrong.value.why.en


@pytest.mark.parametrize(("word", "meant"), [("10", True), ("-3", True), ("1.5", True), ("10주", True), ("KT", False)])
def test_a_word_that_is_meant_as_a_number(word: str, meant: bool) -> None:
    assert looks_like_number(word) is meant


@pytest.mark.parametrize(
    ("word", "is_on"), [("on", True), ("ON", True), ("켜기", True), ("off", False), ("끄기", False)]
)
def test_a_switch(word: str, is_on: bool) -> None:
    assert switch(word) is is_on


@pytest.mark.parametrize("word", ["1", "true", "onn", "", "<b>on</b>"])
def test_a_wrong_switch_says_what_is_right(word: str) -> None:
    with pytest.raises(WrongArgument) as wrong:
        switch(word)
    assert "on 또는 off" in wrong.value.why.ko


def test_a_command_without_arguments_refuses_some() -> None:
    no_words(())
    with pytest.raises(WrongArgument, match="'now'"):
        no_words(("now", "please"))
