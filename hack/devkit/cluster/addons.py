"""Objects that every cluster starts with, as manifests."""

from typing import Any

from devkit.cluster.components import Facts

Manifest = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
READ = ["list", "watch"]


def manifests(facts: Facts) -> list[Manifest]:
    """Storage and permissions of any cluster; the DNS Service only where pods could ask it."""
    basic = [storage_class(), *permissions()]
    return [*basic, *dns(facts.plan.dns_service, facts.plan.node)] if facts.real else basic


def storage_class() -> Manifest:
    """The default class; kube-controller-manager's host path provisioner serves it and cannot expand volumes."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": False,
    }


def permissions() -> list[Manifest]:
    """What Kubernetes itself does not grant: the API server's calls to kubelets and CoreDNS's view of Services."""
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    ]
    return [
        _binding("hack-cluster:kubelet-api", "system:kubelet-api-admin", "kube-apiserver-kubelet-client"),
        {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "system:coredns"}, "rules": rules},
        _binding("system:coredns", "system:coredns", "system:coredns"),
    ]


def dns(address: str, server: str) -> list[Manifest]:
    """The Service of the cluster's DNS; CoreDNS runs beside the kubelet, so its endpoint is written here."""
    ports = [{"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    metadata = {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    slice_labels = {"kubernetes.io/service-name": "kube-dns"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": address, "ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": slice_labels},
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{"addresses": [server], "conditions": {"ready": True}}],
        },
    ]


def fake_nodes(count: int) -> list[Manifest]:
    """Nodes for kwok, which gives them capacity and keeps them Ready."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": (name := f"fake-{number:05}"),
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"},
            },
        }
        for number in range(count)
    ]


AUDIT_POLICY: Manifest = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


def _binding(name: str, role: str, user: str) -> Manifest:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
