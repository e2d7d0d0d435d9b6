"""Where the API server is and who this process is to it: a pod's service account, or a person's kubeconfig."""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import kopf

from prime_jennie.domain.errors import BadInput

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_READ_EVERY_SECS: Final = 30.0  # the kubelet renews the file long before its token expires


@dataclass(slots=True)
class Connection:
    """An address, its trust and its credentials."""

    server: str
    ssl_context: ssl.SSLContext = field(repr=False)
    namespace: str = "default"
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    authorization: str | None = field(default=None, repr=False)
    """A fixed header, for credentials that are neither token nor certificate."""
    _read_at_secs: float = field(default=float("-inf"), repr=False)

    def header(self, *, anew: bool = False) -> str | None:
        """Give the Authorization header; `anew` after the server refused the last one."""
        if self.token_file is not None and (anew or time.monotonic() - self._read_at_secs > TOKEN_READ_EVERY_SECS):
            self.token = self.token_file.read_text(encoding="utf-8").strip()
            self._read_at_secs = time.monotonic()
        return f"Bearer {self.token}" if self.token else self.authorization


def find_connection() -> Connection:
    """Take the pod's service account where there is one, else the kubeconfig; BadInput when there is neither."""
    return in_cluster(ACCOUNT_FOLDER) if (ACCOUNT_FOLDER / "token").exists() else from_kubeconfig()


def in_cluster(account: Path) -> Connection:
    """Read a mounted service account; the token's file is read again and again, as the kubelet renews it."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"[{host}]" if host and ":" in host else host or "kubernetes.default.svc"
    return Connection(
        server=f"https://{address}:{port}",
        ssl_context=ssl.create_default_context(cafile=str(account / "ca.crt")),
        namespace=(account / "namespace").read_text(encoding="utf-8").strip(),
        token_file=account / "token",
    )


def from_kubeconfig() -> Connection:
    """Read the files that KUBECONFIG names, or ~/.kube/config; BadInput for one that cannot be used."""
    try:
        found = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
        if found is None:
            raise BadInput("environment", "KUBECONFIG", "no kubeconfig and no service account: which cluster?")
        headers = found.as_http_headers()
        return Connection(
            server=found.server.rstrip("/"),
            ssl_context=found.as_ssl_context(),
            namespace=found.default_namespace or "default",
            authorization=headers.get("Authorization"),
        )
    except (OSError, KeyError, AttributeError, TypeError, ValueError, kopf.LoginError) as error:
        raise BadInput("environment", "KUBECONFIG", f"cannot be used ({type(error).__name__})") from None
