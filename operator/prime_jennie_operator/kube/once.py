"""One piece of work against the API server, done by a command that nobody else repeats."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.connection import find_connection
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.leadership import Leadership

FAILED: Final = 1
WRONG_INPUT: Final = 2


def run_once(work: Callable[[KubeApi, str], Awaitable[int]]) -> int:
    """Do the work with a session and our namespace and return its exit status.

    1 for a refusal, for no answer and for a TimeoutError of the work, 2 where no cluster is named; each with one line.
    """

    async def run() -> int:
        connection = find_connection()
        leadership = Leadership()
        leadership.extend(math.inf)  # who calls this writes what no operator writes
        api = KubeApi(connection, leadership)
        try:
            return await work(api, connection.namespace)
        finally:
            await api.close()

    try:
        return asyncio.run(run())
    except BadInput as error:
        return _complain(error, WRONG_INPUT)
    except (KubeError, TimeoutError) as error:
        return _complain(error, FAILED)


def say(*lines: str) -> None:
    """Tell a person who reads this command's output."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(error: Exception, status: int) -> int:
    sys.stderr.write(f"{error}\n")
    return status
