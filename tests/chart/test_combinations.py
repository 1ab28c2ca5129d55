"""Every manifest that the chart can render is accepted by a real API server: all features on and off, pairwise."""

from itertools import product
from typing import Any

import pytest
import yaml
from tests.support.chart import rendered
from tests.support.kube import Namespace
from tests.support.pairs import covering, pairs

FEATURES: dict[str, dict[str, Any]] = {
    "several operators": {"replicas": 2},
    "an image by digest": {
        "image": {"repository": "registry.example.com:5000/magecluster", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "no definitions": {"crds": {"enabled": False}},
    "some namespaces": {"watchNamespaces": ["one", "two"]},
    "labels": {
        "extraLabels": {"team": "data"},
        "podLabels": {"team": "data"},
        "podAnnotations": {"example.com/note": "x"},
    },
    "a place": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "data", "operator": "Exists", "effect": "NoSchedule"}],
        "topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}],
        "priorityClassName": "system-cluster-critical",
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}}
                ]
            }
        },
    },
    "no policies": {"networkPolicy": {"enabled": False}},
    "arguments": {"extraArgs": ["--workers=2"], "cloudApi": {"extraArgs": ["--session-hours=8"]}},
    "no Cloud API": {"cloudApi": {"enabled": False}},
    "a Cloud API of its own": {
        "cloudApi": {
            "standalone": True,
            "replicas": 2,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "podLabels": {"team": "web"},
            "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}],
        }
    },
    "workspaces": {"cloudApi": {"workspaces": "always"}},
    "a certificate": {
        "cloudApi": {"tls": {"existingSecret": "cert", "caKey": "ca.crt", "serverName": "mage.example.com"}}
    },
    "an ingress": {
        "cloudApi": {
            "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"example.com/a": "b"},
                "host": "mage.example.com",
                "tlsSecretName": "mage-tls",
            },
        }
    },
    "a published service": {"cloudApi": {"service": {"type": "NodePort", "port": 8080, "annotations": {"a": "b"}}}},
    "API keys": {"cloudApi": {"apiKeys": {"existingSecret": "keys", "key": "login"}}},
    "OpenID Connect": {
        "cloudApi": {
            "oidc": {
                "issuer": "https://id.example.com",
                "clientId": "mage",
                "existingSecret": "oidc",
                "scopes": ["openid"],
            }
        }
    },
    "monitoring": {
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "dashboard": {"enabled": True},
        }
    },
}
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


@pytest.mark.parametrize("chosen", COMBINATIONS, ids=lambda chosen: "+".join(n for n in chosen if chosen[n]) or "none")
def test_a_real_api_server_accepts_every_manifest(
    the_prometheus_operator: None, bare: Namespace, chosen: dict[str, bool]
) -> None:
    # Roles of other namespaces go into this one too: those namespaces do not exist here.
    found = rendered(values(chosen), bare.name)
    for manifest in found:
        if manifest["metadata"].get("namespace") in ("one", "two"):
            manifest["metadata"]["name"] += f"-{manifest['metadata'].pop('namespace')}"
    told = bare.kubectl(
        "apply", "--dry-run=server", "--server-side", "--validate=strict", "-f", "-", given=yaml.safe_dump_all(found)
    )
    assert len(told.splitlines()) == len(found)
