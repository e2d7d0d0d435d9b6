from datetime import UTC, datetime

import pytest

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.trading_strategy import TradedMarket
from prime_jennie.infra.calendar import load_sessions
from prime_jennie_operator.strategy.exchange_hours import exchange_hours

KRX, US = TradedMarket.KRX, TradedMarket.US


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


@pytest.mark.parametrize(
    ("market", "now", "open_until", "changes_at"),
    [
        (KRX, "2026-02-19 08:29:59", None, "2026-02-19 08:30"),
        (KRX, "2026-02-19 08:30:00", "2026-02-19 15:30", "2026-02-19 15:30"),
        (KRX, "2026-02-19 15:29:59", "2026-02-19 15:30", "2026-02-19 15:30"),
        (KRX, "2026-02-19 15:30:00", None, "2026-02-20 08:30"),
        (KRX, "2026-02-21 12:00:00", None, "2026-02-23 08:30"),  # a Saturday
        (KRX, "2024-11-14 09:00:00", None, "2024-11-14 09:30"),  # the exam day opens and closes an hour later
        (KRX, "2024-11-14 16:00:00", "2024-11-14 16:30", "2024-11-14 16:30"),
        (US, "2026-02-19 23:30:00", "2026-02-20 06:00", "2026-02-20 06:00"),
        (US, "2026-02-20 05:59:00", "2026-02-20 06:00", "2026-02-20 06:00"),  # Seoul's next day
        (US, "2026-02-20 06:00:00", None, "2026-02-20 23:00"),
        (KRX, "2031-01-02 10:00:00", None, None),
    ],
)
def test_pods_are_left_alone_from_the_opening_auction_to_the_close(
    market: TradedMarket, now: str, open_until: str | None, changes_at: str | None
) -> None:
    found = exchange_hours(market, kst(now).astimezone(UTC), load_sessions)
    assert found.open_until == (kst(open_until) if open_until else None)
    assert found.changes_at == (kst(changes_at) if changes_at else None)
    assert found.is_open is (open_until is not None)
