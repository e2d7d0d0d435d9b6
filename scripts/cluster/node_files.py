"""The configuration files of a node, each written only when it changes: a changed one restarts its program."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

from scripts.cluster.packages import plugin_folder
from scripts.cluster.place import BRIDGE, CGROUP, NETWORK, NODE_HOST, POD_RANGE, Place

PAUSE_IMAGE = "localhost/prime-jennie-pause:1"
DOMAIN = "cluster.local"


def write(path: Path, content: str) -> Path:
    """Write a file whole, and only where it says something else."""
    if not path.exists() or path.read_text() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(content)
        part.rename(path)
    return path


def _write_json(path: Path, content: Any) -> Path:
    return write(path, json.dumps(content, indent=1))


def containerd(place: Place) -> Path:
    """Configure containerd beside any other one; `_network` is written along."""
    _network(place)
    return write(
        place.state / "containerd.toml",
        dedent(f"""\
            version = 2
            root = "{place.containers}"
            state = "{place.run}/containerd"
            [grpc]
              address = "{place.containerd_socket}"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{place.containers}/opt"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{PAUSE_IMAGE}"
              # Without CAP_SYS_RESOURCE no process may lower its score, and every pod would fail.
              restrict_oom_score_adj = true
              # Under our own folder, so that the end finds them without asking whose they are.
              netns_mounts_under_state_dir = true
              [plugins."io.containerd.grpc.v1.cri".cni]
                bin_dir = "{plugin_folder()}"
                conf_dir = "{place.state}/cni"
              [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                runtime_type = "io.containerd.runc.v2"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                  Root = "{place.run}/runc"
            """),
    )


def _network(place: Place) -> None:
    addresses = {"type": "host-local", "subnet": POD_RANGE, "gateway": NODE_HOST, "dataDir": f"{place.run}/addresses"}
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,  # a pod may reach itself through its Service
        "ipam": addresses | {"routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    _write_json(
        place.state / "cni" / f"{NETWORK}.conflist",
        {"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge, ports]},
    )


def kubelet(place: Place) -> Path:
    """Configure the kubelet for a machine whose disk may be nearly full and whose images come from nowhere else."""
    serving = place.plane().authority.server("kubelet-serving", [NODE_HOST])
    return _write_json(
        place.state / "kubelet.json",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_HOST,
            "healthzPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(place.plane().authority.certificate)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "clusterDomain": DOMAIN,
            "clusterDNS": [NODE_HOST],
            "podLogsDir": str(place.logs / "pods"),
            "volumePluginDir": str(place.kubelet / "volume-plugins"),
            # No image is ever removed for want of room: it could not be pulled again.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "serverTLSBootstrap": False,
        },
    )


def kube_proxy(place: Place, *, masquerade_all: bool) -> Path:
    """Configure kube-proxy; `masquerade_all` where the kernel hides a bridge's packets from iptables."""
    proxy = place.plane().kubeconfig("kube-proxy", "system:kube-proxy")
    return _write_json(
        place.state / "kube-proxy.json",
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(proxy)},
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "bindAddress": NODE_HOST,
            "healthzBindAddress": f"{NODE_HOST}:10256",
            "metricsBindAddress": f"{NODE_HOST}:10249",
            "nodePortAddresses": ["primary"],
            "iptables": {"masqueradeAll": masquerade_all, "minSyncPeriod": "0s"},
            "conntrack": {"maxPerCore": 0, "min": 0},
            "oomScoreAdj": 0,
        },
    )


def core_dns(place: Place) -> Path:
    """Answer for Services from the API server, for anything else as this machine does."""
    identity = place.plane().kubeconfig("coredns", "system:coredns")
    return write(
        place.state / "Corefile",
        dedent(f"""\
            .:53 {{
                bind {NODE_HOST}
                errors
                ready {NODE_HOST}:8181
                kubernetes {DOMAIN} in-addr.arpa {{
                    kubeconfig {identity}
                    ttl 5
                }}
                forward . /etc/resolv.conf
                cache 30
            }}
            """),
    )
