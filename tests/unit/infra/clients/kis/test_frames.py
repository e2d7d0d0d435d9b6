"""Frames of the exchange's WebSocket, in both layouts and in hostile ones."""

import contextlib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.broker import NoticeKind
from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.clients.kis.frames import ControlFrame, DataFrame, read_frame, trades
from prime_jennie.infra.clients.kis.notices import BadFrameError, StreamKey, decrypt, parse_notice

TODAY = date(2025, 3, 10)


def trade(code: str, price: str, *, width: int = 46, at: str = "093001") -> list[str]:
    fields = [""] * width
    fields[0], fields[1], fields[2], fields[5] = code, at, price, "1.25"
    fields[7], fields[8], fields[9] = "69000", "71000", "68900"
    fields[10], fields[11], fields[12], fields[13] = "70100", "70000", "15", "123456"
    fields[33] = "20250310"
    return fields


def frame(*records: list[str]) -> DataFrame:
    joined = "^".join("^".join(fields) for fields in records)
    parsed = read_frame(f"0|H0STCNT0|{len(records):03d}|{joined}")
    assert isinstance(parsed, DataFrame)
    return parsed


def read_all(text: str) -> None:
    parsed = read_frame(text)
    if isinstance(parsed, DataFrame):
        trades(parsed, TODAY)


@pytest.mark.parametrize("width", [46, 47, 60])
def test_every_record_of_a_frame_is_read_whatever_was_appended_to_the_layout(width: int) -> None:
    ticks = trades(frame(trade("005930", "70000", width=width), trade("000660", "201500", width=width)), TODAY)
    assert [(tick.stock_code, tick.price) for tick in ticks] == [("005930", 70000), ("000660", 201500)]


def test_high_and_volume_come_from_their_own_fields() -> None:
    # The ancestor used 5 (change %) as high and 10 (ask) as volume (rulebook §14.3 ✗).
    tick = trades(frame(trade("005930", "70000")), TODAY)[0]
    assert (tick.high, tick.volume, tick.cumulative_volume, tick.ask, tick.bid) == (71000, 15, 123456, 70100, 70000)


@pytest.mark.parametrize(
    ("sign", "change", "base"),
    [
        *(("1", "16100", 53_900), ("2", "800", 69_200), ("3", "0", 70_000), ("4", "30000", 100_000)),
        *(("5", "-800", 70_800), ("5", "800", 70_800), ("2", "-800", 69_200)),
        *(("", "800", None), ("2", "", None), ("2", "70000", None), ("2", "8.5", None)),
    ],
)
def test_the_base_is_the_price_without_the_days_change(sign: str, change: str, base: int | None) -> None:
    fields = trade("005930", "70000")
    fields[3], fields[4] = sign, change
    assert trades(frame(fields), TODAY)[0].base == base


def test_a_trade_is_dated_by_its_own_field_and_kept_in_utc() -> None:
    # 09:30:01 in Seoul is 00:30:01 UTC.
    ticks = trades(frame(trade("005930", "70000")), date(2025, 3, 11))
    assert ticks[0].at == datetime(2025, 3, 10, 0, 30, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "0|H0STCNT0|001",
        "0|H0STCNT0|abc|x",
        "0|H0STCNT0|000|x",
        "0|H0STCNT0|002|a^b^c",
        "0|H0STCNT0|001|a^b^c",
        "0|H0STCNT0|001|" + "^".join(trade("005930", "-5")),
        "0|H0STCNT0|001|" + "^".join(trade("00593", "70000")),
        "0|H0STCNT0|001|" + "^".join(trade("005930", "70000", at="256161")),
        "{",
        "null",
        '{"body": {}}',
        "",
    ],
)
def test_a_frame_that_no_layout_explains_is_refused(text: str) -> None:
    with pytest.raises(BadFrameError):
        read_all(text)


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(BadFrameError):
        read_all(text)


def test_pingpong_is_recognised() -> None:
    parsed = read_frame('{"header":{"tr_id":"PINGPONG","datetime":"20250310093000"}}')
    assert isinstance(parsed, ControlFrame)
    assert parsed.is_ping


def test_an_acknowledgement_brings_key_and_iv() -> None:
    parsed = read_frame(
        '{"header":{"tr_id":"H0STCNI0","tr_key":"HTSID01","encrypt":"N"},"body":{"rt_cd":"0","msg_cd":"OPSP0000",'
        '"msg1":"SUBSCRIBE SUCCESS","output":{"iv":"50a65578c4f7500f","key":"molrrntztvzothjqkzsitawgikersupf"}}}'
    )
    assert isinstance(parsed, ControlFrame)
    assert parsed.ok
    assert (parsed.key, parsed.iv) == ("molrrntztvzothjqkzsitawgikersupf", "50a65578c4f7500f")


VECTOR_KEY = StreamKey("molrrntztvzothjqkzsitawgikersupf", "50a65578c4f7500f")
VECTOR = (
    "0d8E2x3iCSita6qFfcGS5FZBnVWMPiJ9cfkdkfM5bKylnAk9o4f6MpRcaVIOAQbRHaYQjaQZZJCCSINsZRfSNwVshy9/q+PgzLW07mkxDdD3"
    "cnGuWNVuWvvNBE+hPbqWLnUdMgQHQylsCsI3TOuQRWtYuD0Iuqkogn850tBL/4v3NXIGv82oUZbqR2/Co+25"
)


def test_the_published_vector_of_an_encrypted_notice_is_read() -> None:
    notice = parse_notice(decrypt(VECTOR, VECTOR_KEY).split("^"), TODAY)
    assert (notice.account_no, notice.order_no, notice.stock_code) == ("12345678-01", "0000117057", "005930")
    assert (notice.side, notice.kind) == (TradeType.BUY, NoticeKind.FILLED)
    assert (notice.quantity, notice.price) == (10, 70000)
    assert notice.at == datetime(2025, 3, 10, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("payload", ["", "!!!", "AAAA", VECTOR[:-4], VECTOR[4:]])
def test_a_notice_that_its_key_does_not_open_is_refused(payload: str) -> None:
    with pytest.raises(BadFrameError):
        parse_notice(decrypt(payload, VECTOR_KEY).split("^"), TODAY)
