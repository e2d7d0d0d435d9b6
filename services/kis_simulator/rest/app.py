"""The provider's REST server: headers, limits, faults, routes and the answer's envelope."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from kis_simulator.credentials import IssueRefused, appkey_id
from kis_simulator.exchange import refusals
from kis_simulator.exchange.refusals import Refusal
from kis_simulator.rest import auth
from kis_simulator.rest.call import Answer, Call
from kis_simulator.rest.routes import KNOWN_TRS, ROUTES, Route
from kis_simulator.world import World

log = structlog.get_logger(__name__)

_BODY_LIMIT_BYTES = 64 * 1024
_MESSAGE_WIDTH = 80
_REPLY_DELAY_SECS = 10.0
_TIMEOUT_SECS = 30.0


def rest_app(world: World) -> Starlette:
    """Return the ASGI application of the provider's REST interface."""

    async def answer(request: Request) -> Response:
        path = re.sub("/+", "/", request.scope["path"])
        try:
            body = await _body(request)
            if path in ("/oauth2/tokenP", "/oauth2/Approval", "/uapi/hashkey"):
                return _without_token(world, request, path, body)
            return await _business(world, request, path, body)
        except IssueRefused as refused:
            world.stats.refusals[refused.code] += 1
            return JSONResponse({"error_code": refused.code, "error_description": refused.description}, 403)
        except Refusal as refused:
            return _refused(world, request, refused)
        except Exception:
            log.exception("request failed", path=path)
            return _refused(world, request, Refusal("EGW00000", "시스템 오류가 발생했습니다.", 500))

    return Starlette(routes=[HttpRoute("/{path:path}", answer, methods=["GET", "POST"])])


async def _body(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > _BODY_LIMIT_BYTES:
            raise Refusal("OPSQ9997", "BODY TOO LARGE", 500)
    if not raw:
        raise Refusal("OPSQ9995", "BODY NOT FOUND", 500)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal("OPSQ9997", "INVALID JSON FORMAT", 500) from error
    if not isinstance(body, dict):
        raise Refusal("OPSQ9997", "INVALID JSON FORMAT", 500)
    return body


def _without_token(world: World, request: Request, path: str, body: dict[str, Any]) -> Response:
    if request.method != "POST":
        raise refusals.no_route()
    world.stats.calls[path] += 1
    if path == "/oauth2/tokenP":
        return JSONResponse(auth.issue_token(world, body))
    if path == "/oauth2/Approval":
        return JSONResponse(auth.issue_approval(world, body))
    return JSONResponse(auth.hash_key(body))


async def _business(world: World, request: Request, path: str, body: dict[str, Any]) -> Response:
    now = world.now()
    owner = _authenticate(world, request)
    tr_id = request.headers.get("tr_id", "").strip()
    world.stats.calls[tr_id if tr_id in KNOWN_TRS else "unknown"] += 1
    if not world.judge.admit_rest(owner, now):
        raise refusals.rest_rate_exceeded()
    route = _route(world, path, request.method, tr_id)
    if route.on_ledger and not world.judge.admit_ledger(owner, now):
        raise refusals.ledger_rate_exceeded()
    await _fault_before(world, tr_id)
    call = Call(owner, tr_id, request.headers.get("tr_cont", "").strip() == "N", _fields(request, body))
    answer = route.handler(world, call)
    await _fault_after(world, request, route, tr_id)
    return _answered(tr_id, answer)


def _authenticate(world: World, request: Request) -> str:
    """Return the app key that the token and the headers agree on."""
    owner = appkey_id(request.headers.get("appkey", ""))
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = world.credentials.token(text.strip()) if scheme == "Bearer" else None
    if token is None or token.appkey_id != owner:
        raise refusals.token_invalid()
    if world.faults.draw("token_invalidated") is not None:
        world.credentials.end_tokens(owner, world.now())
    if token.expired(world.now()):
        raise refusals.token_expired()
    return owner


def _route(world: World, path: str, method: str, tr_id: str) -> Route:
    route = ROUTES.get(path)
    if route is None or route.method != method:
        raise refusals.no_route()
    if not tr_id:
        raise Refusal("OPSQ9999", "TR_ID NOT FOUND", 500)
    if not route.accepts(tr_id, world.exchange.paper):
        other = route.accepts(tr_id, not world.exchange.paper)
        raise refusals.wrong_environment() if other else refusals.no_route()
    return route


def _fields(request: Request, body: dict[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in [*request.query_params.items(), *body.items()]:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise refusals.bad_field(str(name)[:32].upper(), "is not text")
        fields[name.upper()] = str(value)
    return fields


async def _fault_before(world: World, tr_id: str) -> None:
    fault = world.faults.draw("rate_refusal", tr_id)
    if fault is not None:
        by_ledger = fault.code("EGW00201") == "EGW00215"
        raise refusals.ledger_rate_exceeded() if by_ledger else refusals.rest_rate_exceeded()
    fault = world.faults.draw("rest_timeout", tr_id)
    if fault is not None:
        await asyncio.sleep(fault.secs(_TIMEOUT_SECS))
        raise Refusal("EGW00302", "연결이 지연되고 있습니다. 직전 거래를 확인하시기 바랍니다.", 500)


async def _fault_after(world: World, request: Request, route: Route, tr_id: str) -> None:
    """Spoil the answer of an order that was accepted already, by what is in force when it is accepted."""
    if not route.is_order:
        return
    lost = world.faults.draw("order_reply_lost", tr_id)
    delayed = world.faults.draw("order_reply_delayed", tr_id)
    failed = world.faults.draw("order_500_after_accept", tr_id)
    if lost is not None:
        request.scope["state"]["transport"].abort()
        await asyncio.sleep(0)
    if delayed is not None:
        await asyncio.sleep(delayed.secs(_REPLY_DELAY_SECS))
    if failed is not None:
        raise Refusal(failed.code("EGW00302"), "거래시간이 초과되었습니다. 직전 거래를 확인하시기 바랍니다.", 500)


def _answered(tr_id: str, answer: Answer) -> Response:
    envelope = {"rt_cd": "0", "msg_cd": answer.msg_cd, "msg1": answer.msg1.ljust(_MESSAGE_WIDTH), **answer.blocks}
    headers = {"tr_id": tr_id, "tr_cont": answer.tr_cont, "gt_uid": "", **answer.headers}
    return JSONResponse(envelope, headers=headers)


def _refused(world: World, request: Request, refused: Refusal) -> Response:
    world.stats.refusals[refused.code] += 1
    envelope = {"rt_cd": "1", "msg_cd": refused.code, "msg1": refused.message.ljust(_MESSAGE_WIDTH)}
    headers = {"tr_id": request.headers.get("tr_id", "").strip()[:16], "tr_cont": "", "gt_uid": ""}
    return JSONResponse(envelope, refused.status, headers=headers)
