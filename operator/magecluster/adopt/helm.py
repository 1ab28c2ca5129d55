"""Releases as Helm keeps them: Secrets of type helm.sh/release.v1, one a revision."""

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from magecluster.api.model import Manifest

CHART = "mageai"
OWNER = "owner"
"""Label by whose value `helm` Helm finds its records."""
HELM, HIDDEN = "helm", "magecluster-adopt"

_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)


class NoReleaseError(Exception):
    """There is no release that could be adopted; the message says what to do."""


class Templated(NamedTuple):
    """An object of a release."""

    source: str
    """The file that it is made from, such as `mageai/templates/service.yaml`."""
    manifest: Manifest


@dataclass(frozen=True, kw_only=True)
class Release:
    """What Helm remembers of one revision."""

    name: str
    namespace: str
    revision: int
    chart: str
    chart_version: str
    objects: tuple[Templated, ...]

    def of_mage(self, kind: str) -> list[str]:
        """Names of the objects of a kind that Mage's chart itself has, and not those that it depends on."""
        own = f"{self.chart}/templates/"
        return [o.manifest["metadata"]["name"] for o in self.of_kind(kind) if o.source.startswith(own)]

    def of_kind(self, kind: str) -> list[Templated]:
        """All objects of a kind."""
        return [o for o in self.objects if o.manifest["kind"] == kind]

    def owns(self, kind: str, name: str) -> bool:
        """Whether the release made an object of that name."""
        return any(o.manifest["metadata"]["name"] == name for o in self.of_kind(kind))


def newest(records: Sequence[Manifest], name: str, namespace: str) -> Release:
    """The deployed release among the Secrets of its revisions. Raises `NoReleaseError`."""
    if not records:
        raise NoReleaseError(
            f"there is no Helm release {name} in namespace {namespace}: see helm list --all-namespaces, and name it "
            "with --release and --namespace"
        )
    ordered = sorted(records, key=lambda record: int(_label(record, "version") or 0))
    if (status := _label(ordered[-1], "status")).startswith("pending"):
        raise NoReleaseError(f"Helm says that release {name} is {status}: wait for it to end, or helm rollback {name}")
    deployed = [record for record in ordered if _label(record, "status") == "deployed"]
    if not deployed:
        raise NoReleaseError(f"no revision of release {name} is deployed: see helm history {name} -n {namespace}")
    release = _release(deployed[-1], name)
    if release.chart != CHART:
        raise NoReleaseError(f"release {name} is of the chart {release.chart}, and only {CHART} is known here")
    return release


def _label(record: Manifest, key: str) -> str:
    return str((record["metadata"].get("labels") or {}).get(key, ""))


def _release(record: Manifest, name: str) -> Release:
    try:
        content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"]))))
        chart = content["chart"]["metadata"]
        return Release(
            name=content["name"],
            namespace=content["namespace"],
            revision=content["version"],
            chart=chart["name"],
            chart_version=chart["version"],
            objects=tuple(_objects(content["manifest"], content["namespace"])),
        )
    except (KeyError, ValueError, TypeError, OSError, EOFError, binascii.Error, zlib.error, yaml.YAMLError) as error:
        where = record["metadata"]["name"]
        raise NoReleaseError(f"Secret {where} of release {name} cannot be read ({error!r}): is it Helm's?") from error


def _objects(text: str, namespace: str) -> list[Templated]:
    found: list[Templated] = []
    for part in re.split(r"^---\s*$", text, flags=re.MULTILINE):
        manifest: Any = yaml.safe_load(part)
        source = _SOURCE.search(part)
        if isinstance(manifest, dict) and manifest.get("kind"):
            manifest["metadata"].setdefault("namespace", namespace)
            found.append(Templated(source[1] if source else "", manifest))
    return found
