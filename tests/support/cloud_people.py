"""Service tokens, new accounts and a second replica, for tests of who may do what."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.cloud_api import Client, CloudApi, Team, good
from tests.support.kube import Namespace

from devkit.cluster import Cluster

SCOPES = frozenset(
    {
        "clusters:read",
        "clusters:reveal",
        "clusters:power",
        "clusters:change",
        "clusters:environment",
        "clusters:create",
        "clusters:delete",
        "clusters:force",
        "team:read",
        "team:members",
    }
)
"""Of service tokens."""


def token(client: Client, team: str, *scopes: str) -> Any:
    """A new service token."""
    body = {"token": {"name": "matrix", "scopes": scopes}}
    return good(client("POST", f"/teams/{team}/tokens", body))["token"]


def own(team: Team) -> Namespace:
    """Where accounts, teams and invitations are."""
    return Namespace(team.space.cluster, team.api.namespace)


def somebody(api: CloudApi) -> str:
    """The e-mail of a new account."""
    email = f"u-{uuid.uuid4().hex[:8]}@example.com"
    api.user("add", email, "--password-stdin")
    return email


@pytest.fixture(scope="session")
def second(cluster: Cluster, cloud_api: CloudApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudApi]:
    """Another replica."""
    api = CloudApi(cluster.kubeconfig, tmp_path_factory.mktemp("second") / "log", cloud_api.namespace).start()
    yield api.ready()
    api.stop()
    assert not api.tracebacks()


@pytest.fixture
def email(team: Team) -> Iterator[str]:
    """Of nobody yet."""
    found = f"new-{uuid.uuid4().hex[:8]}@example.com"
    yield found
    if found in team.api.user("list"):
        team.api.user("remove", found)


def link_of(invitation: Any) -> str:
    """As a path of the API."""
    return str(invitation["link"]).partition("/api/v1")[2]
