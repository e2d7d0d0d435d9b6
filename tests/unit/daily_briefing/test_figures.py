"""A figure that is not ours is found, however it is written; our own pass."""

import pytest

from daily_briefing.figures import foreign_figures

OURS = [
    "2025-02-14",
    "코스피 2,591.05 (+0.31 %) · 근사값",
    "매수 12건 · 31,204,500원",
    "실현 손익 -151,492원",
    "승률 71.4 % (5승 2패)",
    "보유 9종목",
    "시장 심리: 중립 58점",
]


@pytest.mark.parametrize(
    "text",
    [
        "오늘도 고생 많으셨어요.",
        "코스피는 2,591.05로 마쳤고 실현 손익은 -151,492원이었어요.",
        "코스피는 2591.05, 손실은 151,492원이었어요.",
        "12건의 매수와 71.4%의 승률, 9종목과 함께한 하루였어요.",
        "2월 14일 하루를 마무리해요.",
        "＋０．３１％ 오른 하루였어요.",
        "이 종목들과 이번 한 주도 함께해요. 조건을 지킨 하루, 일주일 뒤에 또 봬요. 한 번 더 감사해요.",
        "천천히, 만약의 일에도 조심스럽게 이어 갈게요. 오늘의 사건 사고는 없었어요. 구원의 손길 같은 하루였어요.",
    ],
)
def test_our_own_figures_and_plain_words_pass(text: str) -> None:
    assert foreign_figures(text, OURS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("오늘은 1,000,000원을 벌었어요.", "1,000,000원"),
        ("실현 손익은 +151,492원이었어요.", "+151,492원"),
        ("승률이 71.5 %였어요.", "71.5 %"),
        ("58% 확률로 오를 거예요.", "58%"),
        ("9%가 올랐어요.", "9%"),
        ("12종목을 샀어요.", "12종목"),
        ("5배 올랐어요.", "5배"),
        ("자산이 9억이 됐어요.", "9억"),
        ("３００만 원의 이익", "300만"),
        ("①등 종목", "1"),
        ("백만 원을 벌었어요.", "백만 원"),
        ("삼천오백 포인트까지 갈 거예요.", "삼천오백 포인트"),
        ("오퍼센트나 올랐어요.", "오퍼센트"),
        ("수익이 두 배가 됐어요.", "두 배"),
        ("세 종목이 올랐어요.", "세 종목"),
        ("자산의 절반이 현금이에요.", "절반"),
        ("We doubled the money.", "doubled"),
        ("Three sales won.", "Three"),
        ("KOSPI will reach 3000.", "3000"),
        ("٣٪", "3"),
    ],
)
def test_a_foreign_figure_is_found_as_it_is_written(text: str, found: str) -> None:
    assert found in foreign_figures(text, OURS)


def test_without_figures_of_ours_none_may_be_named() -> None:
    assert foreign_figures("1건", []) == ["1건"]
