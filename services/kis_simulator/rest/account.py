"""Account queries: balance, orderable cash, open orders, the day's orders."""

from __future__ import annotations

from kis_simulator.exchange.ledger import Account, Holding
from kis_simulator.exchange.orders import Kind, Order, Pricing, Side
from kis_simulator.rest.call import Answer, Call, paged
from kis_simulator.rest.fields import (
    BALANCE_ROWS,
    BALANCE_SUMMARY,
    DAILY_ORDERS_ROWS,
    DAILY_ORDERS_SUMMARY,
    OPEN_ORDERS,
    ORDERABLE,
    block,
)
from kis_simulator.rest.trading import BROKER_ORG
from kis_simulator.world import World
from prime_jennie.domain.money import commission_krw
from prime_jennie.domain.sessions import KST

_DONE = ("KIOK0510", "조회가 완료되었습니다")
_LISTED = ("KIOK0490", "조회가 완료되었습니다")
_BALANCE_ROWS_LIVE = 50
_BALANCE_ROWS_PAPER = 20
_ORDER_ROWS_LIVE = 100
_ORDER_ROWS_PAPER = 15
_SIDE_CODES = {Side.SELL: "01", Side.BUY: "02"}
_SIDE_NAMES = {Side.SELL: "현금매도", Side.BUY: "현금매수"}
_PRICING_CODES = {Pricing.LIMIT: ("00", "지정가"), Pricing.MARKET: ("01", "시장가")}


def balance(world: World, call: Call) -> Answer:
    """Answer inquire-balance; sold-out holdings stay listed for the day with quantity 0."""
    account = world.exchange.account(call.account())
    size = _BALANCE_ROWS_PAPER if world.exchange.paper else _BALANCE_ROWS_LIVE
    page = paged(call, sorted(account.holdings.items()), lambda item: item[0], size)
    rows = [_holding(world, account, code, holding) for code, holding in page.rows]
    blocks = {**page.cursors(), "output1": rows, "output2": [_summary(world, account)]}
    return Answer(blocks, *_DONE, tr_cont=page.tr_cont)


def orderable(world: World, call: Call) -> Answer:
    """Answer inquire-psbl-order; a market order is counted at the day's upper limit, as the broker reserves it."""
    account = world.exchange.account(call.account())
    cash = world.exchange.cash_available(account)
    code, price = call.text("PDNO", ""), call.number("ORD_UNPR", "0") if call.text("ORD_UNPR", "0") else 0
    if code and call.text("ORD_DVSN", "00") == "01":
        price = world.exchange.tradable(code).upper_limit
    quantity = 0
    if code and price:
        quantity = cash // price
        while quantity and quantity * price + commission_krw(quantity * price) > cash:
            quantity -= 1
    amount = max(0, cash)
    values = {
        "ord_psbl_cash": amount,
        "psbl_qty_calc_unpr": price,
        "nrcvb_buy_amt": amount,
        "nrcvb_buy_qty": max(0, quantity),
        "max_buy_amt": amount,
        "max_buy_qty": max(0, quantity),
    }
    return Answer({"output": block(ORDERABLE, values)}, *_DONE)


def open_orders(world: World, call: Call) -> Answer:
    """Answer inquire-psbl-rvsecncl: what may still be modified or cancelled."""
    account = world.exchange.account(call.account())
    still_open = [order for order in account.orders.values() if order.remaining_qty]
    page = paged(call, still_open, lambda order: order.number, _BALANCE_ROWS_LIVE)
    rows = [
        block(
            OPEN_ORDERS,
            {
                **_common(world, order),
                "psbl_qty": order.remaining_qty,
                "rvse_cncl_dvsn_name": "정정" if order.kind is Kind.MODIFY else "",
                "excg_id_dvsn_name": "KRX",
                "excg_id_dvsn_cd": "KRX",
            },
        )
        for order in page.rows
    ]
    return Answer({**page.cursors(), "output": rows}, *_LISTED, tr_cont=page.tr_cont)


def daily_orders(world: World, call: Call) -> Answer:
    """Answer inquire-daily-ccld: today's orders, newest first unless INQR_DVSN is 01.

    What expired at the close counts as confirmed cancelled, so `rmn_qty` is 0 on every finished order.
    """
    account = world.exchange.account(call.account())
    chosen = _chosen(world, account, call)
    size = _ORDER_ROWS_PAPER if world.exchange.paper else _ORDER_ROWS_LIVE
    page = paged(call, chosen, lambda order: order.number, size)
    filled_qty = sum(order.filled_qty for order in chosen)
    filled_amount = sum(order.filled_amount_krw for order in chosen)
    numbers = {order.number for order in chosen}
    costs = sum(e.commission_krw + e.tax_krw for e in account.executions if e.order_no in numbers)
    summary = block(
        DAILY_ORDERS_SUMMARY,
        {
            "tot_ord_qty": sum(order.instruction.quantity for order in chosen),
            "tot_ccld_qty": filled_qty,
            "tot_ccld_amt": filled_amount,
            "prsm_tlex_smtl": costs,
            "pchs_avg_pric": f"{filled_amount / filled_qty if filled_qty else 0:.4f}",
        },
    )
    rows = [_day_row(world, order) for order in page.rows]
    return Answer({**page.cursors(), "output1": rows, "output2": summary}, *_LISTED, tr_cont=page.tr_cont)


