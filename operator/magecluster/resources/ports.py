"""Names of the pod's ports. Service and NetworkPolicy say them instead of numbers."""

from magecluster.api.magecluster import MageCluster

MAGE = "http"
"""Mage's own port, and the one of the Service, whatever stands behind it."""
GATEWAY = "gateway"


def entrance(cluster: MageCluster) -> str:
    """The port by which others get into the pod."""
    return GATEWAY if cluster.spec.gateway.enabled else MAGE
