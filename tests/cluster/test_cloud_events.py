"""Event streams of a cluster: what happens is told at once, in order, once, and to nobody who may not know it."""

import threading
import time
from contextlib import ExitStack
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.support.cloud_api import EDITOR, ROLES, Client, Team, good, refused
from tests.support.cloud_more import Event, Events, another
from tests.support.eventually import eventually
from tests.support.kube import a_cluster

from devkit.cluster import Cluster
from magecluster.cloud.web.stream import KEEP_ALIVE_SECONDS, MOST_STREAMS

AT_ONCE = KEEP_ALIVE_SECONDS / 2
"""Sooner than at the next keep-alive, when everything would be looked at anyway."""


def reader(team: Team, role: str = "Viewer") -> Client:
    """A session that no other test uses."""
    return team.api.logs_in(ROLES[role])


def demo(team: Team) -> None:
    team.space.apply(a_cluster())
    team.seen()


def test_a_cluster_stops_and_starts_before_the_eyes_of_a_viewer(running: Team) -> None:
    demo(running)
    admin = running.as_("Admin")
    with Events(running.as_("Viewer"), running.path()) as events:
        found = events.until("Active")
        admin.put(running.path(), status="Stopped")
        found += events.until("Stopped")
        admin.put(running.path(), status="Active")
        found += events.until("Active")
        good(admin("DELETE", running.path()))
        found = [*found, *events.rest()]
    assert found.pop() == Event(None, "deleted", {})
    ids = [event.id or 0 for event in found]
    assert ids == sorted(set(ids))
    told = [event.data["state"] for event in found]
    assert [state for state, _ in groupby(told) if state in ("Active", "Stopped")][:3] == [
        *("Active", "Stopped", "Active")
    ]
    fields = {"status", "state", "conditions", "url", "version", "generation", "observed_generation"}
    assert all(set(event.data) == fields for event in found)
    assert all(one.data != then.data for one, then in pairwise(found))


def change(team: Team, count: int) -> None:
    """Changes of the cluster that each are an event of their own."""
    for _ in range(count):
        status = team.as_("Admin").get(team.path())["cluster"]["status"]
        team.as_("Admin").put(team.path(), status="Active" if status == "Stopped" else "Stopped")


def at_rest(team: Team) -> int:
    """Wait until the operator has nothing to do; the generation."""
    found = team.has("demo", lambda seen: seen["state"] == seen["status"] and _told(seen))
    return int(found["generation"])


def _told(seen: Any) -> bool:
    return bool(seen["generation"] == seen["observed_generation"])


def test_a_stream_that_comes_back_misses_nothing_and_hears_nothing_twice(running: Team) -> None:
    demo(running)
    at_rest(running)
    client = running.as_("Viewer")
    with Events(client, running.path()) as events:
        heard = [event_of(events)]
        change(running, 4)
        generation = at_rest(running)
        while not (_told(heard[-1].data) and heard[-1].data["generation"] == generation):
            heard.append(event_of(events))
    assert len(heard) > 4
    ids = [event.id for event in heard]
    assert ids == sorted(set(ids), key=lambda id_: id_ or 0)
    for number, event in enumerate(heard[:-1], 1):
        with Events(client, running.path(), event.id) as events:
            assert [event_of(events) for _ in heard[number:]] == heard[number:]


def event_of(events: Events) -> Event:
    """The next one, which has to be a state."""
    event = events.next()
    assert event
    assert event.type == "state"
    return event


def test_of_what_is_forgotten_the_newest_is_told(running: Team) -> None:
    demo(running)
    change(running, 2)
    generation = at_rest(running)
    with Events(running.as_("Viewer"), running.path(), 1) as events:
        assert event_of(events).data["generation"] == generation


def test_an_id_that_this_replica_does_not_know_yet_is_waited_for(team: Team) -> None:
    demo(team)
    client = team.as_("Viewer")
    with Events(client, team.path()) as events:
        newest = events.next()
    assert newest
    assert newest.id
    with Events(client, team.path(), newest.id + 1) as events:
        change(team, 1)
        change(team, 1)
        found = events.next()
    assert found
    assert found.id
    assert found.id > newest.id + 1


