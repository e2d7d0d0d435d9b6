from datetime import UTC, datetime

import pytest

from prime_jennie_operator.strategy import platform
from prime_jennie_operator.strategy.platform import Told
from tests.support.findings import report

AT, LATER = datetime(2026, 2, 19, 1, tzinfo=UTC), datetime(2026, 2, 19, 2, tzinfo=UTC)


def test_before_the_first_answer_nothing_is_known_and_nobody_is_silent() -> None:
    figures = Told().figures("krx")
    assert (figures.is_current, figures.silent_since, figures.report, figures.holds) == (False, None, None, None)


def test_who_never_answered_is_silent_since_it_was_first_asked() -> None:
    told = Told()
    told.silent("refused", AT)
    told.silent("timed out", LATER)
    figures = told.figures("krx")
    assert (figures.silent_since, figures.why, figures.is_asked) == (AT, "timed out", False)


def test_one_lost_answer_is_no_news_and_a_long_silence_dates_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    told.answered({"krx": report(positions=2)}, AT)
    told.silent("refused", LATER)
    assert told.figures("krx").is_current
    assert told.figures("krx").holds is True
    monkeypatch.setattr(platform, "STALE_AFTER_SECS", 0.0)
    figures = told.figures("krx")
    assert (figures.is_current, figures.silent_since, figures.holds) == (False, AT, None)
    assert figures.report is not None, "what was known stays"
    told.answered({}, LATER)
    assert told.figures("krx").is_current
    assert told.figures("krx").holds is None, "a strategy of which nothing is told may hold anything"