def _chosen(world: World, account: Account, call: Call) -> list[Order]:
    if not call.day("INQR_STRT_DT") <= world.day <= call.day("INQR_END_DT"):
        return []
    side, code = call.text("SLL_BUY_DVSN_CD", "00"), call.text("PDNO", "")
    filled, number = call.text("CCLD_DVSN", "00"), call.text("ODNO", "")
    chosen = [
        order
        for order in account.orders.values()
        if (side in ("00", "") or _SIDE_CODES[order.instruction.side] == side)
        and (not code or order.instruction.code == code)
        and (not number or order.number == number.zfill(10))
        and (filled not in ("01", "02") or (order.filled_qty > 0) == (filled == "01"))
    ]
    return chosen if call.text("INQR_DVSN", "00") == "01" else chosen[::-1]


def _common(world: World, order: Order) -> dict[str, object]:
    instruction = order.instruction
    listing = world.tapes.market.listings.get(instruction.code)
    division, division_name = _PRICING_CODES[instruction.pricing]
    return {
        "ord_gno_brno": BROKER_ORG,
        "odno": order.number,
        "orgn_odno": order.original,
        "ord_dvsn_name": division_name,
        "ord_dvsn_cd": division,
        "pdno": instruction.code,
        "prdt_name": listing.name if listing else instruction.code,
        "ord_qty": instruction.quantity,
        "ord_unpr": instruction.price,
        "ord_tmd": order.accepted_at.astimezone(KST).strftime("%H%M%S"),
        "tot_ccld_qty": order.filled_qty,
        "tot_ccld_amt": order.filled_amount_krw,
        "sll_buy_dvsn_cd": _SIDE_CODES[instruction.side],
        "excg_dvsn_cd": "02",
    }


def _day_row(world: World, order: Order) -> dict[str, str]:
    side_name = _SIDE_NAMES[order.instruction.side]
    suffix = {Kind.NEW: "", Kind.MODIFY: "정정*", Kind.CANCEL: "취소*"}[order.kind]
    cancelled = order.kind is Kind.CANCEL
    row = block(
        DAILY_ORDERS_ROWS,
        {
            **_common(world, order),
            "ord_dt": world.day.strftime("%Y%m%d"),
            "sll_buy_dvsn_cd_name": side_name + suffix,
            "avg_prvs": f"{order.filled_amount_krw / order.filled_qty if order.filled_qty else 0:.4f}",
            "cncl_yn": "Y" if cancelled or (order.withdrawn_qty and not order.remaining_qty) else "N",
            "cnc_cfrm_qty": order.instruction.quantity if cancelled else order.withdrawn_qty,
            "rmn_qty": order.remaining_qty,
            "rjct_qty": 0,
            "ccld_cndt_name": "없음",
            "prdt_type_cd": "300",
            "ord_orgno": BROKER_ORG,
            "excg_id_dvsn_Cd": "KRX",
        },
    )
    # The official sample spells one name with a capital, others read it in lower case; python-kis reads ccld_yn.
    return {**row, "excg_id_dvsn_cd": "KRX", "ccld_yn": "Y" if order.filled_qty else "N"}


def _price(world: World, code: str) -> int:
    stock = world.stock(code)
    return stock.price if stock else 0


def _holding(world: World, account: Account, code: str, holding: Holding) -> dict[str, str]:
    listing = world.tapes.market.listings.get(code)
    price = _price(world, code)
    value = price * holding.quantity
    profit = value - holding.cost_krw
    return block(
        BALANCE_ROWS,
        {
            "pdno": code,
            "prdt_name": listing.name if listing else code,
            "trad_dvsn_name": "현금",
            "thdt_buyqty": holding.bought_today,
            "thdt_sll_qty": holding.sold_today,
            "hldg_qty": holding.quantity,
            "ord_psbl_qty": world.exchange.ledger.sellable(account, code),
            "pchs_avg_pric": f"{holding.cost_krw / holding.quantity if holding.quantity else 0:.4f}",
            "pchs_amt": holding.cost_krw,
            "prpr": price,
            "evlu_amt": value,
            "evlu_pfls_amt": profit,
            "evlu_pfls_rt": f"{profit / holding.cost_krw * 100 if holding.cost_krw else 0:.2f}",
            "evlu_erng_rt": f"{profit / holding.cost_krw * 100 if holding.cost_krw else 0:.8f}",
            "fltt_rt": "0.00000000",
        },
    )


def _summary(world: World, account: Account) -> dict[str, str]:
    """Return the account's totals: the deposit settles at D+2, `prvs_rcdl_excc_amt` already counts today's trades."""
    value = sum(_price(world, code) * holding.quantity for code, holding in account.holdings.items())
    cost = sum(holding.cost_krw for holding in account.holdings.values())
    bought = sum(e.amount_krw for e in account.executions if e.side is Side.BUY)
    sold = sum(e.amount_krw for e in account.executions if e.side is Side.SELL)
    return block(
        BALANCE_SUMMARY,
        {
            "dnca_tot_amt": account.initial_cash_krw,
            "nxdy_excc_amt": account.initial_cash_krw,
            "prvs_rcdl_excc_amt": account.cash_krw,
            "thdt_buy_amt": bought,
            "thdt_sll_amt": sold,
            "thdt_tlex_amt": sum(e.commission_krw + e.tax_krw for e in account.executions),
            "scts_evlu_amt": value,
            "tot_evlu_amt": account.cash_krw + value,
            "nass_amt": account.cash_krw + value,
            "pchs_amt_smtl_amt": cost,
            "evlu_amt_smtl_amt": value,
            "evlu_pfls_smtl_amt": value - cost,
            "bfdy_tot_asst_evlu_amt": account.initial_cash_krw,
            "asst_icdc_amt": account.cash_krw + value - account.initial_cash_krw,
            "asst_icdc_erng_rt": "0.00000000",
        },
    )
