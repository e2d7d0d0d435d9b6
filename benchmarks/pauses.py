"""How long orders still leave the gateway after `spec.trading` says Paused: by way of API server, operator, Redis."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field

import httpx

from benchmarks.figures import Figure, percentile, spread
from benchmarks.operators import running_operator
from benchmarks.place import Place
from prime_jennie.infra.tokens import mint
from tests.support.gateway import SAMSUNG, STRATEGY, TOKEN_KEY, House, running_house

NAMESPACE = "bench-pauses"
PAUSES = 100
BUYERS = 3
PACE_SECS = 0.02
WITHIN_SECS = 20.0
_ORDER = {"stock_code": SAMSUNG, "quantity": 1}
CAPITAL_KRW = 1_000_000_000
MOST_A_MINUTE = 300  # of the exchange's clock, of which a minute takes three seconds


@dataclass
class _Buyers:
    """Strategies' services that never tire of buying one share."""

    house: House
    last_sent_secs: float = 0.0
    last_refused_secs: float = 0.0
    """When the newest answer came that an order was accepted, and the newest that it was halted."""
    answers: dict[str, int] = field(default_factory=dict)

    async def buy(self) -> None:
        headers = {"Authorization": f"Bearer {mint(STRATEGY, TOKEN_KEY)}"}
        async with httpx.AsyncClient(
            base_url=self.house.gateway.url, headers=headers, timeout=60, trust_env=False
        ) as http:
            while True:
                headers = {"Idempotency-Key": uuid.uuid4().hex}
                answer = await http.post("/api/trading/buy", json=_ORDER, headers=headers)
                told = answer.json()
                if told.get("success"):
                    self.last_sent_secs = time.monotonic()
                    self._count("accepted")
                elif "HALTED" in str(told.get("message")):
                    self.last_refused_secs = time.monotonic()
                    self._count("halted")
                else:
                    self._count(f"{answer.status_code} {answer.text[:120]}")
                await asyncio.sleep(PACE_SECS)

    def _count(self, what: str) -> None:
        self.answers[what] = self.answers.get(what, 0) + 1


async def measure(place: Place) -> list[Figure]:
    """Pause a strategy that buys all the time, again and again."""
    moments = random.Random(20260219)
    with running_house(place.folder / "house", ORDER_MAX_PER_DAY="1000000") as house:
        await place.namespace(NAMESPACE)
        await place.strategies(
            NAMESPACE, [STRATEGY], capitalKrw=CAPITAL_KRW, risk={"maxOrdersPerMinute": MOST_A_MINUTE}
        )
        async with running_operator(place, NAMESPACE, REDIS_URL=house.redis.url) as operator:
            await operator.ready()
            buyers = _Buyers(house)
            buying = [asyncio.create_task(buyers.buy()) for _ in range(BUYERS)]
            try:
                took_secs = [await _pause(place, buyers, moments.uniform(0.1, 0.6)) for _ in range(PAUSES)]
            finally:
                for task in buying:
                    task.cancel()
                await asyncio.wait(buying)
            await operator.stop()
    told = f"{spread(took_secs)}; answers: " + ", ".join(f"{number} {what}" for what, number in buyers.answers.items())
    return [Figure("spec paused → last order accepted, p99", percentile(took_secs, 99), "s", at_most=1, told=told)]


async def _pause(place: Place, buyers: _Buyers, wait_secs: float) -> float:
    """Pause; return the seconds until the answer to the last order that was let through; then let it buy again."""
    began = time.monotonic()
    await _until(buyers, lambda: buyers.last_sent_secs > began)
    await asyncio.sleep(wait_secs)
    paused = time.monotonic()
    await place.change(NAMESPACE, STRATEGY, trading="Paused")
    await _until(buyers, lambda: buyers.last_refused_secs > max(paused, buyers.last_sent_secs))
    await asyncio.sleep(0.3)  # what was under way is answered by then
    took_secs = max(0.0, buyers.last_sent_secs - paused)
    await place.change(NAMESPACE, STRATEGY, trading="Active")
    return took_secs


async def _until(buyers: _Buyers, holds: object) -> None:
    deadline = time.monotonic() + WITHIN_SECS
    while not holds():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise RuntimeError(f"answers so far: {buyers.answers}")
        await asyncio.sleep(0.005)
