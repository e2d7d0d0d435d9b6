"""/maxbuy, /dryrun, /config, /mute, /unmute, /lang, /liquidate: what a person sets, and who reads it."""

from datetime import timedelta

import pytest

from command_handler.replies import Outcome, as_text
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.reader import Language
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.liquidation import LiquidationBook, LiquidationOrders
from prime_jennie.infra.overrides import Overrides
from tests.support.commanding import HYNIX, SAMSUNG, STRATEGY, Commanding

STOCKS = f"{STRATEGY}:forced_liquidation:stocks"
ARMED = f"{STRATEGY}:forced_liquidation:armed"
KEPT = f"{STRATEGY}:forced_liquidation:kept"


def book_of(desk: Commanding) -> LiquidationBook:
    return LiquidationBook(desk.redis, desk.db, desk.keys, desk.clock)


async def test_a_cap_of_buys_is_stored_where_the_executor_reads_it(desk: Commanding) -> None:
    text = await desk.say("/maxbuy 3")
    assert text.startswith("krx-core: 하루 매수 최대 3회 (YAML 6, 명령 3)")
    assert await Overrides(desk.db).max_buys_per_day(STRATEGY) == 3
    row = await ConfigRepository(desk.db).get("krx-core:max_buys_per_day")
    assert row is not None
    assert (row.config_value, row.updated_by, row.updated_at) == ("3", "Owner (7)", desk.clock.now())
    assert await desk.say("/maxbuy") == "krx-core: 하루 매수 최대 3회 (YAML 6, 명령 3)"


async def test_the_stricter_of_yaml_and_command_is_what_is_told(desk: Commanding) -> None:
    assert (await desk.say("/maxbuy 20")).startswith("krx-core: 하루 매수 최대 6회 (YAML 6, 명령 20)")
    assert (await desk.say("/maxbuy 0")).startswith("krx-core: 하루 매수 최대 0회")


@pytest.mark.parametrize(
    "text", ["/maxbuy 21", "/maxbuy -1", "/maxbuy six", "/maxbuy 1 2", "/dryrun maybe", "/dryrun on off"]
)
async def test_a_wrong_setting_sets_nothing(desk: Commanding, text: str) -> None:
    assert (await desk.ask(text)).outcome is Outcome.WRONG
    assert [row.config_key for row in await ConfigRepository(desk.db).all()] == []


async def test_a_dry_run_is_switched_and_shown_in_the_configuration(desk: Commanding) -> None:
    assert (await desk.say("/dryrun")).startswith("krx-core: 모의 실행 꺼짐")
    assert (await desk.say("/dryrun on")).startswith("krx-core: 모의 실행 켜짐 - 주문을 기록만")
    assert await Overrides(desk.db).dry_run(STRATEGY)
    text = await desk.say("/config")
    assert text.startswith(
        "실행 중인 설정\nkrx-core · paper · 정상 거래 · gen 1\n  자본 50,000,000원 · watchlist scout"
    )
    assert "  krx-core:dry_run = on (Owner (7), 03-10 12:00)" in text
    await desk.say("/dryrun off")
    assert not await Overrides(desk.db).dry_run(STRATEGY)


async def test_with_several_strategies_a_setting_names_one(desk: Commanding) -> None:
    await desk.announce("krx-other")
    for text in ("/maxbuy 3", "/dryrun on", "/liquidate list"):
        assert (await desk.ask(text)).outcome is Outcome.WRONG
    await desk.ask("/maxbuy 3 @krx-other")
    assert await Overrides(desk.db).max_buys_per_day(STRATEGY) is None
    assert "krx-other · paper" in await desk.say("/config")


async def test_without_a_strategy_nothing_can_be_set(desk: Commanding) -> None:
    await desk.redis.flushall()
    assert (await desk.ask("/maxbuy 3")).title.ko == "아직 전략이 없습니다"
    assert await desk.say("/config") == "아직 전략이 없습니다"


async def test_a_mute_lasts_for_minutes_of_the_clock(desk: Commanding) -> None:
    assert await desk.say("/mute") == "알림이 켜져 있습니다"
    assert (await desk.say("/mute 30분")).startswith("12:30까지 알림을 끕니다")
    until = desk.clock.now() + timedelta(minutes=30)
    assert await desk.redis.get(RedisKeys.MUTE_UNTIL.value) == until.isoformat()
    assert await desk.say("/mute") == "12:30까지 조용합니다"
    desk.clock.advance(30 * 60)
    assert await desk.say("/mute") == "알림이 켜져 있습니다"
    await desk.say("/mute 5")
    assert await desk.say("/unmute") == "알림을 켭니다"
    assert (await desk.ask("/unmute")).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "text", ["/mute 0", "/mute 1441", "/mute -5", "/mute soon", "/mute 5 6", "/unmute 5", "/lang fr", "/lang"]
)
async def test_a_wrong_argument_changes_nothing(desk: Commanding, text: str) -> None:
    assert (await desk.ask(text)).outcome is Outcome.WRONG
    assert not await desk.redis.exists(RedisKeys.MUTE_UNTIL.value)


async def test_an_unreadable_mute_is_none(desk: Commanding) -> None:
    for value in ("soon", "2025-03-10T13:00:00"):
        await desk.redis.set(RedisKeys.MUTE_UNTIL.value, value)
        assert await desk.say("/mute") == "알림이 켜져 있습니다"


