"""Write the closing words: fixed ones, or a language model's where every figure in them is ours."""

import asyncio
import re
from typing import Final, Protocol

import structlog
from pydantic import Field

from daily_briefing.figures import foreign_figures
from daily_briefing.text import figure_lines
from daily_briefing.words import WORDS
from prime_jennie.domain.briefing import BriefingFacts, Remark
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.language import BadAnswer, LanguageModel, Prompt, Tier
from prime_jennie.domain.model import Record
from prime_jennie.domain.reader import Language
from prime_jennie.infra.clients.telegram_text import escaped

OFFLINE: Final = {
    Language.KOREAN: "오프라인 작성기 (정해진 문구, 언어 모델 없음)",
    Language.ENGLISH: "offline writer (deterministic, no model)",
}
LONGEST_REMARK: Final = 500  # characters as sent
_NEVER: Final = (
    ("an address", re.compile(r"https?:|www\.|t\.me|@\w", re.IGNORECASE)),
    (
        "advice to trade or to pay",
        re.compile(
            r"매수하|매도하|매수를|매도를|사세요|파세요|사야|팔아야|매입|추천|담으|송금|입금|이체|비밀번호|인증번호"
            r"|\b(?:buy|sell|purchase|recommend\w*|transfer|deposit|password)\b",
            re.IGNORECASE,
        ),
    ),
)
_SYSTEM: Final = {
    Language.KOREAN: (
        "당신은 자동매매 플랫폼의 따뜻한 비서 제니입니다. 오늘의 브리핑을 마무리하는 두세 문장을 존댓말로,"
        " 200자 안에서 다정하고 차분하게 씁니다. 숫자는 아래 목록에 있는 것만 적힌 그대로 쓰거나 쓰지 않습니다."
        " 숫자를 말로 풀어 쓰지 않습니다. 매매를 권하거나 내일을 예측하지 않습니다."
    ),
    Language.ENGLISH: (
        "You are Jennie, the warm assistant of an automatic trading platform. Close today's briefing in two or three"
        " calm sentences of at most 300 characters. Use figures of the list only, exactly as they are written there,"
        " or none. Write no number in words. Give no advice and predict nothing."
    ),
}
_FIXED: Final = {
    Language.KOREAN: {
        "quiet": "오늘은 서두르지 않고 기다린 하루였어요. 편안한 저녁 보내세요, 내일도 곁에서 지켜볼게요.",
        "gain": "차분하게 지켜 낸 결과가 좋은 하루였어요. 편안한 저녁 누리시고, 내일도 규칙대로 함께할게요.",
        "loss": "아쉬운 하루였지만 정해 둔 규칙 안에서 움직였어요. 푹 쉬시고, 내일도 차분하게 함께할게요.",
        "unknown": "오늘은 확인하지 못한 자료가 있어요. 위에 적어 둔 빈자리는 직접 한 번 살펴봐 주세요.",
    },
    Language.ENGLISH: {
        "quiet": "A day of waiting, and that is a decision too. Have a good evening; I will be watching tomorrow.",
        "gain": "A calm day that went well. Enjoy the evening; tomorrow we follow the rules again.",
        "loss": "Not the best of days, but it stayed within the rules. Rest well; tomorrow we go on calmly.",
        "unknown": "Some of today's data was not to be had. Please look at the gaps above yourself.",
    },
}

log = structlog.get_logger(__name__)


class BriefingWriter(Protocol):
    """Write a briefing's closing words."""

    async def write(self, facts: BriefingFacts, language: Language) -> Remark:
        """Return closing words without a figure that is not in the facts; never fails."""


class OfflineWriter:
    """Chooses fixed words by the day's result: the same facts, the same words."""

    async def write(self, facts: BriefingFacts, language: Language) -> Remark:
        return Remark(text=_FIXED[language][_mood(facts)], writer=OFFLINE[language])


class ModelWriter:
    """Lets a language model write from our figures alone: no name, headline or reason of a stranger reaches it.

    Words that are late, no use, too long, carry a foreign figure or give advice are not used: the fixed ones are then.
    """

    def __init__(self, model: LanguageModel, fixed: BriefingWriter, *, within_secs: float) -> None:
        self._model = model
        self._fixed = fixed
        self._within_secs = within_secs

    async def write(self, facts: BriefingFacts, language: Language) -> Remark:
        ours = figure_lines(facts, WORDS[language])
        prompt = Prompt(
            service="briefing",
            tier=Tier.REASONING,
            system=_SYSTEM[language],
            user="\n".join(ours),
            max_tokens=600,
            temperature=0.5,
        )
        try:
            async with asyncio.timeout(self._within_secs):
                answer = await self._model.ask(prompt, ClosingWords)
        except (BadAnswer, Unavailable) as error:
            why = str(error)
        except TimeoutError:
            why = f"no answer within {self._within_secs:g} s"
        else:
            text = " ".join(answer.remark.split())
            why = refusal_of(text, ours, language)
            if not why:
                return Remark(text=text, writer=self._model.name)
        log.warning("the model's closing words are not used", model=self._model.name, why=why)
        fixed = await self._fixed.write(facts, language)
        return fixed.model_copy(update={"unused_model": self._model.name, "note": why})


class ClosingWords(Record):
    """What the model is asked for."""

    remark: str = Field(min_length=1, max_length=1_000)


def refusal_of(text: str, ours: list[str], language: Language) -> str:
    """Return why a model's words may not be shown, "" where they may."""
    if len(escaped(text)) > LONGEST_REMARK:
        return "too long"
    if (language is Language.KOREAN) is not bool(re.search(r"[가-힣]", text)):
        return "another language"
    for what, pattern in _NEVER:
        if pattern.search(text):
            return what
    foreign = foreign_figures(text, ours)
    return f"a figure that is not ours: {foreign[0]}" if foreign else ""


def _mood(facts: BriefingFacts) -> str:
    trades = facts.trades
    if trades is None or (not trades.is_settled and (trades.buys or trades.sells)):
        return "unknown"
    if not trades.sells:
        return "quiet"
    return "gain" if trades.realized_krw >= 0 else "loss"
