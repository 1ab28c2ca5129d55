"""The chart, rendered by the real Helm; no cluster is needed for it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from tests.support.kube import Manifest

from devkit import shell
from devkit.cluster import binaries

CHART = Path(__file__).parents[2] / "charts" / "magecluster"
RELEASE = "op"
NAMESPACE = "chart-space"


def render(*options: str | Path, namespace: str = NAMESPACE, chart: Path = CHART) -> str:
    """What `helm template` prints. Raises shell.Failed."""
    return shell.run(binaries.ensure() / "helm", "template", RELEASE, chart, "--namespace", namespace, *options)


def rendered(values: dict[str, Any] | None = None, namespace: str = NAMESPACE, *options: str) -> list[Manifest]:
    """The manifests that these values give. Raises shell.Failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.yaml"
        file.write_text(json.dumps(values or {}))
        text = render("--values", file, *options, namespace=namespace)
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def of(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of that kind and name."""
    found = [m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, [(m["kind"], m["metadata"]["name"]) for m in manifests]
    return found[0]


def container(manifests: list[Manifest], deployment: str, name: str) -> Manifest:
    """A container of a Deployment."""
    spec = of(manifests, "Deployment", deployment)["spec"]["template"]["spec"]
    return next(dict(c) for c in spec["containers"] if c["name"] == name)
