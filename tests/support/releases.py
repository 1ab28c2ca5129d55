"""Releases of Mage's chart as the API server and Helm would show them, for tests without either."""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import yaml

from magecluster.adopt.facts import Choices, Live, Plan
from magecluster.adopt.helm import Release, Templated
from magecluster.adopt.plan import plan

Manifest = dict[str, Any]

IMAGE = "mageai/mageai:0.9.80"
HOST: Manifest = {"name": "mage-fs", "hostPath": {"path": "/srv/mage", "type": ""}}
CLAIM: Manifest = {"name": "mage-fs", "persistentVolumeClaim": {"claimName": "files"}}
AT_HOME = [{"name": "mage-fs", "mountPath": "/home/src"}]
SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mageai", "namespace": "team", "annotations": {"meta.helm.sh/release-name": "data"}},
    "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 6789, "targetPort": "http"}]},
}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_deployment(name: str = "mageai", *, pod: Manifest | None = None, replicas: int = 1, **container: Any) -> Manifest:
    """As the chart makes it, with fields of its pod and of its container."""
    mage = {"name": "mageai", "image": IMAGE, "imagePullPolicy": "Always", "volumeMounts": AT_HOME, **container}
    spec = {"volumes": [CLAIM], "containers": [mage], "dnsPolicy": "ClusterFirst", **(pod or {})}
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "data"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "team", "uid": name, "labels": {"helm.sh/chart": "mageai-0.2.15"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def a_claim(name: str = "files", size: str = "20Gi", *modes: str, phase: str = "Bound") -> Manifest:
    spec = {
        "accessModes": list(modes) or ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "storageClassName": "fast",
    }
    return {"metadata": {"name": name}, "spec": spec, "status": {"phase": phase}}


def a_release(*objects: Manifest, beside: tuple[Manifest, ...] = ()) -> Release:
    """`beside` are objects of charts that Mage's depends on."""
    templated = [Templated("mageai/templates/x.yaml", each) for each in objects]
    templated += [Templated("mageai/charts/postgresql/templates/x.yaml", each) for each in beside]
    return Release(
        name="data",
        namespace="team",
        revision=1,
        chart="mageai",
        chart_version="0.2.15",
        objects=tuple(templated),
    )


def an_object(kind: str, name: str, **fields: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "team"}, **fields}


def planned(
    *deployments: Manifest, choices: Choices | None = None, release: Release | None = None, **live: Any
) -> Plan:
    """The plan for these Deployments; `live` are further fields of `Live`."""
    found = deployments or (a_deployment(),)
    given: Mapping[str, Any] = {"service": SERVICE, "claims": {"files": a_claim()}, "nodes": ("node-1",), **live}
    return plan(Live(release=release or a_release(), deployments=found, **given), choices or Choices())


def spec_of(found: Plan) -> Manifest:
    spec: Manifest = found.takeover.cluster["spec"]
    return spec


def told(found: Plan) -> str:
    return "\n".join(each.text for each in found.differences)


def a_record(
    *objects: Manifest, revision: int = 1, status: str = "deployed", chart: str = "mageai", manifest: str | None = None
) -> Manifest:
    """The Secret in which Helm keeps one revision."""
    text = "".join(f"---\n# Source: {chart}/templates/x.yaml\n{yaml.safe_dump(each)}" for each in objects)
    content = {
        "name": "data",
        "namespace": "team",
        "version": revision,
        "chart": {"metadata": {"name": chart, "version": "0.2.15"}},
        "manifest": text if manifest is None else manifest,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(content).encode()))
    return {
        "metadata": {
            "name": f"sh.helm.release.v1.data.v{revision}",
            "labels": {"owner": "helm", "name": "data", "version": str(revision), "status": status},
        },
        "data": {"release": base64.b64encode(packed).decode()},
    }
