"""When no tick comes any more, somebody asks for them again: all other work of these services is driven by ticks."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

import buy_scanner.app
import price_monitor.app
from buy_scanner.config import ScannerSettings
from price_monitor.config import MonitorSettings
from tests.support.eventually import eventually
from tests.support.scanning import at
from tests.support.service_desk import SAMSUNG, ServiceDesk, ready, started

Make = Callable[..., FastAPI]


def monitor(**known: Any) -> FastAPI:
    return price_monitor.app.create_app(MonitorSettings(**known))


def scanner(**known: Any) -> FastAPI:
    return buy_scanner.app.create_app(ScannerSettings(**known))


@pytest.mark.parametrize("make", [monitor, scanner])
async def test_ticks_that_the_gateway_forgot_are_asked_for_again_without_any_tick(
    desk: ServiceDesk, make: Make
) -> None:
    """Gateway and Redis begin anew together: neither remembers a wish, and no stop would ever be watched."""
    desk.clock.set(at("10:00"))
    await desk.hold()
    async with started(make(**desk.environment, tick_silence_secs=0.1)) as client:
        await ready(client)
        await eventually(lambda: SAMSUNG in desk.gateway.wanted, what="the first wish")
        desk.gateway.wanted.clear()
        await eventually(lambda: SAMSUNG in desk.gateway.wanted, what="the wish after the silence")


@pytest.mark.parametrize("make", [monitor, scanner])
async def test_a_closed_exchange_is_silent_and_nothing_is_asked(desk: ServiceDesk, make: Make) -> None:
    desk.clock.set(at("15:40"))
    await desk.hold()
    async with started(make(**desk.environment, tick_silence_secs=0.05)) as client:
        await ready(client)
        await eventually(lambda: SAMSUNG in desk.gateway.wanted, what="the first wish")
        desk.gateway.wanted.clear()
        await asyncio.sleep(0.3)  # what must not happen has no condition to wait for
        assert desk.gateway.wanted == []
