"""Is a desired object already applied? Pure.

A desired object is applied when every field that it names has that value in the live one, and when the live one holds
no field of ours that it no longer names. What the API server and others add does not count.
"""

import json
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from magecluster.api.labels import MANAGER
from magecluster.api.model import Manifest

_MERGE_KEYS = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists to which others may add items, and the key that names an item, as in the types of Kubernetes."""

_QUANTITIES = ("requests", "limits")


def is_applied(desired: Manifest, live: Manifest) -> bool:
    """Whether an apply of `desired` would change nothing in `live`."""
    return _covers(desired, live) and not _gives_up(owned_fields(live), desired)


def owned_fields(live: Manifest) -> dict[str, Any]:
    """The fields that we applied, in the form of `metadata.managedFields`."""
    for entry in live["metadata"].get("managedFields", ()):
        if entry["manager"] == MANAGER and entry["operation"] == "Apply" and "subresource" not in entry:
            fields: dict[str, Any] = entry["fieldsV1"]
            return fields
    return {}


def _covers(desired: Any, live: Any, field: str = "") -> bool:
    """Whether every value in `desired` stands in `live`; an empty value equals an absent one."""
    match desired:
        case dict() if desired and isinstance(live, dict):
            return all(_covers(value, live.get(key), _context(field, key)) for key, value in desired.items())
        case list() if desired and isinstance(live, list):
            if keys := _MERGE_KEYS.get(field):
                named = {tuple(item.get(key) for key in keys): item for item in live}
                return all(_covers(item, named.get(tuple(item.get(key) for key in keys))) for item in desired)
            return len(desired) == len(live) and all(map(_covers, desired, live))
        case _:
            return bool(desired == live or (live is None and not desired) or _same_quantity(desired, live, field))


def _context(field: str, key: str) -> str:
    """Amounts are the values under `requests` and `limits`, whatever their names."""
    return field if field in _QUANTITIES else key


def _same_quantity(desired: Any, live: Any, field: str) -> bool:
    """The API server writes `1000m` as `1` and `1024Mi` as `1Gi`."""
    if field not in _QUANTITIES or isinstance(desired, dict | list) or live is None:
        return False
    try:
        same: bool = parse_quantity(str(desired)) == parse_quantity(str(live))
    except ValueError:
        return False  # the API server will say what is wrong with it
    return same


def _gives_up(fields: dict[str, Any], desired: Any) -> bool:
    """Whether `fields` holds one that `desired` no longer names: an apply would remove it."""
    return any(_gives_up_one(key, below, desired) for key, below in fields.items() if key != ".")


def _gives_up_one(key: str, below: dict[str, Any], desired: Any) -> bool:
    sort, _, name = key.partition(":")
    match sort:
        case "f":
            return not isinstance(desired, dict) or name not in desired or _gives_up(below, desired[name])
        case "k":
            wanted = json.loads(name)
            items = desired if isinstance(desired, list) else []
            # A key that we leave to its default (protocol: TCP) is in the live object's field set all the same.
            found = next((i for i in items if all(i.get(k, v) == v for k, v in wanted.items())), None)
            return found is None or _gives_up(below, found | wanted)
        case "v":
            return not isinstance(desired, list) or json.loads(name) not in desired
        case _:
            return False
