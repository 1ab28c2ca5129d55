"""What keeps the containers of a placed pod from being made."""

import re
from collections.abc import Iterator
from datetime import datetime

from magecluster.api.gateway import GATEWAY_CONTAINER, RUNNER_CONTAINER, RUNNER_FILES
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import Reason
from magecluster.status.live import Waiting, containers, event_text, last_end, stable, unfinished_pods, waiting
from magecluster.status.observation import Observation, Problem

_PULL = {
    "ErrImageNeverPull",
    "ErrImagePull",
    "ErrImagePullBackOff",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
"""Reasons of pkg/kubelet/images."""

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: )?')
"""Since Kubernetes 1.32 the last error follows; before, nothing."""

_PULL_PREFIX = re.compile(rf'^((Failed to pull image "[^"]*"|{"|".join(sorted(_PULL))}): )+')

_MAKE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError")

_NEVER_RAN = ("StartError", "ContainerCannotRun")
"""Why a container counts as ended whose process could not be started."""

_MISSING = re.compile(
    r'(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found'
    r"|couldn't find key (?P<key>\S+) in (?P<kind_of_key>Secret|ConfigMap) \S+/(?P<name_of_key>[^/\s,]+)",
    re.IGNORECASE,
)


def image_of(container: str) -> str:
    """The field of the spec that says the image of a container."""
    return "spec.gateway.image" if container in (GATEWAY_CONTAINER, RUNNER_FILES) else "spec.image"


def resources_of(container: str) -> str:
    """The field of the spec that says CPU and memory of a container."""
    own = {GATEWAY_CONTAINER: ".gateway", RUNNER_FILES: ".gateway", RUNNER_CONTAINER: ".gateway.runs"}
    return f"spec{own.get(container, '')}.resources"


def image(_cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """The node cannot get an image."""
    for pod in unfinished_pods(observation):
        if found := next((w for w in waiting(pod) if w.reason in _PULL), None):
            cause = _pull_cause(found, pod, observation)
            return Problem(
                Reason.IMAGE_PULL_FAILED,
                f"The node cannot pull image {found.image}: {cause}; {_pull_remedy(found, pod, observation)}",
            )
    return None


def _pull_cause(found: Waiting, pod: Manifest, observation: Observation) -> str:
    """The same words whether the kubelet has just failed or is waiting to try again."""
    text = _BACK_OFF.sub("", found.message)
    if not text:
        # Of the other Failed events, "Error: ErrImagePull" says nothing.
        text = event_text(observation.events, pod, "Failed", but="Error:") or ""
    text = _PULL_PREFIX.sub("", "" if text.startswith("Error:") else text)
    return stable(text) or "the kubelet gives no cause"


def _pull_remedy(found: Waiting, pod: Manifest, observation: Observation) -> str:
    field = image_of(found.container)
    if found.reason == "ErrImageNeverPull":
        return "load the image onto the node, or set spec.image.pullPolicy to IfNotPresent"
    text = event_text(observation.events, pod, "FailedToRetrieveImagePullSecret") or ""
    if secret := re.search(r"\(([^)]+)\)", text):
        return f"create the Secret {secret[1]} that spec.imagePullSecrets names, or correct {field}"
    return f"correct {field}, or give credentials in spec.imagePullSecrets"


def configuration(cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """The kubelet cannot make a container, or start its process."""
    text = next((text for pod in unfinished_pods(observation) for text in _making_failures(pod)), None)
    if text is None:
        return None
    if missing := _MISSING.search(text):
        return _missing(cluster, missing)
    return Problem(
        Reason.CONTAINER_CONFIG_INVALID,
        f"The node cannot start the container: {stable(text)}; correct the part of the spec that it names",
    )


def _making_failures(pod: Manifest) -> Iterator[str]:
    """The runtime's text, also while the kubelet waits to try again, which it calls CrashLoopBackOff."""
    for found in waiting(pod):
        # A cache that is not filled yet is no failure.
        if found.reason in _MAKE and not found.message.startswith("failed to sync"):
            yield found.message or found.reason
    for container in containers(pod):
        end = last_end(container)
        if "running" not in (container.get("state") or {}) and end.get("reason") in _NEVER_RAN:
            yield end.get("message") or end["reason"]


def _missing(cluster: MageCluster, found: re.Match[str]) -> Problem:
    kind = (found["kind"] or found["kind_of_key"]).lower()
    shown, reason = {
        "secret": ("Secret", Reason.SECRET_MISSING),
        "configmap": ("ConfigMap", Reason.CONFIG_MAP_MISSING),
    }[kind]
    name = found["name"] or found["name_of_key"]
    what = f"Key {found['key']} of {shown} {name}" if found["key"] else f"{shown} {name}"
    namespace = cluster.metadata.namespace
    return Problem(reason, f"{what} does not exist in namespace {namespace}; create it, or correct the spec")
