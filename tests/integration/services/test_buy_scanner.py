"""buy-scanner from ticks to signals and rows, through halts, outages, restarts and changes of configuration."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from buy_scanner.app import create_app
from buy_scanner.config import ScannerSettings
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import MinutePrice, Tick
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.clock.protocol import CONSUMED_ALL
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.signals import SignalEntry, SignalLog
from tests.support.eventually import eventually
from tests.support.scanning import at, context, entry
from tests.support.service_desk import (
    ACCOUNT,
    HYNIX,
    SAMSUNG,
    STRATEGY,
    ServiceDesk,
    breakout,
    frames,
    ready,
    second_breakout,
    started,
    tick,
)

SCANNER = "buy-scanner"
POSITION = f"{STRATEGY}:{SCANNER}"


@asynccontextmanager
async def scanning(desk: ServiceDesk, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service, following ticks."""
    desk.clock.positions.pop(POSITION, None)
    async with started(create_app(ScannerSettings(**desk.environment, **settings))) as client:
        await ready(client)
        await eventually(lambda: POSITION in desk.clock.positions, what="the first look at the ticks")
        yield client


async def decisions(desk: ServiceDesk) -> list[tuple[str, str, int, str]]:
    """Return what was decided: stock, status, price, time."""
    return [(row.stock_code, row.status, row.price, row.signal_at.isoformat()) for row in await desk.rows()]


async def suppressed_reason(desk: ServiceDesk) -> str:
    """Return why the only match was not published."""
    (row,) = await desk.rows()
    assert (row.status, await desk.signals()) == ("suppressed", [])
    return str(row.suppressed_reason)


