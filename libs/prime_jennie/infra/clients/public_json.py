"""Ask a public service for JSON; a failure says which service, never which address (keys stand in some)."""

import logging
from typing import TypeVar

import httpx
from pydantic import ValidationError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.model import Message

M = TypeVar("M", bound=Message)

_MOST_BYTES = 1_000_000
_WHO = {"User-Agent": "prime-jennie"}  # some services refuse a library's own name


async def read_public(base_url: str, path: str, model: type[M], service: str, *, timeout_secs: float) -> M:
    """Return the answer as a model; Unavailable for everything else."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=timeout_secs, headers=_WHO) as http:
            response = await http.get(path)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{service} did not answer ({type(error).__name__})") from None
    if response.status_code != 200:
        raise Unavailable(f"{service} answered HTTP {response.status_code}")
    if len(response.content) > _MOST_BYTES:
        raise Unavailable(f"{service} answered {len(response.content):,} bytes")
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise Unavailable(f"{service}'s answer cannot be read at {where or 'its start'}") from None
