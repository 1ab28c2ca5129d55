"""A Cloud API that serves some namespaces and not all."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.cloud_api import ROLES, CloudApi, Team, a_team, refused
from tests.support.cloud_more import another
from tests.support.cloud_people import own
from tests.support.eventually import eventually, eventually_async
from tests.support.kube import Namespace, a_cluster

from devkit.cluster import Cluster
from magecluster.api.labels import CLOUD_API
from magecluster.cloud.store.clusters import Clusters
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import MAGE_CLUSTERS
from magecluster.kube.reflector import Reflector


@asynccontextmanager
async def listed(connection: Connection, clusters: Clusters, space: Namespace) -> AsyncIterator[None]:
    """A complete list of one namespace was read, and a watch follows."""
    reflector = Reflector(connection, MAGE_CLUSTERS, clusters, namespace=space.name)
    task = asyncio.create_task(reflector.run())
    try:
        await asyncio.wait_for(reflector.synced.wait(), 30)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # A watch that is cut off closes its socket in a later round of the loop, which may be the last one.
        await asyncio.sleep(0.01)


async def test_a_list_of_one_namespace_forgets_nothing_of_another(bare: Namespace, other: Namespace) -> None:
    for space in (bare, other):
        space.apply(a_cluster("stays"), a_cluster("goes"))
    async with Connection(bare.cluster.kubeconfig, None, manager=CLOUD_API) as connection:
        clusters = Clusters(connection)
        for space in (bare, other, bare, other):
            async with listed(connection, clusters, space):
                assert clusters.find(space.name, "stays")
        assert [entry.name for entry in clusters.page(bare.name, "", 9)] == ["goes", "stays"]
        await asyncio.to_thread(bare.kubectl, "delete", "mc", "goes")
        async with listed(connection, clusters, other):
            assert clusters.count() == 4, "what is gone from a namespace, only its own list tells"
        async with listed(connection, clusters, bare):
            assert clusters.find(bare.name, "goes") is None
            assert clusters.count() == 3
            bare.apply(a_cluster("comes"))
            await eventually_async(lambda: clusters.find(bare.name, "comes"))


@pytest.fixture
def both(cluster: Cluster, team: Team, other: Namespace, tmp_path: Path) -> Iterator[CloudApi]:
    """A replica that serves the namespace of the team and another one, whose team has the same members."""
    own(team).apply(a_team(other.name, other.name))
    for space in (team.space, other):
        space.apply(a_cluster())
    options = [f"--namespace={name}" for name in (team.name, other.name)]
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, *options) as api:
        yield api.ready()
    own(team).kubectl("delete", "mageteam", other.name)


def test_clusters_of_every_namespace_that_is_named_are_served(both: CloudApi, team: Team, other: Namespace) -> None:
    client = both.client(team.token("Viewer"))
    for name in (team.name, other.name):
        eventually(lambda name=name: client("GET", f"/teams/{name}/clusters/demo").ok)  # type: ignore[misc]
    assert both.metric("magecluster_cloud_clusters") == 2


@pytest.fixture
def apart(cluster: Cluster, team: Team, other: Namespace, tmp_path: Path) -> Iterator[CloudApi]:
    """A replica that serves another namespace than that of the team, in which there is a cluster."""
    team.space.apply(a_cluster())
    options = f"--namespace={other.name}"
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, options) as api:
        client = api.ready().client(team.token("Viewer"))
        eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team in the cache")
        yield api


REQUESTS = (
    ("GET", "", None),
    ("POST", "", {"cluster": {"name": "other"}}),
    ("GET", "/demo", None),
    ("GET", "/demo/events", None),
    ("PUT", "/demo", {"cluster": {"status": "Stopped"}}),
    ("PATCH", "/demo", {"cluster": {"status": "Stopped"}}),
    ("POST", "/demo/restart", None),
    ("DELETE", "/demo", None),
)


def test_clusters_of_a_namespace_that_is_not_named_are_refused_with_the_remedy(apart: CloudApi, team: Team) -> None:
    client = apart.client(team.token("Admin"))
    told = f"--namespace {team.name}"
    for method, path, body in REQUESTS:
        assert told in refused(client(method, team.clusters + path, body), 409)["message"]
    assert apart.metric("magecluster_cloud_clusters") == 0, "what nobody watches must not be remembered"
    assert team.space.get("mc", "demo")["spec"]["status"] == "Active"
    assert not team.space.get("mc", "other")


def test_the_rest_of_such_a_team_is_served(apart: CloudApi, team: Team) -> None:
    client = apart.client(team.token("Admin"))
    assert len(client.get(f"/teams/{team.name}/members")["members"]) == len(ROLES)
    stranger = apart.client(team.stranger().token)
    refused(stranger("GET", team.path()), 404)


def test_no_team_is_made_with_a_namespace_that_is_not_named(apart: CloudApi, team: Team) -> None:
    name = f"zz-{uuid.uuid4().hex[:8]}"
    client = apart.client(team.admin)
    for query in ("", "?dryRun=true"):
        answer = client("POST", f"/teams{query}", {"team": {"id": name, "namespace": name}})
        assert f"--namespace {name}" in refused(answer, 409)["message"]
    assert not own(team).get("mt", name)
