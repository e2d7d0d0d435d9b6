"""What a test does with a Kubernetes API: kubectl as a person types it, and single requests without its start-up."""

import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.cluster.binaries import binary
from scripts.cluster.certificates import Pair
from scripts.cluster.kubeconfig import write_kubeconfig

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "crds"
REQUEST_SECS = 30.0
KUBECTL_SECS = 120.0


class Refused(Exception):  # noqa: N818 — a refusal is an answer, which tests ask for
    """Raised for an answer from 400 on: `code`, and `reason` as the API server names it."""

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        super().__init__(f"{code} {status.get('reason')}: {status.get('message')}")
        self.code = code
        self.reason = str(status.get("reason"))
        self.details: dict[str, Any] = status.get("details") or {}


class ClusterAccess:
    """A person with every right, and whom that person may play."""

    def __init__(self, folder: Path, *, url: str, ca: Path, admin: Pair) -> None:
        self.url = url
        self.ca = ca
        self.admin = admin
        self.kubeconfig = folder / "kubeconfig"
        self._folder = folder
        self._tls: ssl.SSLContext | None = None

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, or as whoever `kubeconfig` is; fail with what it said."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBECACHEDIR": str(self._folder / "kubectl-cache"),
        }
        done = subprocess.run(
            [binary("kubectl"), *arguments],
            input=input,
            env=environment,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECS,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)} exited with {done.returncode}: {done.stderr}")
        return done

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Ask one thing as the administrator and return the answer's JSON; Refused for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, {"Content-Type": content_type}, method=method)  # noqa: S310
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(self.ca))
            self._tls.load_cert_chain(self.admin.certificate, self.admin.key)
        try:
            with urllib.request.urlopen(asked, timeout=REQUEST_SECS, context=self._tls) as answer:  # noqa: S310
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _status(error.read().decode())) from None
        return json.loads(text) if text.startswith("{") else {"text": text}

    def new_namespace(self, name: str) -> str:
        """Make a namespace in which pods may be created at once: its default account is there."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        deadline = time.monotonic() + REQUEST_SECS
        while True:
            try:
                self.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
                return name
            except Refused as refused:
                if refused.code != 404 or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def drop_namespace(self, name: str) -> None:
        """Have the namespace deleted, without waiting for it; one that is gone already is as it should be."""
        try:
            self.request("DELETE", f"/api/v1/namespaces/{name}")
        except Refused as refused:
            if refused.code != 404:
                raise

    def install_crds(self, folder: Path = CRDS) -> None:
        """Install our kinds and return once the API server serves them, and kubectl knows their names."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(folder))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(folder))
        deadline = time.monotonic() + REQUEST_SECS
        wanted = {".".join(path.stem.split("_")[::-1]) for path in folder.glob("*.yaml")}
        while not wanted <= set(self.kubectl("api-resources", "-o", "name").stdout.split()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"kubectl does not discover all of {sorted(wanted)}")
            time.sleep(0.1)

    def service_account_token(self, namespace: str, name: str) -> str:
        """Issue a token of an account that exists, as its pods get one."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.request(
            "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        )
        return str(answer["status"]["token"])

    def as_service_account(self, namespace: str, name: str) -> Path:
        """Write the kubeconfig of a service account: what a pod of that account may do."""
        return self._write(f"{namespace}-{name}", self.service_account_token(namespace, name), namespace=namespace)

    def impersonating(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Write the kubeconfig of some user, with that user's rights alone."""
        return self._write(f"as-{user.replace(':', '-')}", self.admin, impersonate=user, groups=groups)

    def _write(self, name: str, identity: Pair | str, **more: Any) -> Path:
        path = self._folder / f"{name}.{os.getpid()}.kubeconfig"
        return write_kubeconfig(path, server=self.url, authority=self.ca, identity=identity, **more)


def _status(text: str) -> dict[str, Any]:
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    return status if isinstance(status, dict) else {"message": text}