async def test_twenty_bars_and_a_burst_publish_one_signal_and_its_row(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    (signal,) = await desk.signals()
    assert signal.signal_type is SignalType.VOLUME_BREAKOUT
    assert (signal.signal_price, signal.timestamp) == (10_060, at("09:20:05"))
    assert signal.volume_ratio == 10.0  # 1,000 shares against a mean of 100
    (row,) = await desk.rows()
    assert (row.status, row.suppressed_reason, row.account, row.strategy) == ("published", None, ACCOUNT, STRATEGY)
    assert row.message_id == f"{STRATEGY}:{SAMSUNG}:{int(at('09:20:05').timestamp() * 1000)}"


async def test_a_completed_bars_volume_decides_not_the_new_bars_first_tick(desk: ServiceDesk) -> None:
    # rulebook §4 ✗: the tick that completes the burst carries one share only and still lets it be seen.
    ticks = [*breakout()[:-1], tick("09:20:05", 10_060, volume=1)]
    async with scanning(desk):
        await desk.play(ticks, SCANNER)
    assert [signal.volume_ratio for signal in await desk.signals()] == [10.0]


async def test_a_second_burst_within_600_seconds_is_suppressed_with_its_reason(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play([*breakout(), *second_breakout()], SCANNER)
    assert len(await desk.signals()) == 1
    first, second = await desk.rows()
    assert first.status == "published"
    assert (second.status, second.message_id) == ("suppressed", None)
    assert second.suppressed_reason == "signal_cooldown: signalled 120 s ago"  # 09:22:05 − 09:20:05


@pytest.mark.parametrize("size", [2, 7, 100])
async def test_the_same_ticks_give_the_same_decisions_however_frames_split_them(desk: ServiceDesk, size: int) -> None:
    ticks = [*breakout(), *second_breakout()]
    async with scanning(desk):
        await desk.play(ticks, SCANNER)
    first = await decisions(desk)
    await forget(desk)
    async with scanning(desk):
        await desk.consumed(SCANNER, await desk.publish(frames(ticks, size)))
    assert await decisions(desk) == first
    assert [status for _, status, _, _ in first] == ["published", "suppressed"]


async def forget(desk: ServiceDesk) -> None:
    """Let the day begin again."""
    await desk.db.write(lambda session: session.connection().exec_driver_sql("DELETE FROM signal_logs"))
    desk.clock._now = at("08:50")


@pytest.mark.parametrize("flag", [RedisKeys.TRADING_PAUSE, RedisKeys.FULL_STOP, RedisKeys.EMERGENCY_STOP])
@pytest.mark.parametrize("prefix", ["", f"{STRATEGY}:"])
async def test_each_emergency_flag_suppresses(desk: ServiceDesk, flag: RedisKeys, prefix: str) -> None:
    await desk.redis.set(prefix + flag.value, "1")
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert (await suppressed_reason(desk)).startswith("halt: trading is")


@pytest.mark.parametrize("strategy", ["", STRATEGY])
async def test_a_halt_on_record_suppresses(desk: ServiceDesk, strategy: str) -> None:
    halt = Halt(state=HaltState.PAUSED, source=HaltSource.PERSON, who="jennie", why="lunch", at=at("08:00"))
    await HaltRepository(desk.db).set(ACCOUNT, strategy, halt)
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert await suppressed_reason(desk) == "halt: trading is Paused"


async def test_another_strategys_halt_does_not_suppress(desk: ServiceDesk) -> None:
    halt = Halt(state=HaltState.STOPPED, source=HaltSource.RISK, who="risk", why="loss", at=at("08:00"))
    await HaltRepository(desk.db).set(ACCOUNT, "other", halt)
    await desk.redis.set("other:emergency:full_stop", "1")
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert len(await desk.signals()) == 1


async def test_the_specs_own_pause_suppresses(desk: ServiceDesk) -> None:
    desk.configure(trading="Paused")
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert await suppressed_reason(desk) == "halt: trading is Paused"


@pytest.mark.parametrize(
    ("key", "gate"),
    [(RedisKeys.STOPLOSS_COOLDOWN, "stop_loss_cooldown"), (RedisKeys.SELL_COOLDOWN, "sell_cooldown")],
)
async def test_each_cooldown_in_redis_suppresses(desk: ServiceDesk, key: RedisKeys, gate: str) -> None:
    await desk.redis.set(desk.keys.of(key, code=SAMSUNG), "1")
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert (await suppressed_reason(desk)).startswith(f"{gate}: ")


async def test_a_gate_whose_store_is_unreachable_fails_closed(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # rulebook §4.2 ✗
    async def gone(*_: object) -> None:
        raise ConnectionError("redis is gone")

    async with scanning(desk):
        await desk.play(breakout()[:-1], SCANNER)
        monkeypatch.setattr("redis.asyncio.Redis.mget", gone)
        await desk.play(breakout()[-1:], SCANNER)
    assert await suppressed_reason(desk) == "stop_loss_cooldown: cooldown unknown"


async def test_an_unreachable_halt_record_fails_closed(desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object) -> None:
        raise ConnectionError("database is gone")

    monkeypatch.setattr(HaltRepository, "in_force", gone)
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert await suppressed_reason(desk) == "halt: halt state unknown"


async def test_without_a_regime_of_today_nothing_is_decided(desk: ServiceDesk) -> None:
    await desk.set_regime(context(date=at("09:00").date() - timedelta(days=1)))
    async with scanning(desk) as client:
        await desk.play(breakout(), SCANNER)
        assert (await client.get("/health")).json()["market_regime"] is None
    assert (await desk.rows(), await desk.signals()) == ([], [])


async def test_a_regime_that_comes_before_the_open_is_known_at_the_open(desk: ServiceDesk) -> None:
    await desk.redis.delete(RedisKeys.REGIME_CURRENT.value)
    desk.clock.set(at("08:58"))  # the next reload by age would be at 09:03
    async with scanning(desk) as client:
        await desk.set_regime()
        await desk.play([tick("09:00:01", 10_000)], SCANNER)
        assert (await client.get("/health")).json()["market_regime"] == "BULL"


async def test_a_restart_recalls_the_cooldown_from_the_log(desk: ServiceDesk) -> None:
    recorded = SignalEntry(
        account=ACCOUNT,
        strategy=STRATEGY,
        signal_type="BUY",
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        strategy_signal="VOLUME_BREAKOUT",
        price=10_000,
        market_regime="BULL",
        status="published",
        signal_at=at("09:12"),
        created_at=at("09:12"),
    )
    await SignalLog(desk.db).record([recorded])
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert [row.suppressed_reason for row in (await desk.rows())[1:]] == ["signal_cooldown: signalled 485 s ago"]


async def test_a_restart_in_the_session_fetches_the_minutes_before(desk: ServiceDesk) -> None:
    desk.broker.minutes[SAMSUNG] = recorded_minutes(breakout()[:19])
    desk.clock.set(at("09:19"))
    async with scanning(desk):
        await desk.play(breakout()[19:], SCANNER)
    assert len(await desk.signals()) == 1


async def test_minutes_that_an_outage_withheld_are_fetched_when_it_is_over(desk: ServiceDesk) -> None:
    desk.broker.minutes[SAMSUNG] = recorded_minutes(breakout()[:19])
    desk.clock.set(at("09:19"))
    desk.gateway.full_for.add(SAMSUNG)  # refused at first: the history must not wait for it
    async with scanning(desk) as client:
        assert (await client.get("/health")).json()["dependencies"]["loop:subscribe"]["status"] == "degraded"
        await desk.play(breakout()[19:], SCANNER)
    assert len(await desk.signals()) == 1


async def test_a_gateway_that_is_away_at_the_start_costs_no_history(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.broker.minutes[SAMSUNG] = recorded_minutes(breakout()[:19])
    desk.clock.set(at("09:19"))
    subscribe, calls = desk.gateway.subscribe, []

    async def away_once(codes: list[str], *, replace: bool) -> None:
        calls.append(codes)
        if len(calls) == 1:
            raise ConnectionError("the gateway is starting")
        await subscribe(codes, replace=replace)

    monkeypatch.setattr(desk.gateway, "subscribe", away_once)
    async with scanning(desk):
        assert desk.gateway.minutes_asked == [SAMSUNG]
        await desk.play(breakout()[19:], SCANNER)
    assert len(await desk.signals()) == 1


def recorded_minutes(ticks: list[Tick]) -> list[MinutePrice]:
    """Return the minute bars of one tick a minute."""
    return [
        MinutePrice(
            stock_code=one.stock_code,
            price_datetime=one.at.replace(second=0),
            open_price=one.price,
            high_price=one.price,
            low_price=one.price,
            close_price=one.price,
            volume=one.volume,
        )
        for one in ticks
    ]


async def test_a_changed_configuration_acts_without_a_restart_and_is_acknowledged(desk: ServiceDesk) -> None:
    async with scanning(desk) as client:
        assert (await client.get("/health")).json()["active_strategies"] == ["VOLUME_BREAKOUT"]
        symbols = [{"code": SAMSUNG}, {"code": HYNIX}]
        change = desk.config(2, entries=[{"name": "DIP_BUY"}], watchlist={"source": "static", "symbols": symbols})
        await desk.announce(change)
        await eventually(lambda: acknowledged(desk, 2))
        await desk.play([tick("09:00:01", 10_000)], SCANNER)
        found = (await client.get("/health")).json()
    assert (found["active_strategies"], found["generation"], found["stock_count"]) == (["DIP_BUY"], 2, 2)
    assert desk.gateway.wanted == [SAMSUNG, HYNIX]


async def acknowledged(desk: ServiceDesk, generation: int) -> bool:
    return await desk.acknowledged(SCANNER) == generation


async def test_a_configuration_with_a_parameter_that_nobody_knows_is_refused_and_the_old_one_stays(
    desk: ServiceDesk,
) -> None:
    async with scanning(desk) as client:
        await desk.announce(desk.config(2, entries=[{"name": "RSI_REBOUND", "parameters": {"level": 30}}]))
        await desk.announce(desk.config(3, entries=[{"name": "DIP_BUY"}]))
        await eventually(lambda: acknowledged(desk, 3))
        await desk.announce(desk.config(4, entries=[{"name": "RSI_REBOUND", "parameters": {"level": 30}}]))
        await desk.play(breakout(), SCANNER)
        found = (await client.get("/health")).json()
    assert (found["generation"], found["active_strategies"]) == (3, ["DIP_BUY"])
    assert await desk.acknowledged(SCANNER) == 3


async def test_a_stock_that_leaves_the_list_is_neither_scanned_nor_subscribed(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play(breakout()[:-1], SCANNER)
        gone = desk.config(2, watchlist={"source": "static", "symbols": [{"code": HYNIX}]})
        await desk.announce(gone)
        await eventually(lambda: acknowledged(desk, 2))
        await desk.play(breakout()[-1:], SCANNER)
        assert desk.gateway.wanted == [HYNIX]
    assert (await desk.rows(), await desk.signals()) == ([], [])


async def test_a_stock_that_leaves_the_list_and_returns_keeps_its_cooldown(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
        for generation, code in ((2, HYNIX), (3, SAMSUNG)):
            await desk.announce(desk.config(generation, watchlist={"source": "static", "symbols": [{"code": code}]}))
            await eventually(lambda expected=generation: acknowledged(desk, expected))
            await desk.play([tick(f"09:2{generation}:30", 10_060)], SCANNER)
        desk.broker.minutes[SAMSUNG] = []
        late = [one.model_copy(update={"at": one.at + timedelta(minutes=8)}) for one in second_breakout()]
        await desk.play(late, SCANNER)
    assert len(await desk.signals()) == 1


async def test_the_scouts_list_is_joined_by_stocks_listed_by_hand(desk: ServiceDesk) -> None:
    desk.configure(watchlist={"source": "scout", "symbols": [{"code": HYNIX}]})
    async with scanning(desk) as client:
        assert (await client.get("/health")).json()["stock_count"] == 1
        hot = HotWatchlist(
            generated_at=at("08:30"),
            market_regime=context().market_regime,
            stocks=(entry(), entry(stock_code=HYNIX, rank=2)),
            version=HotWatchlist.version_of(at("08:30")),
        )
        await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot.model_dump_json())
        await desk.play([tick("09:00:01", 10_000)], SCANNER)
        assert (await client.get("/health")).json()["stock_count"] == 2


def hot_list(*entries: WatchlistEntry, clock: str = "08:30") -> str:
    return HotWatchlist(
        generated_at=at(clock),
        market_regime=context().market_regime,
        stocks=entries,
        version=HotWatchlist.version_of(at(clock)),
    ).model_dump_json()


async def stock_count(client: httpx.AsyncClient) -> int:
    return int((await client.get("/health")).json()["stock_count"])


async def counts(client: httpx.AsyncClient, stocks: int) -> bool:
    return await stock_count(client) == stocks


async def test_a_list_that_comes_before_any_tick_is_taken_over_and_its_ticks_are_asked_for(desk: ServiceDesk) -> None:
    """Without a list nothing is subscribed, so no tick would ever wake the scanner."""
    desk.configure(watchlist={"source": "scout"})
    async with scanning(desk, news_secs=1) as client:
        await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(entry(), entry(stock_code=HYNIX, rank=2)))
        await eventually(lambda: desk.clock.sleeping > 0)
        desk.clock.advance(1)
        await eventually(lambda: counts(client, 2))
        assert (await client.get("/health")).json()["watchlist_version"] == HotWatchlist.version_of(at("08:30"))
    assert desk.gateway.wanted == [SAMSUNG, HYNIX]


async def test_a_newer_list_acts_before_the_next_reload_and_its_new_stocks_get_their_minutes(
    desk: ServiceDesk,
) -> None:
    desk.configure(watchlist={"source": "scout"})
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(entry()))
    async with scanning(desk, news_secs=1, reload_secs=3_600) as client:
        await desk.play([tick("10:00:00", 10_000)], SCANNER)
        assert desk.gateway.minutes_asked == []  # watched from before the open: nothing is missing
        newer = hot_list(entry(stock_code=HYNIX, rank=1), clock="09:30")
        await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, newer)
        desk.clock.advance(1)
        await eventually(lambda: counts(client, 1))
        await eventually(lambda: desk.gateway.minutes_asked == [HYNIX])
    assert desk.gateway.wanted == [HYNIX]


async def test_what_persons_watch_joins_and_what_is_no_stock_is_left_out(desk: ServiceDesk) -> None:
    desk.configure(watchlist={"source": "scout", "maxSize": 3, "symbols": [{"code": HYNIX}]})
    stocks = (entry(), entry(stock_code="035420", rank=2), entry(stock_code="005935", rank=3))
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(*stocks))
    await desk.redis.hset(RedisKeys.WATCHLIST_MANUAL.value, mapping={"005490": "POSCO홀딩스", "nonsense": "x"})
    async with scanning(desk) as client:
        assert await stock_count(client) == 3
    assert sorted(desk.gateway.wanted) == sorted([SAMSUNG, HYNIX, "005490"])


async def test_an_emptied_redis_leaves_the_last_list_for_its_day(desk: ServiceDesk) -> None:
    desk.configure(watchlist={"source": "scout"})
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(entry()))
    async with scanning(desk) as client:
        await desk.redis.delete(RedisKeys.WATCHLIST_ACTIVE.value)
        await desk.play([tick("09:00:01", 10_000), tick("15:00:00", 10_000)], SCANNER)
        assert await stock_count(client) == 1
        await desk.play([tick("09:00:01", 10_000, day=at("09:00").date() + timedelta(days=1))], SCANNER)
        assert (await client.get("/health")).json()["watchlist_loaded"] is False
        assert await stock_count(client) == 0


async def test_a_service_without_a_list_is_ready_and_says_that_none_is_loaded(desk: ServiceDesk) -> None:
    desk.configure(watchlist={"source": "scout"})
    async with scanning(desk) as client:
        found = (await client.get("/health")).json()
    assert (found["watchlist_loaded"], found["stock_count"]) == (False, 0)


async def test_stopping_tells_the_clock_that_no_tick_need_wait_for_the_scanner(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    assert desk.clock.positions[POSITION] == CONSUMED_ALL


async def test_a_scanner_stopped_in_the_midst_of_a_batch_has_left_at_once(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def waits(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(HaltRepository, "in_force", waits)
    async with scanning(desk):
        await desk.publish(frames(breakout()))
        await asked.wait()
    assert desk.clock.positions[POSITION] == CONSUMED_ALL


async def test_rows_are_dated_by_the_tick_in_seoul(desk: ServiceDesk) -> None:
    async with scanning(desk):
        await desk.play(breakout(), SCANNER)
    (row,) = await desk.rows()
    assert row.signal_at.astimezone(KST).strftime("%H:%M:%S") == "09:20:05"
