"""Who is asking: the strategy comes from the caller's token, never from the body."""

from typing import Annotated

from fastapi import Header, HTTPException, Request

from prime_jennie.infra.tokens import strategy_of_header


def caller_strategy(request: Request, authorization: Annotated[str | None, Header()] = None) -> str:
    """Return the token's strategy; 401 without a token, 403 with one that was not minted here."""
    if authorization is None:
        raise HTTPException(401, "an Authorization header with a strategy's token is needed")
    strategy = strategy_of_header(authorization, request.app.state.token_key)
    if strategy is None:
        raise HTTPException(403, "the token was not minted with this gateway's key")
    return strategy
