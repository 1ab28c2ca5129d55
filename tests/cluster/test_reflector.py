"""Does a sink hold what the API server holds, whatever happens in between, and does its age tell when it may not?"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.eventually import eventually_async
from tests.support.kube import Namespace
from tests.support.proxy import Proxy, proxied

from magecluster.api.labels import CLOUD_API
from magecluster.kube import reflector
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import CONFIG_MAPS, Identity, Kind
from magecluster.kube.reflector import Reflector

THINGS = Kind("test.magecluster.io", "v1", "things")
LABEL = {"test": "reflector"}
LONG = 10_000.0
"""Seconds of an outage; they pass on the clock of the test."""

Manifest = dict[str, Any]


class Held:
    """A sink that keeps everything, and how old it was at each complete list."""

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.reflector: Reflector | None = None
        self.ahead = 0.0
        self.listed: list[float] = []

    def put(self, live: Manifest) -> None:
        self.objects[live["metadata"]["name"]] = live

    def remove(self, live: Manifest) -> None:
        self.objects.pop(live["metadata"]["name"], None)

    def retain(self, identities: set[Identity], _: str | None, /) -> None:
        assert self.reflector
        self.listed.append(self.reflector.age())
        names = {name for _, name, _ in identities}
        self.objects = {name: live for name, live in self.objects.items() if name in names}

    @property
    def names(self) -> set[str]:
        return set(self.objects)

    def age(self) -> float:
        assert self.reflector
        return self.reflector.age()

    def clock(self) -> float:
        return time.monotonic() + self.ahead

    def old(self) -> bool:
        return self.age() > LONG / 2


@asynccontextmanager
async def following(
    kubeconfig: Path, namespace: str | None, kind: Kind = CONFIG_MAPS, selector: str = "test=reflector"
) -> AsyncIterator[Held]:
    held = Held()
    async with Connection(kubeconfig, None, manager=CLOUD_API) as connection:
        held.reflector = Reflector(connection, kind, held, namespace=namespace, selector=selector, clock=held.clock)
        task = asyncio.create_task(held.reflector.run())
        try:
            yield held
        finally:
            ended = task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # A watch that is cut off closes its socket in a later round of the loop, which may be the last one.
            await asyncio.sleep(0.01)
            assert not ended, "a reflector never ends by itself"


@pytest.fixture
async def line(bare: Namespace, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with proxied(bare.cluster, tmp_path) as (proxy, _):
        yield proxy


@pytest.fixture
async def held(bare: Namespace, line: Proxy, tmp_path: Path) -> AsyncIterator[Held]:
    """ConfigMaps of a namespace, read through a line that can be cut."""
    async with following(tmp_path / "proxied", bare.name) as held:
        await synced(held)
        yield held


async def synced(held: Held) -> None:
    assert held.reflector
    await asyncio.wait_for(held.reflector.synced.wait(), 30)


async def make(space: Namespace, *names: str, size: int = 1, labels: dict[str, str] = LABEL) -> None:
    """Not by `kubectl apply`, which would write every value into an annotation as well."""
    async with Connection(space.cluster.kubeconfig, None) as connection:
        for name in names:
            manifest = {"metadata": {"name": name, "labels": labels}, "data": {"a": "x" * size}}
            await connection.create(CONFIG_MAPS.path(space.name), manifest)


async def kubectl(space: Namespace, *args: str, given: str | None = None) -> str:
    return await asyncio.to_thread(space.kubectl, *args, given=given)


async def test_a_list_in_pages_and_each_later_change(bare: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "PAGE", 2)
    await make(bare, "a", "b", "c", "d", "e")
    await make(bare, "other", labels={})
    async with following(bare.cluster.kubeconfig, bare.name) as held:
        assert held.age() == float("inf")
        await synced(held)
        assert held.names == {"a", "b", "c", "d", "e"}
        assert {(live["kind"], live["apiVersion"]) for live in held.objects.values()} == {("ConfigMap", "v1")}
        assert held.age() < 30
        await make(bare, "f")
        await kubectl(bare, "delete", "configmap", "a")
        bare.patch("configmap", "b", {"data": {"a": "changed"}})
        await eventually_async(lambda: held.names == {"b", "c", "d", "e", "f"})
        await eventually_async(lambda: held.objects["b"]["data"] == {"a": "changed"})
        assert len(held.listed) == 1


async def test_objects_of_a_megabyte(bare: Namespace) -> None:
    await make(bare, "listed", size=1_000_000)
    async with following(bare.cluster.kubeconfig, bare.name) as held:
        await synced(held)
        await make(bare, "watched", size=1_000_000)
        await eventually_async(lambda: held.names == {"listed", "watched"})
        assert all(len(live["data"]["a"]) == 1_000_000 for live in held.objects.values())


async def test_at_rest_the_sink_stays_young(bare: Namespace, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "WATCH_SECONDS", 1.0)
    await make(bare, "a")
    await eventually_async(lambda: held.names == {"a"})
    held.ahead += LONG
    assert held.old()
    await eventually_async(lambda: not held.old(), within=30)  # the watch that is open now may last for 15 s
    held.ahead += LONG
    await eventually_async(lambda: not held.old())
    assert len(held.listed) == 1, "nothing went wrong, so nothing was listed again"


async def test_what_changes_while_the_line_is_cut(bare: Namespace, held: Held, line: Proxy) -> None:
    await make(bare, "stays", "goes")
    await eventually_async(lambda: held.names == {"stays", "goes"})
    with capture_logs() as logs:
        line.cut()
        await eventually_async(lambda: logs)
        held.ahead += LONG
        await kubectl(bare, "delete", "configmap", "goes")
        await make(bare, "comes")
        assert held.names == {"stays", "goes"}
        assert held.old()
        line.mend()
        await eventually_async(lambda: held.names == {"stays", "comes"}, within=30)
        assert not held.old()
        assert len(held.listed) == 1, "the watch went on where it was"
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


async def test_a_deletion_that_no_watch_tells_any_more(bare: Namespace, held: Held, line: Proxy) -> None:
    await make(bare, "stays", "goes")
    await eventually_async(lambda: held.names == {"stays", "goes"})
    with capture_logs() as logs:
        line.cut()
        await eventually_async(lambda: logs)
        held.ahead += LONG
        await kubectl(bare, "delete", "configmap", "goes")
        await make(bare, "comes")
        # A new API server knows nothing of older versions: it opens the watch, and says 410 in its first event.
        await asyncio.to_thread(bare.cluster.restart, "apiserver")
        line.mend()
        await eventually_async(lambda: held.names == {"stays", "comes"}, within=60)
        assert not held.old()
    first, second = held.listed
    assert first == float("inf")
    assert second > LONG / 2, "the watch that opened was no proof"
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


async def test_a_restart_of_the_api_server(bare: Namespace, held: Held) -> None:
    await make(bare, "before")
    await eventually_async(lambda: held.names == {"before"})
    await asyncio.to_thread(bare.cluster.restart, "apiserver")
    held.ahead += LONG
    await make(bare, "after")
    await eventually_async(lambda: held.names == {"before", "after"}, within=60)
    assert not held.old()


async def test_a_line_that_hangs(bare: Namespace, held: Held, line: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "WATCH_SECONDS", 1.0)
    line.cut()  # the watch that follows is a short one
    line.mend()
    await make(bare, "before")
    await eventually_async(lambda: held.names == {"before"}, within=30)
    with capture_logs() as logs:
        line.hang()
        await eventually_async(lambda: any(entry["log_level"] == "warning" for entry in logs), within=60)
        held.ahead += LONG
        await make(bare, "after")
        assert held.names == {"before"}
        assert held.old()
        line.mend()
        await eventually_async(lambda: held.names == {"before", "after"}, within=60)
        assert not held.old()


async def test_a_kind_that_is_not_there_yet(bare: Namespace) -> None:
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.test.magecluster.io"},
        "spec": {
            "group": THINGS.group,
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    with capture_logs() as logs:
        async with following(bare.cluster.kubeconfig, None, THINGS, "") as held:
            await eventually_async(lambda: logs)
            assert held.age() == float("inf")
            try:
                bare.apply(definition)
                await synced(held)
                thing = {"apiVersion": "test.magecluster.io/v1", "kind": "Thing", "metadata": {"name": "a"}}
                bare.apply(thing)
                await eventually_async(lambda: held.names == {"a"}, within=30)
            finally:
                await kubectl(bare, "delete", "crd", "things.test.magecluster.io")
    assert [entry["log_level"] for entry in logs][:2] == ["warning", "info"]
