"""The volume of a cluster."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, volume_name


def persistent_volume_claim(cluster: MageCluster) -> Manifest:
    """The volume at /home/src. A retained one has no owner, so that it outlives the cluster and is taken up again."""
    storage = cluster.spec.storage
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(cluster, volume_name(cluster), owned=storage.retention == "Delete"),
        "spec": {
            "accessModes": [storage.access_mode],
            "resources": {"requests": {"storage": storage.size}},
            **({"storageClassName": storage.storage_class_name} if storage.storage_class_name else {}),
        },
    }
