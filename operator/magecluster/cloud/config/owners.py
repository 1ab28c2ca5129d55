"""Fields that a GitOps controller holds, as metadata.managedFields tells: it would undo a change of them.

A controller that applies on the server (`Apply`) owns exactly what its manifest names. One that works like `kubectl
apply` (`Update`) owns whatever its request wrote, with the defaults that the API server filled in. What its manifest
named stands in an annotation; with that, only those fields count, and a list as a whole: such a controller writes a
list anew if it differs at all, so a variable that others add is undone, too. Without the annotation all it owns counts.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from magecluster.api.model import Manifest
from magecluster.cloud.config.fields import ENVS, Path
from magecluster.cloud.config.power import COUNT

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
APPLY = "Apply"
SCALE = "scale"


def held(
    managed_fields: Iterable[Manifest], annotations: Mapping[str, str], paths: Iterable[Path], managers: Collection[str]
) -> dict[Path, str]:
    """Which of the paths of a spec (see `fields.py`) one of the managers owns, or owns something below, and which.

    `annotations` are those of the same object.
    """
    entries = [entry for entry in managed_fields if entry.get("manager") in managers]
    manifest = _last_applied(annotations)
    found: dict[Path, str] = {}
    for path in paths:
        owner = next((str(entry["manager"]) for entry in entries if _owns(entry, manifest, path)), None)
        if owner:
            found[path] = owner
    return found


def _owns(entry: Manifest, manifest: Any, path: Path) -> bool:
    subresource = entry.get("subresource")
    if subresource and (subresource, path) != (SCALE, (COUNT,)):
        return False
    if not subresource and entry.get("operation") != APPLY and manifest is not None:
        place = _named(manifest, path)
        return place is not None and _has(entry, place)
    return _has(entry, path)


def _has(entry: Manifest, path: Path) -> bool:
    node: Any = entry.get("fieldsV1", {}).get("f:spec")
    for place, step in enumerate(path):
        key = f'k:{{"name":"{step}"}}' if path[:place] == (ENVS,) else f"f:{step}"
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def _named(manifest: Any, path: Path) -> Path | None:
    """The path as far as the manifest goes down: to a list that the rest of it is in; `None` if it does not name it."""
    node = manifest
    for place, step in enumerate(path):
        if not isinstance(node, dict):
            return path[:place]
        if step not in node:
            return None
        node = node[step]
    return path


def _last_applied(annotations: Mapping[str, str]) -> Any:
    """The spec of the manifest; `None` if there is none, or none that can be read."""
    try:
        manifest = orjson.loads(annotations[LAST_APPLIED])
    except (KeyError, orjson.JSONDecodeError):
        return None
    return manifest.get("spec") or {} if isinstance(manifest, dict) else None
