"""Names and metadata of the objects of a cluster: each name stands here and nowhere else."""

from magecluster.api.labels import labels
from magecluster.api.magecluster import API_VERSION, KIND, MageCluster
from magecluster.api.model import Manifest


def workload_name(cluster: MageCluster) -> str:
    """Deployment, Service, Ingress and NetworkPolicy carry the cluster's own name, so that its address is guessable."""
    return cluster.metadata.name


def volume_name(cluster: MageCluster) -> str:
    """The PersistentVolumeClaim: the user's own or the operator's."""
    return cluster.spec.storage.existing_claim or f"{cluster.metadata.name}-data"


def credentials_name(cluster: MageCluster) -> str:
    """The Secret with owner password and signing keys: the user's own or the generated one."""
    return cluster.spec.auth.existing_secret or f"{cluster.metadata.name}-auth"


def service_account_name(cluster: MageCluster) -> str:
    """The identity of the pod; also names its Role and RoleBinding."""
    return f"{cluster.metadata.name}-mage"


def metadata(
    cluster: MageCluster, name: str, *, owned: bool = True, annotations: dict[str, str] | None = None
) -> Manifest:
    """Name, labels and owner of an object; the garbage collector deletes what is `owned` with the cluster."""
    return {
        "name": name,
        "namespace": cluster.metadata.namespace,
        "labels": labels(cluster.metadata.name),
        **({"annotations": dict(annotations)} if annotations else {}),
        **({"ownerReferences": [owner_reference(cluster)]} if owned else {}),
    }


def owner_reference(cluster: MageCluster) -> Manifest:
    """Names the cluster as the controller of an object.

    `blockOwnerDeletion` is left out: setting it needs the right to update finalizers of MageClusters.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": cluster.metadata.name,
        "uid": cluster.metadata.uid,
        "controller": True,
    }
