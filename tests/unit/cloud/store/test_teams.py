"""What is known of teams; what is written is in `tests/cluster/test_teams.py`."""

import itertools

import pytest
from tests.support.accounts import a_session, a_token, an_account
from tests.support.teams import OWN, live_team

from magecluster.api.model import Manifest
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.errors import ConflictError
from magecluster.cloud.store.teams import Teams
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import Identity


@pytest.fixture
def teams() -> Teams:
    return Teams(Connection(None, None), OWN)


def names(teams: Teams) -> list[str]:
    return [team.metadata.name for team in teams.all()]


def identity(live: Manifest) -> Identity:
    return OWN, live["metadata"]["name"], live["metadata"]["uid"]


def refusal(teams: Teams, name: str) -> str:
    with pytest.raises(ConflictError) as refused:
        teams.find(name)
    return refused.value.message


def test_only_newer_versions_count(teams: Teams) -> None:
    for version, title in ((2, "new"), (1, "old"), (2, "other")):
        teams.put(live_team(version=version, displayName=title))
    found = teams.find("lab")
    assert found
    assert found.spec.display_name == "new"
    assert teams.find("other") is None


def test_a_deleted_team_is_gone_and_one_of_the_same_name_stays(teams: Teams) -> None:
    teams.put(live_team(version=5, uid="second"))
    teams.remove(live_team(version=6, uid="first"))
    assert names(teams) == ["lab"]
    teams.remove(live_team(version=6, uid="second"))
    assert teams.find("lab") is None
    teams.remove(live_team("never"))


def test_a_complete_list_ends_what_is_not_in_it(teams: Teams) -> None:
    one, two, three = live_team("one"), live_team("two"), live_team("three")
    for live in (one, two, three):
        teams.put(live)
    teams.retain({identity(one), identity(live_team("two", uid="another"))})
    assert names(teams) == ["one"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_oldest_team_has_the_namespace_in_whatever_order_they_come(teams: Teams, order: tuple[int, ...]) -> None:
    lives = [live_team(name, created=place, namespace="lab") for place, name in enumerate("cba")]
    for place in order:
        teams.put(lives[place])
    assert names(teams) == ["c"]
    assert refusal(teams, "a") == (
        "team a cannot be used: an older team has its namespace; an administrator has to correct its MageTeam"
    )
    teams.remove(lives[0])
    assert names(teams) == ["b"]
    teams.put(live_team("b", 2, created=1, namespace="elsewhere"))
    assert names(teams) == ["a", "b"]


def test_of_two_teams_of_one_second_all_replicas_choose_the_same(teams: Teams) -> None:
    for name in ("b", "a"):
        teams.put(live_team(name, namespace="lab"))
    assert names(teams) == ["a"]


def test_no_team_has_the_namespace_of_the_accounts(teams: Teams) -> None:
    teams.put(live_team("lab", namespace=OWN))
    assert "its namespace is that of the Cloud API itself" in refusal(teams, "lab")
    assert names(teams) == []


@pytest.mark.parametrize("wrong", [{"newer": 1}, {"limits": {"cpu": "1e9999999999"}}, {"members": [{"email": "a@b"}]}])
def test_a_team_that_cannot_be_read_says_where_and_keeps_its_namespace(teams: Teams, wrong: Manifest) -> None:
    teams.put(live_team("lab", **wrong))
    teams.put(live_team("other", created=1, namespace="lab"))
    assert f"cannot be used: spec.{next(iter(wrong))}" in refusal(teams, "lab")
    assert "1e9999999999" not in refusal(teams, "lab")
    assert "an older team has its namespace" in refusal(teams, "other")
    teams.put(live_team("lab", 2))
    assert names(teams) == ["lab"]


@pytest.mark.parametrize("spec", [None, {}, {"namespace": None}])
def test_a_team_without_anything_harms_nobody(teams: Teams, spec: Manifest | None) -> None:
    for name in ("one", "two"):
        teams.put({**live_team(name), "spec": spec})
        assert "cannot be used" in refusal(teams, name)
    teams.put(live_team())
    assert names(teams) == ["lab"]


def test_teams_of_somebody(teams: Teams) -> None:
    ada = {"email": "ada@example.com", "role": "Viewer"}
    teams.put(live_team("mine", members=[ada]))
    teams.put(live_team("ours", groups=[{"name": "data", "role": "Admin"}]))
    teams.put(live_team("theirs"))
    teams.put(live_team("taken", created=1, namespace="mine", members=[ada]))

    def of(caller: Caller) -> list[str]:
        return [team.metadata.name for team in teams.of(caller)]

    assert of(Caller(an_account(), session=a_session())) == ["mine"]
    assert of(Caller(an_account(groups=("data",)), session=a_session())) == ["mine", "ours"]
    assert of(Caller(an_account(admin=True), session=a_session())) == ["mine", "ours", "theirs"]
    assert of(Caller(an_account(), token=a_token(team="mine"))) == ["mine"]
