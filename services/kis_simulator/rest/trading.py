"""Orders: new, modify, cancel."""

from __future__ import annotations

from kis_simulator.exchange import refusals
from kis_simulator.exchange.orders import Instruction, Order, Pricing, Side
from kis_simulator.rest.call import Answer, Call
from kis_simulator.world import World
from prime_jennie.domain.sessions import KST

BROKER_ORG = "00950"
BUY_TRS = {"TTTC0012U", "TTTC0802U"}
SELL_TRS = {"TTTC0011U", "TTTC0801U"}
_PRICINGS = {"00": Pricing.LIMIT, "01": Pricing.MARKET}
_CANCEL = "02"
_MODIFY = "01"


def live_form(tr_id: str) -> str:
    """Return the live TR of a paper TR: paper's first letter V stands for T."""
    return f"T{tr_id[1:]}" if tr_id.startswith("V") else tr_id


def place(world: World, call: Call) -> Answer:
    """Answer order-cash."""
    side = Side.BUY if live_form(call.tr_id) in BUY_TRS else Side.SELL
    pricing = _pricing(call)
    _demand_krx(call)
    quantity = call.number("ORD_QTY")
    if quantity == 0:
        raise refusals.bad_field("ORD_QTY", "must be above zero")
    price = call.number("ORD_UNPR") if pricing is Pricing.LIMIT else 0
    order = world.exchange.place(
        Instruction(call.account(), call.appkey_id, call.text("PDNO"), side, pricing, quantity, price)
    )
    if world.exchange.paper:
        code, done = ("40600000", "매수") if side is Side.BUY else ("40590000", "매도")
        return _accepted(order, code, f"모의투자 {done}주문이 완료 되었습니다.")
    return _accepted(order, "APBK0013", "주문 전송 완료 되었습니다.")


def revise_or_cancel(world: World, call: Call) -> Answer:
    """Answer order-rvsecncl; the answer's number is new, the original stays in `orgn_odno` of later queries."""
    account, original = call.account(), call.text("ORGN_ODNO").zfill(10)
    quantity = None if call.text("QTY_ALL_ORD_YN", "Y") == "Y" else call.number("ORD_QTY")
    division = call.text("RVSE_CNCL_DVSN_CD")
    if division == _CANCEL:
        order = world.exchange.cancel(account, original, quantity)
    elif division == _MODIFY:
        pricing = _pricing(call)
        price = call.number("ORD_UNPR") if pricing is Pricing.LIMIT else 0
        order = world.exchange.modify(account, original, price, pricing, quantity)
    else:
        raise refusals.bad_field("RVSE_CNCL_DVSN_CD", "is not 01 or 02")
    return _accepted(order, "APBK0013", "주문 전송 완료 되었습니다.")


def _pricing(call: Call) -> Pricing:
    division = call.text("ORD_DVSN")
    if division not in _PRICINGS:
        raise refusals.bad_field("ORD_DVSN", "only 00 (limit) and 01 (market) are traded here")
    return _PRICINGS[division]


def _demand_krx(call: Call) -> None:
    if call.text("EXCG_ID_DVSN_CD", "KRX") not in ("KRX", ""):
        raise refusals.bad_field("EXCG_ID_DVSN_CD", "only KRX is traded here")


def _accepted(order: Order, msg_cd: str, msg1: str) -> Answer:
    output = {
        "KRX_FWDG_ORD_ORGNO": BROKER_ORG,
        "ODNO": order.number,
        "ORD_TMD": order.accepted_at.astimezone(KST).strftime("%H%M%S"),
    }
    # Official samples read lower-case names, every other client upper-case ones.
    return Answer({"output": {**output, **{name.lower(): value for name, value in output.items()}}}, msg_cd, msg1)
