"""The briefing's text: our figures and nothing else, gaps in words, strangers' words without power."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daily_briefing.text import LONGEST_BRIEFING, briefing_html, figure_lines
from daily_briefing.words import ENGLISH, KOREAN, WORDS
from prime_jennie.domain.briefing import (
    BriefingFacts,
    HoldingFigure,
    IndexFigure,
    MarketFigures,
    Missing,
    NewsFigure,
    PickFigure,
    PortfolioFigures,
    Remark,
    SlotFigure,
    TradeFigures,
)
from prime_jennie.domain.macro import Sentiment
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.reader import Language
from prime_jennie.domain.slots import SlotState, Task
from prime_jennie.domain.tiers import TradeTier
from tests.support.briefings import AT_1430, DAY, empty_day, full_day
from tests.support.telegram_html import plain_text

REMARK = Remark(text="편안한 저녁 보내세요.", writer="오프라인 작성기")

WHOLE = """제니의 하루 브리핑 2025-02-14 (금)
안녕하세요, 제니예요. 오늘 하루도 고생 많으셨어요.

시장
• 코스피 2,591.05 (+0.31 %) · 근사값
• 코스닥 756.32 (-0.12 %)
• VIX 15.37
• 원/달러 1,443.50원
• 시장 심리: 중립~낙관 58점 (위원회: offline council (deterministic, no model))
• 시장 국면: 상승장 (14:30 기준)

오늘의 매매
• 매수 12건 · 31,204,500원
• 매도 7건 · 14,882,000원
• 실현 손익 +151,492원
• 승률 71.4 % (5승 2패)
• 가장 좋았던 매도: 두산에너빌리티 +46,761원 (+3.13 %)
• 가장 아쉬웠던 매도: 한국전력공사 -18,204원 (-1.02 %)

포트폴리오
• 총자산 50,201,538원 (현금 33,677,500원, 주식 16,524,038원)
• 보유 9종목
• 평가 손익 +50,046원
• 한화에어로스페이스 5주 +31,200원
• SK텔레콤 60주 -4,100원

관심 종목 상위
• 삼성전자 TIER1 78.2점
• SK하이닉스 TIER2 71.0점

예정된 작업
• 14:30 종목 스카우트 실패: Unavailable: kis-gateway: timeout

뉴스 (최근 2일)
• 삼성전자 82점 · 삼성전자, 신규 공장 착공

마무리
편안한 저녁 보내세요.

