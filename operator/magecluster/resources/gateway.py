"""The container in front of Mage."""

from magecluster.api.gateway import GATEWAY_CONTAINER, GATEWAY_HEALTH, GATEWAY_PORT
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources import deployer
from magecluster.resources.environment import base_path
from magecluster.resources.ports import GATEWAY
from magecluster.resources.requirements import requirements
from magecluster.resources.runner import SOCKET, SOCKET_MOUNT
from magecluster.resources.security import restricted
from magecluster.resources.workspaces import TOKEN, TOKEN_MOUNT

_CLOUD_API = "--cloud-api="


def gateway(cluster: MageCluster, image: str, cloud_api: str | None) -> Manifest:
    """Reaches Mage by the loopback of the pod.

    It has no readiness probe: whether the pod is ready is Mage's to say, which the gateway cannot do without.
    """
    base, runs = base_path(cluster), cluster.spec.gateway.runs
    return {
        "name": GATEWAY_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "gateway",
            f"--port={GATEWAY_PORT}",
            f"--runner-socket={SOCKET}",
            *([f"--deployer-socket={deployer.SOCKET}"] if cluster.spec.git else []),
            *([f"{_CLOUD_API}{cloud_api}", f"--cloud-api-token={TOKEN}"] if cloud_api else []),
            f"--runs-timeout={runs.timeout_seconds}",
            f"--runs-concurrency={runs.concurrency}",
            f"--runs-queue={runs.queue}",
            f"--token-scope={runs.token_scope}",
            *([f"--base-path={base}"] if base else []),
        ],
        "ports": [{"name": GATEWAY, "containerPort": GATEWAY_PORT, "protocol": "TCP"}],
        **requirements(cluster.spec.gateway.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [SOCKET_MOUNT, *([TOKEN_MOUNT] if cloud_api else [])],
        "securityContext": restricted(),
        "livenessProbe": {
            "httpGet": {"path": GATEWAY_HEALTH, "port": GATEWAY},
            "timeoutSeconds": 5,
            "periodSeconds": 10,
        },
    }


def cloud_api_in(container: Manifest) -> str | None:
    """The URL of the Cloud API that a gateway made above was given."""
    return next((arg.removeprefix(_CLOUD_API) for arg in container["args"] if arg.startswith(_CLOUD_API)), None)
