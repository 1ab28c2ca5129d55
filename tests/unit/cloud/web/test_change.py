from typing import Any

import pytest
from tests.support.cloud import env, from_secret, put, stored

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.change import Done, audited, needed


@pytest.mark.parametrize(
    ("spec", "config", "status", "permissions"),
    [
        ({}, None, "Stopped", {"clusters:power"}),
        ({"status": "Stopped"}, {"replicaCount": 1}, "Active", {"clusters:power"}),
        ({"replicaCount": 0}, None, "Active", {"clusters:power"}),
        ({}, None, "Restarting", {"clusters:power"}),
        ({}, {"image": {"tag": "0.9.79"}}, None, {"clusters:change"}),
        ({}, {"extraEnvs": [env("A", "1")]}, None, {"clusters:environment"}),
        ({"extraEnvs": [env("A", "1")]}, {"extraEnvs": []}, None, {"clusters:environment"}),
        ({}, {"kubernetesExecutor": {"enabled": True}}, None, {"clusters:environment"}),
        ({"kubernetesExecutor": {"enabled": False}}, {"kubernetesExecutor": None}, None, {"clusters:environment"}),
        ({}, {"image": {"repository": "example.com/mage"}}, None, {"clusters:environment"}),
        ({}, {"gateway": {"image": "example.com/gateway:1"}}, None, {"clusters:environment"}),
        ({}, {"gateway": {"runs": {"queue": 1}}}, None, {"clusters:change"}),
        (
            {},
            {"podLabels": {"a": "b"}, "extraEnvs": [env("A", "1")]},
            "Stopped",
            {"clusters:power", "clusters:change", "clusters:environment"},
        ),
        ({}, {}, "Active", set()),
    ],
)
def test_what_a_change_needs(spec: dict[str, Any], config: Any, status: str | None, permissions: set[str]) -> None:
    assert needed(put(stored(**spec), config, status)) == {Permission(name) for name in permissions}


def test_the_audit_masks_variables_and_what_looks_secret() -> None:
    live = stored(extraEnvs=[env("A", "1"), from_secret("B", "vault")], podAnnotations={"a": "1"})
    change = put(
        live,
        {
            "extraEnvs": [env("A", "2"), env("C", "new")],
            "podAnnotations": {"a": "2", "api-token": "x", "u": "ftp://a:b@c"},
        },
        "Stopped",
    )
    assert audited(change) == {
        "status": ["Active", "Stopped"],
        "extraEnvs[A]": ["********", "********"],
        "extraEnvs[B]": ["********", None],
        "extraEnvs[C]": [None, "********"],
        "podAnnotations.a": ["1", "2"],
        "podAnnotations.api-token": [None, "********"],
        "podAnnotations.u": [None, "********"],
    }


@pytest.mark.parametrize(
    ("before", "after", "restarts"),
    [
        ({}, {"podAnnotations": {"a": "b"}}, True),
        ({}, {"extraEnvs": [env("A", "1")]}, True),
        ({}, {"restartedAt": "2026-07-01T08:00:00Z"}, True),
        ({}, {"service": {"port": 80}}, False),
        ({}, {"status": "Stopped"}, False),
        ({"status": "Stopped"}, {"status": "Active"}, False),
        ({"status": "Stopped"}, {"status": "Stopped", "podAnnotations": {"a": "b"}}, False),
    ],
)
def test_a_pod_is_replaced_by_what_it_sees(before: dict[str, Any], after: dict[str, Any], restarts: bool) -> None:  # noqa: FBT001
    def live(spec: dict[str, Any]) -> dict[str, Any]:
        cluster = stored(**spec)
        cluster["metadata"]["namespace"] = "data"
        return cluster

    change = put(stored(), {"replicaCount": 2})
    assert Done(live(before), live(after), change).restarts is restarts
    assert Done(None, live(after), change).restarts is False
