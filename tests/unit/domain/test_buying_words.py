"""The reasons not to buy as a reader of either language reads them."""

from typing import Any

import pytest

from prime_jennie.domain.buying import Reason, ReasonCode
from prime_jennie.domain.buying_words import BLOCKS, REASONS, said
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.reader import Language
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt

PAUSE = StandingHalt(strategy="krx", state=HaltState.PAUSED, source=HaltSource.PERSON, who="Kim", why="{lunch}")
DRIFT = BuyBlock(code=BlockCode.POSITION_DRIFT, why="005930 {of} krx")


def reason(code: ReasonCode, **figures: Any) -> Reason:
    return Reason(code, figures)


def test_every_reason_and_every_block_has_its_words() -> None:
    assert REASONS.keys() == set(ReasonCode)
    assert BLOCKS.keys() == set(BlockCode)


@pytest.mark.parametrize(
    ("given", "korean", "english"),
    [
        (reason(ReasonCode.SILENT, who="redis"), "Redis가 응답하지 않습니다", "Redis does not answer"),
        (
            reason(ReasonCode.SILENT, who="buy-scanner"),
            "buy-scanner가 응답하지 않습니다",
            "buy-scanner does not answer",
        ),
        (reason(ReasonCode.UNWELL, who="a", state="degraded"), "a 상태: degraded", "a is degraded"),
        (
            Reason(ReasonCode.HALT, halt=PAUSE),
            "Paused: person (Kim: {lunch})",
            "Paused by person (Kim: {lunch})",
        ),
        (
            Reason(ReasonCode.BLOCK, block=DRIFT),
            "장부와 증권사의 보유가 다름: 005930 {of} krx",
            "books and broker differ: 005930 {of} krx",
        ),
        (
            reason(ReasonCode.POSITIONS_FULL, held=10, most=10),
            "보유 종목이 가득 찼습니다 (10/10)",
            "every position is taken (10/10)",
        ),
        (
            reason(ReasonCode.DANGER_ZONE, until="15:00"),
            "스캐너 매수 중지: 15:00까지 위험 시간대, /buy는 됩니다",
            "the scanner does not buy: the danger zone lasts until 15:00; /buy does",
        ),
        (
            reason(ReasonCode.RISK_OFF, level=2, free=""),
            "스캐너 매수 중지: 위험 회피 2단계, /buy는 됩니다",
            "the scanner does not buy: risk-off level 2; /buy does",
        ),
        (
            reason(ReasonCode.VIX_CRISIS, free="WATCHLIST_CONVICTION"),
            "스캐너 매수 중지: VIX 위기 (WATCHLIST_CONVICTION 제외), /buy는 됩니다",
            "the scanner does not buy: a VIX crisis (but WATCHLIST_CONVICTION); /buy does",
        ),
    ],
)
def test_both_languages_say_it_with_its_figures(given: Reason, korean: str, english: str) -> None:
    assert (said(given, Language.KOREAN), said(given, Language.ENGLISH)) == (korean, english)
