"""A bridge for the pods, the kernel settings it needs, and how every trace of both is removed."""

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path

from scripts.cluster.place import BRIDGE, NETWORK, NODE_HOST, Place
from scripts.cluster.shell import run

# Packets of pods are routed; those between pods of one bridge pass iptables, too, or Services would not reach them.
SETTINGS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
RECORDS = Path("/var/lib/cni/results")  # libcni's own, one file a pod
CHAINS = ("KUBE-", "CNI-")


def prepare(place: Place) -> None:
    """Make the bridge and change the settings; what they were is kept for `remove`."""
    if not _bridge_exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    if NODE_HOST not in run("ip", "-4", "-o", "addr", "show", "dev", BRIDGE):
        run("ip", "addr", "add", f"{NODE_HOST}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("modprobe", "br_netfilter", check=False)  # built in where it cannot be loaded
    kept = _kept_settings(place)
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for name, value in SETTINGS.items():
        setting = Path("/proc/sys") / name
        if setting.exists() and setting.read_text().strip() != value:
            found.setdefault(name, setting.read_text().strip())
            kept.write_text(json.dumps(found))  # before the change: a crash between the two forgets nothing
            setting.write_text(value)


def passes_iptables_between_pods() -> bool:
    """Say whether the kernel can show iptables what stays on the bridge."""
    return (Path("/proc/sys") / "net/bridge/bridge-nf-call-iptables").exists()


def remove(place: Place) -> None:
    """Remove the bridge with the pods' ends of it and our chains, and put the settings back."""
    if _bridge_exists():
        run("ip", "link", "delete", BRIDGE)
    for pod in _recorded_pods():
        for record in RECORDS.glob(f"*-{pod}-*"):  # its loopback's as well, which bear no network's name
            record.unlink(missing_ok=True)
    for program in ("iptables", "ip6tables"):
        _remove_chains(program)
    kept = _kept_settings(place)
    if kept.exists():
        for name, value in json.loads(kept.read_text()).items():
            with suppress(FileNotFoundError):
                (Path("/proc/sys") / name).write_text(value)
        kept.unlink()


def traces() -> list[str]:
    """Name what of our network is there."""
    found = [f"the bridge {BRIDGE}"] if _bridge_exists() else []
    found += [f"the record of {pod}'s addresses" for pod in sorted(_recorded_pods())]
    return found + [f"the chain {chain} of {table}" for table, chain in _our_chains("iptables")]


def _bridge_exists() -> bool:
    return Path(f"/sys/class/net/{BRIDGE}").exists()


def _kept_settings(place: Place) -> Path:
    return place.state / "settings-before.json"


def _recorded_pods() -> set[str]:
    return {record.name.removeprefix(f"{NETWORK}-").rpartition("-")[0] for record in RECORDS.glob(f"{NETWORK}-*")}


def _our_chains(program: str) -> list[tuple[str, str]]:
    """List (table, chain): kube-proxy's and kubelet's, and of the plugins' those that name our network."""
    found = []
    for table in ("nat", "filter", "mangle"):
        rules = run(program, "-t", table, "-S", check=False, timeout_secs=30).splitlines()
        named = {rule.split()[1] for rule in rules if f'name: "{NETWORK}"' in rule.replace("\\", "") and "-A" in rule}
        for rule in rules:
            declared = re.match(r"-N (\S+)", rule)
            if declared and (declared[1].startswith(CHAINS[0]) or declared[1] in named):
                found.append((table, declared[1]))
    return found


def _remove_chains(program: str) -> None:
    chains = _our_chains(program)
    for table in dict.fromkeys(table for table, _ in chains):
        ours = {chain for of, chain in chains if of == table}
        for rule in run(program, "-t", table, "-S", check=False).splitlines():
            words = rule.split()
            if words[0] == "-A" and words[1] not in ours and any(word in ours for word in words[2:]):
                run(program, "-w", "-t", table, "-D", *shlex.split(rule)[1:])
        for chain in ours:
            run(program, "-w", "-t", table, "-F", chain)
        for chain in ours:
            run(program, "-w", "-t", table, "-X", chain)
