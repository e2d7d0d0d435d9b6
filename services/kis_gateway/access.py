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
    read_token: SecretStr | None = request.app.state.read_token
    scheme, _, token = (authorization or "").partition(" ")
    if read_token is not None and scheme.lower() == "bearer":
        expected = read_token.get_secret_value()
        if hmac.compare_digest(token.strip().encode(), expected.encode()):
            return
    caller_strategy(request, authorization)
