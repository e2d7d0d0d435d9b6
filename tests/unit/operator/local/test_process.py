import signal

import pytest

from prime_jennie_operator.local.process import describe_exit, next_backoff_secs


def test_backoff_doubles_to_thirty_seconds_and_starts_over_after_a_stable_life() -> None:
    delays, delay = [], 0.0
    for _ in range(7):
        delay = next_backoff_secs(delay, lived_secs=0.5)
        delays.append(delay)
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    assert next_backoff_secs(30, lived_secs=29.9) == 30
    assert next_backoff_secs(30, lived_secs=30) == 1


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exited with 0"), (3, "exited with 3"), (-signal.SIGKILL, "killed by SIGKILL")]
)
def test_an_exit_is_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
