"""The provider's REST interface over a real socket."""

from collections.abc import Iterator

import pytest

from tests.support import web
from tests.support.exchange import ACCOUNT, APP_KEY, APP_SECRET, RunningExchange, running_exchange
from tests.support.exchange_customer import BUY, QUOTATIONS, SELL, TRADING, Customer

# The limits are judged by their own tests; here they would only be in the way.
UNLIMITED = ("--rest-per-s", "100000", "--ledger-per-s", "100000", "--rate", "0.001")


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(*UNLIMITED) as running:
        yield running


@pytest.fixture(scope="module")
def customer(exchange: RunningExchange) -> Customer:
    return Customer(exchange)


def test_a_token_is_issued_as_the_provider_does(customer: Customer) -> None:
    issued = customer.token_answer.json()
    assert issued["token_type"] == "Bearer"
    assert issued["expires_in"] == 86_400
    assert issued["access_token_token_expired"].startswith("2025-03-05 09:3")


def test_a_second_token_within_a_minute_is_a_403_without_an_envelope(exchange: RunningExchange) -> None:
    # A key of its own: tests of this module may run in any order.
    first = Customer(exchange, "A" * 36)
    again = first.http.post(
        "/oauth2/tokenP", json={"grant_type": "client_credentials", "appkey": "A" * 36, "appsecret": APP_SECRET}
    )
    assert again.status_code == 403
    assert again.json()["error_code"] == "EGW00133"
    assert "rt_cd" not in again.json()


@pytest.mark.parametrize(
    ("token", "app_key", "code"),
    [("wrong", APP_KEY, "EGW00121"), (None, "X" * 36, "EGW00121")],
)
def test_calls_without_the_right_token_are_refused(
    customer: Customer, token: str | None, app_key: str, code: str
) -> None:
    headers = customer.headers("FHKST01010100", appkey=app_key)
    headers["authorization"] = f"Bearer {customer.token if token is None else token}"
    answer = customer.http.get(f"{QUOTATIONS}/inquire-price", params={"FID_INPUT_ISCD": "005930"}, headers=headers)
    assert answer.status_code == 500
    assert answer.json()["msg_cd"] == code


def test_response_headers_are_lower_case_and_always_carry_tr_cont(customer: Customer) -> None:
    answer = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="005930")
    names = [name.decode() for name, _ in answer.headers.raw]
    assert all(name == name.lower() for name in names)
    assert {"tr_id", "tr_cont", "gt_uid"} <= set(names)


def test_field_names_of_queries_come_in_any_case_and_slashes_may_be_doubled(
    exchange: RunningExchange, customer: Customer
) -> None:
    url = f"{exchange.rest_url}/{QUOTATIONS}//inquire-price"
    answer = customer.http.get(url, params={"fid_input_iscd": "005930"}, headers=customer.headers("FHKST01010100"))
    assert answer.json()["rt_cd"] == "0"


def test_a_price_stands_inside_the_day_and_its_limits(customer: Customer) -> None:
    price = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="000660").json()["output"]
    numbers = [int(price[n]) for n in ("stck_llam", "stck_lwpr", "stck_prpr", "stck_hgpr", "stck_mxpr")]
    assert numbers == sorted(numbers)
    assert price["temp_stop_yn"] == "N"
    assert all(isinstance(value, str) for value in price.values())


def test_an_unknown_symbol_is_refused(customer: Customer) -> None:
    answer = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="777777").json()
    assert (answer["rt_cd"], answer["msg_cd"]) == ("1", "MCA05918")


def test_daily_bars_come_newest_first_at_most_a_hundred_and_end_at_the_day_asked(customer: Customer) -> None:
    answer = customer.get(
        f"{QUOTATIONS}/inquire-daily-itemchartprice",
        "FHKST03010100",
        FID_INPUT_ISCD="005930",
        FID_INPUT_DATE_1="20230101",
        FID_INPUT_DATE_2="20250228",
        FID_PERIOD_DIV_CODE="D",
        FID_ORG_ADJ_PRC="0",
    ).json()
    days = [row["stck_bsop_date"] for row in answer["output2"]]
    assert len(days) == 100
    assert days == sorted(days, reverse=True)
    assert days[0] == "20250228"
    assert answer["output1"]["hts_kor_isnm"] == "삼성전자"


