"""What processes of the pod may do."""

from magecluster.api.model import Manifest

_USER = 65532
"""Of our image; no user of Mage's."""

_ROOT_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
"""What Mage's image, which runs as root, needs to install packages and to write a volume that others own."""


def as_mage() -> Manifest:
    """Root, for Mage's image and whoever writes the volume."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": _ROOT_CAPABILITIES},
    }


def restricted() -> Manifest:
    """As the Pod Security Standard of that name demands."""
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
