"""The console: the same commands over HTTP, for whoever holds the operator's token."""

import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from command_handler.console_room import CONSOLE, ConsoleRoom
from command_handler.languages import Languages
from command_handler.outcomes import Outcomes
from command_handler.replies import as_text
from command_handler.switchboard import Said, Switchboard

OPERATOR = "operator"


class ConsoleBody(BaseModel):
    """One line that somebody typed."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=10_000)


@dataclass(frozen=True)
class ConsoleDesk:
    """What the console speaks with."""

    switchboard: Switchboard
    room: ConsoleRoom
    languages: Languages
    outcomes: Outcomes


def console_routes(desk: Callable[[], ConsoleDesk], token: SecretStr | None) -> APIRouter:
    """Return `POST /console`, answered as plain text, and `GET /console/messages` with what was told since."""

    def operator_only(authorization: Annotated[str | None, Header()] = None) -> None:
        if token is None:
            raise HTTPException(403, "JENNIE_OPERATOR_TOKEN is not set: nobody may command")
        scheme, _, given = (authorization or "").partition(" ")
        if authorization is None or scheme.lower() != "bearer":
            raise HTTPException(401, "an Authorization header with the operator's token is needed")
        if not hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode()):
            raise HTTPException(403, "that is not the operator's token")

    router = APIRouter(prefix="/console", dependencies=[Depends(operator_only)])

    @router.post("", response_class=PlainTextResponse)
    async def say(body: ConsoleBody) -> PlainTextResponse:
        """Answer one line; X-Outcome says what came of it, X-Following how many orders' outcomes are awaited."""
        at = desk()
        said = Said(f"{CONSOLE}:{uuid.uuid4().hex}", CONSOLE, OPERATOR, body.text, is_paced=False)
        reply = await at.switchboard.answer(said)
        if reply is None:
            raise HTTPException(409, "this message was answered before")
        text = as_text(reply, await at.languages.of(CONSOLE))
        headers = {
            "X-Outcome": reply.outcome.value,
            "X-Following": str(await at.outcomes.awaited_by(CONSOLE)),
            "X-Newest": str(at.room.newest),
        }
        return PlainTextResponse(text + "\n", headers=headers)

    @router.get("/messages")
    async def messages(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, object]:
        """Return what was told unasked behind a number, and how many outcomes are awaited."""
        at = desk()
        language = await at.languages.of(CONSOLE)
        shown = [{"number": one.number, "text": as_text(one.reply, language)} for one in at.room.after(after)]
        return {"messages": shown, "newest": at.room.newest, "following": await at.outcomes.awaited_by(CONSOLE)}

    return router
