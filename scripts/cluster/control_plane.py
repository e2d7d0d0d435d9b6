"""The command lines of a control plane: the same for the operator's tests and for a whole node."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.cluster.binaries import binary
from scripts.cluster.certificates import Authority, Pair
from scripts.cluster.kubeconfig import write_kubeconfig

ISSUER = "https://kubernetes.default.svc"
MASTERS = ("system:masters",)
# Clients inside one machine share its cores, not a network: the default of 20 requests a second only adds waiting.
CLIENT_RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")


@dataclass(frozen=True)
class ControlPlane:
    """One API server with its store; everything it keeps is in `folder`, its sockets in `run`."""

    folder: Path
    run: Path  # a short path: a socket's has at most 107 characters
    host: str  # where the API server listens
    port: int
    advertised: str  # its address for the cluster; never a loopback one
    service_range: str = "10.96.0.0/16"
    service_host: str = "10.96.0.1"  # the first of them, which is `kubernetes.default`
    cluster_domain: str = "cluster.local"
    publishes_itself: bool = True  # whether pods find it under `kubernetes.default`

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @cached_property
    def authority(self) -> Authority:
        return Authority(self.folder / "certificates")

    @property
    def admin(self) -> Pair:
        return self.authority.client("admin", "prime-jennie-admin", MASTERS)

    def kubeconfig(self, file: str, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Give a component its identity."""
        return write_kubeconfig(
            self.folder / f"{file}.kubeconfig",
            server=self.url,
            authority=self.authority.certificate,
            identity=self.authority.client(file, user, groups),
        )

    def admin_kubeconfig(self) -> Path:
        return write_kubeconfig(
            self.folder / "kubeconfig", server=self.url, authority=self.authority.certificate, identity=self.admin
        )

    def etcd(self) -> list[str]:
        """Store on sockets that only the owner reaches; without fsync, as the machine's end is the cluster's."""
        nobody = "http://localhost:2380"  # has to be a host and a port; there is no other member to call it
        return [
            str(binary("etcd")),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls=unix://{self.run}/etcd.sock",
            f"--advertise-client-urls={nobody}",
            f"--listen-peer-urls=unix://{self.run}/peer.sock",
            f"--initial-advertise-peer-urls={nobody}",
            f"--initial-cluster=default={nobody}",
            "--unsafe-no-fsync",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=5m",
            "--log-level=warn",
        ]

    def api_server(self) -> list[str]:
        names = (self.host, self.advertised, "127.0.0.1", "localhost", self.service_host)
        services = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
        domain = f"kubernetes.default.svc.{self.cluster_domain}"
        serving = self.authority.server("api-server", dict.fromkeys((*names, *services, domain)))
        kubelets = self.authority.client("api-server-to-kubelet", "kube-apiserver", MASTERS)
        signing = self.authority.signing_key("service-accounts")
        return [
            str(binary("kube-apiserver")),
            f"--etcd-servers=unix://{self.run}/etcd.sock",
            f"--bind-address={self.host}",
            f"--secure-port={self.port}",
            f"--advertise-address={self.advertised}",
            f"--endpoint-reconciler-type={'lease' if self.publishes_itself else 'none'}",
            f"--service-cluster-ip-range={self.service_range}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.authority.certificate}",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--kubelet-client-certificate={kubelets.certificate}",
            f"--kubelet-client-key={kubelets.key}",
            "--kubelet-preferred-address-types=InternalIP,Hostname",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={signing}",
            f"--service-account-signing-key-file={signing}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
        ]

    def controller_manager(self, *more: str) -> list[str]:
        manager = self.kubeconfig("controller-manager", "system:kube-controller-manager")
        return [
            str(binary("kube-controller-manager")),
            f"--kubeconfig={manager}",
            f"--root-ca-file={self.authority.certificate}",
            f"--service-account-private-key-file={self.authority.signing_key('service-accounts')}",
            "--use-service-account-credentials=true",  # each controller with its own rights, as in any cluster
            f"--flex-volume-plugin-dir={self.folder / 'volume-plugins'}",  # a folder that is made without being asked
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            *CLIENT_RATE,
            *more,
        ]

    def scheduler(self) -> list[str]:
        return [
            str(binary("kube-scheduler")),
            f"--kubeconfig={self.kubeconfig('scheduler', 'system:kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            *CLIENT_RATE,
        ]
