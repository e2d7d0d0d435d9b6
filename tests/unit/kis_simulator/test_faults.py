"""Faults strike as often as they were ordered."""

import pytest
from pydantic import ValidationError

from kis_simulator.faults import FaultOrder, Faults


def test_a_counted_fault_strikes_that_often_and_is_gone() -> None:
    faults = Faults(1)
    faults.arm(FaultOrder(name="missing_notice", count=2))
    assert [faults.draw("missing_notice") is not None for _ in range(3)] == [True, True, False]
    assert faults.in_force() == []


def test_without_a_count_it_strikes_once() -> None:
    faults = Faults(1)
    faults.arm(FaultOrder(name="ws_cut"))
    assert faults.draw("ws_cut") is not None
    assert faults.draw("ws_cut") is None


def test_a_fault_of_one_tr_spares_the_others() -> None:
    faults = Faults(1)
    faults.arm(FaultOrder(name="order_reply_lost", parameters={"tr_id": "TTTC0012U"}))
    assert faults.draw("order_reply_lost", "TTTC0011U") is None
    assert faults.draw("order_reply_lost", "TTTC0012U") is not None


def test_a_probable_fault_strikes_about_as_often_and_repeats_by_seed() -> None:
    def strikes() -> list[bool]:
        faults = Faults(3)
        faults.arm(FaultOrder(name="duplicate_notice", probability=0.3))
        return [faults.draw("duplicate_notice") is not None for _ in range(1_000)]

    assert 240 < sum(strikes()) < 360
    assert strikes() == strikes()


def test_clearing_removes_all() -> None:
    faults = Faults(1)
    faults.arm(FaultOrder(name="ws_stall", probability=1.0))
    assert faults.clear() == 1
    assert faults.draw("ws_stall") is None


@pytest.mark.parametrize(
    "order",
    [
        {"name": "no_such_fault"},
        {"name": "ws_cut", "count": 0},
        {"name": "ws_cut", "probability": 1.5},
        {"name": "ws_cut", "count": 1, "probability": 0.5},
        {"name": "ws_cut", "parameters": {"seconds": 3}},
        {"name": "ws_stall", "parameters": {"secs": -1}},
        {"name": "ws_cut", "extra": 1},
    ],
)
def test_a_malformed_order_is_refused(order: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultOrder.model_validate(order)
