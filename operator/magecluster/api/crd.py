"""The CustomResourceDefinitions, generated from the models."""

from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from magecluster.api.magecluster import GROUP, KIND, PLURAL, VERSION, MageCluster
from magecluster.api.mageteam import TEAM_KIND, TEAM_PLURAL, MageTeam
from magecluster.api.model import ApiModel, Manifest
from magecluster.api.status import UNSEEN


class Column(NamedTuple):
    """One column of `kubectl get`."""

    name: str
    path: str
    type: str
    description: str = ""

    def manifest(self) -> Manifest:
        """As the definition has it."""
        text = {"description": self.description} if self.description else {}
        return {"name": self.name, "jsonPath": self.path, "type": self.type, **text}


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_CLUSTER_COLUMNS = (
    Column("State", ".status.state", "string", "Starting, Active, Stopping, Stopped or Degraded"),
    Column("Ready", ".status.ready", "string", "Pods that answer out of pods wanted"),
    Column("Replicas", ".spec.replicaCount", "integer", "Pods wanted while the cluster is active"),
    Column("Version", ".status.version", "string", "Version of Mage"),
    Column("URL", ".status.url", "string", "Where Mage answers"),
    _AGE,
)
_CLUSTER_SUBRESOURCES: Manifest = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.replicaCount",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
}
_TEAM_COLUMNS = (
    Column("Namespace", ".spec.namespace", "string", "Where its clusters are"),
    Column("Display name", ".spec.displayName", "string", "For people"),
    _AGE,
)


class StructuralSchema(GenerateJsonSchema):
    """JSON schema in the structural subset that the API server takes."""

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        out = super().default_schema(schema)
        match out:
            case {"default": None}:
                out.pop("default")
            case {"default": dict()} if isinstance(default := schema["default"], ApiModel):
                # Written out in full: the API server checks CEL rules against a default before it fills it in.
                out["default"] = default.manifest()
        return out

    @override
    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        root = super().generate(schema, mode)
        definitions = root.pop("$defs", {})
        return _inline(root, definitions)  # type: ignore[no-any-return]  # a dict stays a dict


def _inline(node: Any, definitions: dict[str, Any], *, names: bool = False) -> Any:
    """The schema with every `$ref` replaced and what a structural schema has no place for removed.

    `names` tells that the keys are names of fields, not keywords of the schema.
    """
    match node:
        case {"$ref": str(ref), **siblings}:
            return _inline(definitions[ref.rpartition("/")[2]] | siblings, definitions)
        case {"const": value, **rest}:
            return _inline(rest | {"enum": [value]}, definitions)
        case dict():
            return {
                key: _inline(value, definitions, names=key == "properties")
                for key, value in node.items()
                if names or not (key == "title" or (key == "additionalProperties" and value is False))
            }
        case list():
            return [_inline(item, definitions) for item in node]
        case _:
            return node


def schema(model: type[BaseModel]) -> JsonSchemaValue:
    """The structural schema of a model, with the names of the wire."""
    return model.model_json_schema(schema_generator=StructuralSchema)


class Names(NamedTuple):
    """What a kind is called."""

    kind: str
    plural: str
    short: str


def definitions() -> list[Manifest]:
    """What `crds/` holds."""
    return [mage_cluster_definition(), mage_team_definition()]


def mage_cluster_definition() -> Manifest:
    """Of MageClusters."""
    definition = _definition(MageCluster, Names(KIND, PLURAL, "mc"), _CLUSTER_COLUMNS, _CLUSTER_SUBRESOURCES)
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["status"]["default"] = {"observedGeneration": UNSEEN}
    return definition


def mage_team_definition() -> Manifest:
    """Of MageTeams."""
    return _definition(MageTeam, Names(TEAM_KIND, TEAM_PLURAL, "mt"), _TEAM_COLUMNS, {})


def _definition(model: type[BaseModel], names: Names, columns: tuple[Column, ...], subresources: Manifest) -> Manifest:
    root = schema(model)
    root["properties"]["metadata"] = {"type": "object"}
    root["properties"]["apiVersion"] = root["properties"]["kind"] = {"type": "string"}
    for part in ("spec", "status"):
        root["properties"].get(part, {}).pop("default", None)
    root["required"] = ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.kind,
                "listKind": f"{names.kind}List",
                "plural": names.plural,
                "singular": names.kind.lower(),
                "shortNames": [names.short],
                "categories": ["mage"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": root},
                    **({"subresources": subresources} if subresources else {}),
                    "additionalPrinterColumns": [column.manifest() for column in columns],
                }
            ],
        },
    }
