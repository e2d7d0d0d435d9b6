"""The same day of commands on SQLite and on MariaDB."""

from redis.asyncio import Redis

from command_handler.replies import Outcome
from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.database.engines import Database
from tests.support.commanding import HYNIX, SAMSUNG, STRATEGY, code_in, commanding


async def test_a_day_of_commands_means_the_same_on_both(redis: Redis, db: Database) -> None:
    async with commanding(redis, db, manual_trades_per_day=2) as desk:
        await desk.hold(HYNIX)
        assert (await desk.say("/price sk하이닉스")).startswith("SK하이닉스 000660\n")  # MariaDB compares bytes
        code = code_in(await desk.ask("/buy 삼성전자 3"))
        assert (await desk.ask(f"확인 {code}", message_id="telegram:1:1")).outcome is Outcome.DONE
        assert (await desk.confirm("/sell 000660 1")).lines[0].ko == "오늘 수동 거래 2/2"
        assert (await desk.confirm("/sell 000660 1")).outcome is Outcome.REFUSED
        await desk.say("/pause <b>점심</b>")
        await desk.say("/maxbuy 2")
        await desk.say("/watch 삼성전자")
        await desk.say("/alert 005930 75000")
        desk.room = desk.furnished()
        assert await desk.halts.effective(STRATEGY) is HaltState.PAUSED
        assert "<b>점심</b>" in await desk.say("/status")
        assert "krx-core:max_buys_per_day = 2 (Owner (7)" in await desk.say("/config")
        assert await desk.say("/alerts") == "가격 알림 1\n- 삼성전자 005930 75,000원 이상"
        assert "삼성전자 005930 · 수동" in await desk.say("/watchlist")
        assert await desk.hear("/sellall 확인", message_id="telegram:1:1") is None
        assert [signal.stock_code for signal in await desk.signals()] == [SAMSUNG]
        assert len(await desk.sell_orders()) == 1
        await desk.room.switchboard.tell_interrupted()
        assert desk.room.console.room.after(0) == []
