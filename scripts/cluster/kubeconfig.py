"""Write a kubeconfig that carries everything in itself."""

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.cluster.certificates import Pair


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    authority: Path,
    identity: Pair | str,
    namespace: str = "default",
    impersonate: str | None = None,
    groups: Sequence[str] = (),
) -> Path:
    """Write it for a client certificate or a bearer token; JSON is YAML, so no library is needed."""
    user: dict[str, Any] = {"token": identity} if isinstance(identity, str) else _certificate(identity)
    if impersonate is not None:
        user |= {"as": impersonate, "as-groups": list(groups)}
    name = "prime-jennie"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": _data(authority)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
    return part.rename(path)


def _certificate(pair: Pair) -> dict[str, Any]:
    return {"client-certificate-data": _data(pair.certificate), "client-key-data": _data(pair.key)}


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
