"""The Secret of a cluster: written before it is referred to, by many at once, and tidied up when nobody can miss it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.cloud_api import Team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster
from typing_extensions import override

from devkit.cluster import Cluster
from magecluster.api.labels import CLOUD_API
from magecluster.cloud.errors import ConflictError
from magecluster.cloud.store.vaults import GRACE_SECONDS, Vaults
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError as KubeConflictError

VAULT = "demo-env"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Vaults of one namespace, with a clock that a test sets."""

    def __init__(self, connection: Connection, space: Namespace) -> None:
        self.space, self.clock = space, Clock()
        self.vaults = Vaults(connection, self.clock)

    async def put(self, owner: Manifest | None = None, /, **texts: str) -> None:
        await self.vaults.put(self.space.name, VAULT, "demo", texts, owner=owner)

    async def tidy(self, *used: str) -> None:
        await self.vaults.tidy(self.space.name, VAULT, "demo", set(used))

    def texts(self) -> dict[str, str]:
        data = self.space.get("secret", VAULT).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def cluster(self) -> Manifest:
        self.space.apply(a_cluster())
        return self.space.get("mc", "demo")

    def owners(self) -> list[str]:
        return [owner["uid"] for owner in self.space.get("secret", VAULT)["metadata"].get("ownerReferences", [])]


@pytest.fixture
async def store(cluster: Cluster, bare: Namespace) -> AsyncIterator[Store]:
    async with Connection(cluster.kubeconfig, None, manager=CLOUD_API) as connection:
        yield Store(connection, bare)


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    await asyncio.gather(*(store.put(None, **{f"key-{number}": f"text {number}"}) for number in range(5)))
    assert store.texts() == {f"key-{number}": f"text {number}" for number in range(5)}


async def test_what_is_not_used_goes_after_the_grace_time(store: Store) -> None:
    await store.put(old="1", used="2")
    store.clock.now += GRACE_SECONDS - 1
    await store.tidy("used")
    assert set(store.texts()) == {"old", "used"}, "it may be referred to in a moment"
    await store.put(young="3")
    store.clock.now += 2
    await store.tidy("used")
    assert store.texts() == {"used": "2", "young": "3"}


async def test_what_is_written_again_is_young_again(store: Store) -> None:
    await store.put(text="1")
    store.clock.now += GRACE_SECONDS + 1
    await store.put(text="1")
    await store.tidy()
    assert store.texts() == {"text": "1"}


async def test_a_foreign_secret_of_that_name_is_not_touched(store: Store) -> None:
    store.space.kubectl("create", "secret", "generic", VAULT, "--from-literal=theirs=1")
    before = store.space.get("secret", VAULT)
    with pytest.raises(ConflictError, match="not the Cloud API's"):
        await store.put(text="1")
    await store.tidy()
    assert store.space.get("secret", VAULT) == before


async def test_an_annotation_that_somebody_spoiled_does_no_harm(store: Store) -> None:
    await store.put(text="1")
    for spoiled in ("{", "[]", '{"text": "yesterday"}', ""):
        store.space.kubectl("annotate", "--overwrite", "secret", VAULT, f"magecluster.io/written={spoiled}")
        await store.put(more="2")
        await store.tidy("text", "more")
        assert store.texts() == {"text": "1", "more": "2"}


async def test_a_cluster_adopts_what_was_written_before_it(store: Store) -> None:
    await store.put(text="1")
    assert store.owners() == []
    live = store.cluster()
    await store.vaults.adopt(live, VAULT)
    await store.put(live, other="2")
    assert store.owners() == [live["metadata"]["uid"]]


async def test_who_makes_a_cluster_takes_nothing_from_one_that_was_faster(store: Store) -> None:
    live = store.cluster()
    await store.put(live, text="1")
    with pytest.raises(KubeConflictError):
        await store.put(late="2")
    assert (store.texts(), store.owners()) == ({"text": "1"}, [live["metadata"]["uid"]])


