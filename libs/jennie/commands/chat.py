"""The commands on a terminal: what is typed goes to command-handler, what it answers and tells is shown."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

import httpx

from jennie.endpoints import running
from prime_jennie.domain.errors import BadInput, NotFound, Unavailable
from prime_jennie.infra.tls import trust

COMPONENT: Final = "command-handler"
SECRETS_FILE: Final = "secrets.json"
TOKEN_NAME: Final = "operator-token"  # noqa: S105 — its name in the file
TOKEN_VARIABLE: Final = "JENNIE_OPERATOR_TOKEN"  # noqa: S105
GOOD_OUTCOMES: Final = frozenset({"answered", "done", "asked to confirm"})
ANSWER_SECS: Final = 90.0
LOOK_EVERY_SECS: Final = 1.0
AWAIT_OUTCOMES_SECS: Final = 30.0  # at the end of a pipe; a person is told as long as the terminal is open
PROMPT: Final = "jennie> "
WELCOME: Final = "/help 로 명령을 봅니다 · Ctrl-D로 나갑니다  (/lang en for English)"


class Line:
    """The way to one command-handler."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_SECS,
            trust_env=False,
            verify=trust(),
        )
        self.newest = 0
        """Number of the last message shown."""

    def close(self) -> None:
        self._http.close()

    def say(self, text: str) -> tuple[str, bool]:
        """Return the answer to one line, and whether it was done as asked."""
        try:
            answer = self._http.post("/console", json={"text": text})
        except httpx.HTTPError as error:
            raise Unavailable(f"command-handler does not answer ({type(error).__name__})") from None
        except UnicodeEncodeError:  # what a terminal's encoding could not read
            raise _not_utf_8() from None
        _demand_success(answer)
        return answer.text.rstrip("\n"), answer.headers.get("X-Outcome", "") in GOOD_OUTCOMES

    def told(self) -> tuple[list[str], int]:
        """Return what was told since the last look, and how many outcomes are still awaited.

        No answer is no news; Unavailable when somebody else answers.
        """
        try:
            answer = self._http.get("/console/messages", params={"after": self.newest})
        except httpx.HTTPError:
            return [], 0
        if answer.status_code != httpx.codes.OK:
            return [], 0
        try:
            found = answer.json()
            newest, awaited = int(found["newest"]), int(found["following"])
            texts = [str(message["text"]) for message in found["messages"]]
        except (ValueError, KeyError, TypeError):
            raise Unavailable(f"what answers at {self._http.base_url} is no command-handler") from None
        self.newest = newest
        return texts, awaited

    def forget_the_past(self) -> None:
        """Show only what is told from now on."""
        self.told()


def chat(folder: Path, words: list[str], url: str | None) -> int:
    """Say one line, every line of a pipe, or talk; return 0 if everything was done as asked."""
    line = Line(*_address(folder, url))
    try:
        if words:
            return _say_all(line, [" ".join(words)], sys.stdout)
        if not sys.stdin.isatty():
            return _say_all(line, _readable(sys.stdin), sys.stdout)
        return _talk(line)
    finally:
        line.close()


def _readable(pipe: TextIO) -> Iterator[str]:
    try:
        yield from pipe
    except UnicodeDecodeError:
        raise _not_utf_8() from None


def _say_all(line: Line, texts: Iterable[str], out: TextIO) -> int:
    """Answer lines one after the other, then wait a while for the outcomes of what was ordered."""
    line.forget_the_past()
    all_good = True
    for text in texts:
        if text.strip():
            answer, is_good = line.say(text.strip())
            _show(answer, out)
            all_good = all_good and is_good
    deadline = time.monotonic() + AWAIT_OUTCOMES_SECS
    while True:
        messages, awaited = line.told()
        for message in messages:
            _show(message, out)
        if not awaited or time.monotonic() > deadline:
            return 0 if all_good else 1
        time.sleep(LOOK_EVERY_SECS)


def _talk(line: Line) -> int:
    """Talk until Ctrl-D or Ctrl-C; what is told meanwhile appears between the lines."""
    with suppress(ImportError):
        import readline  # noqa: F401 - arrow keys and history for input()
    line.forget_the_past()
    _show(WELCOME, sys.stdout)
    leaving = threading.Event()
    listener = threading.Thread(target=_listen, args=(line, leaving), daemon=True)
    listener.start()
    try:
        while True:
            try:
                text = input(PROMPT).strip()
            except UnicodeDecodeError:
                _show(f"! {_not_utf_8()}", sys.stdout)
                continue
            if text:
                _show(_answer_to(line, text), sys.stdout)
    except (EOFError, KeyboardInterrupt):
        _show("", sys.stdout)
        return 0
    finally:
        leaving.set()
        listener.join(LOOK_EVERY_SECS * 2)


def _answer_to(line: Line, text: str) -> str:
    """Answer, or say what is wrong: a service that restarts must not end the talk."""
    try:
        return line.say(text)[0]
    except (Unavailable, BadInput) as error:
        return f"! {error}"


def _listen(line: Line, leaving: threading.Event) -> None:
    while not leaving.wait(LOOK_EVERY_SECS):
        with suppress(Unavailable):  # who answers in its place may be gone at the next look
            for message in line.told()[0]:
                _show(f"\n{message}", sys.stdout)
                sys.stdout.write(PROMPT)
                sys.stdout.flush()


def _show(text: str, out: TextIO) -> None:
    out.write(text + "\n")
    out.flush()


def _address(folder: Path, url: str | None) -> tuple[str, str]:
    """Return where command-handler listens and the operator's token."""
    if url is not None:
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token:
            raise BadInput("environment", TOKEN_VARIABLE, "missing; --url needs it")
        if not url.startswith(("http://", "https://")):
            raise BadInput("--url", url, "must begin with http:// or https://")
        try:
            httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadInput("--url", url, str(error)) from None
        return url, _sendable(token, "environment", TOKEN_VARIABLE)
    endpoints = running(folder)
    if endpoints is None:
        raise NotFound(f"nothing runs here (no live run below {folder}); start one with: jennie run -f FILE")
    service = endpoints.service(COMPONENT)
    if service is None:
        raise NotFound(f"the run below {folder} has no {COMPONENT}")
    return service.url, _token_of(folder)


def _token_of(folder: Path) -> str:
    """Read the token that the runner made; it lies beside the runs' folders."""
    for file in (folder / SECRETS_FILE, folder.parent / SECRETS_FILE):
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except ValueError:
            raise BadInput(str(file), "", "is not JSON") from None
        token = known.get(TOKEN_NAME) if isinstance(known, dict) else None
        if isinstance(token, str) and token:
            return _sendable(token, str(file), TOKEN_NAME)
        raise BadInput(str(file), TOKEN_NAME, "is missing")
    raise NotFound(f"{folder / SECRETS_FILE} is not there: who started the run?")


def _not_utf_8() -> BadInput:
    return BadInput("input", "", "is not UTF-8")


def _sendable(token: str, where: str, name: str) -> str:
    """Return a token that fits into a header; its value is not repeated."""
    if token.isascii() and token.isprintable():
        return token
    raise BadInput(where, name, "has characters that no token has")


def _demand_success(answer: httpx.Response) -> None:
    if answer.status_code == httpx.codes.OK:
        return
    try:
        body = answer.json()
        detail = str(body.get("detail") or body.get("error"))
    except (ValueError, AttributeError):
        detail = f"HTTP {answer.status_code}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.BAD_REQUEST):
        raise BadInput(COMPONENT, "", detail)
    raise Unavailable(f"command-handler: {detail}")
