"""What `jennie chat` says to a command-handler, and what it makes of its answers."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jennie.__main__ import run
from jennie.commands import chat as command
from tests.support.http_twin import Answer, HttpTwin

TOKEN = "an-operators-token"


class Handler(HttpTwin):
    """A command-handler that answers as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []
        self.tokens: list[str | None] = []
        self.status = 200
        self.outcome = "answered"
        self.told: list[str] = []
        self.awaited = 0
        self.looks = 0

    def answer(self, path: str, parameters: Any, headers: Any) -> Answer:
        self.tokens.append(headers.get("Authorization"))
        if path == "/console/messages":
            self.looks += 1
            after = int(parameters["after"])
            shown = [{"number": n, "text": text} for n, text in enumerate(self.told, 1) if n > after]
            following, self.awaited = self.awaited, max(0, self.awaited - 1)
            return Answer(200, {"messages": shown, "newest": len(self.told), "following": following})
        self.heard.append((path, str(parameters["text"])))
        if self.status != 200:
            return Answer(self.status, {"error": "E", "detail": "why not"})
        return Answer(200, {"said": parameters["text"]}, {"X-Outcome": self.outcome})


@pytest.fixture
def handler() -> Iterator[Handler]:
    with Handler() as made:
        yield made


@pytest.fixture
def folder(handler: Handler, tmp_path: Path) -> Path:
    """Return a folder below which a run lives."""
    service = {"component": "command-handler", "strategy": None, "ports": {"http": handler.port}}
    content = {
        "pid": os.getpid(),
        "redis_url": "redis://x",
        "database_url": "sqlite:///x",
        "strategies": [],
        "services": {"command-handler": service},
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "endpoints.json").write_text(json.dumps(content))
    (tmp_path / "secrets.json").write_text(json.dumps({"operator-token": TOKEN}))
    return tmp_path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LOOK_EVERY_SECS", 0.01)


def talk(folder: Path, *words: str) -> int:
    return run(["chat", *words, "--folder", str(folder)])


def test_words_are_one_line_said_with_the_operators_token(
    handler: Handler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert talk(folder, "/price", "삼성전자") == 0
    assert handler.heard == [("/console", "/price 삼성전자")]
    assert set(handler.tokens) == {f"Bearer {TOKEN}"}
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"said": "/price 삼성전자"}\n', "")


def test_the_run_itself_may_be_named_as_the_folder(handler: Handler, folder: Path) -> None:
    assert talk(folder / "run", "/help") == 0


def test_every_line_of_a_pipe_is_said_and_blank_ones_are_not(
    handler: Handler, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("/status\n\n  \n  /pnl 7  \n"))
    assert talk(folder) == 0
    assert [text for _, text in handler.heard] == ["/status", "/pnl 7"]
    assert "jennie>" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("done", 0), ("asked to confirm", 0), ("refused", 1), ("failed", 1), ("too old", 1), ("", 1)],
)
def test_the_status_says_whether_it_was_done(handler: Handler, folder: Path, outcome: str, status: int) -> None:
    handler.outcome = outcome
    assert talk(folder, "/pause") == status


