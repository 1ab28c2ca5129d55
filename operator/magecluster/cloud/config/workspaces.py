"""What a workspace takes over from its cluster, and what is asked for it: pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from magecluster.api.labels import INHERITED
from magecluster.api.magecluster import API_VERSION, KIND, NAME_LENGTH, MageCluster
from magecluster.api.model import Manifest
from magecluster.api.workspaces import TAKEN, cluster_name
from magecluster.cloud.config.fields import ENVS, EXECUTOR, completed, listed, tree
from magecluster.cloud.config.validation import valid
from magecluster.cloud.errors import ConflictError, InvalidRequestError
from magecluster.resources.environment import base_path

WORKSPACE_OF = "workspaceOf"
_INHERITED = (
    "affinity",
    "gateway",
    "image",
    "imagePullSecrets",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "podSecurity",
    "resources",
    "tolerations",
)
_BASE_PATH = "MAGE_BASE_PATH"
_OWN_VARIABLES = frozenset({_BASE_PATH, "MAGE_ROUTES_BASE_PATH"})
"""Each workspace has its own."""
_PARENTS_VARIABLES = frozenset(
    {"CLUSTER_TYPE", "DEFAULT_EXECUTOR_TYPE", "MANAGE_INSTANCE", "PROJECT_TYPE", "PROJECT_UUID", "REDIS_URL"}
)
"""They are about the cluster itself: what it manages, and the database and volume that others share with it.

Owners cannot choose them either: `DEFAULT_EXECUTOR_TYPE` would let the workspace make Jobs, and so read all Secrets.
"""
STORAGE = {"size": "2Gi"}
"""As in Mage's own workspaces, where nothing else is asked for."""


class Changed(NamedTuple):
    """What a change makes of a workspace."""

    spec: Manifest
    inherited: str
    """Value of the annotation `INHERITED`."""


class Wish(NamedTuple):
    """What is asked for a workspace, by the names of the spec; what is empty stays, or is as its cluster has it."""

    image: Mapping[str, str] = {}
    resources: Mapping[str, Any] | None = None
    variables: Mapping[str, str] = {}
    storage: Mapping[str, str] = {}
    """Only for a new one."""
    renew: bool = False
    """Take over the variables of the cluster anew, and drop those that it has no more."""
    ingress: bool = False
    """Have an address from outside that does not lead through the cluster's gateway."""


def manifest_of(parent: Manifest, name: str, wish: Wish) -> Manifest:
    """A new workspace. Raises `InvalidRequestError`, `InvalidConfigError`, `ConflictError`."""
    metadata = parent["metadata"]
    full = cluster_name(metadata["name"], name)
    if name in TAKEN:
        raise InvalidRequestError({"name": f"{name} is a path of Mage's own: choose another name"})
    if len(full) > NAME_LENGTH:
        most = NAME_LENGTH - len(metadata["name"]) - 1
        problem = f"is too long, as {full} would be the name of a cluster: at most {most} characters are left"
        raise InvalidRequestError({"name": problem})
    spec = completed(parent["spec"])
    cluster = model(parent)
    # A Secret of its own: blocks see the password and the keys of the Mage that runs them.
    auth = {key: value for key, value in spec.get("auth", {}).items() if key != "existingSecret"}
    base = {"name": _BASE_PATH, "value": f"{base_path(cluster)}/{name}".strip("/")}
    made = {
        **{field: spec[field] for field in _INHERITED if field in spec},
        "auth": auth,
        "storage": {**STORAGE, **wish.storage},
        ENVS: [base],
        WORKSPACE_OF: {"name": metadata["name"]},
    }
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": metadata["name"], "uid": metadata["uid"]}
    after = changed(parent, {"metadata": {}, "spec": made}, wish._replace(renew=True))
    return {
        "metadata": {
            "name": full,
            "namespace": metadata["namespace"],
            "annotations": {INHERITED: after.inherited},
            "ownerReferences": [owner],
        },
        "spec": after.spec,
    }


