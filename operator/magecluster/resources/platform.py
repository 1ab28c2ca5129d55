"""What the operator brings along for every cluster."""

from dataclasses import dataclass

from magecluster.api.magecluster import MageCluster


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Facts about the operator's own installation, told to it when it starts."""

    gateway_image: str | None = None
    """Image of every gateway whose spec names none: the operator's own; `None` when it was not told."""

    def gateway_image_of(self, cluster: MageCluster) -> str | None:
        """Image of the cluster's gateway, `None` when it wants none or nobody knows one."""
        gateway = cluster.spec.gateway
        return (gateway.image or self.gateway_image) if gateway.enabled else None
