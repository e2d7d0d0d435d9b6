"""/price, /watchlist, /watch, /unwatch: stocks by code and by name."""

import asyncio
from datetime import timedelta

import pytest

from command_handler.replies import Outcome
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.tasks import end_task
from tests.support.commanding import SAMSUNG, STOCKS, Commanding
from tests.support.eventually import eventually

MANUAL = RedisKeys.WATCHLIST_MANUAL.value


@pytest.mark.parametrize("named", ["005930", "삼성전자", "삼성", "삼성 전자"])
async def test_a_stock_is_named_by_code_name_or_a_part_that_fits_one(desk: Commanding, named: str) -> None:
    text = await desk.say(f"/price {named}")
    assert text.startswith(
        "삼성전자 005930\n현재가 72,000원 (+0.00%)\n시가 72,000 · 고가 72,000 · 저가 72,000\n거래량 1주\n"
    )
    assert text.endswith("기준 12:00:00")


@pytest.mark.parametrize(
    ("named", "code"), [("naver", "035420"), ("lg", "003550"), ("0004y0", "0004Y0"), ("알파스팩", "0004Y0")]
)
async def test_case_and_blanks_do_not_matter_and_an_exact_name_wins(desk: Commanding, named: str, code: str) -> None:
    assert (await desk.say(f"/price {named}")).startswith(f"{STOCKS[code][0]} {code}\n")


async def test_several_candidates_are_listed_and_none_is_chosen(desk: Commanding) -> None:
    assert (await desk.say("/price LG에")).startswith("LG에너지솔루션 373220\n")
    reply = await desk.ask("/price l")
    assert reply.outcome is Outcome.WRONG
    assert reply.lines[0].ko == "'l'에 맞는 종목이 여럿입니다: LG 003550, LG화학 051910, LG에너지솔루션 373220"


@pytest.mark.parametrize("named", ["", "samsung", "없는회사", "<b>", "%", "_", "' OR 1=1 --", "59300", "ABCDEF"])
async def test_what_names_no_stock_is_told_and_wildcards_are_letters(desk: Commanding, named: str) -> None:
    reply = await desk.ask(f"/price {named}")
    assert reply.outcome is Outcome.WRONG
    assert reply.lines[-1].ko == "사용법: /price 종목"


async def test_a_code_that_no_master_lists_is_the_exchanges_to_know(desk: Commanding) -> None:
    desk.broker.prices_krw["999999"] = 1_000
    assert (await desk.say("/price 999999")).startswith("999999\n현재가 1,000원")
    reply = await desk.ask("/price 999998")
    assert (reply.outcome, reply.title.ko) == (Outcome.REFUSED, "999998: 시세를 받을 수 없습니다")


async def test_a_quote_that_is_not_to_be_had_is_an_outage(desk: Commanding) -> None:
    desk.gateway.down = True
    assert (await desk.ask("/price 005930")).outcome is Outcome.FAILED


async def test_the_watchlist_shows_scores_tiers_and_what_is_listed_by_hand(desk: Commanding) -> None:
    assert await desk.say("/watchlist") == "관심종목\n스카우트의 목록이 아직 없습니다"
    entry = WatchlistEntry(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        quant_score=68,
        llm_score=72,
        hybrid_score=71,
        rank=1,
        is_tradable=True,
        trade_tier=TradeTier.TIER1,
    )
    at = desk.clock.now() - timedelta(minutes=30)
    hot = HotWatchlist(
        generated_at=at, market_regime=MarketRegime.BULL, stocks=(entry,), version=HotWatchlist.version_of(at)
    )
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot.model_dump_json())
    await desk.say("/watch 000660")
    assert await desk.say("/watchlist") == (
        "관심종목\n03-10 11:30 · 1 · 상승장\n1. 삼성전자 005930 71 (Q68/A72) TIER1 NEUTRAL\n"
        "SK하이닉스 000660 · 수동 50/50 TIER2"
    )


async def test_a_strategy_with_a_list_of_its_own_shows_that_one(desk: Commanding) -> None:
    own = {"source": "static", "symbols": [{"code": SAMSUNG}, {"code": "999999"}]}
    await desk.announce("krx-core", generation=2, watchlist=own)
    assert await desk.say("/watchlist") == "관심종목\nkrx-core · 전략 목록 2: 삼성전자 005930, 999999"
    assert "모든 전략이 자기 목록만 봅니다" in await desk.say("/watch 000660")
    await desk.say("/unwatch 000660")
    await desk.announce("krx-other")
    assert "다음 목록 갱신부터" in await desk.say("/watch 000660")
    await desk.say("/unwatch 000660")
    assert await desk.say("/watchlist") == (
        "관심종목\n스카우트의 목록이 아직 없습니다\nkrx-core · 전략 목록 2: 삼성전자 005930, 999999"
    )


async def test_a_watched_stock_stands_in_the_hash_that_the_scanner_reads(desk: Commanding) -> None:
    assert (await desk.say("/watch 삼성전자")).startswith("삼성전자 005930 수동 관심종목에 추가")
    assert await desk.redis.hgetall(MANUAL) == {SAMSUNG: "삼성전자"}
    assert await desk.say("/unwatch 005930") == "삼성전자 005930 수동 관심종목에서 뺌"
    assert await desk.redis.hgetall(MANUAL) == {}
    assert (await desk.ask("/unwatch 005930")).outcome is Outcome.REFUSED


async def test_a_stock_that_the_exchange_does_not_know_is_not_watched(desk: Commanding) -> None:
    assert (await desk.ask("/watch 999998")).outcome is Outcome.REFUSED
    assert await desk.redis.hgetall(MANUAL) == {}


async def test_an_emptied_redis_gets_the_list_back_and_keeps_what_others_put_there(desk: Commanding) -> None:
    await desk.say("/watch 삼성전자")
    await desk.redis.delete(MANUAL)
    await desk.redis.hset(MANUAL, "000660", "SK하이닉스")
    keeping = asyncio.create_task(desk.furnished().manual.keep())

    async def restored() -> bool:
        return len(await desk.redis.hgetall(MANUAL)) == 2

    await eventually(restored)
    await end_task(keeping)
    assert "SK하이닉스 000660 · 수동" in await desk.say("/watchlist")
    assert (await desk.ask("/unwatch 000660")).outcome is Outcome.DONE


async def test_as_many_stocks_are_watched_as_the_exchange_sends_ticks_for(desk: Commanding) -> None:
    for number in range(40):
        desk.broker.prices_krw[f"{900_000 + number}"] = 1_000
        assert (await desk.ask(f"/watch {900_000 + number}")).outcome is Outcome.DONE
    reply = await desk.ask("/watch 삼성전자")
    assert (reply.outcome, reply.title.ko) == (Outcome.REFUSED, "수동 목록은 40종목까지입니다")
    assert (await desk.ask("/watch 900000")).outcome is Outcome.DONE  # there already


async def test_many_candidates_are_cut(desk: Commanding) -> None:
    await desk.list_stocks({f"{800_000 + number}": f"가나{number:02}" for number in range(12)})
    text = (await desk.ask("/price 가나")).lines[0].ko
    assert text.count("가나") == 9  # the question and eight candidates
    assert text.endswith(" …")
