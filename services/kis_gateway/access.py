"""Who is asking: the strategy comes from the caller's token, never from the body."""

import hmac
from typing import Annotated

from fastapi import Header, HTTPException, Request
from pydantic import SecretStr

from prime_jennie.infra.tokens import strategy_of_header


def caller_strategy(request: Request, authorization: Annotated[str | None, Header()] = None) -> str:
    """Return the token's strategy; 401 without a token, 403 with one that was not minted here."""
    if authorization is None:
        raise HTTPException(401, "an Authorization header with a strategy's token is needed")
    strategy = strategy_of_header(authorization, request.app.state.token_key)
    if strategy is None:
        raise HTTPException(403, "the token was not minted with this gateway's key")
    return strategy


def caller_who_may_look(request: Request, authorization: Annotated[str | None, Header()] = None) -> None:
    """Let a strategy pass, and the platform's services with the read token, which trades nothing."""
    if not _is_bearer(authorization, request.app.state.read_token):
        caller_strategy(request, authorization)


def caller_who_may_operate(request: Request, authorization: Annotated[str | None, Header()] = None) -> None:
    """Let only the operator's token pass: what it allows changes the account's books."""
    if authorization is None:
        raise HTTPException(401, "an Authorization header with the operator's token is needed")
    if not is_operator(request, authorization):
        raise HTTPException(403, "this needs the operator's token (JENNIE_OPERATOR_TOKEN)")


def is_operator(request: Request, authorization: str | None) -> bool:
    """Tell whether the caller has the operator's token; nobody does where none is set."""
    return _is_bearer(authorization, request.app.state.operator_token)


def _is_bearer(authorization: str | None, token: SecretStr | None) -> bool:
    scheme, _, told = (authorization or "").partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(told.strip().encode(), token.get_secret_value().encode())
