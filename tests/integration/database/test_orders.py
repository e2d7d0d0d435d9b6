"""An order is sent at most once, by the owner, and never while a twin is uncertain."""

import asyncio

import pytest

from prime_jennie.domain.errors import Conflict, NotFound
from prime_jennie.domain.orders import IntentState, OrderStatus, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import LeaseGrant, StaleLease
from tests.support.order_desk import ACCOUNT, MONDAY, OPEN, STRATEGY, OrderDesk


@pytest.fixture
def desk(db: Database) -> OrderDesk:
    return OrderDesk(db)


async def test_the_same_key_with_the_same_body_returns_the_first_intent(desk: OrderDesk) -> None:
    lease = await desk.lease()
    first = await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)
    again = await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)
    assert (first.created, again.created) == (True, False)
    assert again.intent.id == first.intent.id


async def test_the_same_key_with_another_body_is_a_conflict(desk: OrderDesk) -> None:
    lease = await desk.lease()
    await desk.orders.commit_intent(desk.intent("k1", quantity=10), lease=lease, at=OPEN)
    with pytest.raises(Conflict, match="IDEMPOTENCY_KEY_BODY_MISMATCH"):
        await desk.orders.commit_intent(desk.intent("k1", quantity=11), lease=lease, at=OPEN)


async def test_keys_that_differ_in_case_or_strategy_are_different_orders(desk: OrderDesk) -> None:
    lease = await desk.lease()
    intents = [desk.intent("k1"), desk.intent("K1"), desk.intent("k1", strategy="krx-other")]
    committed = [await desk.orders.commit_intent(intent, lease=lease, at=OPEN) for intent in intents]
    assert [one.created for one in committed] == [True, True, True]


async def test_twenty_callers_with_one_key_make_one_intent_and_one_dispatch(desk: OrderDesk) -> None:
    lease = await desk.lease()

    async def send() -> str:
        committed = await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)
        try:
            await desk.orders.begin_dispatch(committed.intent.id, lease=lease, at=OPEN)
        except Conflict:
            return "refused"
        return "sent"

    results = await asyncio.gather(*(send() for _ in range(20)))
    assert sorted(results) == ["refused"] * 19 + ["sent"]


async def test_one_unresolved_order_a_stock_and_side(desk: OrderDesk) -> None:
    lease = await desk.lease()
    first = (await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)).intent
    second = (await desk.orders.commit_intent(desk.intent("k2"), lease=lease, at=OPEN)).intent
    sale = (await desk.orders.commit_intent(desk.intent("k3", TradeType.SELL), lease=lease, at=OPEN)).intent
    await desk.orders.begin_dispatch(first.id, lease=lease, at=OPEN)
    await desk.orders.mark_unknown(first.id, error_code="TIMEOUT", error_message="no answer", at=OPEN)
    with pytest.raises(Conflict, match="unresolved"):
        await desk.orders.begin_dispatch(second.id, lease=lease, at=OPEN)
    await desk.orders.begin_dispatch(sale.id, lease=lease, at=OPEN)
    assert {one.id for one in await desk.orders.unresolved(ACCOUNT)} == {first.id, sale.id}
    await desk.orders.mark_not_sent(first.id, reason="absent from three listings", at=OPEN)
    dispatched = await desk.orders.begin_dispatch(second.id, lease=lease, at=OPEN)
    assert dispatched.state == IntentState.DISPATCHING.value


async def test_an_unknown_order_is_never_dispatched_again(desk: OrderDesk) -> None:
    lease = await desk.lease()
    intent = (await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)).intent
    await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    await desk.orders.mark_unknown(intent.id, error_code="TIMEOUT", error_message="no answer", at=OPEN)
    with pytest.raises(Conflict, match="never sent twice"):
        await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN, retry_refused=True)


async def test_a_definite_refusal_may_be_dispatched_again_when_asked(desk: OrderDesk) -> None:
    lease = await desk.lease()
    intent = (await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)).intent
    await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    await desk.orders.refuse(intent.id, error_code="EGW00201", error_message="too many calls", at=OPEN)
    with pytest.raises(Conflict):
        await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    again = await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN, retry_refused=True)
    assert (again.attempts, again.error_code) == (2, None)


