"""Every manifest that the chart can render is accepted by a real API server: all features on and off, pairwise."""

from itertools import product
from typing import Any

import pytest
import yaml
from tests.support.chart import rendered
from tests.support.kube import Namespace
from tests.support.pairs import covering, pairs

from devkit.chart import document

PLACE: dict[str, Any] = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "data", "operator": "Exists", "effect": "NoSchedule"}],
    "priorityClassName": "100",
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}}
            ]
        }
    },
}
FEATURES: dict[str, dict[str, Any]] = {
    "several operators": {"replicas": 2},
    "an image by digest": {
        "image": {"repository": "registry.example.com:5000/magecluster", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "another image": {"image": {"tag": "other", "pullPolicy": "Always"}},
    "no definitions": {"crds": {"enabled": False}},
    "definitions that go": {"crds": {"keep": False}},
    "some namespaces": {"watchNamespaces": ["no", "2024"]},
    "labels": {
        "extraLabels": {"team": "2024"},
        "podLabels": {"team": "data"},
        "podAnnotations": {"example.com/note": "x"},
    },
    "a place": {**PLACE, "topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}]},
    "amounts": {
        "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
        "cloudApi": {"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": 268435456}}},
    },
    "no policies": {"networkPolicy": {"enabled": False}},
    "arguments": {"extraArgs": ["--workers=2"], "cloudApi": {"extraArgs": ["--session-hours=8"]}},
    "no Cloud API": {"cloudApi": {"enabled": False}},
    "a Cloud API of its own": {
        "cloudApi": {
            "standalone": True,
            "replicas": 2,
            **PLACE,
            "podLabels": {"team": "web"},
            "podAnnotations": {"example.com/note": "x"},
            "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}],
        }
    },
    "no workspaces": {"cloudApi": {"workspaces": "never"}},
    "no first account": {"cloudApi": {"bootstrapAdmin": "", "test": {"existingSecret": "123"}}},
    "an address": {"cloudApi": {"publicUrl": "https://mage.example.com"}},
    "a certificate": {"cloudApi": {"tls": {"existingSecret": "123", "caKey": "456", "serverName": "789"}}},
    "an ingress": {
        "cloudApi": {
            "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
            "ingress": {
                "enabled": True,
                "className": "100",
                "annotations": {"example.com/a": "b"},
                "host": "mage.example.com",
                "tlsSecretName": "123",
                "paths": [{"path": "/api", "pathType": "ImplementationSpecific"}],
            },
        }
    },
    "a published service": {"cloudApi": {"service": {"type": "NodePort", "port": 8080, "annotations": {"a": "b"}}}},
    "API keys": {"cloudApi": {"apiKeys": {"existingSecret": "123", "key": "456"}}},
    "OpenID Connect": {
        "cloudApi": {
            "oidc": {
                "issuer": "https://id.example.com",
                "clientId": "mage",
                "existingSecret": "123",
                "key": "456",
                "claim": "teams",
                "scopes": ["openid"],
            }
        }
    },
    "monitoring": {
        "metrics": {
            "serviceMonitor": {"enabled": True, "interval": "1m", "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "runbookUrl": "r.md", "labels": {"release": "prometheus"}},
            "dashboard": {"enabled": True, "labels": {"grafana": "1"}},
        }
    },
}
ELSEWHERE: set[str] = {"cloudApi.apiKeys.required"}
"""Values that no combination has, since they contradict others: in ALONE."""
ALONE: list[dict[str, Any]] = [
    {"cloudApi": {"apiKeys": {"required": False}}},
    {"cloudApi": {"workspaces": "always"}, "watchNamespaces": ["no"]},
]
COMBINATIONS = covering(dict.fromkeys(FEATURES, (False, True)))


def merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(left[key], right[key]) for key in left.keys() & right.keys() if isinstance(left[key], dict)}
    return {**left, **right, **both}


def values(chosen: dict[str, bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, on in chosen.items():
        found = merged(found, FEATURES[name]) if on else found
    return found


def test_the_combinations_are_few_and_hold_every_pair() -> None:
    held = set().union(*map(pairs, COMBINATIONS))
    for one, other in product(FEATURES, FEATURES):
        for a, b in product((False, True), (False, True)):
            assert one == other or frozenset({(one, a), (other, b)}) in held
    assert len(COMBINATIONS) <= 20


def test_every_value_is_in_a_combination_or_named_as_an_exception() -> None:
    def has(found: Any, path: tuple[str, ...]) -> bool:
        return not path or (isinstance(found, dict) and path[0] in found and has(found[path[0]], path[1:]))

    leaves = {".".join(value.path): value.path for value in document.values() if not value.section}
    assert {name for name, path in leaves.items() if not any(has(f, path) for f in FEATURES.values())} == ELSEWHERE
    assert all(any(has(values, leaves[name]) for values in ALONE) for name in ELSEWHERE)


@pytest.mark.parametrize(
    "given",
    [*map(values, COMBINATIONS), *ALONE],
    ids=["+".join(n for n in chosen if chosen[n]) or "none" for chosen in COMBINATIONS] + list(map(str, ALONE)),
)
def test_a_real_api_server_accepts_every_manifest(
    the_prometheus_operator: None, bare: Namespace, given: dict[str, Any]
) -> None:
    # Roles of other namespaces go into this one too: those namespaces do not exist here.
    found = rendered(given, bare.name)
    for manifest in found:
        if manifest["metadata"].get("namespace") in ("no", "2024"):
            manifest["metadata"]["name"] += f"-{manifest['metadata'].pop('namespace')}"
    told = bare.kubectl(
        "apply", "--dry-run=server", "--server-side", "--validate=strict", "-f", "-", given=yaml.safe_dump_all(found)
    )
    assert len(told.splitlines()) == len(found)