async def test_a_chat_chooses_its_language_for_good_and_for_itself(desk: Commanding) -> None:
    reply = await desk.ask("/lang EN")
    languages = desk.room.console.languages
    assert as_text(reply, await languages.of("telegram:7")) == "This chat is in English"
    desk.room = desk.furnished()
    languages = desk.room.console.languages
    assert (await languages.of("telegram:7"), await languages.of("console")) == (Language.ENGLISH, Language.KOREAN)


async def test_a_liquidation_is_listed_confirmed_and_armed_as_price_monitor_reads_it(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.hold(HYNIX)
    assert (await desk.ask("/liquidate arm")).title.ko == "청산 목록이 비어 있습니다"
    await desk.say("/liquidate add 삼성전자")
    assert await desk.say("/liquidate add 000660") == (
        "SK하이닉스 000660: 청산 목록에 추가\n장전 안 됨\n- SK하이닉스 000660\n- 삼성전자 005930"
    )
    assert await desk.redis.smembers(STOCKS) == {SAMSUNG, HYNIX}
    await desk.say("/liquidate remove 000660")
    assert not await desk.redis.exists(ARMED)
    question = await desk.ask("/liquidate arm")
    assert question.lines[0].ko == "삼성전자 005930"
    assert not await desk.redis.exists(ARMED)
    assert (await desk.confirm("/liquidate arm")).title.ko == "krx-core: 강제 청산 장전됨"
    assert await desk.redis.exists(ARMED)
    assert await desk.say("/liquidate status") == "krx-core: 강제 청산\n장전됨\n- 삼성전자 005930"
    assert (await desk.say("/liquidate disarm")).startswith("krx-core: 강제 청산 해제\n장전 안 됨")
    assert (await desk.ask("/liquidate disarm")).outcome is Outcome.REFUSED
    await desk.say("/liquidate clear")
    assert await desk.redis.smembers(STOCKS) == set()


@pytest.mark.parametrize(
    ("text", "answer", "left"),
    [
        ("/liquidate clear", "krx-core: 청산 목록을 비우고 해제", LiquidationOrders()),
        (
            "/liquidate disarm",
            "krx-core: 강제 청산 해제\n장전 안 됨\n- SK하이닉스 000660\n- 삼성전자 005930",
            LiquidationOrders(frozenset({SAMSUNG, HYNIX})),
        ),
        (
            "/liquidate remove 000660",
            "SK하이닉스 000660: 청산 목록에서 뺌\n장전됨\n- 삼성전자 005930",
            LiquidationOrders(frozenset({SAMSUNG}), "owner"),
        ),
    ],
)
async def test_what_is_taken_back_while_price_monitor_is_down_never_comes_back_with_an_emptied_redis(
    desk: Commanding, text: str, answer: str, left: LiquidationOrders
) -> None:
    armed = LiquidationOrders(frozenset({SAMSUNG, HYNIX}), "owner")
    await book_of(desk).remember(armed, who="price-monitor")
    for _ in range(2):  # Redis is emptied before the command, and once more after it
        await desk.redis.flushall()
        await desk.announce(STRATEGY)
        if await book_of(desk).remembered() == armed:
            assert await desk.say("/liquidate status") == (
                "krx-core: 강제 청산\n장전됨\n- SK하이닉스 000660\n- 삼성전자 005930"
            )
            assert await desk.say(text) == answer
        assert await book_of(desk).read() == left  # what price-monitor reads at its start
    row = await ConfigRepository(desk.db).get(KEPT)
    assert row is not None
    assert row.updated_by == "Owner (7)"


@pytest.mark.parametrize("text", ["/liquidate disarm", "/liquidate remove 000660"])
async def test_what_redis_says_is_taken_back_is_forgotten_in_sql_too(desk: Commanding, text: str) -> None:
    await desk.redis.set(KEPT, "2025-03-10T03:00:00+00:00")  # Redis knows: somebody cleared it
    await book_of(desk).remember(LiquidationOrders(frozenset({HYNIX}), "owner"), who="price-monitor")
    assert (await desk.ask(text)).outcome is Outcome.REFUSED
    assert await book_of(desk).remembered() == LiquidationOrders()


@pytest.mark.parametrize(
    "text",
    [
        "/liquidate",
        "/liquidate now",
        "/liquidate add",
        "/liquidate add 없는회사",
        "/liquidate arm 005930",
        "/liquidate list x",
    ],
)
async def test_a_wrong_liquidation_lists_nothing(desk: Commanding, text: str) -> None:
    await desk.hold(SAMSUNG)
    assert (await desk.ask(text)).outcome is Outcome.WRONG
    assert not await desk.redis.exists(STOCKS, ARMED)


async def test_only_what_is_held_can_be_liquidated(desk: Commanding) -> None:
    reply = await desk.ask("/liquidate add 삼성전자")
    assert (reply.outcome, reply.title.ko) == (
        Outcome.REFUSED,
        "krx-core은(는) 삼성전자 005930을(를) 보유하지 않습니다",
    )
    assert (await desk.ask("/liquidate remove 삼성전자")).outcome is Outcome.REFUSED
