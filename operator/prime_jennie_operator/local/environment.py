"""What a process gets from its container's description: command, environment and files of this machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prime_jennie_operator.local.errors import BadObjects
from prime_jennie_operator.local.folder import RunFolder
from prime_jennie_operator.local.ports import LOOPBACK, PortMap
from prime_jennie_operator.local.secrets import LocalSecrets
from prime_jennie_operator.local.workloads import ADDRESS, Workload

# Nothing else of the person's environment reaches a process: their KIS keys belong to the gateway alone.
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "LD_LIBRARY_PATH",
)
ALWAYS = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
VARIABLE = re.compile(r"\$\(([A-Z_][A-Z0-9_]*)\)")


@dataclass(frozen=True, slots=True, repr=False)
class Launch:
    """One program ready to start; no repr, as the environment holds secrets."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where things are on this machine."""

    folder: RunFolder
    ports: PortMap
    targets: Mapping[tuple[str, int], tuple[str, str]]
    process_of: Mapping[str, str]
    secrets: LocalSecrets
    find_redis: Callable[[], str]

    def launch(self, workload: Workload) -> Launch:
        """Resolve Secrets, addresses, mounted paths and $(VARIABLES) for one workload."""
        env: dict[str, str] = {}
        for name, value in workload.env:
            resolved = value if isinstance(value, str) else self.secrets.resolve(value)
            if resolved is not None:
                env[name] = self._here(workload, name, resolved)
        argv = [self._resolved(workload, _expand(argument, env)) for argument in workload.command]
        if not argv:
            raise BadObjects(f"{workload.name}: its container names no command")
        argv[0] = {"python": sys.executable, "redis-server": ""}.get(argv[0], argv[0]) or self.find_redis()
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return Launch(tuple(argv), {**inherited, **ALWAYS, **env})

    def port(self, workload: Workload, name: str) -> int:
        return self.ports[(workload.name, name)]

    def _here(self, workload: Workload, name: str, value: str) -> str:
        if name == "HOST":
            return LOOPBACK
        for index, port in enumerate(workload.ports):
            if name == f"{port.name.upper().replace('-', '_')}_PORT" or (index == 0 and name == "PORT"):
                return str(self.port(workload, port.name))
        return self._resolved(workload, value)

    def _resolved(self, workload: Workload, text: str) -> str:
        return self._paths(workload, ADDRESS.sub(self._local_address, text))

    def _local_address(self, match: re.Match[str]) -> str:
        target = self.targets.get((match[1], int(match[3])))
        if target is None:
            return match[0]
        return f"{LOOPBACK}:{self.ports[(self.process_of[target[0]], target[1])]}"

    def _paths(self, workload: Workload, text: str) -> str:
        for mount in workload.mounts:
            if text == mount.path or text.startswith(mount.path.rstrip("/") + "/"):
                return str(self.mounted(workload, mount.path)) + text[len(mount.path.rstrip("/")) :]
        return text

    def mounted(self, workload: Workload, path: str) -> Path:
        """Name the folder of this machine that stands for a mounted one."""
        mount = next(m for m in workload.mounts if m.path == path)
        if mount.kind == "configMap":
            return self.folder.config_map(mount.source)
        return self.folder.volume(workload.name, mount.source)


def _expand(argument: str, env: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda match: env.get(match[1], match[0]), argument)
