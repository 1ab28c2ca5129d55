"""What the operator brings along for every cluster."""

from dataclasses import dataclass

from magecluster.api.magecluster import MageCluster


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Facts about the operator's own installation, told to it when it starts."""

    gateway_image: str | None = None
    """Image of every gateway whose spec names none: the operator's own; `None` when it was not told."""

    cloud_api: str | None = None
    """URL of the Cloud API within the cluster, which makes workspaces; `None` when there is none."""

    def gateway_image_of(self, cluster: MageCluster) -> str | None:
        """Image of the cluster's gateway, `None` when it wants none or nobody knows one."""
        gateway = cluster.spec.gateway
        return (gateway.image or self.gateway_image) if gateway.enabled else None

    def cloud_api_of(self, cluster: MageCluster) -> str | None:
        """The same for gateways that may ask for workspaces: a workspace has none of its own."""
        return None if cluster.spec.workspace_of else self.cloud_api
