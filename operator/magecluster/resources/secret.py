"""The generated credentials of a cluster."""

from collections.abc import Callable

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import credentials_name, metadata

OWNER_PASSWORD = "owner-password"  # noqa: S105  the name of a key
JWT_SECRET = "jwt-secret"  # noqa: S105  the name of a key
JWT_DOWNLOAD_SECRET = "jwt-download-secret"  # noqa: S105  the name of a key
CREDENTIAL_KEYS = (OWNER_PASSWORD, JWT_SECRET, JWT_DOWNLOAD_SECRET)
"""Keys of the Secret, generated or the user's own."""


def secret_metadata(cluster: MageCluster) -> Manifest:
    """What is applied of the Secret: never its data, which are created once and from then on belong to the user.

    It shares the fate of the volume: Mage's database there knows the owner by the first password.
    """
    owned = cluster.spec.storage.retention == "Delete"
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(cluster, credentials_name(cluster), owned=owned)}


def new_secret(cluster: MageCluster, generate: Callable[[], str]) -> Manifest:
    """The Secret as it is created, each key with a fresh value from `generate`."""
    created = secret_metadata(cluster)
    # The owner comes by apply, so that apply can also take it away when the volume's retention changes.
    created["metadata"].pop("ownerReferences", None)
    return {**created, "type": "Opaque", "stringData": {key: generate() for key in CREDENTIAL_KEYS}}
