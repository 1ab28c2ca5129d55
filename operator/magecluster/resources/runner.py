"""The container that works with Mage's own Python, and how its code gets into the pod.

Mage's image stays as it is: before anything else starts, a container of our image copies the code to an empty volume,
from where the runner and Mage read it. Jobs of the Kubernetes executor copy Mage's variables and mounts, but the empty
volume of a Job is another one: for them the code is also copied to the volume of the project, and Mage reads it there.
"""

from magecluster.api.gateway import RUNNER_CONTAINER, RUNNER_FILES
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.pod import STARTUP_SECONDS
from magecluster.resources.environment import DATA, HOME, environment, project
from magecluster.resources.requirements import requirements
from magecluster.resources.security import as_mage, restricted

PACKAGE = "/opt/magecluster"
FOLDER = ".magecluster"
"""On the volume of the project, beside the project."""
_PACKAGE_VOLUME, _SOCKET_VOLUME = "magecluster-package", "magecluster-run"
SOCKETS = "/run/magecluster"

SOCKET = f"{SOCKETS}/runner.sock"
SOCKET_MOUNT = {"name": _SOCKET_VOLUME, "mountPath": SOCKETS}

READ_PACKAGE = {"name": _PACKAGE_VOLUME, "mountPath": PACKAGE, "readOnly": True}

_FOR_POD, _FOR_JOBS = "/copy/for-pod", "/copy/for-jobs"
"""Where the container that copies sees both; in its image, the place that the others read has the operator's code."""


def runner(cluster: MageCluster) -> Manifest:
    """Mage's image, environment and volume.

    The pod is ready when it has begun to listen. From then on it has no probe: where it does not answer, the gateway
    says so.
    """
    spec = cluster.spec
    return {
        "name": RUNNER_CONTAINER,
        "image": spec.image.reference,
        "imagePullPolicy": spec.image.pull_policy,
        # The script of Mage's image installs what the project requires, then starts what it is given.
        "command": [
            "/app/run_app.sh",
            "python",
            "-m",
            "magecluster_runner",
            f"--socket={SOCKET}",
            f"--project={project(cluster)}",
            f"--runs-per-process={spec.gateway.runs.runs_per_process}",
        ],
        "env": environment(cluster, PACKAGE, _startup(PACKAGE)),
        **requirements(spec.gateway.runs.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": DATA, "mountPath": HOME}, READ_PACKAGE, SOCKET_MOUNT],
        "securityContext": as_mage(cluster),
        "startupProbe": {
            "exec": {"command": ["test", "-S", SOCKET]},
            "periodSeconds": 1,
            "failureThreshold": STARTUP_SECONDS,
        },
    }


def runner_files(cluster: MageCluster, image: str) -> Manifest:
    """The container that copies the code. It writes the project's volume, as root, only where Jobs need it to."""
    targets, mounts, security = [_FOR_POD], [{"name": _PACKAGE_VOLUME, "mountPath": _FOR_POD}], restricted()
    if cluster.uses_kubernetes_executor:
        targets.append(_FOR_JOBS)
        mounts.append({"name": DATA, "mountPath": _FOR_JOBS, "subPath": FOLDER})
        security = {"runAsUser": 0, "readOnlyRootFilesystem": True, **as_mage(cluster)}
    return {
        "name": RUNNER_FILES,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [RUNNER_FILES, *targets],
        **requirements(cluster.spec.gateway.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
        "securityContext": security,
    }


def runner_volumes() -> list[Manifest]:
    """For the code, and for the socket between gateway and runner."""
    return [{"name": name, "emptyDir": {}} for name in (_PACKAGE_VOLUME, _SOCKET_VOLUME)]


def changes_to_mage(cluster: MageCluster) -> tuple[str, list[Manifest]]:
    """The folder that every Python of Mage's starts with, and the mounts that bring it there."""
    if cluster.uses_kubernetes_executor:
        return _startup(f"{HOME}/{FOLDER}"), []
    return _startup(PACKAGE), [READ_PACKAGE]


def _startup(folder: str) -> str:
    return f"{folder}/magecluster_runner/startup"
