"""`values.schema.json`: by it Helm refuses a wrong value before anything is sent to Kubernetes."""

import json
from typing import Any

from devkit.chart.document import values
from devkit.chart.values import Values
from magecluster.api.crd import schema

OF_HELM = {
    "global": {
        "type": "object",
        "description": "What a chart of which this one is a part says to all its parts; not used.",
    },
    "enabled": {"type": "boolean", "description": "By this a chart of which this one is a part may leave it out."},
}
"""What Helm puts among the values of a part of another chart."""


def text() -> str:
    """The file."""
    root = _required(_sealed(schema(Values)))
    root["properties"] |= OF_HELM
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart magecluster"}
    return json.dumps({**head, **root}, indent=2, ensure_ascii=False) + "\n"


def _required(root: dict[str, Any]) -> dict[str, Any]:
    """The same, with what has to be there.

    Helm takes `null` for "remove the default", and hardly any template can do without. No list or map is as good as an
    empty one, and of `resources` everything can be left to Kubernetes.
    """
    for *above, name in (value.path for value in values() if value.default not in ([], {})):
        if "resources" not in (*above, name):
            node = root
            for section in above:
                node = node["properties"][section]
            node["required"] = [*node.get("required", []), name]
    return root


def _sealed(node: Any, *, names: bool = False) -> Any:
    """JSON Schema as Helm reads it: unknown keys refused, without what only an API server understands.

    Defaults are left out: they stand in values.yaml, and that of an outer value contradicts those of the inner ones.
    `names` tells that the keys are names of values, not keywords of the schema.
    """
    match node:
        case {"x-kubernetes-int-or-string": True, "pattern": pattern}:
            return {"type": ["number", "string"], "pattern": pattern}
        case dict():
            kept = {
                key: _sealed(value, names=key == "properties" and not names)
                for key, value in node.items()
                if names or not (key == "default" or key.startswith("x-kubernetes-"))
            }
            return {**kept, "additionalProperties": False} if "properties" in node and not names else kept
        case list():
            return [_sealed(item) for item in node]
        case _:
            return node
