"""The spec as a tree of fields: paths, leaves, differences.

In a tree the list `extraEnvs` is a mapping by the names of its variables, so that a variable has a path as any field
has. A leaf is what changes as a whole: a scalar, a list, one variable, one of the three parts of `affinity`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from magecluster.api.crd import schema
from magecluster.api.model import Manifest
from magecluster.api.spec import MageClusterSpec

Path = tuple[str, ...]
"""Keys from the top down; an item of a list is `[0]`, a variable its name."""
Tree = dict[str, Any]

ENVS = "extraEnvs"
EXECUTOR = "kubernetesExecutor"
"""Whoever sets it lets Mage's code make Jobs, and a Job can mount every Secret of the namespace."""
PROGRAMS = (("image", "repository"), ("gateway", "image"))
"""Whoever sets these decides what program is shown the cluster's variables, those from Secrets too."""
_WHOLE = (ENVS, "affinity")
"""Fields whose items are leaves: half of one person's variable or rules and half of another's mean nothing."""


def named(path: Path) -> str:
    """As people write it: `image.tag`, `extraEnvs[TOKEN].value`, `tolerations[0].key`."""
    text = ""
    for place, step in enumerate(path):
        if step.startswith("["):
            text += step
        elif place == 1 and path[0] == ENVS:
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def copied(data: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of JSON data; through its text, because `copy.deepcopy` takes ten times as long."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(data))
    return copy


def tree(spec: Manifest) -> Tree:
    """The spec with its variables by name, in their order."""
    return {**spec, ENVS: {env["name"]: env for env in spec.get(ENVS, ())}}


def listed(fields: Tree) -> Manifest:
    """The spec of a tree."""
    return {**fields, ENVS: list(fields.get(ENVS, {}).values())}


def leaves(node: Any, path: Path = ()) -> dict[Path, Any]:
    """Every leaf by its path. An empty mapping has none: it equals an absent one."""
    return {leaf: value for leaf, value in _ends(node, path) if value != {} or _is_whole(leaf)}


def edits_of(sent: Manifest) -> dict[Path, Any]:
    """What `replaced` makes of a JSON merge patch; an empty mapping adds nothing, but has to be allowed there."""
    return dict(_ends(sent, ()))


def _ends(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if not isinstance(node, dict) or _is_whole(path) or (path and not node):
        yield path, node
        return
    for key, below in node.items():
        yield from _ends(below, (*path, key))


def _is_whole(path: Path) -> bool:
    return len(path) > 1 and path[0] in _WHOLE


def replaced(fields: Tree, edits: Mapping[Path, Any]) -> Tree:
    """A copy with the leaves of `edits`; `None` removes one, and with it mappings that become empty."""
    result = copied(fields)
    for path, value in edits.items():
        _set(result, path, value)
    return result


def _set(node: Tree, path: Path, value: Any) -> None:
    key, *below = path
    if below:
        child = node.get(key)
        child = child if isinstance(child, dict) else {}
        _set(child, tuple(below), value)
        value = child or None
    if value is None:
        node.pop(key, None)
    elif value != {} or not isinstance(node.get(key), dict):
        node[key] = value


def merge_patch(old: Manifest, new: Manifest) -> Manifest:
    """The JSON merge patch (RFC 7396) that makes `new` of `old`; empty when they are equal."""
    patch: Manifest = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if below := merge_patch(before, value):
                patch[key] = below
        elif value != before:
            patch[key] = value
    return patch


class Stranger(NamedTuple):
    """A key that this version does not know."""

    where: dict[str, Any]
    key: str
    path: Path
    known: tuple[str, ...]
    """The keys that could stand in its place."""


@cache
def _schema() -> dict[str, Any]:
    root: dict[str, Any] = schema(MageClusterSpec)
    return root


def strangers(node: Any, known: dict[str, Any] | None = None, path: Path = ()) -> Iterator[Stranger]:
    """The keys of a spec, or of a part of one, that the CRD's schema `known` has no place for, at every depth."""
    match node, _schema() if known is None else known:
        case dict(), {"properties": fields}:
            for key, below in node.items():
                if key in fields:
                    yield from strangers(below, fields[key], (*path, key))
                else:
                    yield Stranger(node, key, (*path, key), tuple(fields))
        case dict(), {"additionalProperties": dict(each)}:
            for key, below in node.items():
                yield from strangers(below, each, (*path, key))
        case list(), {"items": each}:
            for index, item in enumerate(node):
                yield from strangers(item, each, (*path, item_of(path, index, item)))
        case _:
            pass


def item_of(path: Path, index: int, item: Any) -> str:
    """An item of a list in a path."""
    name = item.get("name") if path == (ENVS,) and isinstance(item, dict) else None
    return name if isinstance(name, str) else f"[{index}]"


def completed(spec: Manifest) -> Manifest:
    """The spec of a live object with all defaults and without what only other versions of the CRD know.

    A spec that breaks the schema is shown as it is, so that a client can correct it.
    """
    known = copied(spec)
    for stranger in list(strangers(known)):
        del stranger.where[stranger.key]
    try:
        return MageClusterSpec.model_validate(known).manifest()
    except ValidationError:
        return known
