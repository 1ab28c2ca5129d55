"""Types of values. Where the chart and a MageCluster say the same thing, it is the type of the CRD."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from magecluster.api.model import ApiModel, DataKey, DnsName
from magecluster.api.pod import DIGEST, REPOSITORY, TAG, LocalObjectReference, PodLabels


def _or_empty(type_: Any) -> str:
    """The pattern of a type, which also takes the empty string: what Helm's values have for "not set"."""
    return f"^$|{TypeAdapter(type_).json_schema()['pattern']}"


NameOrNone = Annotated[str, Field(pattern=_or_empty(DnsName), max_length=253)]
KeyOrNone = Annotated[str, Field(pattern=_or_empty(DataKey), max_length=253)]
Namespaces = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]],
    Field(json_schema_extra={"uniqueItems": True}),
]
"""Names of namespaces: RFC 1123 labels."""

Arguments = list[Annotated[str, Field(min_length=1)]]
Url = Annotated[str, Field(pattern=r"^$|^https?://[^/\s]+(/\S*)?$")]
Replicas = Annotated[int, Field(ge=0, le=100)]
PullSecrets = list[LocalObjectReference]

Labels = Annotated[
    PodLabels,
    Field(json_schema_extra={"patternProperties": {r"^(app\.kubernetes\.io|magecluster\.io)/": False}}),
]
"""Labels under app.kubernetes.io/ and magecluster.io/ are the chart's own: its selectors live by them."""


class Image(ApiModel):
    """The image of operator, Cloud API and gateways."""

    repository: Annotated[str, Field(pattern=f"^{REPOSITORY}$", max_length=255)] = "localhost/magecluster/magecluster"
    """Registry and name, without tag."""
    tag: Annotated[str, Field(pattern=f"^({TAG})?$")] = ""
    """Default: the chart's appVersion."""
    digest: Annotated[str, Field(pattern=f"^({DIGEST})?$")] = ""
    """Pins the image, for example `sha256:…`; wins over the tag."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the node fetches the image, for operator and Cloud API. Gateways have `IfNotPresent`."""
