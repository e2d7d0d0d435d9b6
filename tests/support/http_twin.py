"""A real HTTP server on loopback, in threads: tests with and without an event loop, and other processes, talk to it."""

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """What a twin answers, a text as it is and all else as JSON; `lost` cuts the connection instead of answering."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] | None = None
    lost: bool = False


class HttpTwin:
    """Serve POST and GET until stopped; a subclass says what is answered. The port stays the same while it runs."""

    def __init__(self) -> None:
        twin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self._reply({**self._query(), **_parameters(self.headers.get("Content-Type", ""), body)})

            def do_GET(self) -> None:
                self._reply(self._query())

            def _query(self) -> dict[str, str]:
                return dict(parse_qsl(urlsplit(self.path).query))

            def _reply(self, parameters: dict[str, Any]) -> None:
                answer = twin.answer(urlsplit(self.path).path, parameters, self.headers)
                if answer.lost or twin.stopping.is_set():
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
                body = text.encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **(answer.headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                return  # a client that gave up is what many a test wants

        self.stopping = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer one request; may block, every request has its own thread."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


def _parameters(content_type: str, body: str) -> dict[str, Any]:
    if content_type.startswith("application/json"):
        parsed = json.loads(body or "{}")
        return parsed if isinstance(parsed, dict) else {}
    return dict(parse_qsl(body, keep_blank_values=True))
