"""From the pods of the release to the fields of a MageCluster that say where and with what its pod runs."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

from magecluster.adopt.facts import SCHEDULER, Choices, Findings, Live
from magecluster.adopt.helm import CHART
from magecluster.api.model import Manifest
from magecluster.api.pod import DEFAULT_TAG
from magecluster.api.quantity import amount_of

_OURS = ("app.kubernetes.io/", "helm.sh/", "magecluster.io/")
_PASSING = ("kubectl.kubernetes.io/", "checksum/")
"""Annotations that are about the old pods."""

_WAITING = ("wait-for-redis", "wait-for-postgres")
"""The chart's own init containers."""

_UNSUPPORTED = {
    "priorityClassName": None,
    "runtimeClassName": None,
    "schedulerName": "default-scheduler",
    "hostNetwork": None,
    "hostPID": None,
    "hostIPC": None,
    "hostAliases": None,
    "dnsPolicy": "ClusterFirst",
    "dnsConfig": None,
    "topologySpreadConstraints": None,
    "shareProcessNamespace": None,
}
"""Fields of pods that a MageCluster does not have, with their defaults."""


_GRACE = (30, 10)
"""Seconds, as Kubernetes and as the operator have it."""


class Workloads(NamedTuple):
    """The Deployments of a release by what they do."""

    server: Manifest
    """Mage's server, with its scheduler or without."""
    scheduler: Manifest | None
    """With `standaloneScheduler`."""


def workloads(live: Live, findings: Findings) -> Workloads | None:
    """`None` where there is nothing to go by."""
    schedulers = [each for each in live.deployments if _instance_type(each) == SCHEDULER]
    servers = [each for each in live.deployments if each not in schedulers]
    if len(servers) != 1 or len(schedulers) > 1:
        names = ", ".join(each["metadata"]["name"] for each in live.deployments) or "none"
        findings.stops(
            f"release {live.release.name} should have one Deployment of Mage, or two with standaloneScheduler, and has "
            f"{names}: helm upgrade it first"
        )
        return None
    return Workloads(servers[0], schedulers[0] if schedulers else None)


def pod_of(deployment: Manifest) -> Manifest:
    """The spec of its pods."""
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def mage_of(deployment: Manifest) -> Manifest:
    """The container of Mage."""
    containers: list[Manifest] = pod_of(deployment)["containers"]
    return next((container for container in containers if container["name"] == CHART), containers[0])


def mounted(deployment: Manifest) -> list[tuple[Manifest, Manifest]]:
    """Mounts of Mage's container with what is mounted, whatever the pod calls it."""
    volumes = {volume["name"]: {**volume, "name": ""} for volume in pod_of(deployment).get("volumes") or ()}
    mounts = sorted(mage_of(deployment).get("volumeMounts") or (), key=lambda mount: mount["mountPath"])
    return [({**mount, "name": ""}, volumes[mount["name"]]) for mount in mounts]


def _instance_type(deployment: Manifest) -> str | None:
    envs = mage_of(deployment).get("env") or ()
    return next((env.get("value") for env in envs if env["name"] == "INSTANCE_TYPE"), None)


def image(reference: str, pull_policy: str, findings: Findings) -> Manifest:
    """The field `image`."""
    name, _, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    tag = tag or ("" if digest else "latest")
    if tag != DEFAULT_TAG:
        findings.differs(
            "Image",
            f"stays {reference}; this operator is tested with Mage {DEFAULT_TAG}, and single blocks by POST /api/runs "
            "and corrections of Mage may not work with others: change spec.image.tag afterwards",
        )
    return {
        "repository": f"{head}{slash}{last}",
        **({"tag": tag} if tag else {}),
        **({"digest": digest} if digest else {}),
        "pullPolicy": pull_policy,
    }


def placement(found: Workloads, choices: Choices, findings: Findings) -> Manifest:
    """Everything else that a MageCluster takes from a pod."""
    template, pod = found.server["spec"]["template"], pod_of(found.server)
    metadata = template.get("metadata") or {}
    for each in filter(None, found):
        _unsupported(each, choices, findings)
    resources = _resources(found)
    fields: dict[str, Any] = {
        "resources": resources,
        "imagePullSecrets": pod.get("imagePullSecrets"),
        "nodeSelector": pod.get("nodeSelector"),
        "tolerations": pod.get("tolerations"),
        "affinity": pod.get("affinity"),
        "podAnnotations": _without(metadata.get("annotations"), _PASSING),
        "podLabels": _without(metadata.get("labels"), _OURS),
    }
    return {key: value for key, value in fields.items() if value}


