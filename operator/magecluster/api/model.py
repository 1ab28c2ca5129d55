"""What all types of the API share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

Manifest = dict[str, Any]
"""A Kubernetes object as it is sent: plain dictionaries, lists and scalars, keys in camelCase."""


class ApiModel(BaseModel):
    """Base of every type that stands in a custom resource: camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    def manifest(self) -> Manifest:
        """Plain data with the names of the wire; fields that are not set are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rules(*entries: JsonDict) -> ConfigDict:
    """CEL rules of a model, checked by the API server when an object is written."""
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": list(entries)})


def cel(rule: str, message: str, *, field: str | None = None) -> JsonDict:
    """One entry of `x-kubernetes-validations`; the message says the remedy, `field` is a path within the object."""
    where: JsonDict = {"fieldPath": field} if field else {}
    return {"rule": rule, "message": message, **where}


def ruled(entry: JsonDict) -> Any:
    """A rule of a type that is no model, for `Annotated`."""
    return Field(json_schema_extra={"x-kubernetes-validations": [entry]})


QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
"""The grammar of resource.Quantity in apimachinery, as Kubernetes' own CRDs print it."""

Quantity = Annotated[
    str | int,
    WithJsonSchema(
        {"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": QUANTITY, "x-kubernetes-int-or-string": True}
    ),
]
"""An amount such as `500m`, `2` or `4Gi`."""

DnsName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253)
]
"""The name of most objects: RFC 1123 subdomain."""

HostName = Annotated[
    str,
    Field(pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
]
"""A host of an Ingress; a leading `*.` matches one label."""

DataKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]
"""A key in the data of a Secret or ConfigMap."""
