"""Why a strategy does not buy, reason by reason."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from command_handler.phrases import Phrase
from command_handler.standing import BLOCKS, Facts, reasons_not_to_buy
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.macro import RiskLevel, TradingContext, VixRegime
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.trading_strategy import LiveConfig

NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
SESSION = Session(day=date(2025, 3, 10), opens_at=NOON - timedelta(hours=3), closes_at=NOON + timedelta(hours=3.5))
CONTEXT = TradingContext(
    date=date(2025, 3, 10), market_regime=MarketRegime.BULL, position_multiplier=1, stop_loss_multiplier=1
)
BUYING = Facts(
    at=NOON,
    live=LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": {}}),
    session=SESSION,
    silent=(),
    halts=(),
    context=CONTEXT,
    last_tick_at=NOON - timedelta(seconds=5),
    listed=3,
    positions=2,
    buys_today=1,
    max_buys=None,
    is_dry_run=False,
)
BLOCKED = CONTEXT.model_copy(update={"buys_blocked": True, "intraday_risk_level": RiskLevel.CRITICAL})


def reasons(**known: Any) -> list[str]:
    return [reason.ko for reason in reasons_not_to_buy(replace(BUYING, **known))]


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2025-03-10T{clock}+09:00")


def test_nothing_keeps_it_from_buying() -> None:
    assert reasons() == []


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"context": None}, "- 오늘의 시장 국면을 모릅니다 (스카우트·협의회)"),
        ({"context": BLOCKED}, "- 장중 위험 CRITICAL: 매수 차단"),
        ({"listed": None}, "- 스카우트의 관심종목이 없습니다"),
        ({"listed": 0}, "- 관심종목이 비어 있습니다"),
        ({"session": None}, "- 오늘은 휴장일입니다"),
        ({"at": at("08:59")}, "- 개장 전 (09:00)"),
        ({"at": at("09:14"), "last_tick_at": at("09:14")}, "- 매수 시간이 아닙니다 (09:15-15:00)"),
        ({"at": at("15:00"), "last_tick_at": at("15:00")}, "- 매수 시간이 아닙니다 (09:15-15:00)"),
        ({"at": at("15:30")}, "- 장이 끝났습니다"),
        ({"last_tick_at": None}, "- 체결가가 아직 오지 않았습니다"),
        ({"last_tick_at": NOON - timedelta(seconds=61)}, "- 체결가가 61초째 없습니다"),
        ({"buys_today": 6}, "- 하루 매수 6회를 다 썼습니다"),
        ({"buys_today": 1, "max_buys": 1}, "- 하루 매수 1회를 다 썼습니다"),
        ({"positions": 10}, "- 보유 종목이 가득 찼습니다 (10/10)"),
        ({"is_dry_run": True}, "- 모의 실행 중: 기록만 합니다"),
        ({"blocks": [BuyBlock(code=BlockCode.POSITION_DRIFT, why="005930")]}, "- 장부와 증권사의 보유가 다름: 005930"),
        ({"blocks": [BuyBlock(code=BlockCode.MARKET_STATE, why="STOPPED")]}, "- 장 준비가 끝나지 않음: STOPPED"),
    ],
)
def test_each_reason_alone(known: dict[str, Any], reason: str) -> None:
    assert reasons(**known) == [reason]


@pytest.mark.parametrize(
    "known",
    [
        {"last_tick_at": NOON - timedelta(seconds=60)},
        {"buys_today": 5},
        {"buys_today": 5, "max_buys": 20},
        {"positions": 9},
        {"positions": None, "buys_today": None},
        {"at": at("09:15"), "last_tick_at": at("09:15")},
        {"at": at("13:59"), "last_tick_at": at("13:59")},
        {"context": CONTEXT.model_copy(update={"risk_off_level": 1, "vix_regime": VixRegime.ELEVATED})},
    ],
)
def test_at_the_border_it_still_buys(known: dict[str, Any]) -> None:
    assert reasons(**known) == []


@pytest.mark.parametrize(
    ("known", "korean", "english"),
    [
        (
            {"at": at("14:00"), "last_tick_at": at("14:00")},
            "- 스캐너 매수 중지: 15:00까지 위험 시간대, /buy는 됩니다",
            "- the scanner does not buy: the danger zone lasts until 15:00; /buy does",
        ),
        (
            {"context": CONTEXT.model_copy(update={"risk_off_level": 2})},
            "- 스캐너 매수 중지: 위험 회피 2단계, /buy는 됩니다",
            "- the scanner does not buy: risk-off level 2; /buy does",
        ),
        (
            {"context": CONTEXT.model_copy(update={"vix_regime": VixRegime.CRISIS})},
            "- 스캐너 매수 중지: VIX 위기, /buy는 됩니다",
            "- the scanner does not buy: a VIX crisis; /buy does",
        ),
        (
            {"blocks": [BuyBlock(code=BlockCode.LOSS_UNKNOWN, why="no price of 005930")]},
            "- 오늘의 손실을 계산할 수 없음: no price of 005930",
            "- today's loss cannot be told: no price of 005930",
        ),
    ],
)
def test_what_stops_the_scanner_alone_says_that_a_person_may_still_buy(
    known: dict[str, Any], korean: str, english: str
) -> None:
    (reason,) = reasons_not_to_buy(replace(BUYING, **known))
    assert (reason.ko, reason.en) == (korean, english)


def test_an_entry_that_need_not_pass_the_macro_gate_is_named() -> None:
    entries = [{"name": "WATCHLIST_CONVICTION"}, {"name": "GOLDEN_CROSS"}, {"name": "ORB_BREAKOUT", "enabled": False}]
    live = LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": {"entries": entries}})
    crisis = CONTEXT.model_copy(update={"vix_regime": VixRegime.CRISIS})
    (reason,) = reasons_not_to_buy(replace(BUYING, live=live, context=crisis))
    assert reason.ko == "- 스캐너 매수 중지: VIX 위기 (WATCHLIST_CONVICTION 제외), /buy는 됩니다"
    assert reason.en == "- the scanner does not buy: a VIX crisis (but WATCHLIST_CONVICTION); /buy does"


def test_entries_end_with_the_closing_auction_at_the_latest() -> None:
    live = LiveConfig.model_validate(
        {"name": "krx-core", "generation": 1, "spec": {"session": {"entriesToCloseMinutes": 0}}}
    )
    assert reasons(live=live, at=at("15:19"), last_tick_at=at("15:19")) == []
    assert reasons(live=live, at=at("15:20"), last_tick_at=at("15:20")) == ["- 매수 시간이 아닙니다 (09:15-15:20)"]


def test_every_block_has_its_words() -> None:
    assert BLOCKS.keys() == set(BlockCode)


def test_outside_the_session_the_hours_say_it_once() -> None:
    blocks = [BuyBlock(code=BlockCode.MARKET_STATE, why="the day is CLOSED")]
    assert reasons(at=at("15:30"), blocks=blocks) == ["- 장이 끝났습니다"]


def test_a_strategy_with_symbols_of_its_own_needs_no_scout() -> None:
    spec = {"watchlist": {"source": "static", "symbols": [{"code": "005930"}]}}
    live = LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": spec})
    assert reasons(live=live, listed=None) == []


def test_silence_and_halts_come_first_and_both_languages_say_them() -> None:
    halt = StandingHalt(strategy="", state=HaltState.STOPPED, source=HaltSource.PERSON, who="Kim", why="점심", at=NOON)
    facts = replace(BUYING, halts=(halt,), silent=(Phrase("- 가", "- a"),), is_dry_run=True)
    assert [reason.ko for reason in reasons_not_to_buy(facts)] == [
        "- 가",
        "- 계좌 전체 · 전면 중지 · 사람 (Kim: 점심) → /resume",
        "- 모의 실행 중: 기록만 합니다",
    ]
    assert [reason.en for reason in reasons_not_to_buy(facts)][1] == (
        "- The whole account · Stopped · a person (Kim: 점심) → /resume"
    )
