"""What processes of the pod may do."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest

_USER = 65532
"""Of our image; no user of Mage's."""

_ROOT_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
"""What Mage's image, which runs as root, needs to install packages and to write a volume that others own."""


def of_pod(cluster: MageCluster) -> Manifest:
    """What all containers share. Another user than root needs a volume that his group may write."""
    security = cluster.spec.pod_security
    group = {"fsGroup": security.run_as_user, "fsGroupChangePolicy": "OnRootMismatch"} if security.restricted else {}
    return {"seccompProfile": {"type": "RuntimeDefault"}, **group}


def as_mage(cluster: MageCluster) -> Manifest:
    """For Mage's image and whoever writes the volume: root, or the user of the spec."""
    security = cluster.spec.pod_security
    if security.restricted:
        return _without_rights(security.run_as_user)
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": _ROOT_CAPABILITIES},
    }


def restricted() -> Manifest:
    """As the Pod Security Standard of that name demands."""
    return {**_without_rights(_USER), "readOnlyRootFilesystem": True}


def _without_rights(user: int) -> Manifest:
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