async def test_a_stale_owner_commits_and_dispatches_nothing(desk: OrderDesk) -> None:
    lease = await desk.lease()
    intent = (await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)).intent
    await desk.leases.release(lease)
    successor = await desk.leases.acquire("app-key", "gateway-2", 60)
    assert successor is not None
    with pytest.raises(StaleLease):
        await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    with pytest.raises(StaleLease):
        await desk.orders.commit_intent(desk.intent("k2"), lease=lease, at=OPEN)
    assert await desk.orders.intent_by_key(ACCOUNT, STRATEGY, "k2") is None
    assert (await desk.orders.intent(intent.id)).state == IntentState.NEW.value
    forged = LeaseGrant("app-key", "gateway-1", successor.epoch, successor.expires_at, successor.good_until)
    with pytest.raises(StaleLease):
        await desk.orders.begin_dispatch(intent.id, lease=forged, at=OPEN)


async def test_accepting_twice_keeps_one_order(desk: OrderDesk) -> None:
    order = await desk.accepted("k1")
    again = await desk.orders.accept(
        order.id, broker_order_no=order.broker_order_no, broker_org_no="91252", order_date=MONDAY, at=OPEN
    )
    assert again.id == order.id
    with pytest.raises(Conflict):
        await desk.orders.accept(order.id, broker_order_no="other", broker_org_no=None, order_date=MONDAY, at=OPEN)


async def test_one_broker_order_belongs_to_one_intent(desk: OrderDesk) -> None:
    order = await desk.accepted("k1")
    lease = await desk.lease()
    twin = (await desk.orders.commit_intent(desk.intent("k2"), lease=lease, at=OPEN)).intent
    await desk.orders.begin_dispatch(twin.id, lease=lease, at=OPEN)
    with pytest.raises(Conflict, match="another intent"):
        await desk.orders.accept(
            twin.id, broker_order_no=order.broker_order_no, broker_org_no=None, order_date=MONDAY, at=OPEN
        )
    # Nothing of the failed acceptance stays: the twin is as uncertain as before.
    assert (await desk.orders.intent(twin.id)).state == IntentState.DISPATCHING.value


async def test_an_unknown_order_found_at_the_broker_becomes_an_order(desk: OrderDesk) -> None:
    lease = await desk.lease()
    intent = (await desk.orders.commit_intent(desk.intent("k1"), lease=lease, at=OPEN)).intent
    await desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    await desk.orders.mark_unknown(intent.id, error_code="TIMEOUT", error_message="no answer", at=OPEN)
    order = await desk.orders.accept(intent.id, broker_order_no="77", broker_org_no="91252", order_date=MONDAY, at=OPEN)
    assert order.status == OrderStatus.SENT.value
    assert await desk.orders.unresolved(ACCOUNT) == []
    assert (await desk.orders.order_by_key(ACCOUNT, STRATEGY, "k1")) is not None
    assert (await desk.orders.order_by_broker_no(ACCOUNT, MONDAY, "77")) is not None


async def test_a_terminal_order_stays_terminal(desk: OrderDesk) -> None:
    order = await desk.accepted("k1")
    assert await desk.orders.set_status(order.id, OrderStatus.CANCELED, at=OPEN)
    assert not await desk.orders.set_status(order.id, OrderStatus.FILLED, at=OPEN)
    assert await desk.orders.open_orders(ACCOUNT) == []


async def test_only_one_of_many_asks_for_the_cancellation(desk: OrderDesk) -> None:
    order = await desk.accepted("k1")
    asked = await asyncio.gather(*(desk.orders.request_cancel(order.id, at=OPEN) for _ in range(10)))
    assert sorted(asked) == [False] * 9 + [True]
    await desk.orders.withdraw_cancel(order.id, at=OPEN)
    assert await desk.orders.request_cancel(order.id, at=OPEN)


async def test_backstops_count_what_was_sent_only(desk: OrderDesk) -> None:
    lease = await desk.lease()
    await desk.orders.commit_intent(desk.intent("never sent"), lease=lease, at=OPEN)
    await desk.accepted("sent")
    assert await desk.orders.count_sent(ACCOUNT, STRATEGY, OPEN) == 1
    assert await desk.orders.count_sent(ACCOUNT, STRATEGY, OPEN, TradeType.SELL) == 0


async def test_an_unknown_id_is_not_found(desk: OrderDesk) -> None:
    with pytest.raises(NotFound):
        await desk.orders.intent("nobody")
    with pytest.raises(NotFound):
        await desk.orders.begin_dispatch("nobody", lease=await desk.lease(), at=OPEN)
