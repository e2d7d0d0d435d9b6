"""The desk's words in Korean."""

from typing import Final

from command_handler.phrases import Phrase
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.risk import HaltSource, HaltState
from prime_jennie.domain.signals import SellReason, SignalType

HALT_STATES: Final = {
    HaltState.ACTIVE: Phrase("정상 거래", "Active"),
    HaltState.PAUSED: Phrase("매수 중지", "Paused"),
    HaltState.STOPPED: Phrase("전면 중지", "Stopped"),
}
HALT_SOURCES: Final = {
    HaltSource.SPEC: Phrase("전략 YAML", "the strategy's YAML"),
    HaltSource.PERSON: Phrase("사람", "a person"),
    HaltSource.RISK: Phrase("위험 관리", "the risk engine"),
}
REGIMES: Final = {
    MarketRegime.STRONG_BULL: Phrase("강한 상승장", "STRONG_BULL"),
    MarketRegime.BULL: Phrase("상승장", "BULL"),
    MarketRegime.SIDEWAYS: Phrase("횡보장", "SIDEWAYS"),
    MarketRegime.BEAR: Phrase("하락장", "BEAR"),
    MarketRegime.STRONG_BEAR: Phrase("강한 하락장", "STRONG_BEAR"),
}
SIDES: Final = {TradeType.BUY: Phrase("매수", "buy"), TradeType.SELL: Phrase("매도", "sell")}
SIGNALS: Final = {
    SignalType.GOLDEN_CROSS: Phrase("골든크로스", "golden cross"),
    SignalType.RSI_REBOUND: Phrase("RSI 반등", "RSI rebound"),
    SignalType.MOMENTUM: Phrase("모멘텀", "momentum"),
    SignalType.MOMENTUM_CONTINUATION: Phrase("모멘텀 지속", "momentum continuation"),
    SignalType.DIP_BUY: Phrase("눌림목", "dip"),
    SignalType.VOLUME_BREAKOUT: Phrase("거래량 돌파", "volume breakout"),
    SignalType.WATCHLIST_CONVICTION: Phrase("관심종목 확신", "watchlist conviction"),
    SignalType.ORB_BREAKOUT: Phrase("시초 범위 돌파", "opening range breakout"),
    SignalType.MANUAL: Phrase("수동", "by hand"),
}
SELL_REASONS: Final = {
    SellReason.PROFIT_TARGET: Phrase("목표 수익", "profit target"),
    SellReason.STOP_LOSS: Phrase("손절", "stop loss"),
    SellReason.TRAILING_STOP: Phrase("추적 손절", "trailing stop"),
    SellReason.BREAKEVEN_STOP: Phrase("본전 방어", "breakeven stop"),
    SellReason.RSI_OVERBOUGHT: Phrase("RSI 과열", "RSI overbought"),
    SellReason.TIME_EXIT: Phrase("보유 기간 만료", "time exit"),
    SellReason.PROFIT_FLOOR: Phrase("수익 하한", "profit floor"),
    SellReason.DEATH_CROSS: Phrase("데드크로스", "death cross"),
    SellReason.RISK_OFF: Phrase("위험 회피", "risk off"),
    SellReason.MANUAL: Phrase("수동", "by hand"),
    SellReason.FORCED_LIQUIDATION: Phrase("강제 청산", "forced liquidation"),
}
