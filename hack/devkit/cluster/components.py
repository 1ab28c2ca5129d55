"""What each server's command line is. Everything here is a pure function of the cluster's facts."""

from dataclasses import dataclass
from pathlib import Path

from devkit.cluster.network import Plan
from devkit.cluster.state import Nodes, Spec

ISSUER = "https://kubernetes.default.svc.cluster.local"
# Tests create thousands of objects: the defaults (20 or 50 requests a second) would be what is measured.
FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")


@dataclass(frozen=True)
class Facts:
    """Everything that configuration depends on: the cluster's facts, its folder and the folder of the programs."""

    spec: Spec
    folder: Path
    programs: Path

    @property
    def plan(self) -> Plan:
        return Plan(self.spec.index)

    @property
    def nodes(self) -> Nodes:
        return Nodes.parse(self.spec.nodes)

    @property
    def real(self) -> bool:
        """Tell whether pods really run, in namespaces of the kernel that the whole cluster lives in."""
        return self.nodes.kind == "kubelet"

    @property
    def node(self) -> str:
        """The real node's name."""
        return f"{self.spec.name}-node"

    @property
    def address(self) -> str:
        """Where this machine, and every component, reaches the API server."""
        return self.plan.node if self.real else "127.0.0.1"

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.plan.api_port}"

    def pki(self, name: str) -> str:
        return str(self.folder / "pki" / name)

    def config(self, name: str) -> str:
        return str(self.folder / "config" / name)

    def kubeconfig(self, user: str) -> str:
        return self.config(f"{user}.kubeconfig")


def argvs(facts: Facts) -> dict[str, tuple[str, ...]]:
    """The command lines of all components in starting order: name to arguments."""
    controlplane = str(facts.programs / "controlplane")
    servers = {
        "etcd": (controlplane, "etcd", *etcd(facts)),
        "apiserver": (controlplane, "kube-apiserver", *apiserver(facts)),
        "controller-manager": (controlplane, "kube-controller-manager", *controller_manager(facts)),
        "scheduler": (controlplane, "kube-scheduler", *scheduler(facts)),
    }
    kind = facts.nodes.kind
    if kind == "kwok":
        servers["kwok"] = (str(facts.programs / "kwok"), *kwok(facts))
    if kind == "kubelet":
        servers["containerd"] = ("containerd", "--config", facts.config("containerd.toml"))
        servers["kubelet"] = (controlplane, "kubelet", *kubelet(facts))
        servers["proxy"] = (controlplane, "kube-proxy", *proxy(facts))
        servers["coredns"] = (str(facts.programs / "coredns"), "-conf", facts.config("Corefile"))
    return servers


def etcd(facts: Facts) -> tuple[str, ...]:
    client = f"https://127.0.0.1:{facts.plan.etcd_port}"
    peer = f"http://127.0.0.1:{facts.plan.etcd_peer_port}"
    return (
        f"--data-dir={facts.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={facts.pki('etcd.crt')}",
        f"--key-file={facts.pki('etcd.key')}",
        f"--trusted-ca-file={facts.pki('ca.crt')}",
        "--client-cert-auth",
        "--enable-grpc-gateway=false",  # it would need the server's certificate to be a client's as well
        "--unsafe-no-fsync",  # nothing here has to survive a power cut
        "--log-level=warn",
    )


def apiserver(facts: Facts) -> tuple[str, ...]:
    plan = facts.plan
    audit = (
        f"--audit-policy-file={facts.config('audit-policy.yaml')}",
        f"--audit-log-path={audit_log(facts)}",
        "--audit-log-maxsize=10000",
    )
    return (
        f"--etcd-servers=https://127.0.0.1:{plan.etcd_port}",
        f"--etcd-cafile={facts.pki('ca.crt')}",
        f"--etcd-certfile={facts.pki('apiserver-etcd.crt')}",
        f"--etcd-keyfile={facts.pki('apiserver-etcd.key')}",
        f"--bind-address={'0.0.0.0' if facts.real else '127.0.0.1'}",  # noqa: S104 the network of the node alone
        f"--advertise-address={plan.node}",
        f"--secure-port={plan.api_port}",
        f"--tls-cert-file={facts.pki('apiserver.crt')}",
        f"--tls-private-key-file={facts.pki('apiserver.key')}",
        f"--client-ca-file={facts.pki('ca.crt')}",
        f"--kubelet-certificate-authority={facts.pki('ca.crt')}",
        f"--kubelet-client-certificate={facts.pki('apiserver-kubelet.crt')}",
        f"--kubelet-client-key={facts.pki('apiserver-kubelet.key')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={facts.pki('sa.key')}",
        f"--service-account-signing-key-file={facts.pki('sa.key')}",
        f"--service-cluster-ip-range={plan.services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        *(audit if facts.spec.audit else ()),
    )


def audit_log(facts: Facts) -> Path:
    return facts.folder / "logs" / "audit.log"


def controller_manager(facts: Facts) -> tuple[str, ...]:
    return (
        f"--kubeconfig={facts.kubeconfig('controller-manager')}",
        f"--root-ca-file={facts.pki('ca.crt')}",
        f"--service-account-private-key-file={facts.pki('sa.key')}",
        "--use-service-account-credentials",
        "--enable-hostpath-provisioner",
        "--leader-elect=false",
        "--secure-port=0",
        *FAST,
    )


def scheduler(facts: Facts) -> tuple[str, ...]:
    return (f"--kubeconfig={facts.kubeconfig('scheduler')}", "--leader-elect=false", "--secure-port=0", *FAST)


def kubelet(facts: Facts) -> tuple[str, ...]:
    return (
        f"--config={facts.config('kubelet.yaml')}",
        f"--kubeconfig={facts.kubeconfig('kubelet')}",
        f"--hostname-override={facts.node}",
        f"--node-ip={facts.plan.node}",
    )


def proxy(facts: Facts) -> tuple[str, ...]:
    return (
        f"--kubeconfig={facts.kubeconfig('proxy')}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={facts.plan.pods}",
        f"--hostname-override={facts.node}",
        "--conntrack-max-per-core=0",  # the table's size belongs to the machine, not to this network
        "--conntrack-min=0",
    )


def kwok(facts: Facts) -> tuple[str, ...]:
    return (
        f"--kubeconfig={facts.kubeconfig('admin')}",
        f"--config={facts.programs / 'stages.yaml'}",
        "--manage-all-nodes=true",
        f"--cidr={facts.plan.pods}",
        f"--node-ip={facts.plan.node}",
        "--node-lease-duration-seconds=40",
    )