def test_todays_bar_joins_the_chart_once_it_printed(customer: Customer) -> None:
    rows = customer.get(
        f"{QUOTATIONS}/inquire-daily-price", "FHKST01010400", FID_INPUT_ISCD="005930", FID_PERIOD_DIV_CODE="D"
    ).json()["output"]
    assert len(rows) == 30
    assert rows[0]["stck_bsop_date"] == "20250304"


def test_minutes_come_newest_first_up_to_now(customer: Customer) -> None:
    rows = customer.get(
        f"{QUOTATIONS}/inquire-time-itemchartprice",
        "FHKST03010200",
        FID_INPUT_ISCD="005930",
        FID_INPUT_HOUR_1="153000",
    ).json()["output2"]
    hours = [row["stck_cntg_hour"] for row in rows]
    assert len(hours) == 30
    assert hours == sorted(hours, reverse=True)
    assert hours[0] <= "093100"


@pytest.mark.parametrize("code", ["0001", "1001"])
def test_indexes_are_labelled_as_an_approximation(customer: Customer, code: str) -> None:
    now = customer.get(f"{QUOTATIONS}/inquire-index-price", "FHPUP02100000", FID_INPUT_ISCD=code)
    chart = customer.get(
        f"{QUOTATIONS}/inquire-daily-indexchartprice",
        "FHKUP03500100",
        FID_INPUT_ISCD=code,
        FID_INPUT_DATE_1="20250101",
        FID_INPUT_DATE_2="20250304",
        FID_PERIOD_DIV_CODE="D",
    )
    for answer in (now, chart):
        assert answer.headers["x-data-source"] == "approximation"
    assert "근사" in chart.json()["output1"]["hts_kor_isnm"]
    # Today is not over: its close must not be told.
    assert chart.json()["output2"][0]["stck_bsop_date"] == "20250228"


def test_the_calendar_knows_holidays(customer: Customer) -> None:
    rows = customer.get(f"{QUOTATIONS}/chk-holiday", "CTCA0903R", BASS_DT="20250301").json()["output"]
    assert [(row["bass_dt"], row["opnd_yn"]) for row in rows[:4]] == [
        ("20250301", "N"),
        ("20250302", "N"),
        ("20250303", "N"),
        ("20250304", "Y"),
    ]
    assert rows[0]["wday_dvsn_cd"] == "07"


def test_many_codes_in_one_call(customer: Customer) -> None:
    rows = customer.get(
        f"{QUOTATIONS}/intstock-multprice", "FHKST11300006", FID_INPUT_ISCD_1="005930", FID_INPUT_ISCD_2="000660"
    ).json()["output"]
    assert [row["inter_shrn_iscd"] for row in rows] == ["005930", "000660"]
    assert int(rows[0]["inter2_askp"]) > int(rows[0]["inter2_bidp"])


def test_an_order_is_listed_filled_and_held(exchange: RunningExchange, customer: Customer) -> None:
    answer = customer.order(BUY, "005930", 7)
    assert answer.json()["msg_cd"] == "APBK0013"
    number = answer.json()["output"]["ODNO"]
    assert len(number) == 10
    row = next(row for row in customer.listed_orders() if row["odno"] == number)
    assert (row["tot_ccld_qty"], row["rmn_qty"], row["sll_buy_dvsn_cd"], row["cncl_yn"]) == ("7", "0", "02", "N")
    assert row["excg_id_dvsn_cd"] == row["excg_id_dvsn_Cd"]
    balance = customer.account("inquire-balance", "TTTC8434R").json()
    held = next(holding for holding in balance["output1"] if holding["pdno"] == "005930")
    ledger = exchange.control(f"ledger/{ACCOUNT}")
    position = next(p for p in ledger["positions"] if p["stock_code"] == "005930")
    assert int(held["hldg_qty"]) == position["quantity"]
    assert int(balance["output2"][0]["prvs_rcdl_excc_amt"]) == ledger["cash_krw"]


