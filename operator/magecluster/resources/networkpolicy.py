"""Who may open connections to a cluster's pod."""

from magecluster.api.labels import selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, workload_name
from magecluster.resources.ports import entrance


def network_policy(cluster: MageCluster) -> Manifest:
    """Only the port for the web, so that kernels, databases and whatever else a block starts stay inside the pod."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(cluster, workload_name(cluster)),
        "spec": {
            "podSelector": {"matchLabels": selector(cluster.metadata.name)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": entrance(cluster), "protocol": "TCP"}]}],
        },
    }
