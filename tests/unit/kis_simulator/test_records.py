"""WebSocket records: field counts of both layouts, the cipher, what a client reads by index."""

import pytest

from kis_simulator.exchange.orders import Execution, Order
from kis_simulator.websocket.records import (
    PrintTimes,
    encrypt,
    notice_record,
    trade_frames,
    trade_record,
)
from tests.support.trading_day import ACCOUNT, CALM, buy, exchange_of

TIMES = PrintTimes("093000", "090000", "091500", "092000")
KEY, IV = "molrrntztvzothjqkzsitawgikersupf", "50a65578c4f7500f"
PLAIN = (
    "HTSID01^1234567801^0000117057^^02^0^00^0^005930^0000000010^000070000^090001^0^2^2^00950^000000010^홍길동"
    "^^1^N^^0^^삼성전자^000070000"
)
ENCRYPTED = (
    "0d8E2x3iCSita6qFfcGS5FZBnVWMPiJ9cfkdkfM5bKylnAk9o4f6MpRcaVIOAQbRHaYQjaQZZJCCSINsZRfSNwVshy9/q+PgzLW07mkxDdD3"
    "cnGuWNVuWvvNBE+hPbqWLnUdMgQHQylsCsI3TOuQRWtYuD0Iuqkogn850tBL/4v3NXIGv82oUZbqR2/Co+25"
)


def test_the_protocols_test_vector_is_encrypted_as_written() -> None:
    assert encrypt(PLAIN, KEY, IV) == ENCRYPTED


def trade(layout: str) -> list[str]:
    exchange = exchange_of({"005930": CALM})
    reference, path = exchange.tapes.reference("005930"), exchange.tapes.path("005930")
    assert reference is not None
    assert path is not None
    return trade_record(reference, path, 900, TIMES, "20250304", layout).split("^")


@pytest.mark.parametrize(("layout", "fields"), [("2025", 46), ("20260914", 47)])
def test_a_trade_has_the_fields_of_its_layout(layout: str, fields: int) -> None:
    record = trade(layout)
    assert len(record) == fields
    assert record[0] == "005930"
    assert record[1] == "093000"
    assert record[33] == "20250304"


def test_a_trades_fields_stand_where_clients_read_them() -> None:
    record = trade("20260914")
    price, opened, high, low, ask, bid, volume, total = (int(record[i]) for i in (2, 7, 8, 9, 10, 11, 12, 13))
    assert low <= price <= high
    assert opened == CALM.open
    assert bid < ask
    assert price in (ask, bid)
    assert 0 < volume <= total
    # 5 is the change in per cent from the base of 50,000, not the day's high (rulebook §14.3 ✗).
    assert float(record[5]) == round((price - 50_000) / 500, 2)
    assert record[46] == "2"


def fill() -> tuple[Order, Execution]:
    exchange = exchange_of({"005930": CALM})
    order = exchange.place(buy("005930", 10))
    return order, exchange.account(ACCOUNT).executions[0]


@pytest.mark.parametrize(("layout", "fields"), [("2025", 23), ("20260914", 26)])
def test_a_notice_has_the_fields_of_its_layout(layout: str, fields: int) -> None:
    order, execution = fill()
    record = notice_record(order, execution, "HTSID01", "삼성전자", "093000", layout).split("^")
    assert len(record) == fields
    assert record[-2] == "삼성전자"


def test_a_fill_and_an_acceptance_differ_by_field_13_and_carry_their_own_quantity() -> None:
    order, execution = fill()
    accepted = notice_record(order, None, "HTSID01", "삼성전자", "093000", "20260914").split("^")
    filled = notice_record(order, execution, "HTSID01", "삼성전자", "093000", "20260914").split("^")
    assert (accepted[13], filled[13]) == ("1", "2")
    assert accepted[1] == "1234567801"
    assert accepted[2] == order.number
    assert (accepted[4], accepted[12]) == ("02", "0")
    assert int(filled[9]) == execution.quantity
    assert int(filled[10]) == execution.price


def test_a_frame_carries_all_records_of_a_step_up_to_its_three_digit_count() -> None:
    frames = trade_frames(["a^b"] * 1_001)
    assert [frame[:14] for frame in frames] == ["0|H0STCNT0|999", "0|H0STCNT0|002"]
    assert frames[1].split("|")[3] == "a^b^a^b"
