"""The address of a cluster from outside."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, workload_name
from magecluster.resources.ports import MAGE


def ingress(cluster: MageCluster) -> Manifest:
    """An Ingress of the cluster's own; a shared one is never edited."""
    wanted = cluster.spec.ingress
    backend = {"service": {"name": workload_name(cluster), "port": {"name": MAGE}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(cluster, workload_name(cluster), annotations=wanted.annotations),
        "spec": {
            **({"ingressClassName": wanted.class_name} if wanted.class_name else {}),
            "rules": [
                {
                    "host": host.host,
                    "http": {
                        "paths": [{"path": p.path, "pathType": p.path_type, "backend": backend} for p in host.paths]
                    },
                }
                for host in wanted.hosts
            ],
            **({"tls": [tls.manifest() for tls in wanted.tls]} if wanted.tls else {}),
        },
    }
