"""What the operator's tests do not show of a Connection: the Cloud API watches by it, and tries writes out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import pytest
import yaml
from tests.support.kube import Manifest, Namespace

from magecluster.api.labels import CLOUD_API
from magecluster.kube.connection import POOL, Connection
from magecluster.kube.errors import ConflictError, ExpiredError, InvalidError, KubeError, NotFoundError
from magecluster.kube.kinds import CONFIG_MAPS, SECRETS, Kind


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[Connection]:
    async with Connection(kubeconfig, None, timeout=10, manager=CLOUD_API) as connection:
        yield connection
        # A watch that is left closes its socket in a later round of the loop, which may be the last one.
        await asyncio.sleep(0.01)


@pytest.fixture
async def connection(bare: Namespace) -> AsyncIterator[Connection]:
    async with connected(bare.cluster.kubeconfig) as connection:
        yield connection


def a_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_requests_have_room_beside_any_number_of_watches(connection: Connection, bare: Namespace) -> None:
    path = CONFIG_MAPS.path(bare.name)
    version = (await connection.get(path))["metadata"]["resourceVersion"]
    # Long watches: none may end, and leave its place to the next one, before the time is up.
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for _ in range(POOL + 6):
            watch = connection.watch(path, resource_version=version, seconds=600)
            events = await stack.enter_async_context(aclosing(watch))
            assert await anext(events) is None
        await connection.get(path)


PROGRAM = """#!/bin/sh
# A program of credentials whose first token has been revoked by now.
token=$(cat {good}); [ -e {asked} ] || token=revoked; touch {asked}
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "'$token'"}}}}'
"""


@pytest.fixture
async def expired(bare: Namespace, tmp_path: Path) -> AsyncIterator[Connection]:
    """Its token is refused; the next one that it is given is good."""
    bare.kubectl("create", "rolebinding", "reads", "--clusterrole=view", f"--serviceaccount={bare.name}:default")
    (tmp_path / "good").write_text(bare.kubectl("create", "token", "default"))
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(good=tmp_path / "good", asked=tmp_path / "asked"))
    program.chmod(0o700)
    config = yaml.safe_load(bare.cluster.kubeconfig.read_text())
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    config["users"] = [{"name": user["name"], "user": {"exec": command}} for user in config["users"]]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    async with connected(tmp_path / "kubeconfig") as connection:
        yield connection


async def test_a_request_with_a_token_that_has_expired_is_sent_again(expired: Connection, bare: Namespace) -> None:
    assert (await expired.get(CONFIG_MAPS.path(bare.name)))["kind"] == "ConfigMapList"


async def test_a_watch_with_a_token_that_has_expired_is_opened_again(
    expired: Connection, connection: Connection, bare: Namespace
) -> None:
    path = CONFIG_MAPS.path(bare.name)
    version = (await connection.get(path))["metadata"]["resourceVersion"]
    async with aclosing(expired.watch(path, resource_version=version, seconds=30)) as events:
        assert await anext(events) is None
        await connection.create(path, a_map("told"))
        told = ""
        # Others make ConfigMaps in a new namespace too.
        while told != "told":
            event = await anext(events)
            told = event["object"]["metadata"]["name"] if event else ""


async def test_a_forgotten_version(connection: Connection, bare: Namespace) -> None:
    told: list[KubeError] = []
    connection.on_error = told.append
    path = CONFIG_MAPS.path(bare.name)
    old = (await connection.get(path))["metadata"]["resourceVersion"]
    await connection.create(path, a_map("a"))
    await asyncio.to_thread(bare.cluster.restart, "apiserver")
    with pytest.raises(ExpiredError):
        [event async for event in connection.watch(path, resource_version=old, seconds=2)]
    assert [type(error) for error in told] == [ExpiredError]


async def test_a_watch_of_what_is_not_there(connection: Connection) -> None:
    watch = connection.watch(Kind("magecluster.io", "v1", "nothings").path(), resource_version="1", seconds=2)
    with pytest.raises(NotFoundError):
        await anext(watch)


async def test_trying_out_writes_nothing(connection: Connection, bare: Namespace) -> None:
    path = CONFIG_MAPS.path(bare.name)
    await connection.create(path, a_map("tried"), dry_run=True)
    with pytest.raises(NotFoundError):
        await connection.get(f"{path}/tried")
    made = await connection.create(path, a_map("there", a="1"))
    await connection.merge(f"{path}/there", {"data": {"a": "2"}}, dry_run=True)
    await connection.apply(f"{path}/there", a_map("there", a="3"), dry_run=True)
    await connection.replace(f"{path}/there", {**made, "data": {"a": "4"}}, dry_run=True)
    await connection.delete(f"{path}/there", uid=made["metadata"]["uid"], resource_version=None, dry_run=True)
    assert await connection.get(f"{path}/there") == made


async def test_deleting_one_object_in_whichever_version(connection: Connection, bare: Namespace) -> None:
    path = CONFIG_MAPS.path(bare.name)
    made = await connection.create(path, a_map("a"))
    await connection.merge(f"{path}/a", {"data": {"a": "2"}})
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    with pytest.raises(ConflictError):
        await connection.delete(f"{path}/a", uid=uid, resource_version=version)
    with pytest.raises(ConflictError):
        await connection.delete(f"{path}/a", uid="another", resource_version=None)
    await connection.delete(f"{path}/a", uid=uid, resource_version=None)
    with pytest.raises(NotFoundError):
        await connection.get(f"{path}/a")


async def test_who_wrote(connection: Connection, bare: Namespace) -> None:
    path = CONFIG_MAPS.path(bare.name)
    await connection.create(path, a_map("a", a="1"))
    await connection.merge(f"{path}/a", {"data": {"b": "1"}})
    made = await connection.apply(f"{path}/a", a_map("a", c="1"))
    assert {entry["manager"] for entry in made["metadata"]["managedFields"]} == {CLOUD_API}


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        (Kind("magecluster.io", "v1alpha1", "mageclusters"), {"spec": {"restartedAt": "hush: hush"}}),
        (Kind("magecluster.io", "v1alpha1", "mageclusters"), {"spec": {"image": {"repository": "hush: hush"}}}),
        (Kind("magecluster.io", "v1alpha1", "mageclusters"), {"spec": {"tolerations": [{"operator": "hush"}]}}),
        (SECRETS, {"metadata": {"labels": {"a": 'hush "hush"'}}}),
    ],
)
async def test_causes_come_without_values(
    connection: Connection, bare: Namespace, kind: Kind, manifest: Manifest
) -> None:
    names = {"mageclusters": "MageCluster", "secrets": "Secret"}
    version = f"{kind.group}/{kind.version}" if kind.group else kind.version
    metadata = {"name": "a", **manifest.get("metadata", {})}
    whole = {"apiVersion": version, "kind": names[kind.plural], **manifest, "metadata": metadata}
    with pytest.raises(InvalidError) as caught:
        await connection.create(kind.path(bare.name), whole)
    assert "hush" in str(caught.value), "the whole text is for the operator's own log"
    assert caught.value.causes
    assert "hush" not in str(caught.value.causes)
