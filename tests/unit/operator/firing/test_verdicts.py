"""What is said of a database that does not answer: its own words, one line, no statement and no secret."""

from sqlalchemy.exc import ProgrammingError

from prime_jennie.domain.errors import Unavailable
from prime_jennie_operator.firing.verdicts import LONGEST_CAUSE, in_words


class NoTable(Exception):  # noqa: N818 - as a driver's errors are called
    """What a driver raises."""


def test_a_statement_is_not_repeated() -> None:
    error = ProgrammingError("SELECT name FROM slots WHERE x = %s", {"x": 1}, NoTable("(1146, no such table)"))
    assert in_words(error) == "NoTable: (1146, no such table)"


def test_only_the_first_line_is_told() -> None:
    assert in_words(Unavailable("database: gone\nTraceback")) == "Unavailable: database: gone"
    assert in_words(OSError()) == "OSError: "


def test_a_password_is_masked_and_a_long_sentence_ends() -> None:
    told = in_words(Unavailable("mysql://jennie:open-sesame-4711@mariadb/jennie " + "very " * 200))
    assert "open-sesame-4711" not in told
    assert len(told) <= LONGEST_CAUSE + 20
