"""The identity of a cluster's pod."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, service_account_name


def service_account(cluster: MageCluster) -> Manifest:
    """An account of its own with no rights, and no token in the pod, unless blocks run as Jobs."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(cluster, service_account_name(cluster)),
        "automountServiceAccountToken": cluster.uses_kubernetes_executor,
    }
