"""Ports: what their small values promise."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from prime_jennie.domain.ports import InboxRow, Priority


def test_exits_go_before_entries_before_account_queries_before_quotes() -> None:
    assert sorted(Priority) == [Priority.EXITS, Priority.ENTRIES, Priority.ACCOUNT, Priority.QUOTES]


def test_a_received_message_cannot_be_changed() -> None:
    row = InboxRow("buy-executor", "1-0", "stream:buy-signals", "{}", None, datetime(2025, 3, 13, tzinfo=UTC))
    with pytest.raises(FrozenInstanceError):
        row.payload = "{...}"  # type: ignore[misc]
