"""What a client may send: keys that exist, values of their types, and nothing that gives power over others.

The models of the CRD judge, and the API server judges once more (CEL rules, formats); there is no second schema.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from magecluster.api.annotations import ADDRESS, names_secret, refusal
from magecluster.api.annotations import REFUSED as REFUSED_ANNOTATIONS
from magecluster.api.model import Manifest
from magecluster.api.spec import MageClusterSpec
from magecluster.cloud.config.environment import SentEnvVar
from magecluster.cloud.config.fields import ENVS, Path, Stranger, item_of, listed, named, strangers, tree
from magecluster.cloud.errors import InvalidConfigError

_POD = "gives power over the node or over other pods: only administrators of Kubernetes decide that"
_IDENTITY = "gives the rights of another service account: Mage gets one of its own with kubernetesExecutor.enabled"
_VOLUMES = "can mount the node's files or Secrets of others: use storage"
_CLAIMS = "can mount the volume of somebody else: an administrator of Kubernetes can set it"
_CONTAINERS = "runs other programs beside Mage, with its volume and its secrets"
_ENV_FROM = "takes in whole Secrets: use extraEnvs, with secret: true for values to be kept secret"

REFUSED = {
    "serviceAccount": _IDENTITY,
    "serviceAccountName": _IDENTITY,
    "automountServiceAccountToken": _IDENTITY,
    "securityContext": _POD,
    "podSecurityContext": _POD,
    "hostNetwork": _POD,
    "hostPID": _POD,
    "hostIPC": _POD,
    "hostUsers": _POD,
    "hostAliases": _POD,
    "nodeName": _POD,
    "priorityClassName": _POD,
    "runtimeClassName": _POD,
    "hostPath": _VOLUMES,
    "volumes": _VOLUMES,
    "extraVolumes": _VOLUMES,
    "volumeMounts": _VOLUMES,
    "extraVolumeMounts": _VOLUMES,
    "containers": _CONTAINERS,
    "extraContainers": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "extraInitContainers": _CONTAINERS,
    "command": _CONTAINERS,
    "args": _CONTAINERS,
    "lifecycle": _CONTAINERS,
    "k8sExecutorConfig": _CONTAINERS,
    "workspaceConfig": _CONTAINERS,
    "envFrom": _ENV_FROM,
    "extraEnvFrom": _ENV_FROM,
    "secrets": _ENV_FROM,
    "existingSecret": _ENV_FROM,
    "status": "stands beside config in the request, not in it",
}
"""Names of Mage's Helm values, and of Kubernetes' pods, that are refused at every depth, each with the reason. None of
them is in our schema: the table only says why."""

_INSTEAD = {"env": ENVS, "persistence": "storage", "postgresql": "database"}
"""Names of Mage's Helm values whose purpose another field has here."""


def check_keys(config: Manifest) -> dict[str, str]:
    """Keys that are not known or not allowed, by name, with the nearest known name."""
    listing = config.get(ENVS)
    envs = [_without_secret(env) for env in listing] if isinstance(listing, list) else listing
    found = strangers({**config, ENVS: envs})
    problems = {named(stranger.path): _problem(stranger) for stranger in found}
    if "status" in config:
        problems["status"] = REFUSED["status"]
    return problems


def _without_secret(env: Any) -> Any:
    return {key: value for key, value in env.items() if key != "secret"} if isinstance(env, dict) else env


def _problem(stranger: Stranger) -> str:
    if reason := REFUSED.get(stranger.key):
        return f"is refused: it {reason}" if not reason.startswith("stands") else reason
    near = [_INSTEAD.get(stranger.key, ""), *difflib.get_close_matches(stranger.key, stranger.known, n=1)]
    nearest = next((name for name in near if name in stranger.known), None)
    return f"is not known; did you mean {nearest}?" if nearest else "is not known"


_ENVIRONMENT = TypeAdapter(list[SentEnvVar])


def sent_environment(value: object, problems: dict[str, str]) -> list[SentEnvVar]:
    """The entries of `extraEnvs` as sent; what is wrong goes into `problems`."""
    try:
        return _ENVIRONMENT.validate_python([] if value is None else value, strict=True)
    except ValidationError as error:
        problems.update(_wrong(error, {ENVS: value}, (ENVS,)))
        return []