def test_old_and_new_tr_ids_both_trade(customer: Customer) -> None:
    assert customer.order("TTTC0802U", "005930", 1).json()["rt_cd"] == "0"
    assert customer.order("TTTC0801U", "005930", 1).json()["rt_cd"] == "0"


def test_a_cancel_answers_a_new_number_and_lists_the_original(customer: Customer) -> None:
    order = customer.order(BUY, "035420", 1, 150_000).json()
    number = order["output"]["ODNO"]
    open_rows = customer.account("inquire-psbl-rvsecncl", "TTTC0084R").json()["output"]
    assert number in [row["odno"] for row in open_rows]
    body = {
        "CANO": "12345678",
        "ACNT_PRDT_CD": "01",
        "ORGN_ODNO": number,
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_DVSN": "00",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
    }
    answer = customer.http.post(f"{TRADING}/order-rvsecncl", json=body, headers=customer.headers("TTTC0013U")).json()
    request = answer["output"]["ODNO"]
    assert request != number
    rows = {row["odno"]: row for row in customer.listed_orders()}
    assert rows[request]["orgn_odno"] == number
    assert (rows[number]["cncl_yn"], rows[number]["rmn_qty"], rows[number]["cnc_cfrm_qty"]) == ("Y", "0", "1")
    again = customer.http.post(f"{TRADING}/order-rvsecncl", json=body, headers=customer.headers("TTTC0013U")).json()
    assert again["rt_cd"] == "1"


@pytest.mark.parametrize(
    ("tr_id", "code", "quantity", "price", "refusal"),
    [
        (BUY, "777777", 1, 0, "APBK0656"),
        (BUY, "005930", 1, 58_050, "APBK0506"),
        (BUY, "005930", 1, 100_000, "APBK0507"),
        (BUY, "005930", 900_000, 0, "APBK0952"),
        (SELL, "000660", 1, 0, "APBK0400"),
        (BUY, "005930", 0, 0, "OPSQ2001"),
    ],
)
def test_orders_are_refused_with_the_providers_codes(
    customer: Customer, tr_id: str, code: str, quantity: int, price: int, refusal: str
) -> None:
    answer = customer.order(tr_id, code, quantity, price)
    assert answer.status_code == 200
    assert (answer.json()["rt_cd"], answer.json()["msg_cd"]) == ("1", refusal)


def test_orderable_cash_counts_market_orders_at_the_upper_limit(customer: Customer) -> None:
    fields = {"PDNO": "005930", "ORD_UNPR": "", "ORD_DVSN": "01"}
    output = customer.account("inquire-psbl-order", "TTTC8908R", **fields).json()["output"]
    limit, cash, quantity = (int(output[n]) for n in ("psbl_qty_calc_unpr", "nrcvb_buy_amt", "nrcvb_buy_qty"))
    assert limit * quantity < cash < limit * (quantity + 1) * 1.001


