"""A tiny service for tests of the runner: answers probes, may become ready late, may follow a live configuration.

Run as a program; only the standard library and redis, so that it starts fast.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTED = time.monotonic()
READY_AFTER_SECS = float(os.environ.get("READY_AFTER_SECS", "0"))
STATE = {"generation": 0, "max_positions": None, "seen_env": sorted(os.environ)}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        late = self.path == "/readyz" and time.monotonic() - STARTED < READY_AFTER_SECS
        body = json.dumps({"status": "healthy", "service": sys.argv[1], "pid": os.getpid(), **STATE}).encode()
        self.send_response(503 if late else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def follow_configuration(name: str) -> None:
    """Follow the file once and then the Redis key, acknowledging as services do."""
    import redis

    strategy = os.environ["JENNIE_STRATEGY"]
    client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    text = Path(os.environ["JENNIE_STRATEGY_FILE"]).read_text()
    while True:
        config = json.loads(text)
        if config["generation"] > STATE["generation"]:
            STATE["generation"] = config["generation"]
            STATE["max_positions"] = config["spec"]["risk"]["maxPositions"]
            client.hset(f"{strategy}:config:ack", name, config["generation"])
        time.sleep(0.05)
        try:
            text = client.get(f"{strategy}:config") or text
        except redis.RedisError:
            time.sleep(0.2)


def main() -> None:
    name = sys.argv[1]
    if os.environ.get("CRASHES"):
        sys.stderr.write(os.environ["CRASHES"] + "\n")
        sys.exit(2)
    if os.environ.get("IGNORES_SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "JENNIE_STRATEGY_FILE" in os.environ:
        threading.Thread(target=follow_configuration, args=(name,), daemon=True).start()
    sys.stdout.write(f"{name} listens on {os.environ['PORT']}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()


if __name__ == "__main__":
    main()
