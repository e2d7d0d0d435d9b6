"""Turn errors into ErrorResponse with the status of service-contracts §5; internals stay in the log."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from prime_jennie.domain.errors import (
    BadInput,
    Conflict,
    ErrorResponse,
    JennieError,
    NotFound,
    RateLimited,
    Unavailable,
    field_path,
)
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.runtime.time_of import now_of

log = structlog.get_logger(__name__)

STATUS_OF: tuple[tuple[type[JennieError], int], ...] = (
    (BadInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (RateLimited, 429),
    (Unavailable, 503),
)
OTHERWISE_STATUS = 503  # the broker refused or the outcome is unknown: nothing that the caller asked is certain


def status_of(error: JennieError) -> int:
    """Return the HTTP status of an error that a caller can act on."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), OTHERWISE_STATUS)


def add_error_handlers(app: FastAPI, service: str) -> None:
    """Answer every error of `app` as ErrorResponse; invalid requests are 400, never 422."""

    def answer(status: int, error: str, detail: str | None) -> JSONResponse:
        body = ErrorResponse(
            error=error, detail=None if detail is None else mask_text(detail), service=service, timestamp=now_of(app)
        )
        return JSONResponse(body.model_dump(mode="json"), status_code=status)

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        return answer(400, "BadInput", _first_refusal(error) if isinstance(error, RequestValidationError) else None)

    async def known(_request: Request, error: Exception) -> JSONResponse:
        status = status_of(error) if isinstance(error, JennieError) else OTHERWISE_STATUS
        return answer(status, type(error).__name__, str(error))

    async def http(_request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            return answer(500, "InternalError", None)
        response = answer(error.status_code, "HTTPError", str(error.detail))
        response.headers.update(error.headers or {})
        return response

    async def outage(request: Request, error: Exception) -> JSONResponse:
        log.warning("request failed on an outage", path=request.url.path, error=f"{type(error).__name__}: {error}")
        return answer(503, "Unavailable", f"a dependency did not answer ({type(error).__name__})")

    async def unexpected(_request: Request, _error: Exception) -> JSONResponse:
        return answer(500, "InternalError", None)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(JennieError, known)
    app.add_exception_handler(HTTPException, http)
    for kind in OUTAGES:
        if not issubclass(kind, JennieError):
            app.add_exception_handler(kind, outage)
    app.add_exception_handler(Exception, unexpected)


def _first_refusal(error: RequestValidationError) -> str:
    """Return the first field and reason; the offending value is not repeated, it may be a secret."""
    first = error.errors()[0]
    path = field_path(tuple(first["loc"]))
    return f"{path}: {str(first['msg']).removeprefix('Value error, ')}"
