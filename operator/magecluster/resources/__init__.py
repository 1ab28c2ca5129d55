"""DESIRED: the objects that a cluster should consist of. Pure: MageCluster in, manifests out, one file a kind.

No external calls, clock, randomness or environment here; `==` tests it.
"""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.deployment import deployment
from magecluster.resources.ingress import ingress
from magecluster.resources.networkpolicy import network_policy
from magecluster.resources.persistentvolumeclaim import persistent_volume_claim
from magecluster.resources.platform import Platform
from magecluster.resources.rbac import role, role_binding
from magecluster.resources.secret import secret_metadata
from magecluster.resources.service import service
from magecluster.resources.serviceaccount import service_account


def desired_objects(cluster: MageCluster, references: str, platform: Platform) -> list[Manifest]:
    """Everything that the cluster should consist of.

    `references` is the checksum of the Secrets and ConfigMaps that the pod reads at its start.
    """
    spec = cluster.spec
    return [
        *([secret_metadata(cluster)] if spec.auth.existing_secret is None else []),
        *([persistent_volume_claim(cluster)] if spec.storage.existing_claim is None else []),
        service_account(cluster),
        *([role(cluster), role_binding(cluster)] if cluster.uses_kubernetes_executor else []),
        network_policy(cluster),
        deployment(cluster, references, platform),
        service(cluster),
        *([ingress(cluster)] if spec.ingress.enabled else []),
    ]
