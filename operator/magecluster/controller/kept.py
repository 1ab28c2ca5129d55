"""The image of a running gateway, which an update of the operator leaves as it is: pure."""

from dataclasses import replace

from magecluster.api.gateway import GATEWAY_CONTAINER
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.difference import is_applied, owned_fields
from magecluster.resources.deployment import deployment
from magecluster.resources.platform import Platform


def keeping(platform: Platform, cluster: MageCluster, references: str, live: Manifest | None) -> Platform:
    """The platform that a cluster's pods were made on, where all that differs since is the image of its gateway.

    So nothing that runs is restarted for a new image alone; the next start or restart brings it. `live` is the
    Deployment.
    """
    if live is None or not cluster.wants_to_run or not live["spec"].get("replicas") or not _is_ours(live):
        return platform
    containers = live["spec"]["template"]["spec"]["containers"]
    image = next(each["image"] for each in containers if each["name"] == GATEWAY_CONTAINER)
    if image == platform.gateway_image:
        return platform  # as at nearly every reconcile
    kept = replace(platform, gateway_image=image)
    spec = {**deployment(cluster, references, kept)["spec"], "replicas": live["spec"]["replicas"]}
    return kept if is_applied({"metadata": live["metadata"], "spec": spec}, live) else platform


def _is_ours(live: Manifest) -> bool:
    """Whether the image is the one that we applied, and nobody else's."""
    node: Manifest | None = owned_fields(live)
    for key in ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{GATEWAY_CONTAINER}"}}', "f:image"):
        node = node.get(key) if node is not None else None
    return node is not None
