"""Why a strategy does not buy: a pure question over what was read; what could not be read is a reason, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from command_handler.commands.halting import standing
from command_handler.phrases import Phrase, same
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import StandingHalt
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.trading_strategy import LiveConfig, WatchlistSource
from prime_jennie.strategy.entry_window import entry_hours
from prime_jennie.strategy.gates import (
    DANGER_TO_CLOSE_MINUTES,
    GateName,
    gates_of,
    in_danger_zone,
    is_risk_off,
    is_vix_crisis,
    macro,
)

MACRO: Final = (GateName.MACRO, macro)
TICKS_STALE_AFTER: Final = timedelta(seconds=60)
BLOCKS: Final = {
    BlockCode.MARKET_STATE: Phrase("장 준비가 끝나지 않음", "the day is not open"),
    BlockCode.RECOVERY_FAILED: Phrase("장부와 증권사를 대조하지 못함", "books and broker are not compared"),
    BlockCode.POSITION_DRIFT: Phrase("장부와 증권사의 보유가 다름", "books and broker differ"),
    BlockCode.QUOTES_STALE: Phrase("시세가 끊김", "quotes are stale"),
    BlockCode.FILL_STREAM_LOST: Phrase("체결 통보가 끊김", "the fill notices are lost"),
    BlockCode.LOSS_UNKNOWN: Phrase("오늘의 손실을 계산할 수 없음", "today's loss cannot be told"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a strategy and its market at a moment; None where it is absent or was not to be had."""

    at: datetime
    live: LiveConfig
    session: Session | None
    silent: Sequence[Phrase]
    """Stores and services that did not answer."""
    halts: Sequence[StandingHalt]
    context: TradingContext | None
    last_tick_at: datetime | None
    listed: int | None
    """Stocks on the watchlist."""
    positions: int | None
    buys_today: int | None
    max_buys: int | None
    """A person's cap."""
    is_dry_run: bool
    blocks: Sequence[BuyBlock] = ()
    """What the gateway holds buys back for, this strategy's and everybody's."""


def reasons_not_to_buy(facts: Facts) -> list[Phrase]:
    """Name everything that keeps the strategy from buying, the most basic first; empty when nothing does."""
    return [
        *facts.silent,
        *(standing(halt) for halt in facts.halts),
        *_market(facts),
        *_hours(facts),
        *_limits(facts),
    ]


def _market(facts: Facts) -> list[Phrase]:
    found = [
        Phrase(f"- {BLOCKS[block.code].ko}: {block.why}", f"- {BLOCKS[block.code].en}: {block.why}")
        for block in facts.blocks
        if block.code is not BlockCode.MARKET_STATE or _is_session(facts)
    ]
    if facts.context is None:
        found.append(Phrase("- 오늘의 시장 국면을 모릅니다 (스카우트·협의회)", "- today's market regime is not known"))
    elif facts.context.buys_blocked:
        level = facts.context.intraday_risk_level.value
        found.append(Phrase(f"- 장중 위험 {level}: 매수 차단", f"- intraday risk {level} blocks buys"))
    else:
        found += _macro(facts.context, facts.live)
    if facts.listed == 0:
        found.append(Phrase("- 관심종목이 비어 있습니다", "- the watchlist is empty"))
    elif facts.listed is None and facts.live.spec.watchlist.source is WatchlistSource.SCOUT:
        found.append(Phrase("- 스카우트의 관심종목이 없습니다", "- the scout has published no watchlist"))
    return found


def _macro(context: TradingContext, live: LiveConfig) -> list[Phrase]:
    """Name what stops the scanner for the day; entries that need not pass this gate are named, too."""
    found = []
    if is_risk_off(context):
        level = context.risk_off_level
        found.append(Phrase(f"위험 회피 {level}단계", f"risk-off level {level}"))
    if is_vix_crisis(context):
        found.append(Phrase("VIX 위기", "a VIX crisis"))
    free = ", ".join(one.name for one in live.spec.entries if one.enabled and MACRO not in gates_of(one.name))
    but = Phrase(f" ({free} 제외)", f" (but {free})") if free else same("")
    return [_scanner_only(why + but) for why in found]


def _scanner_only(why: Phrase) -> Phrase:
    return Phrase(f"- 스캐너 매수 중지: {why.ko}, /buy는 됩니다", f"- the scanner does not buy: {why.en}; /buy does")


def _hours(facts: Facts) -> list[Phrase]:
    session = facts.session
    if session is None:
        return [Phrase("- 오늘은 휴장일입니다", "- the exchange has no session today")]
    if facts.at < session.opens_at:
        return [Phrase(f"- 개장 전 ({_time(session.opens_at)})", f"- it opens at {_time(session.opens_at)}")]
    if facts.at >= session.closes_at:
        return [Phrase("- 장이 끝났습니다", "- the exchange has closed")]
    found = []
    begins, ends = entry_hours(session, facts.live.spec.session)
    if not begins <= facts.at < ends:
        window = f"{_time(begins)}-{_time(ends)}"
        found.append(Phrase(f"- 매수 시간이 아닙니다 ({window})", f"- outside its entry hours {window}"))
    elif in_danger_zone(session, facts.at):
        until = _time(session.closes_at - timedelta(minutes=DANGER_TO_CLOSE_MINUTES))
        found.append(_scanner_only(Phrase(f"{until}까지 위험 시간대", f"the danger zone lasts until {until}")))
    heard_at = facts.last_tick_at
    if heard_at is None:
        found.append(Phrase("- 체결가가 아직 오지 않았습니다", "- no tick has come yet"))
    elif facts.at - heard_at > TICKS_STALE_AFTER:
        secs = f"{(facts.at - heard_at).total_seconds():.0f}"
        found.append(Phrase(f"- 체결가가 {secs}초째 없습니다", f"- no tick for {secs} s"))
    return found


def _limits(facts: Facts) -> list[Phrase]:
    found = []
    risk = facts.live.spec.risk
    most = risk.max_buys_per_day if facts.max_buys is None else min(facts.max_buys, risk.max_buys_per_day)
    if facts.buys_today is not None and facts.buys_today >= most:
        found.append(Phrase(f"- 하루 매수 {most}회를 다 썼습니다", f"- today's {most} buys are used up"))
    if facts.positions is not None and facts.positions >= risk.max_positions:
        full = f"{facts.positions}/{risk.max_positions}"
        found.append(Phrase(f"- 보유 종목이 가득 찼습니다 ({full})", f"- every position is taken ({full})"))
    if facts.is_dry_run:
        found.append(Phrase("- 모의 실행 중: 기록만 합니다", "- dry run: orders are only recorded"))
    return found


def _is_session(facts: Facts) -> bool:
    return facts.session is not None and facts.session.opens_at <= facts.at < facts.session.closes_at


def _time(at: datetime) -> str:
    return f"{at.astimezone(KST):%H:%M}"
