"""CRDs of the Prometheus operator with the fields that the chart uses, so that an API server can judge its objects."""

import json
from typing import Any

import pytest

from devkit.cluster import Cluster

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
DURATION: Schema = {
    "type": "string",
    "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?)$",
}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


ENDPOINT = _object(
    port=TEXT,
    path=TEXT,
    interval=DURATION,
    scheme={"type": "string", "enum": ["http", "https"]},
    tlsConfig=_object(serverName=TEXT, ca=_object(secret=_object(("key",), name=TEXT, key=TEXT))),
)
RULE = _object(("expr",), alert=TEXT, expr=TEXT, labels=TEXTS, annotations=TEXTS, **{"for": DURATION})
SPECS = {
    "ServiceMonitor": _object(
        ("endpoints", "selector"), selector=_object(matchLabels=TEXTS), endpoints=_list(ENDPOINT)
    ),
    "PrometheusRule": _object(groups=_list(_object(("name",), name=TEXT, rules=_list(RULE)))),
}


def definition(kind: str) -> Schema:
    """The CustomResourceDefinition of a kind; unknown fields are refused by a strict validation."""
    singular, group = kind.lower(), "monitoring.coreos.com"
    root = _object(("spec",), spec=SPECS[kind])
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{singular}s", "singular": singular},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}],
        },
    }


@pytest.fixture(scope="session")
def the_prometheus_operator(cluster: Cluster) -> None:
    """Its kinds are known to the cluster."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [definition(kind) for kind in SPECS]})
    cluster.kubectl("apply", "--server-side", "-f", "-", input=text)
    cluster.kubectl("wait", "--for=condition=Established", "crd", *(definition(k)["metadata"]["name"] for k in SPECS))
