"""Refusals with the provider's codes (kis-protocol §4)."""

from __future__ import annotations

from prime_jennie.domain.errors import JennieError


class Refusal(JennieError):  # noqa: N818 a refusal is an answer, not an error of ours
    """A request that is answered with rt_cd 1; `status` is the HTTP status that carries it."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        """Keep code and text."""
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


def rest_rate_exceeded() -> Refusal:
    """Refuse for the app key's calls a second."""
    return Refusal("EGW00201", "초당 거래건수를 초과하였습니다.", 500)


def ledger_rate_exceeded() -> Refusal:
    """Refuse for the ledger's calls a second."""
    return Refusal("EGW00215", "원장에서 허용 가능한 초당 거래건수를 초과하였습니다.", 500)


def token_expired() -> Refusal:
    """Refuse an expired or invalidated token."""
    return Refusal("EGW00123", "기간이 만료된 token 입니다.", 500)


def token_invalid() -> Refusal:
    """Refuse an unknown token."""
    return Refusal("EGW00121", "유효하지 않은 token 입니다.", 500)


def wrong_environment() -> Refusal:
    """Refuse a TR of the other environment."""
    return Refusal("EGW02004", "실전/모의투자 TR이 일치하지 않습니다.", 500)


def no_route() -> Refusal:
    """Refuse an unknown path or a TR that does not belong to it."""
    return Refusal("EGW00300", "Gateway 라우팅 오류가 발생했습니다.", 500)


def bad_field(name: str, reason: str) -> Refusal:
    """Refuse a missing or malformed input field."""
    return Refusal("OPSQ2001", f"ERROR INPUT FIELD [{name}] {reason}"[:80])


def bad_account() -> Refusal:
    """Refuse an account that is not NNNNNNNN-01."""
    return Refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")


def unknown_quote_symbol() -> Refusal:
    """Refuse a quote of an unknown symbol."""
    return Refusal("MCA05918", "종목코드 오류입니다.")


def unknown_symbol() -> Refusal:
    """Refuse an order for an unknown symbol."""
    return Refusal("APBK0656", "해당종목정보가 없습니다.")


def out_of_hours(before_open: bool, paper: bool) -> Refusal:
    """Refuse outside the hours in which orders are taken."""
    if paper:
        return Refusal("40580000", "모의투자 장시작전 입니다." if before_open else "모의투자 장종료 입니다.")
    return Refusal("APBK0919", "장운영시간이 아닙니다.")


def halted() -> Refusal:
    """Refuse an order for a halted stock."""
    return Refusal("APBK0634", "거래정지 종목은 주문이 불가합니다.")


def off_tick() -> Refusal:
    """Refuse a price off the tick grid."""
    return Refusal("APBK0506", "주문단가가 호가단위에 맞지 않습니다.")


def outside_limits() -> Refusal:
    """Refuse a price outside the day's limits."""
    return Refusal("APBK0507", "주문단가가 상하한가 범위를 벗어났습니다.")


def not_enough_cash() -> Refusal:
    """Refuse a buy that the account cannot pay, fees included."""
    return Refusal("APBK0952", "주문가능금액을 초과 했습니다")


def not_enough_shares() -> Refusal:
    """Refuse a sell above what is held and not yet promised."""
    return Refusal("APBK0400", "주문 가능한 수량을 초과했습니다.")


def no_such_order() -> Refusal:
    """Refuse a modify or cancel of an order that the account never had."""
    return Refusal("APBK1663", "원주문번호가 존재하지 않습니다.")


def nothing_to_withdraw() -> Refusal:
    """Refuse a modify or cancel of an order with nothing, or too little, left."""
    return Refusal("APBK0344", "정정취소 가능수량이 없습니다.")