마무리 글: 오프라인 작성기"""


def shown(facts: BriefingFacts, *, remark: Remark = REMARK, language: Language = Language.KOREAN) -> str:
    return plain_text(briefing_html(facts, remark, WORDS[language]))


def test_a_whole_day_reads_like_this() -> None:
    assert shown(full_day()) == WHOLE


def test_a_day_of_which_nothing_is_known_says_so_and_names_no_figure_but_its_date() -> None:
    text = shown(empty_day())
    for gap in Missing:
        assert KOREAN.missing[gap] in text
    assert "뉴스: 수집된 자료 없음" in text
    assert re.findall(r"\d+", text.replace("2025-02-14", "").replace("최근 2일", "")) == []


def test_a_gap_stands_in_its_section_beside_what_is_known() -> None:
    facts = full_day(market=MarketFigures(vix=15.37), missing=(Missing.KOSPI, Missing.SENTIMENT))
    market = shown(facts).split("\n\n")[1]
    assert market.split("\n") == [
        "시장",
        "• VIX 15.37",
        "• 코스피: 오늘 지수를 받지 못했어요",
        "• 시장 심리: 오늘 열린 위원회 기록 없음",
    ]


@pytest.mark.parametrize("language", Language)
def test_every_gap_sentiment_regime_and_task_has_a_word(language: Language) -> None:
    words = WORDS[language]
    assert set(words.missing) == set(Missing)
    assert set(words.sentiments) == set(Sentiment)
    assert set(words.regimes) == set(MarketRegime)
    assert set(words.tasks) == set(Task)
    assert all(word.strip() for word in words.missing.values())


def test_before_a_settlement_the_realised_result_says_what_it_is() -> None:
    trades = full_day().trades
    assert trades is not None
    facts = full_day(trades=trades.model_copy(update={"is_settled": False}), missing=(Missing.SETTLEMENT,))
    text = shown(facts)
    assert "실현 손익 +151,492원 (정산 전, 체결 기록 합계)" in text
    assert "정산: 오늘 정산 기록이 없거나 일부뿐임" in text


def test_a_day_without_trades_and_holdings_says_so() -> None:
    text = shown(full_day(trades=TradeFigures(is_settled=True), portfolio=PortfolioFigures(positions=0)))
    assert "체결된 매매가 없어요." in text
    assert "보유 종목이 없어요." in text
    assert "승률" not in text


def test_unknown_positions_are_not_none() -> None:
    assert "보유 종목이 없어요." not in shown(full_day(portfolio=PortfolioFigures()))


@pytest.mark.parametrize(("has_session", "said"), [(False, "쉬는 날"), (None, "달력에 없어"), (True, None)])
def test_a_day_without_a_session_is_called_so(has_session: bool | None, said: str | None) -> None:
    text = shown(full_day(has_session=has_session))
    assert ("쉬는 날" in text, "달력에 없어" in text) == (said == "쉬는 날", said == "달력에 없어")


def test_slots_that_all_went_well_are_counted_and_running_ones_named() -> None:
    text = shown(full_day(troubled_slots=(), slots_open=1))
    assert "• 21건 모두 잘 끝났어요.\n• 아직 진행 중 1건" in text


def test_with_a_slot_missed_nothing_is_called_fine() -> None:
    missed = SlotFigure(task=Task.SETTLEMENT, at=AT_1430, state=SlotState.MISSED, reason="no runner")
    text = shown(full_day(troubled_slots=(missed,)))
    assert "• 14:30 정산 놓침: no runner" in text
    assert "모두 잘" not in text


def test_an_english_reader_gets_english_and_no_korean_word_of_ours() -> None:
    names = {
        "두산에너빌리티",
        "한국전력공사",
        "한화에어로스페이스",
        "SK텔레콤",
        "삼성전자",
        "SK하이닉스",
        "신규",
        "공장",
        "착공",
    }
    text = shown(full_day(), remark=Remark(text="Good evening.", writer="offline"), language=Language.ENGLISH)
    assert "Jennie's daily briefing 2025-02-14 (Fri)" in text
    assert "Realised KRW +151,492" in text
    assert not set(re.findall(r"[A-Z]*[가-힣]+", text)) - names


HOSTILE = '<script>alert("&")</script>'


def test_names_headlines_reasons_and_remarks_of_strangers_are_shown_and_change_nothing() -> None:
    facts = full_day(
        watchlist=(PickFigure(stock_name=HOSTILE, trade_tier=TradeTier.TIER1, hybrid_score=78),),
        news=(NewsFigure(stock_name=HOSTILE, headline=f"</b>{HOSTILE}\n\n<a href='x'>", sentiment_score=1),),
        troubled_slots=(SlotFigure(task=Task.SCOUT, at=AT_1430, state=SlotState.FAILED, reason=HOSTILE),),
    )
    html = briefing_html(facts, Remark(text=HOSTILE, writer=HOSTILE, unused_model=HOSTILE), KOREAN)
    assert "<script" not in html
    assert set(re.findall(r"<[^>]*>", html)) == {"<b>", "</b>", "<i>", "</i>"}
    assert HOSTILE in plain_text(html)


def test_a_name_with_braces_is_a_name() -> None:
    best = full_day().trades
    assert best is not None
    assert best.best is not None
    hostile = best.model_copy(update={"best": best.best.model_copy(update={"stock_name": "{krw}{0}"})})
    assert "가장 좋았던 매도: {krw}{0} +46,761원" in shown(full_day(trades=hostile))


def test_a_headline_of_5000_characters_is_cut_and_the_rest_of_the_day_stays() -> None:
    news = tuple(NewsFigure(stock_name="가" * 5_000, headline="나" * 5_000, sentiment_score=9) for _ in range(5))
    text = shown(full_day(news=news))
    assert "…" in text
    assert "실현 손익 +151,492원" in text


def test_where_the_lists_would_be_too_long_they_get_shorter_and_say_so() -> None:
    news = tuple(NewsFigure(stock_name="&" * 40, headline="&" * 500, sentiment_score=9) for _ in range(5))
    late = SlotFigure(task=Task.THROTTLE, at=AT_1430, state=SlotState.MISSED, reason="&" * 500)
    html = briefing_html(full_day(news=news, troubled_slots=(late,) * 5), REMARK, KOREAN)
    assert len(html) <= LONGEST_BRIEFING
    assert re.search(r"외 [1-5]건", html)
    assert "+151,492원" in html


_WORST = st.text(alphabet="&<>\"'가{}\n", min_size=1, max_size=120)
_BIG = st.integers(-(10**18), 10**18)


@given(
    name=_WORST,
    reason=_WORST,
    remark=st.text(alphabet="가& ", min_size=1, max_size=100),
    krw=_BIG,
    count=st.integers(0, 30),
    language=st.sampled_from(Language),
)
def test_no_day_makes_a_briefing_that_is_too_long_or_broken(
    name: str, reason: str, remark: str, krw: int, count: int, language: Language
) -> None:
    facts = full_day(
        market=MarketFigures(
            kospi=IndexFigure(close=1e12, change_pct=-1e9),
            kosdaq=IndexFigure(close=1e12, change_pct=1e9, is_approximation=True),
            vix=1e9,
            usd_krw=1e9,
            sentiment=Sentiment.NEUTRAL_TO_BEARISH,
            sentiment_score=100,
            council=name,
            regime=MarketRegime.STRONG_BEAR,
            regime_at=AT_1430,
        ),
        portfolio=PortfolioFigures(
            positions=count,
            total_asset_krw=krw,
            cash_krw=krw,
            stock_krw=abs(krw),
            unrealized_krw=krw,
            holdings=tuple(HoldingFigure(stock_name=name, quantity=abs(krw), unrealized_krw=krw) for _ in range(count)),
        ),
        troubled_slots=tuple(
            SlotFigure(task=Task.THROTTLE, at=AT_1430, state=SlotState.FAILED, reason=reason) for _ in range(count)
        ),
        news=tuple(NewsFigure(stock_name=name, headline=reason, sentiment_score=0) for _ in range(5)),
        missing=tuple(Missing),
    )
    html = briefing_html(facts, Remark(text=remark, writer=name, unused_model=name), WORDS[language])
    assert len(html) <= LONGEST_BRIEFING
    plain_text(html)


@pytest.mark.parametrize(("language", "figures"), list(product(Language, [full_day(), empty_day()])))
def test_what_a_model_may_repeat_holds_no_strangers_word(language: Language, figures: BriefingFacts) -> None:
    lines = "\n".join(figure_lines(figures, WORDS[language]))
    for stranger in ("두산", "한국전력", "한화", "텔레콤", "삼성", "하이닉스", "공장", "offline", "timeout", "14:30"):
        assert stranger not in lines
    assert lines.startswith(f"{DAY}")


def test_weekdays_are_right_in_both_languages() -> None:
    days = [full_day(day=DAY.replace(day=10 + age)) for age in range(7)]
    assert [shown(day).split("(")[1][0] for day in days] == list("월화수목금토일")
    assert [shown(day, language=Language.ENGLISH).split("(")[1][:3] for day in days] == ENGLISH.weekdays.split()


def test_a_models_unused_words_are_admitted() -> None:
    remark = Remark(text="편안한 저녁 보내세요.", writer="오프라인 작성기", unused_model="exaone-4", note="late")
    assert shown(full_day(), remark=remark).endswith("마무리 글: 오프라인 작성기 · exaone-4의 글은 쓰지 않음")
