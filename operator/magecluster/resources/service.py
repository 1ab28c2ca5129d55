"""The stable address of a cluster."""

from magecluster.api.labels import selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, workload_name
from magecluster.resources.ports import MAGE, entrance


def service(cluster: MageCluster) -> Manifest:
    """Stays while the cluster is stopped, so that its address does not change."""
    wanted = cluster.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, workload_name(cluster), annotations=wanted.annotations),
        "spec": {
            "type": wanted.type,
            "selector": selector(cluster.metadata.name),
            # The gateway tells why Mage does not answer yet, and a runner that ends must not hide Mage. Where there are
            # more pods, the others answer meanwhile.
            **({"publishNotReadyAddresses": True} if _alone(cluster) else {}),
            "ports": [{"name": MAGE, "port": wanted.port, "protocol": "TCP", "targetPort": entrance(cluster)}],
        },
    }


def _alone(cluster: MageCluster) -> bool:
    return cluster.spec.gateway.enabled and cluster.spec.replica_count <= 1
