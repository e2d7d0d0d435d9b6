"""KIS over REST, as the domain's words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from prime_jennie.domain.broker import BrokerOrder, BrokerOrderRef, Environment
from prime_jennie.domain.errors import BrokerRefused, NotFound, OutcomeUnknown, Unavailable
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, IndexQuote, MinutePrice, Snapshots, StockSnapshot
from prime_jennie.domain.orders import OrderRequest, OrderType
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis import accounts, quotes, trs
from prime_jennie.infra.clients.kis.auth import Tokens
from prime_jennie.infra.clients.kis.calls import KisCalls, readable
from prime_jennie.infra.clients.kis.envelope import Envelope
from prime_jennie.infra.clients.kis.quotes import Row
from prime_jennie.infra.clients.kis.transport import CallClass

_QUOTATIONS = "/uapi/domestic-stock/v1/quotations/"
_TRADING = "/uapi/domestic-stock/v1/trading/"
_UNKNOWN_STOCK = frozenset({"MCA05918", "APBK0656"})
_CANCEL = "02"
_MOST_PAGES = 50
_MOST_CODES = 30  # of one intstock-multprice


class Dated(Protocol):
    @property
    def price_date(self) -> date: ...


D = TypeVar("D", bound=Dated)


class KisRestClient:
    """One account of one app key."""

    def __init__(
        self, calls: KisCalls, tokens: Tokens, *, environment: Environment, account_no: str, clock: Clock
    ) -> None:
        self._calls = calls
        self._tokens = tokens
        self._ids = trs.transaction_ids(environment)
        self._account = {"CANO": account_no[:8], "ACNT_PRDT_CD": account_no[9:]}
        self._clock = clock

    async def ensure_token(self) -> None:
        """Have a valid access token, before a turn in the limiter is spent on an order."""
        try:
            await self._tokens.access()
        except (OutcomeUnknown, BrokerRefused) as error:
            raise Unavailable(f"no access token: {error}") from None

    async def snapshot(self, code: str) -> StockSnapshot:
        """Return a stock's quote; NotFound for a code the exchange does not know."""
        envelope = await self._quote("inquire-price", trs.SNAPSHOT, _stock(code))
        with readable():
            return quotes.snapshot(code, envelope.output(), self._clock.now())

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        """Return many stocks' quotes, thirty a call; a call that fails is raised."""
        unique = list(dict.fromkeys(codes))
        parts = [await self._some_snapshots(unique[at : at + _MOST_CODES]) for at in range(0, len(unique), _MOST_CODES)]
        return Snapshots.merged(parts)

    async def _some_snapshots(self, codes: Sequence[str]) -> Snapshots:
        """Ask for up to thirty; a call refused for an unknown code is halved until only that code is left out."""
        query: dict[str, str] = {}
        for number, code in enumerate(codes, start=1):
            query |= {f"FID_COND_MRKT_DIV_CODE_{number}": "J", f"FID_INPUT_ISCD_{number}": code}
        try:
            envelope = await self._quote("intstock-multprice", trs.SNAPSHOTS, query)
        except NotFound:
            if len(codes) == 1:
                return Snapshots(snapshots=(), missing={codes[0]: f"the exchange does not know {codes[0]}"})
            middle = len(codes) // 2
            return Snapshots.merged(
                [await self._some_snapshots(codes[:middle]), await self._some_snapshots(codes[middle:])]
            )
        with readable():
            return quotes.snapshots(codes, envelope.rows(), self._clock.now())

    async def index_quote(self, index_code: str) -> IndexQuote:
        """Return an index as it stands."""
        query = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": index_code}
        envelope = await self._quote("inquire-index-price", trs.INDEX_QUOTE, query)
        with readable():
            return quotes.index_quote(index_code, envelope.output(), self._clock.now(), envelope.source)

    async def daily_prices(self, code: str, first: date, last: date) -> list[DailyPrice]:
        """Return adjusted daily bars, oldest first."""
        query = {**_stock(code), "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"}

        def bars(envelope: Envelope) -> Iterable[DailyPrice]:
            return (quotes.daily_price(code, row) for row in _rows(envelope, "stck_bsop_date"))

        return await self._chart("inquire-daily-itemchartprice", trs.DAILY_CHART, query, (first, last), bars)

    async def index_daily_prices(self, index_code: str, first: date, last: date) -> list[IndexDailyPrice]:
        """Return an index's daily bars, oldest first."""
        query = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": index_code, "FID_PERIOD_DIV_CODE": "D"}

        def bars(envelope: Envelope) -> Iterable[IndexDailyPrice]:
            rows = _rows(envelope, "stck_bsop_date")
            return (quotes.index_daily_price(index_code, row, envelope.source) for row in rows)

        return await self._chart("inquire-daily-indexchartprice", trs.INDEX_DAILY_CHART, query, (first, last), bars)

    async def minute_prices(self, code: str, upto: datetime) -> list[MinutePrice]:
        """Return the thirty minute bars before a moment of today, oldest first."""
        hour = {"FID_INPUT_HOUR_1": f"{upto.astimezone(KST):%H%M%S}", "FID_PW_DATA_INCU_YN": "N"}
        query = {**_stock(code), **hour, "FID_ETC_CLS_CODE": ""}
        envelope = await self._quote("inquire-time-itemchartprice", trs.MINUTE_CHART, query)
        with readable():
            bars = [quotes.minute_price(code, row) for row in _rows(envelope, "stck_cntg_hour")]
        return sorted(bars, key=lambda bar: bar.price_datetime)

    async def holidays(self, first: date) -> dict[date, bool]:
        """Return whether orders may be sent on each day from `first`; Unavailable in paper, which cannot say."""
        if not self._ids.has_holidays:
            raise Unavailable("the paper environment has no holiday query")
        query = {"BASS_DT": f"{first:%Y%m%d}", "CTX_AREA_FK": "", "CTX_AREA_NK": ""}
        envelope = await self._quote("chk-holiday", trs.HOLIDAYS, query)
        with readable():
            return {quotes.compact_date(row.get("bass_dt")): row.get("opnd_yn") == "Y" for row in envelope.rows()}

    async def buy(self, order: OrderRequest) -> BrokerOrderRef:
        """Send a buy order once."""
        return await self._send("order-cash", self._ids.buy, _order_body(order))

    async def sell(self, order: OrderRequest) -> BrokerOrderRef:
        """Send a sell order once."""
        return await self._send("order-cash", self._ids.sell, {**_order_body(order), "SLL_TYPE": "01"})

    async def cancel(self, ref: BrokerOrderRef) -> BrokerOrderRef:
        """Cancel all that is left of an order."""
        body = {
            "KRX_FWDG_ORD_ORGNO": ref.org_no,
            "ORGN_ODNO": ref.order_no,
            "ORD_DVSN": accounts.LIMIT_ORDER,
            "RVSE_CNCL_DVSN_CD": _CANCEL,
            "ORD_QTY": "0",
            "ORD_UNPR": "0",
            "QTY_ALL_ORD_YN": "Y",
            "EXCG_ID_DVSN_CD": "KRX",
        }
        return await self._send("order-rvsecncl", self._ids.cancel, body)

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        """Return every order of a day, all pages of it."""
        query = {
            **self._account,
            "INQR_STRT_DT": f"{day:%Y%m%d}",
            "INQR_END_DT": f"{day:%Y%m%d}",
            "SLL_BUY_DVSN_CD": "00",
            "PDNO": "",
            "CCLD_DVSN": "00",
            "INQR_DVSN": "01",
            "INQR_DVSN_3": "00",
            "ORD_GNO_BRNO": "",
            "ODNO": "",
            "INQR_DVSN_1": "",
            "EXCG_ID_DVSN_CD": "KRX",
        }
        with readable():
            pages = await self._calls.pages(_TRADING + "inquire-daily-ccld", self._ids.orders_of_day, query)
            return accounts.broker_orders([row for page in pages for row in page.rows("output1")])

    async def balance(self) -> PortfolioState:
        """Return holdings and money, all pages of them."""
        query = {
            **self._account,
            "AFHR_FLPR_YN": "N",
            "OFL_YN": "",
            "INQR_DVSN": "02",
            "UNPR_DVSN": "01",
            "FUND_STTL_ICLD_YN": "N",
            "FNCG_AMT_AUTO_RDPT_YN": "N",
            "PRCS_DVSN": "00",
        }
        with readable():
            pages = await self._calls.pages(_TRADING + "inquire-balance", self._ids.balance, query)
            holdings = [row for page in pages for row in page.rows("output1")]
            return accounts.portfolio(holdings, pages[-1].output("output2"), self._clock.now())

    async def orderable_cash(self) -> int:
        """Return what may be spent on buys without margin."""
        query = {
            **self._account,
            "PDNO": "",
            "ORD_UNPR": "",
            "ORD_DVSN": accounts.MARKET_ORDER,
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        }
        path = _TRADING + "inquire-psbl-order"
        with readable():
            envelope = await self._calls.read(path, self._ids.orderable, query, CallClass.ACCOUNT)
            return quotes.whole(envelope.output(), "nrcvb_buy_amt")

    async def _send(self, name: str, tr_id: str, body: Mapping[str, str]) -> BrokerOrderRef:
        output = (await self._calls.send(_TRADING + name, tr_id, {**self._account, **body})).output()
        number = str(output.get("ODNO") or output.get("odno") or "").strip()
        if not number:
            raise OutcomeUnknown("an accepted order without its number")
        branch = output.get("KRX_FWDG_ORD_ORGNO") or output.get("krx_fwdg_ord_orgno") or ""
        return BrokerOrderRef(order_no=number, org_no=str(branch).strip(), accepted_at=self._clock.now())

    async def _quote(self, name: str, tr_id: str, query: Mapping[str, str]) -> Envelope:
        with readable():
            try:
                return await self._calls.read(_QUOTATIONS + name, tr_id, query, CallClass.QUOTE)
            except BrokerRefused as refused:
                if refused.code in _UNKNOWN_STOCK:
                    raise NotFound(f"the exchange does not know {query.get('FID_INPUT_ISCD')}") from None
                raise

    async def _chart(
        self,
        name: str,
        tr_id: str,
        query: Mapping[str, str],
        span: tuple[date, date],
        bars_of: Callable[[Envelope], Iterable[D]],
    ) -> list[D]:
        """Collect bars, oldest first; KIS gives some hundred a call, so the end date walks back."""
        first, until = span
        bars: dict[date, D] = {}
        for _ in range(_MOST_PAGES):
            dates = {"FID_INPUT_DATE_1": f"{first:%Y%m%d}", "FID_INPUT_DATE_2": f"{until:%Y%m%d}"}
            envelope = await self._quote(name, tr_id, {**query, **dates})
            with readable():
                page = {bar.price_date: bar for bar in bars_of(envelope) if first <= bar.price_date <= until}
            bars.update(page)
            if not page or min(page) <= first:
                break
            until = min(page) - timedelta(days=1)
        return [bars[day] for day in sorted(bars)]


def _stock(code: str) -> dict[str, str]:
    return {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}


def _order_body(order: OrderRequest) -> dict[str, str]:
    is_market = order.order_type is OrderType.MARKET
    return {
        "PDNO": order.stock_code,
        "ORD_DVSN": accounts.MARKET_ORDER if is_market else accounts.LIMIT_ORDER,
        "ORD_QTY": str(order.quantity),
        "ORD_UNPR": str(order.price or 0),
        "EXCG_ID_DVSN_CD": "KRX",
    }


def _rows(envelope: Envelope, filled_field: str) -> list[Row]:
    """Return the rows of a chart without the empty ones that KIS appends to short charts."""
    return [row for row in envelope.rows("output2") if not quotes.is_blank(row, filled_field)]
