"""The container that deploys commits, with Mage's image, volume and Python, and alone with the credentials for Git."""

from magecluster.api.git import DEPLOYER_CONTAINER, Git
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.pod import STARTUP_SECONDS
from magecluster.resources.environment import DATA, HOME, environment, project
from magecluster.resources.requirements import requirements
from magecluster.resources.runner import FOLDER, PACKAGE, READ_PACKAGE, SOCKET_MOUNT, SOCKETS
from magecluster.resources.security import as_mage

SOCKET = f"{SOCKETS}/deployer.sock"

_CREDENTIALS = "git-credentials"
_MOUNTED = "/etc/magecluster/git"
_NOT_ITS_OWN = (
    "DEFAULT_OWNER_PASSWORD",
    "JWT_DOWNLOAD_SECRET",
    "JWT_SECRET",
    "MAGE_DATABASE_CONNECTION_URL",
)
"""Of Mage's environment, which templates in a project's files may use otherwise."""
_TEMPORARY = "/tmp"  # noqa: S108  of the container


def deployer(cluster: MageCluster, git: Git) -> Manifest:
    """It sees neither Mage's database nor its keys, and blocks do not see the credentials for Git."""
    secret = git.credentials_secret
    return {
        "name": DEPLOYER_CONTAINER,
        "image": cluster.spec.image.reference,
        "imagePullPolicy": cluster.spec.image.pull_policy,
        "command": [
            "python",
            "-m",
            "magecluster_deployer",
            f"--socket={SOCKET}",
            f"--project={project(cluster)}",
            f"--state={HOME}/{FOLDER}/deployments",
            f"--setting={git.setting}",
            f"--repository={git.repository}",
            f"--branch={git.branch}",
            *([f"--directory={git.directory}"] if git.directory else []),
            *([f"--credentials={_MOUNTED}"] if secret else []),
        ],
        "workingDir": PACKAGE,
        "env": _environment(cluster),
        **requirements(git.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": DATA, "mountPath": HOME},
            READ_PACKAGE,
            SOCKET_MOUNT,
            *([{"name": _CREDENTIALS, "mountPath": _MOUNTED, "readOnly": True}] if secret else []),
        ],
        "securityContext": as_mage(cluster),
        "startupProbe": {
            "exec": {"command": ["test", "-S", SOCKET]},
            "periodSeconds": 1,
            "failureThreshold": STARTUP_SECONDS,
        },
    }


def _environment(cluster: MageCluster) -> list[Manifest]:
    """Mage's, but that Python, pip and Git look for nothing of their own on the volume, where blocks write."""
    found = {each["name"]: each for each in environment(cluster) if each["name"] not in _NOT_ITS_OWN}
    for name, value in (("PYTHONPATH", PACKAGE), ("PYTHONNOUSERSITE", "1")):
        found[name] = {"name": name, "value": value}
    if str(found.get("HOME", {}).get("value", "")).startswith(HOME):
        found["HOME"] = {"name": "HOME", "value": _TEMPORARY}
    return list(found.values())


def deployer_volumes(git: Git) -> list[Manifest]:
    """The Secret may be missing: Mage runs without it, and a deployment says so. A change needs no restart."""
    if not git.credentials_secret:
        return []
    secret = {"secretName": git.credentials_secret, "defaultMode": 0o400, "optional": True}
    return [{"name": _CREDENTIALS, "secret": secret}]
