"""The container in front of Mage."""

from magecluster.api.gateway import GATEWAY_CONTAINER, GATEWAY_HEALTH, GATEWAY_PORT
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.ports import GATEWAY
from magecluster.resources.requirements import requirements

_USER = 65532
"""Of our image; no user of Mage's."""


def gateway(cluster: MageCluster, image: str) -> Manifest:
    """Reaches Mage by the loopback of the pod.

    It has no readiness probe: whether the pod is ready is Mage's to say, which the gateway cannot do without.
    """
    return {
        "name": GATEWAY_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["gateway", f"--port={GATEWAY_PORT}"],
        "ports": [{"name": GATEWAY, "containerPort": GATEWAY_PORT, "protocol": "TCP"}],
        **requirements(cluster.spec.gateway.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "livenessProbe": {
            "httpGet": {"path": GATEWAY_HEALTH, "port": GATEWAY},
            "timeoutSeconds": 5,
            "periodSeconds": 10,
        },
    }
