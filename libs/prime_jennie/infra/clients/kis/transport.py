"""One HTTP exchange with KIS: nothing is resent, nothing secret is logged."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown
from prime_jennie.infra.tls import trust

CONNECT_TIMEOUT_SECS = 3.0
NOT_CONNECTED = "NOT_CONNECTED"


class CallClass(StrEnum):
    """What a call counts against: tokens, quotes, or the ledger (account queries and orders)."""

    TOKEN = "token"  # noqa: S105 - a class of calls, not a secret
    QUOTE = "quote"
    ACCOUNT = "account"


Permit = Callable[[CallClass], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def no_limit(_: CallClass) -> AsyncIterator[None]:
    """Permit every call at once; for tests and for the command line's single calls."""
    yield


@dataclass(frozen=True)
class Answer:
    status: int
    tr_cont: str
    content: bytes
    source: str | None = None
    """The exchange's own remark that its figures are an approximation (only the simulator makes one)."""


class Transport:
    """Send requests; orders go over fresh connections, because a kept one may die in the act and prove nothing."""

    def __init__(self, base_url: str, *, timeout_secs: float) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO
        timeout = httpx.Timeout(timeout_secs, connect=min(CONNECT_TIMEOUT_SECS, timeout_secs))
        self._kept = httpx.AsyncClient(base_url=base_url, timeout=timeout, trust_env=False, verify=trust())
        self._fresh = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            verify=trust(),
        )

    async def get(self, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        return await _exchange(self._kept, self._kept.build_request("GET", path, headers=headers, params=query))

    async def post(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        return await _exchange(self._fresh, self._fresh.build_request("POST", path, headers=headers, json=body))

    async def close(self) -> None:
        await self._kept.aclose()
        await self._fresh.aclose()


async def _exchange(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    try:
        response = await client.send(request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        # Not one byte of the request left: definitely not done.
        raise BrokerRefused(NOT_CONNECTED, "the broker cannot be reached", may_retry=True) from None
    except httpx.TimeoutException:
        raise OutcomeUnknown("no answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise OutcomeUnknown("the connection was cut before the answer was complete") from None
    headers = response.headers
    return Answer(response.status_code, headers.get("tr_cont", ""), response.content, headers.get("x-data-source"))
