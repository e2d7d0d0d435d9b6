"""Account answers of KIS as domain models."""

import re
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from prime_jennie.domain.broker import BrokerOrder
from prime_jennie.domain.errors import OutcomeUnknown
from prime_jennie.domain.orders import OrderType, TradeType
from prime_jennie.domain.positions import PortfolioState, Position
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.notices import clock_time
from prime_jennie.infra.clients.kis.quotes import Row, built, compact_date, decimal, optional, whole

MARKET_ORDER: Final = "01"
LIMIT_ORDER: Final = "00"
_SELL: Final = "01"
_STOCK_CODE = re.compile(r"[0-9A-Z]{6}")


def broker_orders(rows: list[Row]) -> list[BrokerOrder]:
    """Read the rows of inquire-daily-ccld; what is no order of a stock (ELW, a bare cancellation) is none of ours."""
    return [_broker_order(row) for row in rows if _is_stock_order(row)]


def _is_stock_order(row: Row) -> bool:
    return bool(_STOCK_CODE.fullmatch(_text(row, "pdno"))) and whole(row, "ord_qty") > 0


def _broker_order(row: Row) -> BrokerOrder:
    at = clock_time(_text(row, "ord_tmd"))
    if at is None:
        raise OutcomeUnknown("an order without its time")
    ordered_at = datetime.combine(compact_date(row.get("ord_dt")), at, KST).astimezone(UTC)
    return built(
        BrokerOrder,
        order_no=_text(row, "odno"),
        org_no=_text(row, "ord_gno_brno"),
        orig_order_no=_text(row, "orgn_odno") or None,
        stock_code=_text(row, "pdno"),
        side=TradeType.SELL if _text(row, "sll_buy_dvsn_cd") == _SELL else TradeType.BUY,
        order_type=OrderType.MARKET if _text(row, "ord_dvsn_cd") == MARKET_ORDER else OrderType.LIMIT,
        quantity=whole(row, "ord_qty"),
        price=whole(row, "ord_unpr"),
        filled_qty=whole(row, "tot_ccld_qty"),
        filled_amount_krw=whole(row, "tot_ccld_amt"),
        remaining_qty=whole(row, "rmn_qty"),
        canceled_qty=whole(row, "cnc_cfrm_qty"),
        rejected_qty=whole(row, "rjct_qty"),
        ordered_at=ordered_at,
    )


def portfolio(holdings: list[Row], summary: Row, now: datetime) -> PortfolioState:
    """Read inquire-balance; stocks sold out today stay listed with zero shares and are left out.

    Cash is the balance after settlement of what was traded (D+2), because proceeds can be ordered with at once.
    """
    positions = tuple(_position(row) for row in holdings if whole(row, "hldg_qty") > 0)
    try:
        return PortfolioState(
            positions=positions,
            cash_balance=whole(summary, "prvs_rcdl_excc_amt"),
            total_asset=whole(summary, "tot_evlu_amt"),
            stock_eval_amount=whole(summary, "scts_evlu_amt"),
            position_count=len(positions),
            timestamp=now,
        )
    except ValidationError as error:
        raise OutcomeUnknown(f"a balance that is none: {error.errors(include_url=False)[0]['msg']}") from None


def _position(row: Row) -> Position:
    return built(
        Position,
        stock_code=_text(row, "pdno"),
        stock_name=_text(row, "prdt_name") or _text(row, "pdno"),
        quantity=whole(row, "hldg_qty"),
        average_buy_price=decimal(row, "pchs_avg_pric"),
        total_buy_amount=whole(row, "pchs_amt"),
        current_price=whole(row, "prpr"),
        current_value=whole(row, "evlu_amt"),
        profit_pct=optional(row, "evlu_pfls_rt"),
    )


def _text(row: Row, name: str) -> str:
    return str(row.get(name) or "").strip()
