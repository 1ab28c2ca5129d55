"""Where and with what the pod of a cluster runs, by the names of Mage's Helm values."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from magecluster.api.annotations import refused_keys
from magecluster.api.model import ApiModel, DnsName, Quantity, cel, ruled

DEFAULT_REPOSITORY = "mageai/mageai"
DEFAULT_TAG = "0.9.80"
"""The newest Mage that this version of the operator was tested with."""

CONTAINER = "mage"
"""Name of the Mage container; Mage learns it as MAGE_CONTAINER_NAME, to copy it for Jobs."""

STARTUP_SECONDS = 600
"""How long a first start may take: Mage installs the project's requirements before it opens its port."""

REPOSITORY = r"[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
TAG = r"[a-zA-Z0-9_][-.a-zA-Z0-9_]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}"
"""The grammar of an image reference, as container registries have it."""

OUR_LABELS = "k.startsWith('app.kubernetes.io/') || k.startsWith('magecluster.io/')"


class Image(ApiModel):
    """The Mage image, unchanged as Mage publishes it."""

    repository: Annotated[str, Field(pattern=f"^{REPOSITORY}$", max_length=255)] = DEFAULT_REPOSITORY
    """Registry and name, without tag."""
    tag: Annotated[str, Field(pattern=f"^{TAG}$")] = DEFAULT_TAG
    """Mage's version."""
    digest: Annotated[str, Field(pattern=f"^{DIGEST}$")] | None = None
    """Pins the image; wins over the tag."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the node fetches the image."""

    @property
    def reference(self) -> str:
        """What the kubelet pulls."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"


class Resources(ApiModel):
    """CPU and memory of a container."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] = {}
    """What the scheduler sets aside for the pod, for example `cpu: 500m`."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] = {}
    """What the container may use at most, for example `memory: 4Gi`."""


class PodSecurity(ApiModel):
    """What Mage's containers may do, by the Pod Security Standards of Kubernetes."""

    standard: Literal["Baseline", "Restricted"] = "Baseline"
    """Baseline runs Mage's image as root, as it demands; Restricted runs it as another user."""
    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1)] = 65532
    """User and group of Mage's containers under Restricted, and group of the volume."""

    @property
    def restricted(self) -> bool:
        """Mage runs as `run_as_user`."""
        return self.standard == "Restricted"


class LocalObjectReference(ApiModel):
    """An object of the same namespace."""

    name: DnsName
    """Its name."""


class Toleration(ApiModel):
    """Lets the pod onto nodes with a matching taint."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """Taint key; empty with operator Exists matches every taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """How the key relates to the value."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Taint value, for Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Taint effect; every effect when absent."""
    toleration_seconds: int | None = None
    """How long a pod stays after a NoExecute taint came; for ever when absent."""


StringMap = Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]

PodAnnotations = Annotated[
    StringMap,
    ruled(
        cel(
            refused_keys("podAnnotations"),
            "annotations that give orders to the container runtime of the node are refused: remove them",
        )
    ),
]

PodLabels = Annotated[
    dict[str, Annotated[str, Field(max_length=63, pattern=r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]],
    Field(max_length=64),
    ruled(
        cel(
            f"!self.exists(k, {OUR_LABELS})",
            "labels under app.kubernetes.io/ and magecluster.io/ belong to the operator: choose other names",
        )
    ),
]


def _affinity_schema() -> dict[str, Any]:
    """The part of core/v1 Affinity that people write: terms over node and pod labels, preferred and required."""
    text = {"type": "string"}
    strings = {"type": "array", "items": text, "x-kubernetes-list-type": "atomic"}

    def obj(required: list[str], **properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def array(items: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": items, "x-kubernetes-list-type": "atomic"}

    expression = obj(["key", "operator"], key=text, operator=text, values=strings)
    node_term = obj([], matchExpressions=array(expression), matchFields=array(expression))
    selector = obj([], matchExpressions=array(expression), matchLabels={"type": "object", "additionalProperties": text})
    pod_term = obj(["topologyKey"], labelSelector=selector, topologyKey=text)
    weight = {"type": "integer", "minimum": 1, "maximum": 100}
    pods = obj(
        [],
        requiredDuringSchedulingIgnoredDuringExecution=array(pod_term),
        preferredDuringSchedulingIgnoredDuringExecution=array(
            obj(["weight", "podAffinityTerm"], weight=weight, podAffinityTerm=pod_term)
        ),
    )
    nodes = obj(
        [],
        requiredDuringSchedulingIgnoredDuringExecution=obj(["nodeSelectorTerms"], nodeSelectorTerms=array(node_term)),
        preferredDuringSchedulingIgnoredDuringExecution=array(
            obj(["weight", "preference"], weight=weight, preference=node_term)
        ),
    )
    return obj([], nodeAffinity=nodes, podAffinity=pods, podAntiAffinity=pods)


Affinity = Annotated[dict[str, Any], WithJsonSchema(_affinity_schema())]
"""As in a pod; terms that choose pods of other namespaces are not offered."""
