"""A local run of one stand-in service and a Redis, as a program of its own that a test can interrupt or kill.

Arguments: the folder, then optional names of services to add.
"""

import asyncio
import sys
from pathlib import Path

from prime_jennie_operator.local.errors import LocalRunError
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from prime_jennie_operator.local.signals import Interrupted, run_until_signal
from tests.support.stand_in_objects import redis_store, stand_in


def say(name: str, text: str) -> None:
    sys.stdout.write(f"{name}: {text}\n")
    sys.stdout.flush()


async def live(folder: Path, names: list[str], env: dict[str, str]) -> None:
    secrets = LocalSecrets(load_generated(folder / "secrets.json"), "sqlite+aiosqlite:///unused")
    objects = redis_store()
    for number, name in enumerate(names):
        objects += stand_in(name, 28500 + number, REDIS_URL="redis://redis:6379/0", **env)
    async with LocalRun(objects, folder / "run", secrets, report=say):
        say("runner", "running")
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        run_until_signal(live(Path(sys.argv[1]), sys.argv[2].split(","), dict(a.split("=") for a in sys.argv[3:])))
    except Interrupted as interrupted:
        sys.exit(interrupted.exit_code)
    except LocalRunError as error:
        say("runner", str(error))
        sys.exit(error.exit_code)
