"""Values of a pod of ours: where it runs and what it is called."""

from typing import Annotated, Literal

from pydantic import Field

from devkit.chart.types import Arguments, Labels, NameOrNone, Replicas
from magecluster.api.model import ApiModel
from magecluster.api.pod import Affinity, Resources, StringMap, Toleration


class Spread(ApiModel):
    """Spreads the pods over the values of a node label; the chart adds the selector of the pods."""

    topology_key: Annotated[str, Field(min_length=1, max_length=317)]
    """Node label, for example `topology.kubernetes.io/zone`."""
    max_skew: Annotated[int, Field(ge=1)] = 1
    """How many pods more one value may have than another."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "ScheduleAnyway"
    """What becomes of a pod that cannot keep to it."""


class Pod(ApiModel):
    """A Deployment of ours."""

    replicas: Replicas = 1
    extra_args: Arguments = []
    resources: Resources = Resources(requests={"cpu": "50m", "memory": "128Mi"}, limits={"memory": "512Mi"})
    """CPU and memory of the container."""
    node_selector: StringMap = {}
    """Labels that a node must have."""
    tolerations: list[Toleration] = []
    """Taints of nodes that the pod accepts."""
    affinity: Affinity = {}
    """Preferences about nodes and about other pods, as in a pod."""
    topology_spread_constraints: list[Spread] = []
    """Spread of the pods: `topologyKey`, `maxSkew`, `whenUnsatisfiable`; the selector is added."""
    priority_class_name: NameOrNone = ""
    """PriorityClass of the pod."""
    pod_labels: Labels = {}
    """Further labels of the pod."""
    pod_annotations: StringMap = {}
    """Annotations of the pod."""
