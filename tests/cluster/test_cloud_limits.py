"""Limits of a team, met through the API; every sort of limit alone is in the unit tests of the quota."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.cloud_api import Client, Team, good, refused
from tests.support.kube import Manifest, a_cluster


def limited(team: Team, **limits: Any) -> Client:
    """The Admin of the team, which has these limits from now on."""
    good(team.api.client(team.admin)("PATCH", f"/teams/{team.name}", {"team": {"limits": limits}}))
    return team.as_("Admin")


def makes(client: Client, team: Team, name: str, status: str = "Active", query: str = "", **config: Any) -> Any:
    return client("POST", team.clusters + query, {"cluster": {"name": name, "status": status, "config": config}})


def resources(**limits: Any) -> Manifest:
    return {"limits": limits}


def test_only_so_many_clusters_are_made(team: Team) -> None:
    client = limited(team, clusters=2)
    team.space.apply(a_cluster("of-kubectl"))
    team.seen("of-kubectl")
    good(makes(client, team, "a", "Stopped"))
    for query in ("", "?dryRun=true"):
        error = refused(makes(client, team, "b", "Stopped", query), 409)
        assert error["type"] == "limit_exceeded"
        assert "clusters: 2 in use, 3 with this change, the limit is 2: delete one" in error["message"]
    good(client("DELETE", team.path("of-kubectl")))
    good(makes(client, team, "b", "Stopped"))


def test_only_so_many_clusters_run(team: Team) -> None:
    client = limited(team, running_clusters=1)
    good(makes(client, team, "a"))
    assert "runningClusters" in refused(makes(client, team, "b"), 409)["message"]
    good(makes(client, team, "b", "Stopped"))
    for body in ({"status": "Active"}, {"status": "Active", "config": {"replicaCount": 1}}):
        error = refused(client("PUT", team.path("b"), {"cluster": body}), 409)
        assert "1 in use, 2 with this change, the limit is 1: stop one" in error["message"]
    client.put(team.path("a"), status="Stopped")
    client.put(team.path("b"), status="Active")
    good(client("POST", f"{team.path('b')}/restart"))


@pytest.mark.parametrize(
    ("limits", "fits", "too_much"),
    [
        ({"cpu": "3"}, {"resources": resources(cpu="1")}, {"resources": resources(cpu="2500m")}),
        (
            {"memory": "5Gi"},
            {"resources": resources(memory="1Gi")},
            {"resources": resources(memory="3Gi")},
        ),
        ({"storage": "50Gi"}, {"storage": {"size": "20Gi"}}, {"storage": {"size": "31Gi"}}),
    ],
)
def test_clusters_take_no_more_together(team: Team, limits: Any, fits: Any, too_much: Any) -> None:
    client, (sort,) = limited(team, **limits), limits
    for name in ("a", "b"):
        good(makes(client, team, name, **fits))
    changed = client("PUT", team.path("b"), {"cluster": {"config": too_much}})
    error = refused(changed, 409)
    assert f"{sort}: " in error["message"]
    assert f"the limit is {limits[sort]}: ask for less" in error["message"]
    assert refused(makes(client, team, "c", **too_much), 409)
    stopped = client.put(team.path("a"), status="Stopped")
    assert stopped["status"] == "Stopped"
    if sort != "storage":
        client.put(team.path("b"), too_much)
        assert sort in refused(client("PUT", team.path("a"), {"cluster": {"status": "Active"}}), 409)["message"]


def test_a_cluster_names_what_it_takes_where_that_is_limited(team: Team) -> None:
    client = limited(team, cpu="2")
    assert "set resources.limits.cpu" in refused(makes(client, team, "a"), 409)["message"]
    good(makes(client, team, "a", "Stopped"))
    assert (
        "set resources.limits.cpu"
        in refused(client("PUT", team.path("a"), {"cluster": {"status": "Active"}}), 409)["message"]
    )
    client.put(team.path("a"), {"resources": resources(cpu=1)}, "Active")


def test_who_is_above_a_limit_can_still_go_down(team: Team) -> None:
    client = limited(team)
    for name in ("a", "b"):
        good(makes(client, team, name))
    limited(team, clusters=1, running_clusters=1)
    client.put(team.path("a"), {"podAnnotations": {"a": "1"}})
    client.put(team.path("a"), status="Stopped")
    assert refused(client("PUT", team.path("a"), {"cluster": {"status": "Active"}}), 409)
    good(client("DELETE", team.path("a")))


def test_clusters_made_at_the_same_time_do_not_exceed_a_limit(team: Team) -> None:
    limited(team, clusters=3)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: makes(team.as_("Admin"), team, f"c-{number}"), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9
    assert len(team.space.all("mc")) == 3


def test_clusters_started_at_the_same_time_do_not_exceed_a_limit(team: Team) -> None:
    team.space.apply(*(a_cluster(f"c-{number}", status="Stopped") for number in range(8)))
    team.seen("c-7")
    limited(team, running_clusters=2)
    body = {"cluster": {"status": "Active"}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: team.as_("Editor")("PUT", team.path(f"c-{number}"), body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [409] * 6
    assert sum(one["spec"]["status"] == "Active" for one in team.space.all("mc")) == 2


def test_a_quota_of_the_namespace_is_told_as_a_limit(team: Team) -> None:
    team.space.kubectl("create", "quota", "mage", "--hard=count/mageclusters.magecluster.io=1")
    counts = {side: {"count/mageclusters.magecluster.io": count} for side, count in (("hard", "1"), ("used", "0"))}
    # As the controller of quotas would, which has not heard of new types for a while.
    team.space.patch("quota", "mage", {"status": counts}, "--subresource=status")
    good(makes(team.as_("Admin"), team, "a"))
    error = refused(makes(team.as_("Admin"), team, "b"), 409)
    assert error["type"] == "limit_exceeded"
    assert "quota" in error["message"]
