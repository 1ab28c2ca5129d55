from typing import Any, cast

from magecluster.controller.observer import Observer
from magecluster.kube.cache import Cache, Key
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import DEPLOYMENTS, MAGE_CLUSTERS, PODS

Manifest = dict[str, Any]


def live(name: str, version: int, uid: str = "u", instance: str = "demo") -> Manifest:
    metadata = {"namespace": "team", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": {"app.kubernetes.io/instance": instance}}, "spec": {}}


class Server:
    """Answers lists with what it holds."""

    def __init__(self) -> None:
        self.items: dict[str, list[Manifest]] = {}

    async def get(self, path: str, **_: str) -> Manifest:
        return {"apiVersion": "v1", "kind": "ThingList", "metadata": {}, "items": self.items.get(path, [])}


class World:
    def __init__(self) -> None:
        self.server, self.cache, self.added = Server(), Cache(), list[Key]()
        self.observer = Observer(cast(Connection, self.server), self.cache, self.added.append, ())

    async def relist(self) -> None:
        await self.observer.relist((MAGE_CLUSTERS, DEPLOYMENTS))


async def test_the_first_list_fills_the_cache_and_blames_nobody() -> None:
    world = World()
    world.server.items[DEPLOYMENTS.path()] = [live("d", 1)]
    await world.relist()
    assert world.cache.find(DEPLOYMENTS, ("team", "demo"), "d")
    assert world.added == [("team", "demo")]
    assert world.observer.silent(grace=-1) == []


async def test_an_event_is_taken_in_once() -> None:
    world = World()
    await world.relist()
    for _ in range(2):
        world.observer.saw(DEPLOYMENTS, "MODIFIED", live("d", 2))
    world.observer.saw(DEPLOYMENTS, "MODIFIED", live("d", 1))
    assert world.added == [("team", "demo")]
    found = world.cache.find(DEPLOYMENTS, ("team", "demo"), "d")
    assert found
    assert found["metadata"]["resourceVersion"] == "2"


async def test_a_watch_that_tells_late_is_alive() -> None:
    world = World()
    await world.relist()
    world.server.items[DEPLOYMENTS.path()] = [live("d", 5)]
    await world.relist()
    assert world.observer.silent(grace=-1) == [DEPLOYMENTS]
    assert world.observer.silent(grace=60) == []
    world.observer.saw(DEPLOYMENTS, "ADDED", live("d", 5))
    assert world.observer.silent(grace=-1) == []


async def test_what_vanished_unseen_is_found_by_the_next_list() -> None:
    world = World()
    world.server.items[DEPLOYMENTS.path()] = [live("d", 1), live("e", 2)]
    await world.relist()
    world.added.clear()
    world.server.items[DEPLOYMENTS.path()] = [live("e", 2)]
    await world.relist()
    assert world.cache.find(DEPLOYMENTS, ("team", "demo"), "d") is None
    assert world.added == [("team", "demo")]
    assert world.observer.silent(grace=-1) == []  # kopf never tells of what vanished while a watch was down


async def test_a_late_deletion_does_not_remove_the_successor() -> None:
    world = World()
    world.observer.saw(DEPLOYMENTS, "ADDED", live("d", 3, uid="new"))
    world.observer.saw(DEPLOYMENTS, "DELETED", live("d", 2, uid="old"))
    assert world.cache.find(DEPLOYMENTS, ("team", "demo"), "d")


async def test_pods_are_kept_without_their_spec() -> None:
    world = World()
    world.observer.saw(PODS, "ADDED", live("p", 1))
    assert "spec" not in next(iter(world.cache.of(PODS, ("team", "demo"))))