def security(found: Workloads, *, jobs: bool, findings: Findings) -> Manifest:
    """The field `podSecurity`. Another user than root stays, as the files are his; Mage's Jobs have to be root's."""
    contexts = [each.get("securityContext") or {} for each in (mage_of(found.server), pod_of(found.server))]
    user = next((each["runAsUser"] for each in contexts if each.get("runAsUser") is not None), None)
    if user and not jobs:
        findings.differs(
            "Security",
            f"Mage runs as user {user} as before, and otherwise by podSecurity.standard Restricted: his group gets the "
            "volume, and sudo is gone",
        )
        return {"podSecurity": {"standard": "Restricted", "runAsUser": user}}
    if user:
        findings.differs(
            "Security", f"Mage ran as user {user} and becomes root, since its Jobs are: new files are root's, see chown"
        )
    elif any(contexts):
        findings.differs(
            "Security", "the security context becomes the operator's: root as Mage's image demands, few capabilities"
        )
    return {}


def _without(entries: Manifest | None, beginnings: tuple[str, ...]) -> Manifest:
    return {key: value for key, value in (entries or {}).items() if not key.startswith(beginnings)}


def _resources(found: Workloads) -> Manifest:
    parts = [mage_of(each).get("resources") or {} for each in found if each]
    if len(parts) == 1:
        return {key: parts[0][key] for key in ("requests", "limits") if parts[0].get(key)}
    # Server and scheduler are in one container now: what both ask for, and a limit only where both have one.
    requests = _summed(parts, "requests", least=1)
    limits = _summed(parts, "limits", least=len(parts))
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}


def _summed(parts: list[Manifest], field: str, *, least: int) -> dict[str, str]:
    names = dict.fromkeys(name for part in parts for name in part.get(field) or {})
    found = {name: [part[field][name] for part in parts if name in (part.get(field) or {})] for name in names}
    return {
        name: _written(name, sum(map(amount_of, all_), Fraction(0)))
        for name, all_ in found.items()
        if len(all_) >= least
    }


def _written(resource: str, amount: Fraction) -> str:
    if resource == "cpu":
        return f"{math.ceil(amount * 1000)}m"
    mebi = 1024**2
    return f"{math.ceil(amount / mebi)}Mi" if amount >= mebi else str(math.ceil(amount))


def _unsupported(deployment: Manifest, choices: Choices, findings: Findings) -> None:
    pod, mage = pod_of(deployment), mage_of(deployment)
    for field, default in _UNSUPPORTED.items():
        if pod.get(field) and pod[field] != default:
            findings.differs("Pod", f"{field} is left out: a MageCluster has no such field")
    if pod.get("terminationGracePeriodSeconds", _GRACE[0]) not in _GRACE:
        findings.differs(
            "Pod",
            f"it has {_GRACE[1]} s to end and not {pod['terminationGracePeriodSeconds']}: the shell of Mage's image "
            "does not hear that it should",
        )
    if mage.get("command") or mage.get("args"):
        findings.differs("Pod", "command and args become those of the image")
    if mage.get("lifecycle"):
        findings.differs("Pod", "lifecycle hooks are left out")
    for container in pod["containers"]:
        if container is not mage:
            _left_out(container["name"], "container", choices, findings)
    for container in pod.get("initContainers") or ():
        if container["name"] in _WAITING:
            findings.differs("Pod", f"init container {container['name']} is left out: Mage restarts until it can work")
        else:
            _left_out(container["name"], "init container", choices, findings)


def _left_out(name: str, what: str, choices: Choices, findings: Findings) -> None:
    if name in choices.leave_out:
        findings.differs("Pod", f"{what} {name} is left out, as you say")
    else:
        findings.stops(
            f"a MageCluster has no {what} {name}: run it in a Deployment of its own, or do without it by --leave-out "
            f"{name}"
        )
