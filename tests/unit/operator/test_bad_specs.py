"""The table of wrong specs, offline: tests/operator asks the API server about the same ones."""

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import KINDS, load_document
from prime_jennie_operator.structural import rules_of
from tests.support.bad_specs import GOOD, BadSpec, bad_specs, document

TABLE = bad_specs()


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_a_wrong_spec_is_told_by_field_and_reason(case: BadSpec) -> None:
    with pytest.raises(BadInput) as refused:
        load_document(case.document, "test")
    assert (refused.value.field, refused.value.reason) == (case.field, case.says)


@pytest.mark.parametrize("kind", GOOD)
def test_what_the_table_builds_on_is_good(kind: str) -> None:
    load_document(document(kind, {}), "test")


def test_every_rule_is_in_the_table() -> None:
    transitions = ("immutable", "dryRun cannot be set later")
    rules = {rule.message for kind in KINDS.values() for rule in rules_of(kind)}
    wanted = {message for message in rules if not any(word in message for word in transitions)}
    assert wanted - {case.server_says for case in TABLE} == set()
