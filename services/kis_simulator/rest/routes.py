"""Which path answers which TR ids, and whether the call counts on the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kis_simulator.rest import account, charts, quotes, trading
from kis_simulator.rest.call import Answer, Call
from kis_simulator.world import World

_QUOTATIONS = "/uapi/domestic-stock/v1/quotations"
_TRADING = "/uapi/domestic-stock/v1/trading"


@dataclass(frozen=True)
class Route:
    """One API: its method, live TR ids, handler; paper uses the V form of account TRs and the same quotation TRs."""

    method: str
    trs: frozenset[str]
    handler: Callable[[World, Call], Answer]
    on_ledger: bool = False
    is_order: bool = False
    live_only: bool = False

    def accepts(self, tr_id: str, paper: bool) -> bool:
        """Tell whether a TR id belongs to this API in this environment."""
        if paper and self.live_only:
            return False
        return tr_id in (self.paper_trs() if paper else self.trs)

    def paper_trs(self) -> frozenset[str]:
        """Return the TR ids of paper trading."""
        return frozenset(f"V{tr[1:]}" for tr in self.trs) if self.on_ledger else self.trs


def _get(tr: str, handler: Callable[[World, Call], Answer], *, live_only: bool = False) -> Route:
    return Route("GET", frozenset({tr}), handler, live_only=live_only)


def _account(trs: set[str], handler: Callable[[World, Call], Answer], *, live_only: bool = False) -> Route:
    return Route("GET", frozenset(trs), handler, on_ledger=True, live_only=live_only)


def _order(trs: set[str], handler: Callable[[World, Call], Answer]) -> Route:
    return Route("POST", frozenset(trs), handler, on_ledger=True, is_order=True)


ROUTES = {
    f"{_QUOTATIONS}/inquire-price": _get("FHKST01010100", quotes.price),
    f"{_QUOTATIONS}/inquire-daily-price": _get("FHKST01010400", charts.daily_prices),
    f"{_QUOTATIONS}/inquire-daily-itemchartprice": _get("FHKST03010100", charts.daily_chart),
    f"{_QUOTATIONS}/inquire-time-itemchartprice": _get("FHKST03010200", charts.minute_chart),
    f"{_QUOTATIONS}/intstock-multprice": _get("FHKST11300006", quotes.multi_price),
    f"{_QUOTATIONS}/inquire-index-price": _get("FHPUP02100000", quotes.index_price),
    f"{_QUOTATIONS}/inquire-daily-indexchartprice": _get("FHKUP03500100", charts.index_chart),
    f"{_QUOTATIONS}/chk-holiday": _get("CTCA0903R", quotes.holidays, live_only=True),
    f"{_TRADING}/order-cash": _order(trading.BUY_TRS | trading.SELL_TRS, trading.place),
    f"{_TRADING}/order-rvsecncl": _order({"TTTC0013U", "TTTC0803U"}, trading.revise_or_cancel),
    f"{_TRADING}/inquire-balance": _account({"TTTC8434R"}, account.balance),
    f"{_TRADING}/inquire-psbl-order": _account({"TTTC8908R"}, account.orderable),
    f"{_TRADING}/inquire-psbl-rvsecncl": _account({"TTTC0084R", "TTTC8036R"}, account.open_orders, live_only=True),
    f"{_TRADING}/inquire-daily-ccld": _account({"TTTC0081R", "TTTC8001R"}, account.daily_orders),
}
KNOWN_TRS = frozenset(tr for route in ROUTES.values() for tr in route.trs | route.paper_trs())
