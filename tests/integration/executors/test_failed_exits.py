"""An exit that the broker refuses, that nobody takes or that breaks is told to a person, once a position and day."""

import pytest

from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.signals import SellReason
from prime_jennie.domain.topics import ALERTS
from tests.support.executors import SAMSUNG, Floor
from tests.support.sql_gateway import STRATEGY


@pytest.fixture
async def holding(floor: Floor) -> str:
    """Hold 58 shares of Samsung, and return the position's id."""
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
    return (await floor.positions())[SAMSUNG].position_id


async def alerts(floor: Floor) -> list[Alert]:
    """Return what was told, each event once."""
    entries = await floor.redis.xrange(ALERTS.stream.value)
    return list({fields["id"]: Alert.model_validate_json(fields["payload"]) for _, fields in entries}.values())


async def stopped_out(floor: Floor, position_id: str, reason: SellReason = SellReason.STOP_LOSS) -> str:
    """Ask for an exit and return how it ended."""
    async with floor.running(await floor.seller()):
        return (await floor.finished(await floor.sell(sell_reason=reason, position_id=position_id)))[0]


async def test_a_refused_stop_is_told_with_the_brokers_reason(floor: Floor, holding: str) -> None:
    floor.gateway.script.append("refuse")
    assert await stopped_out(floor, holding) == "refused"
    (alert,) = await alerts(floor)
    assert (alert.level, alert.strategy, alert.service) == (AlertLevel.ERROR, STRATEGY, "sell-executor")
    assert alert.title == "krx-core: 삼성전자 005930 자동 매도가 거부되었습니다"
    assert alert.text.startswith("STOP_LOSS 58주: APBK0918")
    assert alert.key == f"exit-failed:{holding}:2025-03-10"


async def test_an_unfilled_stop_is_told_once_a_day_however_often_it_is_asked_again(floor: Floor, holding: str) -> None:
    floor.gateway.fill_steps = {}
    for _ in range(2):
        assert await stopped_out(floor, holding) == "unfilled"
    (alert,) = await alerts(floor)
    assert alert.title.endswith("자동 매도가 체결되지 않았습니다")
    assert "0 of 58 shares" in alert.text
    floor.clock.advance(86_400)
    assert await stopped_out(floor, holding) == "unfilled"
    assert len(await alerts(floor)) == 2


async def test_an_exit_that_breaks_on_the_way_is_told(
    floor: Floor, holding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ValueError("a row that nobody can read")

    monkeypatch.setattr("sell_executor.seller.Seller._decide", breaks)
    assert await stopped_out(floor, holding, SellReason.FORCED_LIQUIDATION) == "failed"
    (alert,) = await alerts(floor)
    assert alert.title.endswith("자동 매도가 실패했습니다")
    assert "ValueError: a row that nobody can read" in alert.text


async def test_a_persons_sale_is_answered_and_needs_no_alert(floor: Floor, holding: str) -> None:
    floor.gateway.script.append("refuse")
    assert await stopped_out(floor, holding, SellReason.MANUAL) == "refused"
    assert await alerts(floor) == []


async def test_what_is_over_or_only_recorded_is_no_failure(
    floor: Floor, holding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with floor.running(seller := await floor.seller()):
        stale = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id="an-older-life")
        assert (await floor.finished(stale))[1].startswith("stale: ")

        async def is_on() -> bool:
            return True

        with monkeypatch.context() as patch:
            patch.setattr(seller.room.dry_run, "is_on", is_on)
            assert (await floor.finished(await floor.sell(position_id=holding)))[0] == "dry_run"
        assert (await floor.finished(await floor.sell(position_id=holding)))[0] == "sold"
        not_held = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id=holding)
        assert (await floor.finished(not_held))[1].startswith("not_held: ")
    assert await alerts(floor) == []
