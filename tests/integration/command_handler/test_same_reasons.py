"""`jennie status` and /status read the same stores and give the same reasons, whatever keeps a strategy from buying."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from command_handler.replies import as_text
from jennie.endpoints import Endpoints
from jennie.status_reader import StatusReader
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.macro import VixRegime
from prime_jennie.domain.reader import Language
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clock.protocol import to_ms
from tests.support.commanding import ACCOUNT, SAMSUNG, STOCKS, STRATEGY, Commanding
from tests.support.http_twin import Answer, HttpTwin
from tests.support.redis_server import RedisServer

Change = Callable[[Commanding], Awaitable[object]]


class Gateway(HttpTwin):
    """The gateway's two answers that the command reads; 503 for everything while `state` is None."""

    state: Mapping[str, Any] | None = None

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        if path == "/health":
            return Answer(200, {"status": "healthy"})
        if self.state is None or path != "/api/market/state":
            return Answer(503, {"detail": "the gateway is away"})
        return Answer(200, self.state)


async def reported(desk: Commanding, redis_server: RedisServer) -> tuple[str, ...]:
    """Return the reasons of `jennie status` over the desk's stores."""
    with Gateway() as gateway:
        if not desk.gateway.down:
            gateway.state = json.loads((await desk.gateway.market_state()).model_dump_json())
        service = {"component": "kis-gateway", "strategy": None, "ports": {"http": gateway.port}}
        reader = StatusReader(
            Endpoints.model_validate(
                {
                    "pid": os.getpid(),
                    "redis_url": redis_server.url,
                    "database_url": desk.db.url.render_as_string(hide_password=False),
                    "account_no": ACCOUNT,
                    "strategies": [STRATEGY],
                    "services": {"kis-gateway": service},
                }
            )
        )
        try:
            (report,) = await reader.reports()
        finally:
            await reader.close()
    assert report.buys is (not report.reasons)
    return report.reasons


async def chatted(desk: Commanding) -> list[str]:
    """Return the reasons of /status in English."""
    text = as_text(await desk.ask("/status"), Language.ENGLISH)
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def at(clock: str, day: str = "2025-03-11") -> Change:
    async def change(desk: Commanding) -> None:
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KST)
        desk.clock.set(moment)
        await desk.set_regime()
        await desk.redis.set(RedisKeys.CLOCK_NOW.value, str(to_ms(moment)))
        await desk.tick(SAMSUNG, 72_000, secs_ago=3)

    return change


async def block(desk: Commanding) -> None:
    lost = BuyBlock(code=BlockCode.FILL_STREAM_LOST, why="silent for 9 s")
    desk.gateway.buy_blocks = (lost, BuyBlock(code=BlockCode.POSITION_DRIFT, why="000660", strategy="krx-other"))


async def gateway_down(desk: Commanding) -> None:
    desk.gateway.down = True


async def fill_every_position(desk: Commanding) -> None:
    await desk.announce(STRATEGY, risk={"maxPositions": 3})
    for code in list(STOCKS)[:3]:
        await desk.hold(code)


async def yesterdays_regime(desk: Commanding) -> None:
    await desk.set_regime(date=(desk.clock.now() - timedelta(days=1)).astimezone(KST).date())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (at("12:00"), []),
        (block, ["the fill notices are lost: silent for 9 s"]),
        (gateway_down, ["the gateway does not answer"]),
        (fill_every_position, ["every position is taken (3/3)"]),
        (lambda desk: desk.say("/dryrun on"), ["dry run: orders are only recorded"]),
        (lambda desk: desk.say("/maxbuy 0"), ["today's 0 buys are used up"]),
        (lambda desk: desk.say("/unwatch 삼성전자"), ["the scout has published no watchlist"]),
        (lambda desk: desk.redis.delete("stream:ticks"), ["no tick has come yet"]),
        (yesterdays_regime, ["today's market regime is not known"]),
        (
            lambda desk: desk.set_regime(risk_off_level=2, vix_regime=VixRegime.CRISIS),
            [
                "the scanner does not buy: risk-off level 2; /buy does",
                "the scanner does not buy: a VIX crisis; /buy does",
            ],
        ),
        (lambda desk: desk.set_regime(buys_blocked=True), ["intraday risk NORMAL blocks buys"]),
        (at("08:30"), ["it opens at 09:00"]),
        (at("09:05"), ["outside its entry hours 09:15-15:00"]),
        (at("14:30"), ["the scanner does not buy: the danger zone lasts until 15:00; /buy does"]),
        (at("15:25"), ["outside its entry hours 09:15-15:00"]),
        (at("16:00"), ["the exchange has closed"]),
        (at("12:00", "2025-03-15"), ["the exchange has no session today"]),
    ],
)
async def test_both_give_the_same_answer(
    desk: Commanding, redis_server: RedisServer, change: Change, expected: list[str]
) -> None:
    await desk.announce(STRATEGY)
    await desk.say("/watch 삼성전자")
    await at("12:00", "2025-03-10")(desk)
    await change(desk)
    assert await chatted(desk) == expected
    assert list(await reported(desk, redis_server)) == expected


@pytest.mark.parametrize("flag", [None, f"{STRATEGY}:emergency:full_stop", "emergency:stop"])
async def test_both_know_every_halt(desk: Commanding, redis_server: RedisServer, flag: str | None) -> None:
    await at("12:00")(desk)
    await desk.say("/watch 삼성전자")
    await desk.announce(STRATEGY, trading="Paused")
    await desk.say("/stop 확인 lunch")
    if flag is not None:
        await desk.redis.set(flag, "1")
    said, shown = await chatted(desk), await reported(desk, redis_server)
    assert len(said) == len(shown) == (2 if flag is None else 3)
    assert "Stopped by person (telegram:7 Owner (7): lunch)" in shown
    assert "Paused by spec (TradingStrategy: spec.trading is Paused)" in shown
    assert (f"Stopped by person (redis-cli: {flag} is set to '1')" in shown) is (flag is not None)
