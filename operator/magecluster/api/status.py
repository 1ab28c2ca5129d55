"""The observed state of a cluster, as `kubectl describe mc` shows it."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from magecluster.api.model import ApiModel


class State(StrEnum):
    """One word for people and for the Cloud API; programs read the conditions."""

    STARTING = "Starting"
    ACTIVE = "Active"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    DEGRADED = "Degraded"


class ConditionType(StrEnum):
    """What a condition says."""

    READY = "Ready"
    """The summary: Mage answers and is what the spec asks for."""
    AVAILABLE = "Available"
    """Mage answers, perhaps still with an older configuration."""
    PROGRESSING = "Progressing"
    """A change is under way; it needs no help so far."""
    STOPPED = "Stopped"
    """No pod is left, as the spec asks."""
    DEGRADED = "Degraded"
    """Something needs help: reason and message say what."""
    EXECUTOR_READY = "KubernetesExecutorReady"
    """Blocks can run as Jobs; only there while spec.kubernetesExecutor is in use."""
    STALLED = "Stalled"
    """Degraded, in the word that kstatus knows, by which Flux and Helm wait; only there while it is so."""


class Reason(StrEnum):
    """Causes, each with the remedy that its message gives in full."""

    READY = "Ready"
    AS_EXPECTED = "AsExpected"
    STARTING = "Starting"
    ROLLING_OUT = "RollingOut"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    RUNNING = "Running"
    UNAVAILABLE = "Unavailable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The image name, tag, registry or credentials are wrong: correct spec.image or spec.imagePullSecrets."""
    VOLUME_PENDING = "VolumePending"
    """No volume was provisioned or it cannot be attached: check the storage class."""
    CRASH_LOOP = "CrashLoop"
    """Mage exits again and again: read the logs of the pod."""
    UNSCHEDULABLE = "Unschedulable"
    """No node fits: check resources, nodeSelector, tolerations and affinity."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota or LimitRange of the namespace refuses the object: raise it or ask for less."""
    SECRET_MISSING = "SecretMissing"  # noqa: S105  the name of a reason
    """A Secret or its key that the spec names is not there: create it."""
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    """A ConfigMap or its key that the spec names is not there: create it."""
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    """The kubelet cannot make the container from its configuration."""
    NOT_ANSWERING = "NotAnswering"
    """The container runs but /api/status does not answer within the time that a first start may take."""
    FORBIDDEN = "Forbidden"
    """The operator lacks a right, or an admission rule refuses the object."""
    INVALID = "Invalid"
    """The API server refuses an object made from the spec."""
    NAME_CONFLICT = "NameConflict"
    """An object of that name exists and belongs to somebody else: rename it or the cluster."""
    INVALID_SPEC = "InvalidSpec"
    """The spec is not one that this version understands: correct it. Nothing was changed."""
    NEEDS_SHARED_VOLUME = "NeedsSharedVolume"
    """Jobs on other nodes cannot mount the volume: use storage.accessMode ReadWriteMany."""
    NEEDS_DATABASE = "NeedsDatabase"
    """Jobs cannot share SQLite: set spec.database."""


Truth = Literal["True", "False", "Unknown"]


class Condition(ApiModel):
    """One observation, in the form that all Kubernetes tools read (meta/v1 Condition)."""

    type: Annotated[str, Field(max_length=316)]
    """What is observed."""
    status: Truth
    """Whether it is so."""
    reason: Annotated[str, Field(max_length=1024)]
    """The cause in one word."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """The cause in a sentence, and what to do."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The metadata.generation that was observed."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When `status` last changed."""


UNSEEN = -1
"""Generation that the API server notes in a new cluster, so that kstatus takes none without a report for ready."""


class MageClusterStatus(ApiModel):
    """Observed state. Written by the operator, only when it changes."""

    state: State | None = None
    """Starting, Active, Stopping, Stopped or Degraded."""
    ready: str | None = None
    """Pods that answer out of pods wanted, for example `1/1`."""
    replicas: int = 0
    """Pods that exist."""
    ready_replicas: int = 0
    """Pods that answer."""
    selector: str | None = None
    """Label selector of the pods, for the scale subresource."""
    version: str | None = None
    """Tag or digest of the Mage image that was applied last."""
    url: str | None = None
    """Where Mage answers: the first host of the ingress, or the Service."""
    observed_generation: int | None = None
    """The metadata.generation that this status describes; -1 before the operator has seen the cluster."""
    conditions: Annotated[
        list[Condition],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ] = []
    """Ready, Available, Progressing, Stopped, Degraded; Stalled while Degraded is True."""

    @classmethod
    def parse(cls, status: object) -> Self:
        """Of the API server's object. One that is absent or cannot be read counts as empty: it is only a report."""
        try:
            found = cls.model_validate(status or {})
        except ValidationError:
            return cls()
        return cls() if found.observed_generation == UNSEEN else found

    def condition(self, type_: ConditionType) -> Condition | None:
        """The condition of that type."""
        return next((c for c in self.conditions if c.type == type_), None)