def test_at_the_end_the_outcomes_are_awaited_and_older_news_is_not_repeated(
    handler: Handler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.told = ["old"]
    handler.awaited = 3
    original = handler.answer

    def with_news(path: str, parameters: Any, headers: Any) -> Answer:
        if handler.looks == 2 and "bought" not in handler.told:
            handler.told.append("bought")
        return original(path, parameters, headers)

    handler.answer = with_news  # type: ignore[method-assign]
    assert talk(folder, "확인", "1234") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["bought"]


@pytest.mark.parametrize(
    ("http", "status", "complaint"),
    [
        (401, 2, "jennie: command-handler: why not\n"),
        (403, 2, "jennie: command-handler: why not\n"),
        (400, 2, "jennie: command-handler: why not\n"),
        (503, 1, "jennie: command-handler: why not\n"),
        (500, 1, "jennie: command-handler: why not\n"),
    ],
)
def test_a_service_that_refuses_is_one_line(
    handler: Handler, folder: Path, http: int, status: int, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.status = http
    assert talk(folder, "/status") == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", complaint)
    assert TOKEN not in captured.err


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert talk(tmp_path, "/status") == 1
    assert capsys.readouterr().err.startswith("jennie: nothing runs here (no live run below ")


def test_a_run_without_the_service_or_without_its_token(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "secrets.json").write_text("{}")
    assert talk(folder, "/status") == 2
    (folder / "secrets.json").write_text("{")
    assert talk(folder, "/status") == 2
    (folder / "secrets.json").unlink()
    assert talk(folder, "/status") == 1
    file = folder / "run" / "endpoints.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"services": {}}))
    assert talk(folder, "/status") == 1
    complaints = capsys.readouterr().err.splitlines()
    assert [complaint.rpartition(": ")[2] for complaint in complaints[:2]] == ["is missing", "is not JSON"]
    assert complaints[3].endswith("has no command-handler")


def test_a_service_that_has_gone_is_one_line(
    handler: Handler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.__exit__(None, None, None)
    assert talk(folder, "/status") == 1
    assert capsys.readouterr().err == "jennie: command-handler does not answer (ConnectError)\n"


def test_another_address_takes_the_token_from_the_environment(
    handler: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{handler.port}"
    monkeypatch.delenv("JENNIE_OPERATOR_TOKEN", raising=False)
    assert run(["chat", "/help", "--url", url]) == 2
    assert "JENNIE_OPERATOR_TOKEN: missing" in capsys.readouterr().err
    monkeypatch.setenv("JENNIE_OPERATOR_TOKEN", "theirs")
    assert run(["chat", "/help", "--url", url]) == 0
    assert handler.tokens[-1] == "Bearer theirs"
    assert run(["chat", "/help", "--url", "localhost:1"]) == 2


@pytest.mark.parametrize("token", ["비밀", "two\nlines", "caf\u00e9"])
def test_a_token_that_no_header_can_carry_is_one_line_without_it(
    handler: Handler, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("JENNIE_OPERATOR_TOKEN", token)
    assert run(["chat", "/help", "--url", f"http://127.0.0.1:{handler.port}"]) == 2
    assert capsys.readouterr().err == "jennie: environment: JENNIE_OPERATOR_TOKEN: has characters that no token has\n"
    (folder / "secrets.json").write_text(json.dumps({"operator-token": token}))
    assert talk(folder, "/help") == 2
    assert token not in capsys.readouterr().err


def test_an_address_that_is_none_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JENNIE_OPERATOR_TOKEN", "theirs")
    assert run(["chat", "/help", "--url", "http://localhost:eighty"]) == 2
    assert capsys.readouterr().err.startswith("jennie: --url: http://localhost:eighty: ")


def test_a_pipe_that_is_no_text_is_one_line(
    handler: Handler, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"/status\n/price \xff\xfe\n"), encoding="utf-8"))
    assert talk(folder) == 2
    assert capsys.readouterr().err == "jennie: input: is not UTF-8\n"
    assert talk(folder, "/price \udcff") == 2  # how Python hands an argument on that it cannot read
    assert capsys.readouterr().err == "jennie: input: is not UTF-8\n"


@pytest.mark.parametrize("body", ["<html>", {"hello": "world"}, {"messages": [{}], "newest": 1, "following": 0}])
def test_somebody_else_at_the_address_is_one_line_and_hears_no_command(
    handler: Handler, folder: Path, capsys: pytest.CaptureFixture[str], body: Any
) -> None:
    handler.answer = lambda *_: Answer(200, body)  # type: ignore[method-assign]
    assert talk(folder, "/stop") == 1
    assert capsys.readouterr().err == (
        f"jennie: what answers at http://127.0.0.1:{handler.port} is no command-handler\n"
    )
    assert handler.heard == []


class Terminal(io.StringIO):
    """A terminal whose person types what a test says."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_a_talk_survives_an_answer_that_fails_and_is_left_with_status_0(
    handler: Handler,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: type[BaseException],
) -> None:
    typed = iter(["/status", "", "\xff", "/balance"])

    def asked(_prompt: str) -> str:
        for text in typed:
            if text == "\xff":
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
            handler.status = 503 if text == "/balance" else 200
            return text
        raise end

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", asked)
    assert talk(folder) == 0
    shown = capsys.readouterr().out
    assert '{"said": "/status"}\n! input: is not UTF-8\n! command-handler: why not\n' in shown