def test_lists_are_paged_with_cursors_that_advance(exchange: RunningExchange, customer: Customer) -> None:
    for _ in range(105):
        assert customer.order(BUY, "000270", 1, 70_000).json()["rt_cd"] == "0"
    numbers: list[str] = []
    marks: list[str] = []
    cursor, headers = "", {}
    while True:
        answer = customer.account(
            "inquire-daily-ccld",
            "TTTC0081R",
            headers=headers,
            INQR_STRT_DT="20250304",
            INQR_END_DT="20250304",
            PDNO="000270",
            CTX_AREA_NK100=cursor,
        )
        numbers += [row["odno"] for row in answer.json()["output1"]]
        marks.append(answer.headers["tr_cont"])
        if answer.headers["tr_cont"] not in ("F", "M"):
            break
        cursor, headers = answer.json()["ctx_area_nk100"], {"tr_cont": "N"}
        assert len(cursor) == 100
    assert marks == ["F", "E"]
    assert len(numbers) == len(set(numbers)) == 105


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "OPSQ9995"),
        (b"{", "OPSQ9997"),
        (b"[1, 2]", "OPSQ9997"),
        (b'{"CANO": {"deep": 1}}', "OPSQ2001"),
        (b"[" * 50_000, "OPSQ9997"),
        (b'{"CANO": "' + b"9" * 70_000 + b'"}', "OPSQ9997"),
        (b'{"CANO": "12345678", "ACNT_PRDT_CD": "99", "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "1"}', "OPSQ2000"),
        (
            b'{"CANO": "12345678", "ACNT_PRDT_CD": "01", "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "-1"}',
            "OPSQ2001",
        ),
        ('{"ORD_DVSN": "01", "ORD_QTY": "１"}'.encode(), "OPSQ2001"),
        (b'{"ORD_DVSN": "77", "ORD_QTY": "1"}', "OPSQ2001"),
        (b"\xff\xfe\x00", "OPSQ9997"),
    ],
)
def test_hostile_order_bodies_get_an_envelope_and_book_nothing(
    exchange: RunningExchange, customer: Customer, content: bytes, code: str
) -> None:
    before = exchange.control(f"ledger/{ACCOUNT}") if customer.order(SELL, "000100", 1) else {}
    answer = customer.http.post(f"{TRADING}/order-cash", content=content, headers=customer.headers(BUY))
    assert answer.json()["msg_cd"] == code
    assert exchange.control(f"ledger/{ACCOUNT}") == before


@pytest.mark.parametrize(
    ("path", "tr_id", "code"),
    [
        ("/uapi/nowhere", "FHKST01010100", "EGW00300"),
        (f"{QUOTATIONS}/inquire-price", "TTTC0012U", "EGW00300"),
        (f"{QUOTATIONS}/inquire-price", "", "OPSQ9999"),
        (f"{TRADING}/inquire-balance", "VTTC8434R", "EGW02004"),
        (f"{TRADING}/order-cash", "TTTC0012U", "EGW00300"),
    ],
)
def test_wrong_paths_trs_and_methods_are_gateway_failures(customer: Customer, path: str, tr_id: str, code: str) -> None:
    answer = customer.get(path, tr_id)
    assert answer.status_code == 500
    assert answer.json()["msg_cd"] == code


def test_paper_takes_paper_trs_only_and_has_no_holiday_query() -> None:
    with running_exchange("--env", "paper", *UNLIMITED) as exchange:
        customer = Customer(exchange)
        assert customer.order("VTTC0012U", "005930", 1).json()["msg_cd"] == "40600000"
        assert customer.order("VTTC0011U", "005930", 1).json()["msg_cd"] == "40590000"
        assert customer.order(BUY, "005930", 1).json()["msg_cd"] == "EGW02004"
        holiday = customer.get(f"{QUOTATIONS}/chk-holiday", "CTCA0903R", BASS_DT="20250301")
        assert holiday.json()["msg_cd"] == "EGW02004"


def test_the_limits_are_judged_in_a_sliding_second_of_the_clock() -> None:
    # The clock almost stands, so all calls fall into one of its seconds.
    with running_exchange("--rest-per-s", "5", "--ledger-per-s", "2", "--rate", "0.001") as exchange:
        customer = Customer(exchange)
        codes = [customer.account("inquire-balance", "TTTC8434R").json()["msg_cd"] for _ in range(3)]
        assert codes == ["KIOK0510", "KIOK0510", "EGW00215"]
        quotes = [
            customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="005930") for _ in range(3)
        ]
        assert [answer.json()["msg_cd"] for answer in quotes] == ["MCA00000", "MCA00000", "EGW00201"]
        assert quotes[-1].status_code == 500
        stats = exchange.control("stats")
        assert stats["refusals"] == {"EGW00215": 1, "EGW00201": 1}
        assert list(stats["max_calls_in_any_second"].values()) == [6]
        assert APP_KEY not in str(stats)


def test_hashkey_echoes_the_body(exchange: RunningExchange) -> None:
    answer = web.post(f"{exchange.rest_url}/uapi/hashkey", json={"ORD_QTY": "1"}).json()
    assert answer["BODY"] == {"ORD_QTY": "1"}
    assert len(answer["HASH"]) == 64
