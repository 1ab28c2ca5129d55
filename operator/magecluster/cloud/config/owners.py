"""Fields that a GitOps controller holds: it would undo a change of them.

The API server notes in `metadata.managedFields` who set which field. Of a server-side apply that is just what the
manifest names. Of a client-side apply it is more: all defaults that were filled in when the object was made belong to
whoever made it. What such a manifest names stands in an annotation, so with it only those fields count.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from magecluster.api.model import Manifest
from magecluster.cloud.config.fields import ENVS, Path

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def held(
    managed_fields: Iterable[Manifest], annotations: Mapping[str, str], paths: Iterable[Path], managers: Collection[str]
) -> dict[Path, str]:
    """The leaves among `paths` that one of `managers` set, and which of them.

    The first two are those of the live object's metadata.
    """
    named = _applied(annotations)
    claims: list[tuple[str, Any]] = []
    for entry in managed_fields:
        if entry["manager"] in managers and entry.get("subresource", "") in ("", "scale"):
            fields = entry.get("fieldsV1", {}).get("f:spec", {})
            claims.append((entry["manager"], fields if entry["operation"] == "Apply" or named is None else None))
    found: dict[Path, str] = {}
    for path in paths:
        for manager, fields in claims:
            if _names(named, path) if fields is None else _owns(fields, path):
                found.setdefault(path, manager)
    return found


def _owns(fields: Any, path: Path) -> bool:
    """Whether `fieldsV1` of a spec has the field, or something below it."""
    for place, step in enumerate(path):
        key = json.dumps({"name": step}, separators=(",", ":")) if place == 1 and path[0] == ENVS else None
        node = fields.get(f"k:{key}" if key else f"f:{step}") if isinstance(fields, dict) else None
        if node is None:
            return False
        if node == {}:  # a field that is owned as a whole
            return True
        fields = node
    return True


def _applied(annotations: Mapping[str, str]) -> Manifest | None:
    """The spec of the manifest that was applied last by a client, `None` if none was."""
    try:
        found: Any = json.loads(annotations.get(LAST_APPLIED, ""))
        spec = found.get("spec")
    except (ValueError, AttributeError):
        return None
    return spec if isinstance(spec, dict) else None


def _names(spec: Any, path: Path) -> bool:
    """Whether a manifest names the field, or something below it."""
    for place, step in enumerate(path):
        if place == 1 and path[0] == ENVS:
            entries = spec if isinstance(spec, list) else []
            spec = next((env for env in entries if isinstance(env, dict) and env.get("name") == step), None)
        elif isinstance(spec, dict):
            spec = spec.get(step)
        elif spec is not None:
            return True  # what stands above is set as a whole
        if spec is None:
            return False
    return True
