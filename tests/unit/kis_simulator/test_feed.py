"""What a customer hears who registers a stock in the middle of the day."""

from datetime import timedelta

from kis_simulator.config import SimulatorSettings
from kis_simulator.credentials import Credentials
from kis_simulator.exchange.exchange import Exchange
from kis_simulator.exchange.journal import Journal
from kis_simulator.faults import Faults
from kis_simulator.limits import CallJudge
from kis_simulator.market.bars import Bar
from kis_simulator.websocket.feed import Feed
from kis_simulator.world import World
from prime_jennie.infra.calendar import load_sessions
from tests.support.trading_day import CALM, OPENS_AT, SESSION, exchange_of

EARLY, LATE = "005930", "000660"
OTHER = Bar(open=200_000, high=204_000, low=198_000, close=203_000, volume=900_000)


def feed_of(exchange: Exchange) -> Feed:
    return Feed(
        World(
            settings=SimulatorSettings(),
            sessions=load_sessions(),
            session=SESSION,
            tapes=exchange.tapes,
            exchange=exchange,
            credentials=Credentials(1, Journal(None).append),
            judge=CallJudge(20, 6),
            faults=Faults(7),
            now=lambda: exchange.at,
        )
    )


def heard(feed: Feed, codes: list[str], first_minute: int, last_minute: int) -> list[str]:
    """Return every record between two minutes of the session, in steps of ten seconds."""
    records: list[str] = []
    for step in range(first_minute * 6, last_minute * 6):
        before = OPENS_AT + timedelta(seconds=10 * step)
        records += feed.records(codes, before, before + timedelta(seconds=10))
    return records


def test_a_stock_registered_at_half_past_ten_prints_as_if_it_had_been_registered_from_the_start() -> None:
    exchange = exchange_of({EARLY: CALM, LATE: OTHER})
    whole_day = heard(feed_of(exchange), [EARLY, LATE], 0, 100)
    changing = feed_of(exchange)
    heard(changing, [EARLY], 0, 90)
    fresh = heard(changing, [EARLY, LATE], 90, 100)
    assert fresh == [record for record in whole_day if record.split("^")[1] > "103000"]
    assert sum(record.startswith(LATE) for record in fresh) > 200


def test_a_stock_given_up_and_registered_again_goes_on_without_repeating_or_forgetting_the_day() -> None:
    exchange = exchange_of({EARLY: CALM, LATE: OTHER})
    whole_day = heard(feed_of(exchange), [EARLY, LATE], 0, 60)
    changing = feed_of(exchange)
    before = heard(changing, [EARLY, LATE], 0, 20)
    between = heard(changing, [EARLY], 20, 40)
    again = heard(changing, [EARLY, LATE], 40, 60)
    missed = {record for record in whole_day if record.startswith(LATE)}.difference(before, again)
    assert [*before, *between, *again] == [record for record in whole_day if record not in missed]
    assert {"092000" < record.split("^")[1] <= "094000" for record in missed} == {True}
