"""The workload of a cluster: one pod with Mage and, if it is wanted, the gateway."""

from typing import Any

from magecluster.api.labels import REFERENCES, RESTARTED_AT, labels, selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.network import MAGE_PORT
from magecluster.api.pod import CONTAINER, STARTUP_SECONDS
from magecluster.resources.environment import HOME, environment
from magecluster.resources.gateway import gateway
from magecluster.resources.metadata import metadata, service_account_name, volume_name, workload_name
from magecluster.resources.platform import Platform
from magecluster.resources.ports import MAGE
from magecluster.resources.requirements import requirements

_PROBE_SECONDS = 10

_ROOT_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
"""What Mage's image, which runs as root, needs to install packages and to write a volume that others own."""


def deployment(cluster: MageCluster, references: str, platform: Platform) -> Manifest:
    """Mage's server and scheduler in one pod.

    Recreate, because two schedulers on one database run every trigger twice, and a ReadWriteOnce volume has one pod.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(cluster, workload_name(cluster)),
        "spec": {
            "replicas": cluster.wanted_replicas,
            "revisionHistoryLimit": 3,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(cluster.metadata.name)},
            "template": {
                "metadata": _pod_metadata(cluster, references),
                "spec": _pod_spec(cluster, platform.gateway_image_of(cluster)),
            },
        },
    }


def _pod_metadata(cluster: MageCluster, references: str) -> Manifest:
    spec = cluster.spec
    annotations = dict(spec.pod_annotations)
    if references:
        annotations[REFERENCES] = references
    if spec.restarted_at:
        annotations[RESTARTED_AT] = spec.restarted_at
    return {
        "labels": {**spec.pod_labels, **labels(cluster.metadata.name)},
        **({"annotations": annotations} if annotations else {}),
    }


def _pod_spec(cluster: MageCluster, gateway_image: str | None) -> Manifest:
    spec = cluster.spec
    optional: dict[str, Any] = {
        "imagePullSecrets": [secret.manifest() for secret in spec.image_pull_secrets],
        "nodeSelector": dict(spec.node_selector),
        "tolerations": [toleration.manifest() for toleration in spec.tolerations],
        "affinity": spec.affinity,
    }
    return {
        "serviceAccountName": service_account_name(cluster),
        "automountServiceAccountToken": cluster.uses_kubernetes_executor,
        # Service links put a variable for every Service of the namespace into the pod.
        "enableServiceLinks": False,
        # PID 1 of the image is a shell that ignores SIGTERM: a longer wait would only delay the kill.
        "terminationGracePeriodSeconds": 10,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        # Mage first: kubectl logs and exec take the first one when nobody names another.
        "containers": [_container(cluster), *([gateway(cluster, gateway_image)] if gateway_image else [])],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": volume_name(cluster)}}],
        **{key: value for key, value in optional.items() if value},
    }


def _container(cluster: MageCluster) -> Manifest:
    spec = cluster.spec
    return {
        "name": CONTAINER,
        "image": spec.image.reference,
        "imagePullPolicy": spec.image.pull_policy,
        "ports": [{"name": MAGE, "containerPort": MAGE_PORT, "protocol": "TCP"}],
        "env": environment(cluster),
        **requirements(spec.resources),
        # The end of the log stands in the status of a crashed container, where the operator finds the cause.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "data", "mountPath": HOME}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": _ROOT_CAPABILITIES},
        },
        **_probes(cluster),
    }


def _probes(cluster: MageCluster) -> Manifest:
    """Patient at the start, and tolerant later: a block that keeps the server busy must not get it killed."""
    env = cluster.environment
    base = (env.get("MAGE_ROUTES_BASE_PATH") or env.get("MAGE_BASE_PATH") or "").strip("/")
    path = f"/{base}/api/status" if base else "/api/status"
    probe = {"httpGet": {"path": path, "port": MAGE}, "timeoutSeconds": _PROBE_SECONDS}
    return {
        "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": STARTUP_SECONDS // 2},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 6},
    }