def valid(fields: Manifest, problems: Mapping[str, str]) -> Manifest:
    """The completed tree of `fields`, a tree too, without status.

    Raises `InvalidConfigError` with `problems` and every field that has the wrong type.
    """
    spec = listed(fields)
    wrong = dict(problems)
    try:
        model = MageClusterSpec.model_validate(spec, strict=True)
    except ValidationError as error:
        wrong |= {name: problem for name, problem in _wrong(error, spec).items() if name not in wrong}
        raise InvalidConfigError(wrong) from None  # the cause quotes values
    if wrong:
        raise InvalidConfigError(wrong)
    complete = model.manifest()
    del complete["status"]
    return tree(complete)


def _wrong(error: ValidationError, sent: Manifest, above: tuple[str, ...] = ()) -> dict[str, str]:
    """Messages by name of field; keys that are not known have been found already, and values are never quoted."""
    found = ((named(_path(above + e["loc"], sent)), e) for e in error.errors(include_input=False, include_url=False))
    return {name: e["msg"] for name, e in found if e["type"] != "extra_forbidden"}


def _path(place: tuple[str | int, ...], node: Any) -> Path:
    """The path to a place in `node`."""
    path: Path = ()
    for step in place:
        match node, step:
            case dict(), str():
                path, node = (*path, step), node.get(step)
            case list(), int():
                path, node = (*path, item_of(path, step, node[step])), node[step]
            case _:  # pydantic goes on with the types that it tried
                break
    return path


SecretKey = tuple[str, str]
"""Name of a Secret and a key in it, or whom it is shown; empty where all keys are taken."""


def check_powers(
    before: Manifest, after: Manifest, allowed: Collection[str], own: Collection[SecretKey], namespace: str
) -> None:
    """Refuses what a tenant must not bring into a spec: Secrets and volumes of others, annotations that give power.

    Both are completed specs; what stands in `before` stays allowed. `allowed` are names of Secrets of the cluster's
    `namespace` that may be used, `own` are keys that this very change fills. Raises `InvalidConfigError`.
    """
    there = {secret for _, secret in _secrets(before, namespace)} | set(own)
    problems = {
        name: f"refers to a Secret that is not this cluster's ({secret[0]}): use secret: true in extraEnvs, "
        "or ask an administrator of Kubernetes to set it"
        for name, secret in _secrets(after, namespace)
        if secret not in there and secret[0] not in allowed
    }
    claim = after.get("storage", {}).get("existingClaim")
    if claim and claim != before.get("storage", {}).get("existingClaim"):
        problems["storage.existingClaim"] = f"is refused: it {_CLAIMS}"
    known = set(_annotated(before, MARKED))
    for path, value in _annotated(after, MARKED):
        reason = refusal(named(path[:-1]), path[-1])
        if reason and (path, value) not in known:
            problems[named(path)] = f"is refused: it {reason}"
    if before.get("workspaceOf") != after.get("workspaceOf"):
        problems["workspaceOf"] = (
            "is refused: it is served at the address of another cluster, whose owners make workspaces at its gateway"
        )
    if problems:
        raise InvalidConfigError(problems)


MARKED = tuple(sorted({field for row in REFUSED_ANNOTATIONS for field in row.fields}))
"""Fields that hold annotations or labels."""


def _annotated(spec: Manifest, fields: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Annotations and labels by their path."""
    for field in fields:
        *above, last = path = tuple(field.split("."))
        holder = spec.get(above[0], {}) if above else spec
        for key, value in holder.get(last, {}).items():
            yield (*path, key), value


def _secrets(spec: Manifest, namespace: str) -> Iterator[tuple[str, SecretKey]]:
    """Names of fields, and what they take."""
    for env in spec.get(ENVS, ()):
        if ref := env.get("valueFrom", {}).get("secretKeyRef"):
            yield named((ENVS, env["name"])), (ref["name"], ref["key"])
    if database := spec.get("database"):
        ref = database["secretKeyRef"]
        yield "database.secretKeyRef", (ref["name"], ref["key"])
    if secret := spec.get("auth", {}).get("existingSecret"):
        yield "auth.existingSecret", (secret, "")
    git = spec.get("git") or {}
    if secret := git.get("credentialsSecret"):
        # With the address, which is shown what stands in it: whoever names another one could read it there.
        yield "git.credentialsSecret", (secret, git["repository"])
    for index, item in enumerate(spec.get("imagePullSecrets", ())):
        yield f"imagePullSecrets[{index}]", (item["name"], "")
    for index, item in enumerate(spec.get("ingress", {}).get("tls", ())):
        yield f"ingress.tls[{index}]", (item["secretName"], "")
    for path, value in _annotated(spec, ADDRESS):
        if names_secret(path[-1]):
            yield named(path), (value.removeprefix(f"{namespace}/"), "")
