"""Where the API server is and who this process is to it: a pod's service account, or a person's kubeconfig."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import kopf
import yaml

from prime_jennie.domain.errors import BadInput

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_READ_EVERY_SECS: Final = 30.0  # the kubelet renews the file long before its token expires
_PLUGINS: Final = ("exec", "auth-provider")


@dataclass(slots=True)
class Connection:
    """An address, its trust and its credentials."""

    server: str
    ssl_context: ssl.SSLContext = field(repr=False)
    namespace: str = "default"
    token_file: Path | None = None
    fixed_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    _token: str = field(default="", repr=False)
    _read_at_secs: float = field(default=float("-inf"), repr=False)

    def headers(self, *, anew: bool = False) -> dict[str, str]:
        """Say who we are; `anew` reads a token's file again, after the server refused what it said before."""
        if self.token_file is None:
            return dict(self.fixed_headers)
        if anew or time.monotonic() - self._read_at_secs > TOKEN_READ_EVERY_SECS:
            self._token = self.token_file.read_text(encoding="utf-8").strip()
            self._read_at_secs = time.monotonic()
        return {**self.fixed_headers, "Authorization": f"Bearer {self._token}"}


def find_connection() -> Connection:
    """Take the pod's service account where there is one, else the kubeconfig; BadInput when there is neither."""
    return in_cluster(ACCOUNT_FOLDER) if (ACCOUNT_FOLDER / "token").exists() else from_kubeconfig()


def in_cluster(account: Path) -> Connection:
    """Read a mounted service account."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"[{host}]" if host and ":" in host else host or "kubernetes.default.svc"
    return Connection(
        server=f"https://{address}:{port}",
        ssl_context=ssl.create_default_context(cafile=str(account / "ca.crt")),
        namespace=(account / "namespace").read_text(encoding="utf-8").strip(),
        token_file=account / "token",
    )


def from_kubeconfig() -> Connection:
    """Read the files that KUBECONFIG names, or ~/.kube/config; BadInput for what cannot be used."""
    named = os.environ.get("KUBECONFIG")
    paths = [Path(part) for part in (named or "~/.kube/config").split(os.pathsep) if part]
    try:
        documents = [yaml.safe_load(path.expanduser().read_text(encoding="utf-8")) for path in paths]
        return _connection(documents)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadInput("environment", "KUBECONFIG", f"{error.filename}: {error.strerror}") from None
    except (KeyError, AttributeError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        # Not what it says: it may repeat a line of a file that is full of secrets.
        raise BadInput("environment", "KUBECONFIG", f"is not a usable kubeconfig ({type(error).__name__})") from None


def _connection(documents: list[Any]) -> Connection:
    current = next((d["current-context"] for d in documents if d.get("current-context")), None)
    context = _named(documents, "context", current)
    cluster = _named(documents, "cluster", context["cluster"])
    user = _named(documents, "user", context["user"]) if context.get("user") else {}
    if plugin := next((name for name in _PLUGINS if name in user), None):
        told = f"{plugin} of user {context['user']} needs another program; use a token or a client certificate"
        raise BadInput("environment", "KUBECONFIG", told)
    trust = kopf.ConnectionInfo(  # knows how to load a certificate that stands in the file itself
        server=cluster["server"],
        ca_path=cluster.get("certificate-authority"),
        ca_data=cluster.get("certificate-authority-data"),
        insecure=cluster.get("insecure-skip-tls-verify"),
        certificate_path=user.get("client-certificate"),
        certificate_data=user.get("client-certificate-data"),
        private_key_path=user.get("client-key"),
        private_key_data=user.get("client-key-data"),
        username=user.get("username"),
        password=user.get("password"),
        token=user.get("token"),
    )
    return Connection(
        server=str(trust.server).rstrip("/"),
        ssl_context=trust.as_ssl_context(),
        namespace=context.get("namespace") or "default",
        token_file=Path(user["tokenFile"]) if user.get("tokenFile") and not user.get("token") else None,
        fixed_headers={**trust.as_http_headers(), **_impersonation(user)},
    )


def _named(documents: list[Any], kind: str, name: str | None) -> dict[str, Any]:
    """Find an entry by its name; of several files the first that has it counts."""
    for document in documents:
        for entry in document.get(f"{kind}s") or ():
            if entry["name"] == name:
                return dict(entry.get(kind) or {})
    raise BadInput("environment", "KUBECONFIG", f"has no {kind} {name}")


def _impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    if "as-groups" in user and len(user["as-groups"]) > 1:
        raise BadInput("environment", "KUBECONFIG", "as-groups: more than one group is not supported")
    headers = {"Impersonate-User": user["as"]} if "as" in user else {}
    return headers | ({"Impersonate-Group": user["as-groups"][0]} if user.get("as-groups") else {})
