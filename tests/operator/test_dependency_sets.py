"""Each program starts in an environment with its own extra alone, as its image has it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from scripts.cluster.images import services
from tests.support.database import migrate_empty
from tests.support.redis_server import RedisServer, free_port

ROOT = Path(__file__).resolve().parents[2]
LIVES_WITHIN_SECS = 120
# Imports every module of the program, then whatever those import late, inside of functions; names what is not there.
LOOK = """
import ast, importlib, importlib.util, json, pkgutil, sys

OURS = ("prime_jennie", "jennie", "prime_jennie_operator", "kis_simulator", sys.argv[1])

def is_ours(name):
    return name.split(".")[0] in OURS

def imports(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
        else:
            yield from imports(node)

package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, f"{sys.argv[1]}."):
    importlib.import_module(module.name)
seen, absent = set(), set()
while waiting := [name for name in sys.modules if is_ours(name) and name not in seen]:
    for name in waiting:
        seen.add(name)
        source = getattr(sys.modules[name], "__file__", None)
        for wanted in imports(ast.parse(open(source).read())) if source else ():
            if is_ours(wanted):
                importlib.import_module(wanted)
            elif importlib.util.find_spec(wanted.split(".")[0]) is None:
                absent.add(f"{name} needs {wanted}")
print(json.dumps(sorted(absent)))
"""


def extras_of(service: str) -> list[str]:
    """Return the extras that the image of this program gets, as the Dockerfile says."""
    recipe = (ROOT / "Dockerfile").read_text()
    everywhere = re.search(r"-r pyproject.toml ((?:--extra [a-z]+ )+)-c", recipe)
    some = re.search(r'case "\$\{SERVICE:\?which one\}" in (.+?)\) more="(.+?)"', recipe)
    assert everywhere
    assert some
    own = some[2] if service in some[1].split(" | ") else ""
    return [*everywhere[1].split(), "--extra", service, *own.split()]


@pytest.fixture(params=services())
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def python(service: str, tmp_path: Path) -> Path:
    """Make the program's environment: what uv would install from the lock for it, linked from our own.

    Linked, because there it is compiled: a fresh environment costs each of these tests ten seconds of compiling.
    """
    uv, venv = Path(sys.executable).with_name("uv"), tmp_path / "venv"
    python = venv / "bin/python"
    run(uv, "venv", "--quiet", "--python", sys.executable, venv)
    plan = (
        *(uv, "pip", "install", "--dry-run", "--python", python, "--require-hashes", "-r", ROOT / "pyproject.toml"),
        *extras_of(service),
        *("-c", ROOT / "requirements/lock.txt"),
    )
    told = subprocess.run([*plan, "--offline"], capture_output=True, text=True, check=False)
    if told.returncode != 0:  # something is not in uv's cache
        told = subprocess.run(plan, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    site = next(venv.glob("lib/python3*/site-packages"))
    for name in [*re.findall(r"^ \+ (\S+?)==", told.stderr, re.MULTILINE), "prime-jennie"]:
        installed = distribution(name)
        for part in {Path(file).parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
            if not (site / part).exists():
                (site / part).symlink_to(Path(str(installed.locate_file(part))))
    return python


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_has_all_that_it_imports_and_starts(
    service: str, python: Path, redis_server: RedisServer, tmp_path: Path
) -> None:
    package = "prime_jennie_operator" if service == "operator" else service.replace("-", "_")
    assert json.loads(run(python, "-c", LOOK, package)) == []
    if service != "operator":  # which starts with a cluster only
        start(service, package, python, redis_server, tmp_path)


def start(service: str, package: str, python: Path, redis: RedisServer, folder: Path) -> None:
    migrate_empty(f"sqlite:///{folder / 'day.sqlite'}")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "REDIS_URL": redis.url,
        "DATABASE_URL": f"sqlite:///{folder / 'day.sqlite'}",
        "KIS_GATEWAY_URL": "http://127.0.0.1:9",
        "JENNIE_STRATEGY": f"alone-{service}",
        "JENNIE_SERVICE_TOKEN": "alone.token",
        "JENNIE_READ_TOKEN": "read",
        "JENNIE_TOKEN_KEY": "0123456789abcdef",
        "JENNIE_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "KIS_APP_KEY": "key",
        "KIS_APP_SECRET": "secret",
        "KIS_ACCOUNT_NO": "50012345-01",
        "KIS_BASE_URL": "http://127.0.0.1:9",
        "KIS_WS_URL": "ws://127.0.0.1:9",
        "JENNIE_SIM_PORT": "0",
        "JENNIE_SIM_WS_PORT": "0",
        "JENNIE_SIM_CONTROL_PORT": str(port),
    }
    path = "/control/clock" if service == "kis-simulator" else "/livez"
    with (folder / "log").open("w") as log:
        program = subprocess.Popen([python, "-m", package], env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + LIVES_WITHIN_SECS
            while not answers(f"http://127.0.0.1:{port}{path}"):
                said = (folder / "log").read_text()[-2000:]
                assert program.poll() is None, f"ended with {program.returncode}: {said}"
                assert time.monotonic() < deadline, said
                time.sleep(0.05)
        finally:
            program.kill()
            program.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
