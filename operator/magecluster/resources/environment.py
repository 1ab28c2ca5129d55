"""Environment variables of the Mage container."""

from magecluster.api.environment import RESERVED
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.pod import CONTAINER
from magecluster.resources.metadata import credentials_name
from magecluster.resources.secret import JWT_DOWNLOAD_SECRET, JWT_SECRET, OWNER_PASSWORD

HOME = "/home/src"
"""Where Mage's image keeps project and data: the mount point of the volume."""

DATA = "data"
"""Name of that volume in the pod."""


def project(cluster: MageCluster) -> str:
    """Where the project is."""
    return f"{HOME}/{cluster.spec.storage.project}"


def base_path(cluster: MageCluster) -> str:
    """Where Mage serves below its host, as in `/team`; empty for all of it."""
    env = cluster.environment
    base = (env.get("MAGE_ROUTES_BASE_PATH") or env.get("MAGE_BASE_PATH") or "").strip("/")
    return f"/{base}" if base else ""


def environment(cluster: MageCluster, *python_path: str) -> list[Manifest]:
    """The operator's own variables, then the user's. Variables of the user can refer to ours as `$(NAME)`.

    `python_path` are folders in which Python looks first.
    """
    credentials = credentials_name(cluster)
    database = cluster.spec.database
    ours = [
        _literal("DEFAULT_OWNER_EMAIL", cluster.spec.auth.owner_email),
        _secret("DEFAULT_OWNER_PASSWORD", credentials, OWNER_PASSWORD),
        _literal("DEFAULT_OWNER_USERNAME", cluster.spec.auth.owner_email.partition("@")[0]),
        _secret("JWT_DOWNLOAD_SECRET", credentials, JWT_DOWNLOAD_SECRET),
        _secret("JWT_SECRET", credentials, JWT_SECRET),
        {"name": "KUBE_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        # Prefixes the names of Kubernetes Jobs: two clusters with the same one would take each other's Jobs for theirs.
        _literal("MAGE_CLUSTER_UUID", cluster.metadata.name),
        _literal("MAGE_CONTAINER_NAME", CONTAINER),
        *(
            [_secret("MAGE_DATABASE_CONNECTION_URL", database.secret_key_ref.name, database.secret_key_ref.key)]
            if database
            else []
        ),
        _literal("MAGE_DATA_DIR", f"{HOME}/mage_data"),
        _literal("REQUIRE_USER_AUTHENTICATION", "1"),
        _literal("USER_CODE_PATH", project(cluster)),
    ]
    # The CRD refuses reserved names; an object stored before a name became reserved must not win either.
    theirs = {env.name: env.manifest() for env in cluster.spec.extra_envs if env.name not in RESERVED}
    if cluster.spec.pod_security.restricted:
        # The image knows no such user. His home has to be writable: pip installs there what he may not install for all.
        theirs.setdefault("HOME", _literal("HOME", HOME))
    if python_path:
        # The image's own value is the home; a value that comes from elsewhere cannot be added to, and stays.
        found = theirs.setdefault("PYTHONPATH", _literal("PYTHONPATH", HOME))
        if "value" in found:
            found["value"] = ":".join([*python_path, found["value"]])
    return [*ours, *theirs.values()]


def _literal(name: str, value: str) -> Manifest:
    return {"name": name, "value": value}


def _secret(name: str, secret: str, key: str) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
