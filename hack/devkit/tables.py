"""Tables of fields in Markdown, made of structural schemas."""

from typing import Any

import yaml

HEAD = ("| field | type | default | meaning |", "|---|---|---|---|")


def row(path: str, field: dict[str, Any], default: Any = None) -> str:
    """One field; without a default where it is `None`."""
    told = "" if default is None else f"`{plain(default)}`"
    meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
    return f"| `{path}` | {type_of(field)} | {told} | {meaning} |"


def nested(field: dict[str, Any]) -> bool:
    """Whether its fields are told one by one; those of Kubernetes' own types are not, as its reference has them."""
    return any("description" in inner for inner in field.get("properties", {}).values())


def plain(value: Any) -> str:
    """A value in one line of YAML."""
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("...").strip()


def type_of(field: dict[str, Any]) -> str:
    """What people call the type of a field."""
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if field.get("type") == "array":
        return f"list of {type_of(field['items'])}"
    if "additionalProperties" in field:
        return f"map to {type_of(field['additionalProperties'])}"
    return str(field.get("type", ""))
