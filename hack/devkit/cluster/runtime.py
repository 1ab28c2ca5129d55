"""Configuration of what runs pods on the real node: containerd, the pods' network, the kubelet and CoreDNS."""

import json
from pathlib import Path

from devkit.cluster.components import Facts
from devkit.cluster.network import BRIDGE, Plan

PAUSE_IMAGE = "localhost/pause:1"


def files(facts: Facts, cni_plugins: Path) -> dict[str, str]:
    """The configuration files of containerd, its network, the kubelet and CoreDNS: name to content."""
    return {
        "containerd.toml": containerd(facts, cni_plugins),
        "cni/10-pods.conflist": json.dumps(pod_network(facts.plan), indent=1),
        "kubelet.yaml": json.dumps(kubelet(facts), indent=1),
        "resolv.conf": f"nameserver {facts.plan.dns_service}\n",
        "Corefile": corefile(facts),
    }


def containerd(facts: Facts, cni_plugins: Path) -> str:
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE, as in many containers, runc could not start anything.
    return f"""version = 2
root = "{facts.folder}/containerd"
state = "/run/containerd"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{facts.config("cni")}"
"""


def pod_network(plan: Plan) -> dict[str, object]:
    """One bridge for all pods. They get a route to their cluster and none to anywhere else."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": plan.pods}]], "routes": [{"dst": plan.block}]}
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": BRIDGE, "plugins": [bridge, ports]}


def kubelet(facts: Facts) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": facts.plan.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": facts.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": facts.pki("kubelet-server.crt"),
        "tlsPrivateKeyFile": facts.pki("kubelet-server.key"),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDNS": [facts.plan.dns_service],
        "clusterDomain": "cluster.local",
        "resolvConf": facts.config("resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/magecluster/{facts.spec.name}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # The disk and the images are the developer's: no pod is evicted and no image removed because of them.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "maxPods": 500,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    }


def corefile(facts: Facts) -> str:
    return f""".:53 {{
    bind {facts.plan.node}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {facts.kubeconfig("coredns")}
    }}
}}
"""
