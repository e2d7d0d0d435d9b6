"""The briefing's words in each language: labels, and how a gap is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prime_jennie.domain.briefing import Missing
from prime_jennie.domain.macro import Sentiment
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.reader import Language
from prime_jennie.domain.slots import SlotState, Task


@dataclass(frozen=True)
class Words:
    """One language. Texts in braces are filled in with figures that are already written out."""

    title: str
    weekdays: str
    greeting: str
    no_session: str
    unknown_session: str
    market: str
    kospi: str
    kosdaq: str
    approximation: str
    vix: str
    usd_krw: str
    sentiment: str
    council: str
    regime: str
    regime_at: str
    trades: str
    no_trades: str
    bought: str
    sold: str
    realized: str
    before_settlement: str
    win_rate: str
    best: str
    worst: str
    portfolio: str
    assets: str
    positions: str
    no_positions: str
    unrealized: str
    holding: str
    shares: str
    watchlist: str
    slots: str
    slots_fine: str
    slots_open: str
    news: str
    more: str
    closing: str
    writer: str
    unused: str
    krw: str
    score: str
    sentiments: Mapping[Sentiment, str]
    regimes: Mapping[MarketRegime, str]
    tasks: Mapping[Task, str]
    states: Mapping[SlotState, str]
    missing: Mapping[Missing, str]


KOREAN: Final = Words(
    title="제니의 하루 브리핑",
    weekdays="월화수목금토일",
    greeting="안녕하세요, 제니예요. 오늘 하루도 고생 많으셨어요.",
    no_session="오늘은 거래소가 쉬는 날이었어요.",
    unknown_session="오늘이 거래일인지는 달력에 없어 알 수 없어요.",
    market="시장",
    kospi="코스피",
    kosdaq="코스닥",
    approximation="근사값",
    vix="VIX",
    usd_krw="원/달러",
    sentiment="시장 심리",
    council="위원회: {name}",
    regime="시장 국면",
    regime_at="{time} 기준",
    trades="오늘의 매매",
    no_trades="체결된 매매가 없어요.",
    bought="매수 {count}건 · {krw}",
    sold="매도 {count}건 · {krw}",
    realized="실현 손익 {krw}",
    before_settlement="정산 전, 체결 기록 합계",
    win_rate="승률 {pct} ({wins}승 {losses}패)",
    best="가장 좋았던 매도: {name} {krw}",
    worst="가장 아쉬웠던 매도: {name} {krw}",
    portfolio="포트폴리오",
    assets="총자산 {total} (현금 {cash}, 주식 {stock})",
    positions="보유 {count}종목",
    no_positions="보유 종목이 없어요.",
    unrealized="평가 손익 {krw}",
    holding="{name} {quantity}",
    shares="{count}주",
    watchlist="관심 종목 상위",
    slots="예정된 작업",
    slots_fine="{done}건 모두 잘 끝났어요.",
    slots_open="아직 진행 중 {count}건",
    news="뉴스 (최근 2일)",
    more="외 {count}건",
    closing="마무리",
    writer="마무리 글: {writer}",
    unused="{model}의 글은 쓰지 않음",
    krw="{figure}원",
    score="{figure}점",
    sentiments={
        Sentiment.BULLISH: "낙관",
        Sentiment.NEUTRAL_TO_BULLISH: "중립~낙관",
        Sentiment.NEUTRAL: "중립",
        Sentiment.NEUTRAL_TO_BEARISH: "중립~비관",
        Sentiment.BEARISH: "비관",
    },
    regimes={
        MarketRegime.STRONG_BULL: "강한 상승장",
        MarketRegime.BULL: "상승장",
        MarketRegime.SIDEWAYS: "횡보장",
        MarketRegime.BEAR: "하락장",
        MarketRegime.STRONG_BEAR: "강한 하락장",
    },
    tasks={
        Task.MACRO_COLLECT: "거시 자료 수집",
        Task.MACRO_COUNCIL: "거시 위원회",
        Task.THROTTLE: "장중 위험 점검",
        Task.SCOUT: "종목 스카우트",
        Task.SETTLEMENT: "정산",
        Task.DATA_COLLECTOR: "자료 수집",
        Task.DAILY_BRIEFING: "브리핑",
        Task.NEWS: "뉴스 수집",
    },
    states={SlotState.FAILED: "실패", SlotState.MISSED: "놓침"},
    missing={
        Missing.KOSPI: "코스피: 오늘 지수를 받지 못했어요",
        Missing.KOSDAQ: "코스닥: 오늘 지수를 받지 못했어요",
        Missing.VIX: "VIX: 수집된 자료 없음",
        Missing.USD_KRW: "원/달러: 수집된 자료 없음",
        Missing.SENTIMENT: "시장 심리: 오늘 열린 위원회 기록 없음",
        Missing.REGIME: "시장 국면: 오늘 기록 없음",
        Missing.ACCOUNT: "매매와 포트폴리오: 게이트웨이가 응답하지 않아 어느 계좌인지 알 수 없음",
        Missing.SETTLEMENT: "정산: 오늘 정산 기록이 없거나 일부뿐임",
        Missing.SNAPSHOT: "총자산: 오늘 자산 기록 없음",
        Missing.POSITIONS: "보유 종목: 읽을 수 있는 기록 없음",
        Missing.PRICES: "평가 손익: 값을 매기지 못한 종목이 있음",
        Missing.WATCHLIST: "관심 종목: 오늘 스카우트 기록 없음",
        Missing.SLOTS: "예정된 작업: 오늘 기록 없음",
        Missing.NEWS: "뉴스: 수집된 자료 없음",
    },
)

ENGLISH: Final = Words(
    title="Jennie's daily briefing",
    weekdays="Mon Tue Wed Thu Fri Sat Sun",
    greeting="Hello, Jennie here. Thank you for another day.",
    no_session="The exchange was closed today.",
    unknown_session="The calendar does not say whether today was a session.",
    market="Market",
    kospi="KOSPI",
    kosdaq="KOSDAQ",
    approximation="approximation",
    vix="VIX",
    usd_krw="USD/KRW",
    sentiment="Sentiment",
    council="council: {name}",
    regime="Regime",
    regime_at="as of {time}",
    trades="Today's trades",
    no_trades="Nothing was traded.",
    bought="Bought {count} orders · {krw}",
    sold="Sold {count} orders · {krw}",
    realized="Realised {krw}",
    before_settlement="before settlement, the sum of what is booked",
    win_rate="Win rate {pct} ({wins} won, {losses} lost)",
    best="Best sale: {name} {krw}",
    worst="Worst sale: {name} {krw}",
    portfolio="Portfolio",
    assets="Total {total} (cash {cash}, stocks {stock})",
    positions="{count} positions",
    no_positions="Nothing is held.",
    unrealized="Unrealised {krw}",
    holding="{name} {quantity}",
    shares="{count} shares",
    watchlist="Top of the watchlist",
    slots="Scheduled runs",
    slots_fine="All {done} went well.",
    slots_open="{count} still running",
    news="News (two days)",
    more="and {count} more",
    closing="Closing",
    writer="Closing words: {writer}",
    unused="those of {model} were not used",
    krw="KRW {figure}",
    score="{figure} points",
    sentiments={sentiment: sentiment.value.replace("_", " ") for sentiment in Sentiment},
    regimes={regime: regime.value.replace("_", " ").lower() for regime in MarketRegime},
    tasks={task: task.value for task in Task},
    states={SlotState.FAILED: "failed", SlotState.MISSED: "missed"},
    missing={
        Missing.KOSPI: "KOSPI: today's index was not to be had",
        Missing.KOSDAQ: "KOSDAQ: today's index was not to be had",
        Missing.VIX: "VIX: no data collected",
        Missing.USD_KRW: "USD/KRW: no data collected",
        Missing.SENTIMENT: "Sentiment: no council sat today",
        Missing.REGIME: "Regime: no record of today",
        Missing.ACCOUNT: "Trades and portfolio: the gateway does not say whose account it is",
        Missing.SETTLEMENT: "Settlement: none of today, or a part only",
        Missing.SNAPSHOT: "Total assets: no record of today",
        Missing.POSITIONS: "Positions: no readable record",
        Missing.PRICES: "Unrealised result: some positions have no price",
        Missing.WATCHLIST: "Watchlist: no scouting today",
        Missing.SLOTS: "Scheduled runs: no record of today",
        Missing.NEWS: "News: no data collected",
    },
)

WORDS: Final = {Language.KOREAN: KOREAN, Language.ENGLISH: ENGLISH}
