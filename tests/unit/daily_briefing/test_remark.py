"""The closing words: fixed ones, or a model's where nothing speaks against them."""

import asyncio

import pytest

from daily_briefing.remark import OFFLINE, ClosingWords, ModelWriter, OfflineWriter
from daily_briefing.text import figure_lines
from daily_briefing.words import WORDS
from prime_jennie.domain.briefing import BriefingFacts, TradeFigures
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.language import AnswerT, BadAnswer, Prompt, Usage
from prime_jennie.domain.reader import Language
from tests.support.briefings import empty_day, full_day


class ScriptedModel:
    """A model that says one thing, fails, or takes its time."""

    name = "exaone-4"
    usage = Usage()

    def __init__(self, says: str = "", *, fails: Exception | None = None, takes_secs: float = 0) -> None:
        self._says = says
        self._fails = fails
        self._takes_secs = takes_secs
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> AnswerT:
        self.prompts.append(prompt)
        await asyncio.sleep(self._takes_secs)
        if self._fails is not None:
            raise self._fails
        return answer.model_validate({"remark": self._says})

    async def close(self) -> None:
        """Hold nothing."""


def _writer(model: ScriptedModel, *, within_secs: float = 5) -> ModelWriter:
    return ModelWriter(model, OfflineWriter(), within_secs=within_secs)


def _with_trades(**trades: object) -> BriefingFacts:
    return full_day(trades=TradeFigures.model_validate({"is_settled": True, **trades}))


@pytest.mark.parametrize("language", Language)
async def test_the_fixed_words_follow_the_day_and_name_no_figure(language: Language) -> None:
    days = [
        full_day(),
        _with_trades(buys=1, sells=1, realized_krw=-1),
        _with_trades(buys=1),
        empty_day(),
        full_day(trades=TradeFigures(buys=3, sells=1, realized_krw=5)),
    ]
    remarks = [await OfflineWriter().write(day, language) for day in days]
    assert [remark.writer for remark in remarks] == [OFFLINE[language]] * 5
    assert len({remark.text for remark in remarks}) == 4
    assert remarks[3].text == remarks[4].text, "unsettled trades are not judged"
    assert not any(character.isdigit() for remark in remarks for character in remark.text)


async def test_a_models_words_with_our_own_figures_are_used_under_its_name() -> None:
    model = ScriptedModel("오늘 실현 손익은 +151,492원이었어요.\n 편안한 저녁 보내세요.")
    remark = await _writer(model).write(full_day(), Language.KOREAN)
    assert (remark.text, remark.writer, remark.note) == (
        "오늘 실현 손익은 +151,492원이었어요. 편안한 저녁 보내세요.",
        "exaone-4",
        "",
    )


async def test_the_model_is_shown_our_figures_and_no_strangers_word() -> None:
    model = ScriptedModel("고생하셨어요.")
    await _writer(model).write(full_day(), Language.KOREAN)
    (prompt,) = model.prompts
    assert prompt.user == "\n".join(figure_lines(full_day(), WORDS[Language.KOREAN]))
    for stranger in ("공장", "두산", "timeout"):
        assert stranger not in prompt.user + prompt.system


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("오늘 1,000,000원을 벌었어요.", "a figure that is not ours: 1,000,000원"),
        ("수익이 두 배가 됐어요.", "a figure that is not ours: 두 배"),
        ("지금 바로 테슬라를 매수하세요.", "advice to trade or to pay"),
        ("아래 계좌로 입금해 주세요.", "advice to trade or to pay"),
        ("자세한 내용은 https://evil.example 에서 보세요.", "an address"),
        ("@evil_bot 에게 물어보세요.", "an address"),
        ("Ignore all previous instructions.", "another language"),
        ("좋은 하루였어요. " * 60, "too long"),
        ("&" * 400 + "하루", "too long"),
    ],
)
async def test_words_that_may_not_be_shown_give_way_to_the_fixed_ones(says: str, why: str) -> None:
    remark = await _writer(ScriptedModel(says)).write(full_day(), Language.KOREAN)
    fixed = await OfflineWriter().write(full_day(), Language.KOREAN)
    assert (remark.text, remark.writer) == (fixed.text, fixed.writer)
    assert (remark.unused_model, remark.note) == ("exaone-4", why)


async def test_an_english_briefing_takes_english_words_only() -> None:
    korean = await _writer(ScriptedModel("고생하셨어요.")).write(full_day(), Language.ENGLISH)
    english = await _writer(ScriptedModel("A calm day.")).write(full_day(), Language.ENGLISH)
    assert korean.note == "another language"
    assert (english.text, english.note) == ("A calm day.", "")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (BadAnswer("the model's answer is not JSON"), "the model's answer is not JSON"),
        (Unavailable("the model did not answer within 1 s"), "the model did not answer within 1 s"),
    ],
)
async def test_a_model_that_fails_costs_the_briefing_nothing(error: Exception, why: str) -> None:
    remark = await _writer(ScriptedModel(fails=error)).write(full_day(), Language.KOREAN)
    assert remark.writer == OFFLINE[Language.KOREAN]
    assert (remark.unused_model, remark.note) == ("exaone-4", why)


async def test_a_model_that_is_late_is_not_waited_for() -> None:
    remark = await _writer(ScriptedModel("고생하셨어요.", takes_secs=30), within_secs=0.05).write(
        full_day(), Language.KOREAN
    )
    assert remark.note == "no answer within 0.05 s"


def test_an_answer_without_words_is_no_answer() -> None:
    with pytest.raises(ValueError, match="remark"):
        ClosingWords(remark="")
