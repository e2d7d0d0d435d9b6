"""A reply as Telegram and a console show it: nothing that anybody typed is markup or a control character."""

from command_handler.phrases import Phrase, joined, krw, same, shares, signed_krw
from command_handler.replies import Reply, as_html, as_text, done
from prime_jennie.domain.reader import Language
from tests.support.telegram_html import plain_text

HOSTILE = "<b>x</b> & </b> \x1b[2J"


def test_everything_is_shown_as_it_was_typed() -> None:
    reply = done(same(HOSTILE), same(HOSTILE))
    assert plain_text(as_html(reply, Language.KOREAN)) == f"{HOSTILE}\n{HOSTILE}"


def test_a_console_gets_no_control_characters() -> None:
    assert as_text(done(same(HOSTILE), same("줄\n바꿈")), Language.KOREAN) == "<b>x</b> & </b> �[2J\n줄�바꿈"


def test_a_chat_reads_its_own_language() -> None:
    reply = Reply(Phrase("손익", "P&L"), (krw(1_234_567), signed_krw(-5), shares(1_000)))
    assert as_text(reply, Language.KOREAN) == "손익\n1,234,567원\n-5원\n1,000주"
    assert as_html(reply, Language.ENGLISH) == "<b>P&amp;L</b>\n1,234,567 KRW\n-5 KRW\n1,000 shares"


def test_phrases_are_joined_in_both_languages() -> None:
    assert joined([Phrase("가", "a"), same(1)], " · ") == Phrase("가 · 1", "a · 1")
