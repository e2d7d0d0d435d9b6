"""Service tokens: a strategy's name, signed, so that the gateway takes the strategy from the caller's token."""

import base64
import hashlib
import hmac


def mint(strategy: str, key: str) -> str:
    """Return `<strategy>.<base64url of HMAC-SHA256(key, strategy)>`.

    Raises ValueError for an empty strategy or key, and for a name with a dot in it.
    """
    if not strategy or "." in strategy:
        raise ValueError("a strategy's name is not empty and has no dot")
    if not key:
        raise ValueError("tokens are not signed with an empty key")
    digest = hmac.new(key.encode(), strategy.encode(), hashlib.sha256).digest()
    return f"{strategy}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def verify(token: str, key: str) -> str | None:
    """Return the strategy that a token was minted for, None when it was not minted with this key."""
    strategy, _, _ = token.partition(".")
    if not strategy or not key:
        return None
    return strategy if hmac.compare_digest(token.encode(), mint(strategy, key).encode()) else None


def strategy_of_header(authorization: str | None, key: str) -> str | None:
    """Return the strategy of an `Authorization: Bearer …` header, None when missing or forged."""
    scheme, _, token = (authorization or "").partition(" ")
    return verify(token.strip(), key) if scheme.lower() == "bearer" else None
