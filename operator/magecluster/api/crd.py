"""The CustomResourceDefinition, generated from the models."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from magecluster.api.magecluster import GROUP, KIND, PLURAL, VERSION, MageCluster
from magecluster.api.model import ApiModel, Manifest

_PRINTER_COLUMNS = [
    ("State", ".status.state", "string", "Starting, Active, Stopping, Stopped or Degraded"),
    ("Ready", ".status.ready", "string", "Pods that answer out of pods wanted"),
    ("Replicas", ".spec.replicaCount", "integer", "Pods wanted while the cluster is active"),
    ("Version", ".status.version", "string", "Version of Mage"),
    ("URL", ".status.url", "string", "Where Mage answers"),
    ("Age", ".metadata.creationTimestamp", "date", ""),
]


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


def mage_cluster_definition() -> Manifest:
    """What `crds/` holds."""
    root = schema(MageCluster)
    root["properties"]["metadata"] = {"type": "object"}
    root["properties"]["apiVersion"] = root["properties"]["kind"] = {"type": "string"}
    for part in ("spec", "status"):
        del root["properties"][part]["default"]
    root["required"] = ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mc"],
                "categories": ["mage"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": root},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicaCount",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [
                        {"name": name, "jsonPath": path, "type": type_, **({"description": text} if text else {})}
                        for name, path, type_, text in _PRINTER_COLUMNS
                    ],
                }
            ],
        },
    }
