"""An OpenAI-compatible server on loopback that says what a test wrote down: the twin of vLLM over real HTTP."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Reply:
    """One answer of the server; `body` replaces the whole HTTP body, `cut` ends the connection without any."""

    text: str | None = ""
    status: int = 200
    delay_secs: float = 0.0
    body: bytes | None = None
    cut: bool = False
    tokens_in: int = 120
    tokens_out: int = 30
    finish_reason: str = "stop"


def saying(answer: BaseModel | dict[str, Any], **more: Any) -> Reply:
    """Answer with a JSON object."""
    text = answer.model_dump_json() if isinstance(answer, BaseModel) else json.dumps(answer, ensure_ascii=False)
    return Reply(text, **more)


NOT_JSON = Reply("The market looks fine today. No JSON from me.")
EMPTY = Reply("")
NO_CONTENT = Reply(None)
CUT_OFF = Reply('{"sentiment_score": 55, "reason": "the market', finish_reason="length")
SERVER_ERROR = Reply(status=500, body=b'{"error": {"message": "CUDA out of memory"}}')
NOT_A_COMPLETION = Reply(body=b"<html>proxy</html>")
CUT = Reply(cut=True)


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def system(self) -> str:
        """Return the system part."""
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        """Return the user's part."""
        return str(self.body["messages"][1]["content"])

    @property
    def has_schema(self) -> bool:
        """Tell whether the answer's schema came as `response_format`."""
        return "response_format" in self.body


@dataclass
class LanguageServer:
    """Answers in order, then always with the last one; `answer_by` decides instead where it is set."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    takes_schemas: bool = True
    answer_by: Callable[[Asked], Reply] | None = None
    asked: list[Asked] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def says(self, *replies: Reply) -> None:
        """Replace the script."""
        with self._lock:
            self.replies = list(replies)

    def reply_to(self, asked: Asked) -> Reply:
        """Note a request and return what it gets."""
        with self._lock:
            self.asked.append(asked)
            if asked.has_schema and not self.takes_schemas:
                return Reply(status=400, body=b'{"error": {"message": "response_format is not supported"}}')
            if self.answer_by is not None:
                return self.answer_by(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def language_server(*replies: Reply) -> Iterator[LanguageServer]:
    """Run a server for the block."""
    told = LanguageServer(replies=list(replies))

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions", self.path
            reply = told.reply_to(Asked(body, {name.lower(): value for name, value in self.headers.items()}))
            time.sleep(reply.delay_secs)
            if reply.cut:
                self.close_connection = True
                return
            content = reply.body if reply.body is not None else _completion(body["model"], reply)
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _completion(model: str, reply: Reply) -> bytes:
    message = {"role": "assistant", "content": reply.text}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_742_256_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
        "usage": {
            "prompt_tokens": reply.tokens_in,
            "completion_tokens": reply.tokens_out,
            "total_tokens": reply.tokens_in + reply.tokens_out,
        },
    }
    return json.dumps(answer, ensure_ascii=False).encode()
