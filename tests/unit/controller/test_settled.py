from typing import Any

from magecluster.controller.settled import Settled
from magecluster.kube.cache import Cache
from magecluster.kube.kinds import DEPLOYMENTS, MAGE_CLUSTERS, Kind

KEY = ("space", "demo")


def live(version: int) -> dict[str, Any]:
    metadata = {"namespace": "space", "name": "demo", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": {"app.kubernetes.io/instance": "demo"}}}


def settled(cache: Cache, *written: tuple[Kind, int], wait: float | None = None) -> Settled:
    found = Settled(cache)
    found.begin(KEY)
    for kind, version in written:
        found.dealt_with(KEY, kind, live(version))
        cache.put(kind, live(version))
    found.end(KEY, wait)
    return found


def test_a_cluster_that_was_never_reconciled_has_to_be() -> None:
    cache = Cache()
    cache.put(MAGE_CLUSTERS, live(1))
    assert Settled(cache).rest(KEY) == 0


def test_the_echo_of_a_write_is_no_news_whether_it_comes_before_or_after_the_answer() -> None:
    cache = Cache()
    cache.put(MAGE_CLUSTERS, live(1))
    found = Settled(cache)
    found.begin(KEY)
    cache.put(DEPLOYMENTS, live(2))  # the watch was first
    found.dealt_with(KEY, DEPLOYMENTS, live(2))
    found.end(KEY, None)
    assert found.rest(KEY) == float("inf")
    cache.put(DEPLOYMENTS, live(2))
    assert found.rest(KEY) == float("inf")


def test_what_others_write_during_or_after_a_run_is_news() -> None:
    cache = Cache()
    cache.put(MAGE_CLUSTERS, live(1))
    found = settled(cache, (DEPLOYMENTS, 2))
    cache.put(DEPLOYMENTS, live(3))
    assert found.rest(KEY) == 0
    found.begin(KEY)
    cache.put(MAGE_CLUSTERS, live(4))
    found.end(KEY, None)
    assert found.rest(KEY) == 0


def test_an_object_that_is_gone_is_news() -> None:
    cache = Cache()
    found = settled(cache, (DEPLOYMENTS, 2))
    cache.remove(DEPLOYMENTS, live(2))
    assert found.rest(KEY) == 0


def test_it_rests_only_until_it_is_time_to_look_again() -> None:
    assert 59 < settled(Cache(), (DEPLOYMENTS, 2), wait=60).rest(KEY) <= 60
    assert settled(Cache(), (DEPLOYMENTS, 2), wait=0).rest(KEY) == 0


def test_a_run_that_fails_leaves_the_cluster_to_be_done() -> None:
    cache = Cache()
    found = settled(cache, (DEPLOYMENTS, 2))
    found.begin(KEY)
    assert found.rest(KEY) == 0


def test_a_new_leader_starts_over() -> None:
    found = settled(Cache(), (DEPLOYMENTS, 2))
    found.forget_all()
    assert found.rest(KEY) == 0
