"""The one real node: namespaces of the kernel that all of a cluster lives in, and what runs pods in them.

Every process of the cluster is in one process namespace. When its first process ends, for whatever reason, the kernel
ends all the others (shims and pods too), and with the last of them go their mounts, interfaces, routes and nftables
rules. So nothing can be left behind by a crash but files and control groups, see teardown.
"""

from pathlib import Path

from devkit import shell
from devkit.cluster import process
from devkit.cluster.components import Facts
from devkit.cluster.network import BRIDGE, Plan
from devkit.cluster.process import Process

PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "buildah": "buildah",
    "ip": "iproute2",
    "iptables": "iptables",  # the port mapping plugin calls it
    "nft": "nftables",
    "mount": "mount",
}
# Folders that Kubernetes writes to whatever its flags say: each is one of the cluster's own inside of the node.
PRIVATE = {
    "/var/lib/kubelet": "kubelet",
    "/var/lib/cni": "cni",
    "/var/log": "node-log",
    "/tmp/hostpath_pv": "volumes",  # noqa: S108 a constant of Kubernetes
}
# The kubelet sets these for the whole machine. A file bound over each keeps it happy and the machine as it is.
TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


def script(folder: Path, plan: Plan, pause: Path) -> str:
    """What the first process of the node does before it becomes `pause`: mounts, loopback, the bridge of the pods."""
    lines = [
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755 tmpfs /run",
        "mkdir /run/netns /run/lock /run/tunables",
    ]
    for target, own in PRIVATE.items():
        lines.append(f"mkdir -p {target} '{folder}/{own}' && mount --bind '{folder}/{own}' {target}")
    for tunable, value in TUNABLES.items():
        file = f"/run/tunables/{tunable.replace('/', '.')}"
        lines.append(f"echo {value} >{file} && mount --bind {file} /proc/sys/{tunable}")
    lines += [
        "echo 1 >/proc/sys/net/ipv4/ip_forward",
        "ip link set lo up",
        f"ip link add {BRIDGE} type bridge && ip address add {plan.gateway}/18 dev {BRIDGE} && ip link set {BRIDGE} up",
        # A connection to a ClusterIP needs a route before kube-proxy's rule turns it; one without a rule ends here.
        f"ip route add {plan.services} dev {BRIDGE} src {plan.gateway}",
        f"exec '{pause}'",
    ]
    return "\n".join(lines)


def first(facts: Facts) -> Process:
    """The process that holds the node. Its end is the end of everything in it, so it is asked for nothing else."""
    namespaces = ("--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation=private")
    text = script(facts.folder, facts.plan, facts.programs / "pause")
    return Process("node", ("unshare", "--mount", *namespaces, "/bin/sh", "-euc", text), facts.folder)


def start(facts: Facts) -> int:
    """Start the node unless it runs; returns the number of its first process, as seen from outside."""
    for run in (Path("/run"), Path("/var/log")):
        for path in (facts.folder, facts.programs):
            if path.is_relative_to(run):
                raise shell.Failed(f"{path}: a node does not see {run}; choose another MAGECLUSTER_STATE or _CACHE")
    holder = first(facts)
    if holder.pid() is None:
        holder.start()
    process.wait("start of the node", 10, lambda: inner(holder) is not None or holder.pid() is None, holder.log)
    pid = inner(holder)
    if pid is None:
        raise shell.Failed(f"the node did not start\n{shell.tail(holder.log.read_text())}")
    return pid


def inner(holder: Process) -> int | None:
    """The number of the node's first process, once it has done its script and is `pause`."""
    outer = holder.pid()
    for pid in process.children(outer) if outer else ():
        if Path(f"/proc/{pid}/comm").read_text().strip() == "pause":
            return pid
    return None


def enter(pid: int, *, dies_with_caller: bool = True) -> tuple[str, ...]:
    """The command that runs another one inside of a node.

    It stays outside and waits; unless told otherwise the other one dies with it, so that both are as one process.
    """
    words = ("nsenter", f"--target={pid}", "--net", "--mount", "--pid", "--")
    return (*words, "setpriv", "--pdeathsig=KILL") if dies_with_caller else words


def run(pid: int, *argv: str | Path, input_file: Path | None = None) -> str:
    """Run a command inside of a node; a file for its standard input need not be visible there."""
    words: tuple[str | Path, ...] = (*enter(pid, dies_with_caller=False), *argv)
    if input_file is None:
        return shell.run(*words)
    return shell.run("/bin/sh", "-c", 'file=$0; exec "$@" <"$file"', input_file, *words)