def changed(parent: Manifest, live: Manifest, wish: Wish) -> Changed:
    """A workspace with what is wished. Raises `InvalidRequestError`, `InvalidConfigError`, `ConflictError`."""
    theirs, spec = completed(parent["spec"]), live["spec"]
    _check(wish.variables)
    variables = {env["name"]: env for env in spec.get(ENVS, ())}
    inherited = inherited_by(live)
    if wish.renew:
        kept = _OWN_VARIABLES | _PARENTS_VARIABLES
        given = {env["name"]: env for env in theirs.get(ENVS, ()) if env["name"] not in kept}
        gone = inherited - given.keys()
        variables = {name: env for name, env in variables.items() if name not in gone} | given
        inherited = given.keys()
    variables |= {name: {"name": name, "value": value} for name, value in wish.variables.items()}
    # Only who may give a cluster the right to run Jobs gives it to a workspace: at the Cloud API, or by kubectl.
    after = {**spec, ENVS: list(variables.values()), EXECUTOR: {"enabled": False, **spec.get(EXECUTOR, {})}}
    if wish.image:
        after["image"] = {"pullPolicy": spec.get("image", {}).get("pullPolicy", "IfNotPresent"), **wish.image}
    if wish.resources is not None:
        after["resources"] = dict(wish.resources)
    if wish.ingress:
        after["ingress"] = _ingress(theirs, variables)
    status = {"status": spec["status"]} if "status" in spec else {}
    after = listed(valid(tree({key: value for key, value in after.items() if key != "status"}), {}))
    return Changed({**status, **after}, ",".join(sorted(inherited - wish.variables.keys())))


def inherited_by(live: Manifest) -> AbstractSet[str]:
    """Names of the variables that a workspace has from its cluster."""
    told: str = (live["metadata"].get("annotations") or {}).get(INHERITED, "")
    return set(told.split(",")) - {""}


def _check(variables: Mapping[str, str]) -> None:
    """Raises `InvalidRequestError`."""
    reasons = {
        **dict.fromkeys(_OWN_VARIABLES, "is the workspace's own path: leave it out"),
        **dict.fromkeys(
            _PARENTS_VARIABLES,
            "is not for owners to set in a workspace: leave it out, or ask an Admin of the team, who sets it at the "
            "Cloud API",
        ),
    }
    if forbidden := sorted(variables.keys() & reasons.keys()):
        raise InvalidRequestError({name: reasons[name] for name in forbidden})


def workspace_of(live: Manifest) -> str | None:
    """Name of the cluster that this one is a workspace of."""
    found: str | None = (live["spec"].get(WORKSPACE_OF) or {}).get("name")
    return found


def name_within(live: Manifest) -> str:
    """Name of a workspace within its cluster."""
    return str(live["metadata"]["name"].removeprefix(f"{workspace_of(live)}-"))


def is_workspace(live: Manifest, parent: str) -> bool:
    """Of that cluster. One that somebody named otherwise has no path below it."""
    name = live["metadata"]["name"]
    return workspace_of(live) == parent and name.startswith(f"{parent}-") and name_within(live) not in TAKEN


def _ingress(theirs: Manifest, variables: Mapping[str, Manifest]) -> Manifest:
    found = theirs.get("ingress", {})
    if not found.get("enabled"):
        raise ConflictError("the cluster has no Ingress that its workspaces could share: set its ingress first")
    if not (path := variables.get(_BASE_PATH, {}).get("value", "").strip("/")):
        raise ConflictError(f"the workspace has no path that an Ingress could lead to: set {_BASE_PATH} in extraEnvs")
    paths = [{"path": f"/{path}", "pathType": "Prefix"}]
    return {**found, "hosts": [{"host": host["host"], "paths": paths} for host in found["hosts"]]}


def model(live: Manifest) -> MageCluster:
    """What is wished; raises `InvalidClusterError`."""
    return MageCluster.parse({"metadata": live["metadata"], "spec": completed(live["spec"])})
