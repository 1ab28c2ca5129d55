"""The Job that copies files into the new volume, and what it tells."""

import json
from importlib import resources
from typing import Any, NamedTuple

from magecluster.adopt.facts import Copy
from magecluster.api.model import Manifest

TARGET = "/to"

_LEAST = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
"""Where Mage asks for nothing: a quota refuses pods that ask for nothing. Copying needs little."""
_ORDINARY = ("cpu", "memory", "ephemeral-storage")


class Pod(NamedTuple):
    """What the Job's pod has to have in common with that of Mage."""

    image: str
    pull_policy: str
    node: str | None
    spec: Manifest
    """Of Mage's pod."""
    resources: Manifest
    """Of Mage's container."""


def job_name(cluster: str) -> str:
    """Of the Job."""
    return f"{cluster}-adopt-copy"


def copy_job(cluster: str, namespace: str, claim: str, copies: tuple[Copy, ...], pod: Pod) -> Manifest:
    """One attempt, on the node of Mage's pod, since there its files are; the old volumes are only read."""
    mounts: list[Manifest] = [{"name": "to", "mountPath": TARGET}]
    arguments = [TARGET]
    for number, copy in enumerate(copies):
        sub_path = {"subPath": copy.sub_path} if copy.sub_path else {}
        mounts.append({"name": copy.volume["name"], "mountPath": f"/from/{number}", "readOnly": True, **sub_path})
        arguments += [f"/from/{number}", copy.target]
    volumes = {copy.volume["name"]: copy.volume for copy in copies}
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "copy",
                "image": pod.image,
                "imagePullPolicy": pod.pull_policy,
                "command": ["python3", "-c", _program(), *arguments],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": mounts,
                "resources": _resources(pod.resources) or _LEAST,
                "securityContext": {
                    "runAsUser": 0,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
                },
            }
        ],
        "volumes": [{"name": "to", "persistentVolumeClaim": {"claimName": claim}}, *volumes.values()],
        **({"affinity": _on(pod.node)} if pod.node else {}),
        **{key: pod.spec[key] for key in ("tolerations", "imagePullSecrets", "nodeSelector") if pod.spec.get(key)},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(cluster), "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"job": job_name(cluster)}}, "spec": spec}},
    }


def _resources(given: Manifest) -> Manifest:
    """As Mage's, which was there a moment ago; nothing special, such as a GPU."""
    parts = {part: given.get(part) or {} for part in ("requests", "limits")}
    kept = {part: {key: value for key, value in of.items() if key in _ORDINARY} for part, of in parts.items()}
    return {part: of for part, of in kept.items() if of}


def _on(node: str) -> Manifest:
    """By affinity and not by name: a pod with a node's name passes the scheduler by, and its claim stays unbound."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _program() -> str:
    return resources.files("magecluster.adopt").joinpath("copier.py").read_text()


def progress(line: str) -> str | None:
    """A line of the Job's log for people; `None` for one that is not of the program's."""
    try:
        told = json.loads(line)
        if "doing" in told:
            return f"{told['doing']}: {told['count']} files and folders"
        share = 100 * told["bytes"] // max(told["ofBytes"], 1)
        return (
            f"{share} %: {told['files']} of {told['ofFiles']} files, {size(told['bytes'])} of {size(told['ofBytes'])}"
        )
    except (ValueError, KeyError, TypeError):
        return None


def result(message: str) -> str:
    """The last word of a Job that succeeded, for people."""
    try:
        told = json.loads(message)
        return f"{told['files']} files and folders, {size(told['bytes'])}, compared"
    except (ValueError, KeyError, TypeError):
        return "copied"


def size(count: int) -> str:
    """Bytes for people."""
    amount, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while amount >= 1024 and (larger := next(units, None)):  # noqa: PLR2004  a step of the units
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}" if unit != "B" else f"{count} B"
