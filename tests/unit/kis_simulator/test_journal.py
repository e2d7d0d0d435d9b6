"""The journal: whole batches, torn last lines, the same books after reading."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kis_simulator.control import ledger_report
from kis_simulator.exchange.exchange import Exchange
from kis_simulator.exchange.journal import Journal
from prime_jennie.domain.errors import BadInput
from tests.support.trading_day import ACCOUNT, CALM, CLOSES_AT, buy, exchange_of, sell

CODE = "005930"


def busy_day(path: Path) -> Exchange:
    exchange = exchange_of({CODE: CALM}, journal=path)
    exchange.place(buy(CODE, 400))
    exchange.place(sell(CODE, 30))
    resting = exchange.place(buy(CODE, 50, 49_800))
    exchange.advance(exchange.at + timedelta(minutes=20))
    exchange.place(sell(CODE, 5, 60_000))
    if resting.remaining_qty:
        exchange.cancel(ACCOUNT, resting.number, None)
    return exchange


def close(exchange: Exchange) -> None:
    exchange._journal.close()


def test_reading_the_journal_rebuilds_the_same_books_and_the_time(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    before = busy_day(path)
    close(before)
    after = exchange_of({CODE: CALM}, journal=path)
    assert ledger_report(after.account(ACCOUNT)) == ledger_report(before.account(ACCOUNT))
    assert after.at == before.at
    assert after.ledger.next_number() == before.ledger.next_number()
    assert sorted(after.ledger.open_orders) == sorted(before.ledger.open_orders)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_a_torn_journal_rebuilds_what_it_held_whole_and_goes_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / f"exchange-{cut}.jsonl"
    path.unlink(missing_ok=True)
    close(busy_day(path))
    whole = path.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    path.write_bytes(kept)
    exchange = exchange_of({CODE: CALM}, journal=path)
    complete_lines = kept.count(b"\n")
    assert path.read_bytes().count(b"\n") == complete_lines
    account = exchange.account(ACCOUNT)
    assert account.cash_krw >= 0
    exchange.place(buy(CODE, 1))
    exchange.advance(CLOSES_AT)
    close(exchange)
    again = exchange_of({CODE: CALM}, journal=path)
    assert ledger_report(again.account(ACCOUNT)) == ledger_report(exchange.account(ACCOUNT))
    close(again)


def test_a_step_is_one_line_so_its_fills_are_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    exchange = exchange_of({CODE: CALM}, journal=path)
    for quantity in (10, 20, 30):
        exchange.place(buy(CODE, quantity, 49_500))
    lines = path.read_text().count("\n")
    exchange.advance(CLOSES_AT)
    assert path.read_text().count("\n") == lines + 1


def test_damage_before_the_last_line_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    close(busy_day(path))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b'{"not": "a record"}\n', *lines[1:]]))
    with pytest.raises(BadInput, match="line 2"):
        list(Journal(path).read())


def test_two_exchanges_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    with Journal(path) as journal:
        # Reading opens and closes the file once more, which must not give the lock away.
        list(journal.read())
        with pytest.raises(BadInput, match="in use"):
            Journal(path).open()
    with Journal(path):
        pass


def test_what_a_batch_says_is_on_disk_before_the_books_change(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    exchange = exchange_of({CODE: CALM}, journal=path)
    seen: list[bool] = []
    exchange.listen(lambda order, _: seen.append(order.number in path.read_text()))
    exchange.place(buy(CODE, 5))
    assert seen
    assert all(seen)
