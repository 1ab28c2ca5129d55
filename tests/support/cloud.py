"""A MageCluster as the API server keeps it, and clients of the Cloud API that read and write it."""

import copy
from typing import Any

from magecluster.api.model import Manifest
from magecluster.api.spec import MageClusterSpec
from magecluster.cloud.config.merge import Change, merge
from magecluster.cloud.config.view import view

KEY = b"0123456789abcdef0123456789abcdef"
NOW = "2026-07-01T08:00:00Z"
NAME = "lab"


def env(name: str, value: str, **more: Any) -> Manifest:
    return {"name": name, "value": value, **more}


def from_secret(name: str, secret: str = "vault", key: str = "k") -> Manifest:  # noqa: S107  a name
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": False}}}


def stored(**spec: Any) -> Manifest:
    """The live object, its defaults filled in by the API server."""
    return {
        "metadata": {"name": NAME, "uid": "c-1", "resourceVersion": "1"},
        "spec": MageClusterSpec.model_validate(spec).manifest(),
    }


def get(live: Manifest, *, reveal: bool = True) -> Manifest:
    return copy.deepcopy(view(live, KEY, reveal=reveal))


def config_of(live: Manifest) -> Manifest:
    config: Manifest = get(live)["config"]
    return config


def put(
    live: Manifest, config: object = None, status: object = None, *, now: str = NOW, secrets: tuple[str, ...] = ()
) -> Change:
    """What the server computes; neither argument is changed by it."""
    before = copy.deepcopy((live, config))
    change = merge(live, config, status, key=KEY, now=now, secrets=secrets)
    assert (live, config) == before
    return change


def patched(live: Manifest, patch: Manifest) -> Manifest:
    """As the API server does it: refuses what was computed from another version, merges, fills in defaults."""
    if not patch:
        return live
    metadata = live["metadata"]
    assert patch["metadata"] == {"resourceVersion": metadata["resourceVersion"]}
    assert set(patch) == {"metadata", "spec"}
    return {
        "metadata": {**metadata, "resourceVersion": str(int(metadata["resourceVersion"]) + 1)},
        "spec": MageClusterSpec.model_validate(merged(live["spec"], patch["spec"])).manifest(),
    }


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def done(live: Manifest, config: object = None, status: object = None, **more: Any) -> Manifest:
    """The live object after the change; the same change once more is none."""
    after = patched(live, put(live, config, status, **more).patch)
    assert put(after, config, status, **more).patch == {}
    return after
