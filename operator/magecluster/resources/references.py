"""What a cluster takes from Secrets and ConfigMaps that others own."""

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

from magecluster.api.magecluster import MageCluster
from magecluster.resources.metadata import credentials_name
from magecluster.resources.secret import CREDENTIAL_KEYS

ReferenceKind = Literal["Secret", "ConfigMap"]


class Reference(NamedTuple):
    """One key of a Secret or ConfigMap in the namespace of the cluster."""

    kind: ReferenceKind
    name: str
    key: str
    optional: bool = False
    """Absence is no failure."""
    used_by: str = ""
    """The field of the spec that names it, for messages."""


def references(cluster: MageCluster) -> list[Reference]:
    """Everything of others that the pod reads at its start, in the order of the spec."""
    spec = cluster.spec
    found: list[Reference] = []
    if spec.auth.existing_secret:
        found += [
            Reference("Secret", credentials_name(cluster), key, used_by="spec.auth.existingSecret")
            for key in CREDENTIAL_KEYS
        ]
    if spec.database:
        ref = spec.database.secret_key_ref
        found.append(Reference("Secret", ref.name, ref.key, used_by="spec.database.secretKeyRef"))
    for env in spec.extra_envs:
        used_by = f"spec.extraEnvs ({env.name})"
        source = env.value_from
        if source and source.secret_key_ref:
            secret = source.secret_key_ref
            found.append(Reference("Secret", secret.name, secret.key, secret.optional, used_by))
        if source and source.config_map_key_ref:
            config_map = source.config_map_key_ref
            found.append(Reference("ConfigMap", config_map.name, config_map.key, config_map.optional, used_by))
    return found


def checksum(values: Mapping[Reference, str | None]) -> str:
    """Changes when a referenced value changes, and reveals nothing of it; empty when nothing is referenced.

    `values` are the encoded values as the API server gives them, `None` for an optional one that is not there.
    """
    if not values:
        return ""
    digest = hashlib.sha256()
    for reference, value in sorted(values.items(), key=lambda item: item[0][:3]):
        digest.update(repr((reference[:3], value)).encode())
    return digest.hexdigest()[:16]
