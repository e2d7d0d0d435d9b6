"""The provider's WebSocket interface over a real socket."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.exchange import APP_KEY, RunningExchange, running_exchange
from tests.support.exchange_customer import BUY, Customer, Line, line_of

TRADES, NOTICES = "H0STCNT0", "H0STCNI0"


@pytest.fixture
def exchange() -> Iterator[RunningExchange]:
    with running_exchange("--rate", "20") as running:
        yield running


async def test_trades_of_a_step_come_in_one_frame_with_all_registered_stocks(exchange: RunningExchange) -> None:
    async with line_of(exchange, Customer(exchange).approval_key()) as line:
        for code in ("005930", "000660", "035420"):
            answer = await line.register(TRADES, code)
            assert answer["body"]["msg_cd"] == "OPSP0000"
            assert len(answer["body"]["output"]["key"]) == 32
            assert len(answer["body"]["output"]["iv"]) == 16
        frame = await line.frame(lambda text: text.startswith(f"0|{TRADES}|003|"))
        fields = frame.split("|")[3].split("^")
        assert len(fields) == 3 * 47
        assert [fields[i * 47] for i in range(3)] == ["005930", "000660", "035420"]
        assert len({fields[i * 47 + 1] for i in range(3)}) == 1


async def test_the_older_layout_has_46_fields() -> None:
    with running_exchange("--rate", "20", "--layout", "2025") as exchange:
        async with line_of(exchange, Customer(exchange).approval_key()) as line:
            await line.register(TRADES, "005930")
            frame = await line.frame(lambda text: text.startswith("0|"))
            assert len(frame.split("|")[3].split("^")) == 46


async def test_an_order_is_told_as_accepted_and_filled_encrypted(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    async with line_of(exchange, customer.approval_key()) as line:
        answer = await line.register(NOTICES, "HTSID01")
        assert answer["header"]["encrypt"] == "Y"
        order = await asyncio.to_thread(customer.order, BUY, "005930", 3)
        number = order.json()["output"]["ODNO"]
        accepted, filled = await line.notice(), await line.notice()
        assert (accepted[2], accepted[13], filled[2], filled[13]) == (number, "1", number, "2")
        assert (filled[0], filled[1], int(filled[9])) == ("HTSID01", "1234567801", 3)


async def test_registrations_are_answered_as_the_provider_does(exchange: RunningExchange) -> None:
    async with line_of(exchange, Customer(exchange).approval_key()) as line:
        assert (await line.register(TRADES, "005930"))["body"]["msg_cd"] == "OPSP0000"
        assert (await line.register(TRADES, "005930"))["body"]["msg_cd"] == "OPSP0002"
        assert (await line.register(TRADES, "005930", "2"))["body"]["msg_cd"] == "OPSP0001"
        assert (await line.register(TRADES, "005930", "2"))["body"]["msg_cd"] == "OPSP0003"
        assert (await line.register("H0STXXX0", "005930"))["body"]["msg_cd"] == "OPSP8991"
        assert (await line.register(TRADES, "00593"))["body"]["msg_cd"] == "OPSP8992"
        assert (await line.register(TRADES, "005930", "7"))["body"]["msg_cd"] == "OPSP8997"


async def test_the_42nd_registration_is_refused(exchange: RunningExchange) -> None:
    async with line_of(exchange, Customer(exchange).approval_key()) as line:
        codes = [(await line.register(TRADES, f"{i:06d}"))["body"]["msg_cd"] for i in range(42)]
        assert codes == ["OPSP0000"] * 41 + ["OPSP0008"]


async def test_one_session_for_an_app_key_until_the_first_one_ends(exchange: RunningExchange) -> None:
    key = Customer(exchange).approval_key()
    async with line_of(exchange, key) as first:
        await first.register(TRADES, "005930")
        async with line_of(exchange, key) as second:
            answer = await second.register(TRADES, "000660")
            assert answer["body"]["msg_cd"] == "OPSP8996"
            assert answer["header"]["tr_id"] == "(null)"
    async with line_of(exchange, key) as third:
        assert (await third.register(TRADES, "000660"))["body"]["msg_cd"] == "OPSP0000"


async def test_a_wrong_approval_key_is_refused(exchange: RunningExchange) -> None:
    async with line_of(exchange, APP_KEY) as line:
        assert (await line.register(TRADES, "005930"))["body"]["msg_cd"] == "OPSP0011"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", "OPSP9999"),
        ("[]", "OPSP9998"),
        ('{"body": {"input": {}}}', "OPSP9998"),
        ('{"header": {}}', "OPSP9992"),
        ('{"header": {}, "body": {"input": {"tr_id": 5}}}', "OPSP9992"),
        ("[" * 20_000, "OPSP9999"),
    ],
)
async def test_hostile_messages_are_answered_and_the_session_goes_on(
    exchange: RunningExchange, message: str, code: str
) -> None:
    async with line_of(exchange, Customer(exchange).approval_key()) as line:
        await line.connection.send(message)
        assert (await line.control())["body"]["msg_cd"] == code
        assert (await line.register(TRADES, "005930"))["body"]["msg_cd"] == "OPSP0000"


async def test_any_path_opens_a_session_and_neighbours_are_told_their_own_stocks(exchange: RunningExchange) -> None:
    one, two = Customer(exchange, "A" * 36), Customer(exchange, "B" * 36)
    async with line_of(exchange, one.approval_key()) as first, line_of(exchange, two.approval_key()) as second:
        await first.register(TRADES, "005930")
        await second.register(TRADES, "000660")
        mine = await first.frame(lambda text: text.startswith("0|"))
        yours = await second.frame(lambda text: text.startswith("0|"))
        assert "^000660^" not in f"^{mine}^"
        assert yours.split("|")[3].startswith("000660^")


async def test_a_silent_customer_is_cut_and_one_that_echoes_pings_is_kept() -> None:
    with running_exchange("--ping-every-secs", "1", "--pong-within-secs", "3", "--rate", "0.001") as exchange:
        silent_key = Customer(exchange, "A" * 36).approval_key()
        echoing_key = Customer(exchange, "B" * 36).approval_key()
        async with line_of(exchange, silent_key) as silent, line_of(exchange, echoing_key) as echoing:
            await silent.register(TRADES, "005930")
            await echoing.register(TRADES, "005930")
            for _ in range(5):
                ping = await echoing.frame(lambda text: "PINGPONG" in text, within_secs=15)
                assert len(json.loads(ping)["header"]["datetime"]) == 14
                await echoing.connection.send(ping)
            with pytest.raises(ConnectionClosed):
                await silent.frame(lambda text: False, within_secs=15)
            assert (await echoing.register(TRADES, "000660"))["body"]["msg_cd"] == "OPSP0000"


async def _frames_until_silence(line: Line) -> None:
    """Read until nothing came for a second, then raise TimeoutError."""
    while True:
        await line.frame(lambda text: text.startswith("0|"), within_secs=1.0)


async def test_faults_double_drop_stall_and_cut(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    key = customer.approval_key()
    async with line_of(exchange, key) as line:
        await line.register(NOTICES, "HTSID01")
        await line.register(TRADES, "005930")
        exchange.arm("missing_notice", count=2)
        await asyncio.to_thread(customer.order, BUY, "005930", 1)
        exchange.arm("duplicate_notice", count=1)
        order = await asyncio.to_thread(customer.order, BUY, "005930", 2)
        number = order.json()["output"]["ODNO"]
        told = [await line.notice() for _ in range(3)]
        assert [notice[2] for notice in told] == [number] * 3
        assert [notice[13] for notice in told] == ["1", "1", "2"]
        exchange.arm("ws_stall", count=1, parameters={"secs": 60})
        with pytest.raises(TimeoutError):
            await _frames_until_silence(line)
        exchange.arm("ws_cut")
        with pytest.raises(ConnectionClosed):
            await line.frame(lambda text: False)
