"""What a running gateway knows of the operator's installation, which an update of that leaves as it is: pure."""

from dataclasses import replace

from magecluster.api.gateway import GATEWAY_CONTAINER
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.difference import is_applied, owned_fields
from magecluster.resources.deployment import deployment
from magecluster.resources.gateway import cloud_api_in
from magecluster.resources.platform import Platform


def keeping(platform: Platform, cluster: MageCluster, references: str, live: Manifest | None) -> Platform:
    """The platform that a cluster's pods were made on, where all that differs since is what its gateway knows of it.

    So nothing that runs is restarted for a new image of the gateway or a new address of the Cloud API alone; the next
    start or restart brings both. `live` is the Deployment.
    """
    if live is None or not cluster.wants_to_run or not live["spec"].get("replicas") or not _is_ours(live):
        return platform
    containers = live["spec"]["template"]["spec"]["containers"]
    gateway = next(each for each in containers if each["name"] == GATEWAY_CONTAINER)
    kept = replace(platform, gateway_image=gateway["image"], cloud_api=cloud_api_in(gateway))
    if _seen_by(cluster, kept) == _seen_by(cluster, platform):
        return platform  # as at nearly every reconcile
    spec = {**deployment(cluster, references, kept)["spec"], "replicas": live["spec"]["replicas"]}
    return kept if is_applied({"metadata": live["metadata"], "spec": spec}, live) else platform


def _seen_by(cluster: MageCluster, platform: Platform) -> tuple[str | None, str | None]:
    return platform.gateway_image_of(cluster), platform.cloud_api_of(cluster)


def _is_ours(live: Manifest) -> bool:
    """Whether image and arguments are those that we applied, and nobody else's."""
    node: Manifest | None = owned_fields(live)
    for key in ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{GATEWAY_CONTAINER}"}}'):
        node = node.get(key) if node is not None else None
    return node is not None and {"f:image", "f:args"} <= node.keys()
