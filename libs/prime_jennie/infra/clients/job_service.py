"""A service that runs slots, as its askers see it: begin one, look how it stands."""

from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from prime_jennie.domain.errors import BadInput, Conflict, NotFound, Unavailable
from prime_jennie.domain.slots import Slot, TriggerAnswer, TriggerRequest
from prime_jennie.infra.tls import trust

M = TypeVar("M", bound=BaseModel)

ANSWER_SECS: Final = 10.0  # real; a trigger is answered at once


class JobServiceClient:
    """Talks to services by their addresses; asking twice is harmless, for a slot begins once."""

    def __init__(self, *, answer_secs: float = ANSWER_SECS) -> None:
        self._http = httpx.AsyncClient(timeout=answer_secs, trust_env=False, verify=trust())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def trigger(self, url: str, request: TriggerRequest) -> TriggerAnswer:
        """Ask for a slot. Conflict: another one runs; BadInput: never so; Unavailable: ask again."""
        body = request.model_dump(mode="json", exclude_defaults=True)
        return _read(TriggerAnswer, await self._ask("POST", f"{url}/trigger", body))

    async def slot(self, url: str, name: str) -> Slot:
        """Return a slot as it stands; NotFound where the service knows none of that name."""
        return _read(Slot, await self._ask("GET", f"{url}/jobs/{name}", None))

    async def _ask(self, method: str, url: str, body: object) -> httpx.Response:
        try:
            response = await self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(f"no answer ({type(error).__name__})") from None
        if response.is_success:
            return response
        detail = _detail(response)
        match response.status_code:
            case 400:
                raise BadInput("trigger", "", detail)
            case 404:
                raise NotFound(detail)
            case 409:
                raise Conflict(detail)
        raise Unavailable(detail)


def _read(model: type[M], response: httpx.Response) -> M:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise Unavailable(f"its answer is no {model.__name__}") from None


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
