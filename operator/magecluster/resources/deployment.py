"""The workload of a cluster: one pod with Mage and, if it is wanted, the gateway and its runner."""

from typing import Any

from magecluster.api.labels import REFERENCES, RESTARTED_AT, labels, selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.network import MAGE_PORT
from magecluster.api.pod import CONTAINER, STARTUP_SECONDS
from magecluster.resources.deployer import deployer, deployer_volumes
from magecluster.resources.environment import DATA, HOME, base_path, environment
from magecluster.resources.gateway import gateway
from magecluster.resources.metadata import metadata, service_account_name, volume_name, workload_name
from magecluster.resources.platform import Platform
from magecluster.resources.ports import MAGE
from magecluster.resources.requirements import requirements
from magecluster.resources.runner import changes_to_mage, runner, runner_files, runner_volumes
from magecluster.resources.security import as_mage, of_pod
from magecluster.resources.workspaces import TOKEN_VOLUME

_PROBE_SECONDS = 10


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
                "spec": _pod_spec(cluster, platform),
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


def _pod_spec(cluster: MageCluster, platform: Platform) -> Manifest:
    spec, gateway_image = cluster.spec, platform.gateway_image_of(cluster)
    cloud_api = platform.cloud_api_of(cluster)
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
        "securityContext": of_pod(cluster),
        **({"initContainers": [runner_files(cluster, gateway_image)]} if gateway_image else {}),
        # Mage first: kubectl logs and exec take the first one when nobody names another.
        "containers": [
            _container(cluster, guarded=gateway_image is not None),
            *(_beside(cluster, gateway_image, cloud_api) if gateway_image else []),
        ],
        "volumes": [
            {"name": DATA, "persistentVolumeClaim": {"claimName": volume_name(cluster)}},
            *(runner_volumes() if gateway_image else []),
            *(deployer_volumes(spec.git) if gateway_image and spec.git else []),
            *([TOKEN_VOLUME] if gateway_image and cloud_api else []),
        ],
        **{key: value for key, value in optional.items() if value},
    }


def _beside(cluster: MageCluster, gateway_image: str, cloud_api: str | None) -> list[Manifest]:
    git = cluster.spec.git
    return [gateway(cluster, gateway_image, cloud_api), runner(cluster), *([deployer(cluster, git)] if git else [])]


def _container(cluster: MageCluster, *, guarded: bool) -> Manifest:
    spec = cluster.spec
    startup, mounts = changes_to_mage(cluster)
    return {
        "name": CONTAINER,
        "image": spec.image.reference,
        "imagePullPolicy": spec.image.pull_policy,
        "ports": [{"name": MAGE, "containerPort": MAGE_PORT, "protocol": "TCP"}],
        "env": environment(cluster, startup) if guarded else environment(cluster),
        **requirements(spec.resources),
        # The end of the log stands in the status of a crashed container, where the operator finds the cause.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": DATA, "mountPath": HOME}, *(mounts if guarded else [])],
        "securityContext": as_mage(cluster),
        **_probes(cluster),
    }


def _probes(cluster: MageCluster) -> Manifest:
    """Patient at the start, and tolerant later: a block that keeps the server busy must not get it killed."""
    probe = {"httpGet": {"path": f"{base_path(cluster)}/api/status", "port": MAGE}, "timeoutSeconds": _PROBE_SECONDS}
    return {
        "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": STARTUP_SECONDS // 2},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 6},
    }