def test_changes_while_others_are_sent_are_not_missed(team: Team) -> None:
    """Many streams, so that changes come while the server is sending."""
    demo(team)
    client = reader(team)
    with ExitStack() as stack:
        streams = [stack.enter_context(Events(client, team.path())) for _ in range(8)]
        for stream in streams:
            stream.next()
        change(team, 6)
        newest = team.as_("Admin").get(team.path())["cluster"]["generation"]
        for stream in streams:
            generation = 0
            while generation < newest:
                event = stream.next()
                assert event
                generation = event.data["generation"]
            assert not stream.comments, "no keep-alive was needed to notice"


def test_a_quiet_stream_is_kept_alive(running: Team) -> None:
    demo(running)
    at_rest(running)
    with Events(running.as_("Viewer"), running.path()) as events:
        first = event_of(events)
        later = threading.Timer(KEEP_ALIVE_SECONDS * 1.5, change, (running, 1))
        later.start()
        try:
            assert event_of(events) != first
        finally:
            later.join()
        assert events.comments == [": keep-alive"]


def ends_at_once(events: Events) -> list[Event]:
    began = time.monotonic()
    rest = events.rest()
    assert time.monotonic() - began < AT_ONCE, "only at a keep-alive"
    return rest[-1:]  # states may come before


def test_a_log_out_ends_a_stream_at_once(team: Team) -> None:
    demo(team)
    client = reader(team)
    with Events(client, team.path()) as events:
        events.next()
        good(client("DELETE", "/sessions"))
        assert ends_at_once(events) == [Event(None, "revoked", {})]
    refused(client("GET", f"{team.path()}/events"), 401)


def test_a_log_out_on_another_replica_ends_a_stream_at_once(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    demo(team)
    client = reader(team)
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as other:
        other.ready()
        with Events(client, team.path()) as events:
            events.next()
            good(other.client(client.token)("DELETE", "/sessions"))
            assert ends_at_once(events) == [Event(None, "revoked", {})]


def test_a_member_who_is_removed_hears_no_more(team: Team) -> None:
    demo(team)
    with Events(team.as_("Editor"), team.path()) as events, Events(team.as_("Viewer"), team.path()) as others:
        events.next()
        others.next()
        good(team.as_("Admin")("DELETE", f"/teams/{team.name}/members/{EDITOR}"))
        assert ends_at_once(events) == [Event(None, "revoked", {})]
        change(team, 1)
        event = others.next()
        assert event
        assert event.type == "state"


def test_one_token_has_so_many_streams_and_gets_new_ones_when_it_closes_some(team: Team) -> None:
    demo(team)
    client = reader(team)
    path = f"{team.path()}/events"
    with ExitStack() as stack:
        for _ in range(MOST_STREAMS):
            stack.enter_context(Events(client, team.path())).next()
        answer = client("GET", path)
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) > 0
        with Events(reader(team), team.path()) as events:
            assert events.next(), "another token has its own"
    change(team, 1)  # what is sent to them shows the server that they are closed

    def again() -> bool:
        with client.session.get(f"{team.url}/api/v1{path}", stream=True, timeout=9) as answer:
            return answer.ok

    eventually(again, what="a stream in place of a closed one")


def test_the_end_of_the_server_ends_streams_at_once(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    demo(team)
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as api:
        api.ready()
        client = api.client(team.token("Viewer"))
        eventually(lambda: client("GET", team.path()).ok, what="the cluster in the cache")
        with Events(client, team.path()) as events:
            events.next()
            began = time.monotonic()
            assert api.stop() == 0
            assert time.monotonic() - began < AT_ONCE, "it waited for the stream"
            assert events.rest() == []


@pytest.mark.parametrize("wrong", ["x", "-1", "1" * 30, "1.5", "²"])
def test_an_id_that_is_none_is_as_if_there_were_none(team: Team, wrong: str) -> None:
    demo(team)
    plain, strange = team.as_("Viewer"), team.as_("Viewer")
    strange.session.headers["Last-Event-ID"] = wrong.encode()

    def first(client: Client) -> Event | None:
        with Events(client, team.path()) as events:
            return events.next()

    # An operator that is at work for other tests may change the state between the two.
    eventually(lambda: first(strange) == first(plain), what="the same beginning")