async def test_what_a_deleted_cluster_left_behind_is_taken_over(store: Store) -> None:
    gone = store.cluster()
    gone["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    await store.put(gone, text="1")
    store.space.kubectl("delete", "mc", "demo")
    await store.put(other="2")
    assert store.owners() == []
    assert store.texts()["other"] == "2"


class Collected(Connection):
    """The garbage collector comes between reading and writing, once."""

    times = 1

    @override
    async def merge(self, path: str, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        if self.times:
            self.times -= 1
            found = (await self.get(path))["metadata"]
            await self.delete(path, uid=found["uid"], resource_version=found["resourceVersion"])
        return await super().merge(path, patch, dry_run=dry_run)


async def test_what_is_collected_in_between_is_made_anew(cluster: Cluster, store: Store) -> None:
    await store.put(old="1")
    async with Collected(cluster.kubeconfig, None, manager=CLOUD_API) as connection:
        await Vaults(connection, store.clock).put(store.space.name, VAULT, "demo", {"new": "2"}, owner=None)
    assert store.texts() == {"new": "2"}


def secret(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "secret": True}


def meant(team: Team, name: str) -> str | None:
    """The text that a pod would see."""
    envs = {env["name"]: env for env in team.space.get("mc", "demo")["spec"]["extraEnvs"]}
    place = envs[name]["valueFrom"]["secretKeyRef"]
    data = team.space.get("secret", place["name"])["data"]
    return base64.b64decode(data[place["key"]]).decode() if place["key"] in data else None


def test_writers_of_different_secret_variables_lose_nothing(team: Team) -> None:
    team.space.apply(a_cluster())
    team.seen()
    team.as_("Admin").put(team.path(), {"extraEnvs": [secret(f"V{number}", "before") for number in range(6)]})
    client = team.as_("Admin")
    read = client.get(team.path())["cluster"]["config"]

    def write(number: int) -> None:
        envs = [dict(env) for env in read["extraEnvs"]]
        envs[number]["value"] = f"after {number}"
        team.as_("Admin").put(team.path(), {**read, "extraEnvs": envs})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert [meant(team, f"V{number}") for number in range(6)] == [f"after {number}" for number in range(6)]


async def test_no_version_of_a_cluster_refers_to_a_text_that_is_not_there(cluster: Cluster, team: Team) -> None:
    """As the controller sees it: the moment that a version of the spec is seen, all its texts are readable."""
    team.space.apply(a_cluster())
    team.seen()
    missing: list[str] = []

    started = asyncio.Event()

    async def look() -> None:
        async with Connection(cluster.kubeconfig, None) as connection:
            base = f"/apis/magecluster.io/v1alpha1/namespaces/{team.space.name}/mageclusters"
            version = (await connection.get(base))["metadata"]["resourceVersion"]
            started.set()
            async for event in connection.watch(base, resource_version=version, seconds=30):
                envs = event["object"].get("spec", {}).get("extraEnvs", []) if event else []
                for place in (env["valueFrom"]["secretKeyRef"] for env in envs if "valueFrom" in env):
                    kept = await connection.get(f"/api/v1/namespaces/{team.space.name}/secrets/{place['name']}")
                    missing.extend([place["key"]] if place["key"] not in kept["data"] else [])
                if [env["name"] for env in envs] == ["LAST"]:
                    return

    looking = asyncio.create_task(look())
    await started.wait()
    client = team.as_("Admin")
    for number in range(8):
        await asyncio.to_thread(client.put, team.path(), {"extraEnvs": [secret("TEXT", f"text {number}")]})
    await asyncio.to_thread(client.put, team.path(), {"extraEnvs": [secret("LAST", "text")]})
    await asyncio.wait_for(looking, 30)
    assert missing == []


def test_a_name_that_is_taken_leaves_the_secret_of_its_cluster_alone(team: Team) -> None:
    client = team.as_("Admin")
    body = {"cluster": {"name": "demo", "config": {"extraEnvs": [secret("TEXT", "first")]}}}
    good(client("POST", team.clusters, body))
    before = team.space.get("secret", VAULT)
    other = {"cluster": {"name": "demo", "config": {"extraEnvs": [secret("TEXT", "second")]}}}
    refused(client("POST", team.clusters, other), 409)
    assert team.space.get("secret", VAULT) == before
    assert meant(team, "TEXT") == "first"


def test_of_many_who_make_the_same_cluster_one_wins_and_keeps_its_secret(team: Team) -> None:
    def make(number: int) -> int:
        config = {"extraEnvs": [secret("TEXT", f"by {number}")]}
        answer = team.as_("Admin")("POST", team.clusters, {"cluster": {"name": "demo", "config": config}})
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(make, range(6)))
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]
    assert meant(team, "TEXT") == f"by {statuses.index(201)}"
    owners = team.space.get("secret", VAULT)["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [team.space.get("mc", "demo")["metadata"]["uid"]]


def test_a_cluster_that_cannot_be_made_leaves_no_secret(team: Team) -> None:
    config = {"extraEnvs": [secret("TEXT", "s3cret")], "replicaCount": 7}
    answer = team.as_("Admin")("POST", team.clusters, {"cluster": {"name": "demo", "config": config}})
    assert answer.status_code == 422
    assert "s3cret" not in answer.text
    assert not team.space.get("secret", VAULT)


def test_a_foreign_secret_is_a_conflict_that_says_so(team: Team) -> None:
    team.space.kubectl("create", "secret", "generic", VAULT, "--from-literal=theirs=1")
    team.space.apply(a_cluster())
    team.seen()
    before = team.space.get("secret", VAULT)
    answer = team.as_("Admin")("PUT", team.path(), {"cluster": {"config": {"extraEnvs": [secret("TEXT", "mine")]}}})
    assert VAULT in refused(answer, 409)["message"]
    assert team.space.get("secret", VAULT) == before
    assert team.space.get("mc", "demo")["spec"]["extraEnvs"] == []
    team.space.kubectl("delete", "mc", "demo")
    eventually(lambda: team.as_("Admin")("GET", team.path()).status_code == 404, what="the cluster is gone")
    body = {"cluster": {"name": "demo", "config": {"extraEnvs": [secret("TEXT", "mine")]}}}
    assert VAULT in refused(team.as_("Admin")("POST", team.clusters, body), 409)["message"]
    assert team.space.get("secret", VAULT) == before
    assert not team.space.get("mc", "demo")


def test_the_last_text_goes_too(team: Team) -> None:
    client = team.as_("Admin")
    config = {"extraEnvs": [secret("TEXT", "text")]}
    good(client("POST", team.clusters, {"cluster": {"name": "demo", "config": config}}))
    (key,) = team.space.get("secret", VAULT)["data"]
    team.space.kubectl("annotate", "--overwrite", "secret", VAULT, f'magecluster.io/written={{"{key}": 1}}')
    client.put(team.path(), {"extraEnvs": []})
    client.put(team.path(), {"extraEnvs": [{"name": "PLAIN", "value": "1"}]})
    eventually(lambda: not team.space.get("secret", VAULT).get("data"), what="the text is gone")


def test_a_secret_ends_with_its_cluster(team: Team) -> None:
    client = team.as_("Admin")
    config = {"extraEnvs": [secret("TEXT", "text")]}
    good(client("POST", team.clusters, {"cluster": {"name": "demo", "config": config}}))
    assert team.space.get("secret", VAULT)
    good(client("DELETE", team.path()))
    eventually(lambda: not team.space.get("secret", VAULT), what="the Secret is gone")


def test_a_new_cluster_of_the_name_of_a_deleted_one_keeps_its_secret(team: Team) -> None:
    client = team.as_("Admin")
    body = {"cluster": {"name": "demo", "config": {"extraEnvs": [secret("TEXT", "text")]}}}
    for _ in range(3):
        good(client("POST", team.clusters, body))
        good(client("DELETE", team.path()))
    good(client("POST", team.clusters, body))
    # The garbage collector has had its time when it has removed what was left behind later.
    name = f"later-{time.time_ns()}"
    good(client("POST", team.clusters, {"cluster": {**body["cluster"], "name": name}}))
    good(client("DELETE", f"{team.clusters}/{name}"))
    eventually(lambda: not team.space.get("secret", f"{name}-env"), what="the later Secret is gone")
    assert meant(team, "TEXT") == "text"
