"""Two tokens, two rights, and nobody without one."""

import pytest
from fastapi import HTTPException
from pydantic import SecretStr

from dashboard_api.access import Access, Right
from dashboard_api.config import DashboardSettings

READ, OPERATE = "r" * 20, "o" * 20


def access(read: str | None = READ, operate: str | None = OPERATE) -> Access:
    tokens = {"JENNIE_READ_TOKEN": read, "JENNIE_OPERATOR_TOKEN": operate}
    known = {name: SecretStr(token) for name, token in tokens.items() if token is not None}
    return Access(DashboardSettings.model_validate(known))


def test_each_token_has_its_right() -> None:
    assert access().right_of(READ) is Right.READ
    assert access().right_of(OPERATE) is Right.OPERATE
    assert access().right_of("") is None
    assert access().right_of(READ + "r") is None


def test_one_token_for_both_may_operate() -> None:
    assert access(read=READ, operate=READ).right_of(READ) is Right.OPERATE


@pytest.mark.parametrize("said", [None, "", READ, f"Basic {READ}", f"Bearer {READ}x", "Bearer ", "Bearer ｒ"])
def test_what_is_not_a_known_bearer_token_is_401(said: str | None) -> None:
    with pytest.raises(HTTPException) as refused:
        access().demand(said, Right.READ)
    assert refused.value.status_code == 401


def test_a_reader_may_not_operate() -> None:
    access().demand(f"bearer {READ}", Right.READ)
    with pytest.raises(HTTPException) as refused:
        access().demand(f"Bearer {READ}", Right.OPERATE)
    assert refused.value.status_code == 403


def test_nobody_gets_in_where_no_token_is_configured() -> None:
    with pytest.raises(HTTPException) as refused:
        access(None, None).demand("Bearer ", Right.READ)
    assert refused.value.status_code == 503
    assert access(None, None).protocol_that_may_read("Bearer ", ["bearer."]) == (False, None)


def test_a_socket_may_offer_its_token_as_a_protocol() -> None:
    assert access().protocol_that_may_read(None, ["chat", f"bearer.{READ}"]) == (True, f"bearer.{READ}")
    assert access().protocol_that_may_read(f"Bearer {READ}", []) == (True, None)
    assert access().protocol_that_may_read(None, ["bearer.wrong", ""]) == (False, None)
