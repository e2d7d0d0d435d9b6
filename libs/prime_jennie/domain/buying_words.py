"""How the reasons not to buy are said, in both languages; how a halt is lifted, its teller adds."""

from typing import Final

from prime_jennie.domain.buying import Reason, ReasonCode
from prime_jennie.domain.lifecycle import BlockCode
from prime_jennie.domain.reader import Language

Words = tuple[str, str]  # Korean, English

BLOCKS: Final[dict[BlockCode, Words]] = {
    BlockCode.MARKET_STATE: ("장 준비가 끝나지 않음", "the day is not open"),
    BlockCode.RECOVERY_FAILED: ("장부와 증권사를 대조하지 못함", "books and broker are not compared"),
    BlockCode.POSITION_DRIFT: ("장부와 증권사의 보유가 다름", "books and broker differ"),
    BlockCode.QUOTES_STALE: ("시세가 끊김", "quotes are stale"),
    BlockCode.FILL_STREAM_LOST: ("체결 통보가 끊김", "the fill notices are lost"),
    BlockCode.LOSS_UNKNOWN: ("오늘의 손실을 계산할 수 없음", "today's loss cannot be told"),
}
DEPENDENCIES: Final[dict[str, Words]] = {
    "redis": ("Redis", "Redis"),
    "database": ("데이터베이스", "the database"),
    "kis-gateway": ("게이트웨이", "the gateway"),
}
REASONS: Final[dict[ReasonCode, Words]] = {
    ReasonCode.SILENT: ("{who}가 응답하지 않습니다", "{who} does not answer"),
    ReasonCode.UNWELL: ("{who} 상태: {state}", "{who} is {state}"),
    ReasonCode.HALT: ("{state}: {source} ({who}: {why})", "{state} by {source} ({who}: {why})"),
    ReasonCode.NO_CONFIG: ("전략 설정이 아직 없습니다", "no live configuration is announced"),
    ReasonCode.BLOCK: ("{what}: {why}", "{what}: {why}"),
    ReasonCode.REGIME_UNKNOWN: (
        "오늘의 시장 국면을 모릅니다 (스카우트·협의회)",
        "today's market regime is not known",
    ),
    ReasonCode.THROTTLED: ("장중 위험 {level}: 매수 차단", "intraday risk {level} blocks buys"),
    ReasonCode.RISK_OFF: ("위험 회피 {level}단계", "risk-off level {level}"),
    ReasonCode.VIX_CRISIS: ("VIX 위기", "a VIX crisis"),
    ReasonCode.LIST_EMPTY: ("관심종목이 비어 있습니다", "the watchlist is empty"),
    ReasonCode.LIST_UNKNOWN: ("스카우트의 관심종목이 없습니다", "the scout has published no watchlist"),
    ReasonCode.NO_SESSION: ("오늘은 휴장일입니다", "the exchange has no session today"),
    ReasonCode.BEFORE_OPEN: ("개장 전 ({opens_at})", "it opens at {opens_at}"),
    ReasonCode.AFTER_CLOSE: ("장이 끝났습니다", "the exchange has closed"),
    ReasonCode.OUTSIDE_HOURS: ("매수 시간이 아닙니다 ({begins}-{ends})", "outside its entry hours {begins}-{ends}"),
    ReasonCode.DANGER_ZONE: ("{until}까지 위험 시간대", "the danger zone lasts until {until}"),
    ReasonCode.NO_TICK: ("체결가가 아직 오지 않았습니다", "no tick has come yet"),
    ReasonCode.TICKS_STALE: ("체결가가 {secs}초째 없습니다", "no tick for {secs} s"),
    ReasonCode.BUYS_USED: ("하루 매수 {most}회를 다 썼습니다", "today's {most} buys are used up"),
    ReasonCode.POSITIONS_FULL: ("보유 종목이 가득 찼습니다 ({held}/{most})", "every position is taken ({held}/{most})"),
    ReasonCode.DRY_RUN: ("모의 실행 중: 기록만 합니다", "dry run: orders are only recorded"),
}
_FREE: Final[Words] = (" ({free} 제외)", " (but {free})")
_SCANNER_ONLY: Final[Words] = ("스캐너 매수 중지: {text}, /buy는 됩니다", "the scanner does not buy: {text}; /buy does")


def said(reason: Reason, language: Language) -> str:
    """Return a reason as a reader of the language reads it."""
    side = 1 if language is Language.ENGLISH else 0
    text = REASONS[reason.code][side].format(**_figures(reason, side))
    if reason.figures.get("free"):
        text += _FREE[side].format(**reason.figures)
    return _SCANNER_ONLY[side].format(text=text) if reason.code.stops_the_scanner_alone else text


def _figures(reason: Reason, side: int) -> dict[str, object]:
    figures: dict[str, object] = dict(reason.figures)
    if reason.code is ReasonCode.SILENT:
        who = str(figures["who"])
        figures["who"] = DEPENDENCIES[who][side] if who in DEPENDENCIES else who
    if reason.block is not None:
        figures |= {"what": BLOCKS[reason.block.code][side], "why": reason.block.why}
    if reason.halt is not None:
        halt = reason.halt
        figures |= {"state": halt.state.value, "source": halt.source.value, "who": halt.who, "why": halt.why}
    return figures
