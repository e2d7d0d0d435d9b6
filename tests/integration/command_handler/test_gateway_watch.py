"""A silent gateway calls a person: once, soon in the session and late outside it, and when it is back."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from command_handler.gateway_watch import GatewayWatch
from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from tests.support.commanding import Commanding
from tests.support.told_alerts import told_alerts


class Watched:
    """A watch with a hand on its stopwatch."""

    def __init__(self, desk: Commanding) -> None:
        self.desk = desk
        self.secs = 0.0
        self.watch = GatewayWatch(
            desk.gateway,
            Alerts(desk.redis, desk.clock, "command-handler"),
            desk.clock,
            load_sessions(),
            now_secs=lambda: self.secs,
        )

    async def look(self, *, after_secs: float = 0) -> list[Alert]:
        """Look once more and return all that was told so far."""
        self.secs += after_secs
        self.desk.clock.advance(after_secs)
        await self.watch.look()
        return await told_alerts(self.desk.redis)


@pytest.fixture
def watched(desk: Commanding) -> Watched:
    return Watched(desk)


async def test_a_minute_of_silence_in_the_session_is_told_once_and_so_is_its_end(watched: Watched) -> None:
    assert await watched.look() == []
    watched.desk.gateway.down = True
    assert await watched.look(after_secs=10) == []
    assert await watched.look(after_secs=59) == []
    (told,) = await watched.look(after_secs=1)
    assert (told.level, told.title) == (AlertLevel.CRITICAL, "게이트웨이가 60초째 응답하지 않습니다")
    assert len(await watched.look(after_secs=600)) == 1
    watched.desk.gateway.down = False
    _, back = await watched.look(after_secs=10)
    assert (back.level, back.text) == (AlertLevel.WARNING, "670초 동안 응답이 없었습니다.")
    assert len(await watched.look(after_secs=10)) == 2


async def test_a_restart_is_no_news(watched: Watched) -> None:
    watched.desk.gateway.down = True
    await watched.look()
    await watched.look(after_secs=50)
    watched.desk.gateway.down = False
    await watched.look(after_secs=10)
    watched.desk.gateway.down = True
    await watched.look(after_secs=10)
    assert await watched.look(after_secs=50) == []


async def test_outside_the_session_it_has_ten_minutes(watched: Watched) -> None:
    watched.desk.clock.advance(timedelta(hours=5).total_seconds())  # 17:00
    watched.desk.gateway.down = True
    await watched.look()
    assert await watched.look(after_secs=599) == []
    assert len(await watched.look(after_secs=1)) == 1


async def test_what_could_not_be_told_is_told_later(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise RedisConnectionError("away")

    watched.desk.gateway.down = True
    await watched.look()
    with monkeypatch.context() as patched:
        patched.setattr(watched.watch._alerts._publisher, "publish", away)
        assert await watched.look(after_secs=60) == []
    assert len(await watched.look(after_secs=10)) == 1
