"""The JSON schema of a cluster's `config`, made from the models of the CRD."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from magecluster.api.crd import schema
from magecluster.api.spec import MageClusterSpec
from magecluster.cloud.config.fields import ENVS

Node = dict[str, Any]

SHOWN = "What is wished, by the names of Mage's Helm values."
WISHED = (
    "Names are those of Mage's Helm values. Absent keys stay as they are, at every depth, and `null` resets to the "
    "default. Lists are replaced as a whole; `extraEnvs` is compared variable by variable."
)
REVISION = {"type": "string", "description": "What was read; send it back as it is. It means nothing to clients."}
SECRET = {"type": "boolean", "description": "Store the value in a Secret of the cluster, and never show it again."}
VALUE = "The value as text. `********` stands for one that is not shown, and sent back it means: keep."


@dataclass(frozen=True)
class ConfigSchema:
    """Marks a mapping that `cloud.config` judges, which names every wrong field at once."""

    wish: bool
    """Of requests, not of answers: every key may be absent or null, and no other is known."""

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        spec = plain(schema(MageClusterSpec))
        fields = spec["properties"]
        del fields["status"]  # stands beside the config
        variable = fields[ENVS]["items"]["properties"]
        variable["value"]["description"] = VALUE
        if self.wish:
            variable["secret"] = SECRET
            spec = closed(resettable(spec))
            spec["properties"][ENVS]["items"]["properties"]["secret"]["type"] = ["boolean", "null"]
        spec["properties"]["revision"] = dict(REVISION)
        return {**spec, "description": WISHED if self.wish else SHOWN}


def plain(node: Any, *, names: bool = False) -> Any:
    """Without defaults, as an absent key stays as it is; rules of Kubernetes only as texts, in `x-rules`.

    `names` tells that the keys are names of fields, not keywords of the schema.
    """
    match node:
        case dict() if names:
            return {key: plain(value) for key, value in node.items()}
        case dict():
            kept = {
                key: plain(value, names=key == "properties")
                for key, value in node.items()
                if key != "default" and not key.startswith("x-kubernetes-")
            }
            rules = [rule["message"] for rule in node.get("x-kubernetes-validations", ())]
            return {**kept, "x-rules": rules} if rules else kept
        case list():
            return [plain(item) for item in node]
        case _:
            return node


def resettable(node: Node, depth: int = 0) -> Node:
    """With null for every key that a merge patch can reset; not within lists, which are replaced as a whole."""
    result = {key: value for key, value in node.items() if key != "required"}
    for name, field in node.get("properties", {}).items():
        whole = depth > 0 and name.endswith(("Affinity", "affinity"))
        below = nullable(field if whole else resettable(field, depth + 1))
        result["properties"] = {**result["properties"], name: below}
    if isinstance(each := node.get("additionalProperties"), dict):
        result["additionalProperties"] = nullable(each)
    return result


def nullable(node: Node) -> Node:
    """The same, or null."""
    if "anyOf" in node:
        return {**node, "anyOf": [*node["anyOf"], {"type": "null"}]}
    more = {"enum": [*node["enum"], None]} if "enum" in node else {}
    return {**node, "type": [node["type"], "null"], **more}


def closed(node: Any, *, names: bool = False) -> Any:
    """With keys that are not known refused, at every depth."""
    match node:
        case dict():
            result = {key: closed(value, names=not names and key == "properties") for key, value in node.items()}
            is_open = names or "properties" not in node
            return result if is_open else {**result, "additionalProperties": False}
        case list():
            return [closed(item) for item in node]
        case _:
            return node


Config = TypeAliasType("Config", Annotated[dict[str, Any], ConfigSchema(wish=False)])
"""As it is given."""
ConfigChange = TypeAliasType("ConfigChange", Annotated[dict[str, Any], ConfigSchema(wish=True)])
"""As it is sent."""
