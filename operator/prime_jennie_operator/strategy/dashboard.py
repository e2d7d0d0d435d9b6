"""Ask dashboard-api for every strategy's figures, in one request."""

from __future__ import annotations

import httpx
from pydantic import TypeAdapter, ValidationError

from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.infra.tls import trust

ANSWER_SECS = 10.0
_REPORTS = TypeAdapter(list[StrategyReport])


class NoFigures(Exception):  # noqa: N818 - an answer that did not come
    """Why there are none."""


class Dashboard:
    """One client for every namespace's dashboard-api."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=ANSWER_SECS, trust_env=False, verify=trust())

    async def reports(self, url: str, token: str | None) -> dict[str, StrategyReport]:
        """Return what is told of each strategy, by its name; raise NoFigures with the reason."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._http.get(f"{url}/api/strategies", headers=headers)
        except httpx.HTTPError as error:
            raise NoFigures(f"{url}: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise NoFigures(f"{url} answers {answer.status_code}")
        try:
            return {one.strategy: one for one in _REPORTS.validate_json(answer.content)}
        except ValidationError as error:
            raise NoFigures(f"{url} answers what nobody can read ({error.error_count()} errors)") from None

    async def close(self) -> None:
        await self._http.aclose()
