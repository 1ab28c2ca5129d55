"""Invitations of people without an account: whoever invites has the link, and must not get more by it than he has."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.cloud_api import PASSWORD, CloudApi, Team, a_team, good, refused
from tests.support.cloud_more import another
from tests.support.cloud_people import link_of, own
from tests.support.eventually import eventually
from tests.support.kube import Namespace

from devkit.cluster import Cluster

NEW = {"invitation": {"password": PASSWORD}}


class Elsewhere:
    """Another team, of which the inviting Admin knows nothing."""

    def __init__(self, space: Namespace, name: str) -> None:
        self.space, self.name = space, name

    def has(self, email: str, namespace: str | None = None) -> None:
        members = [{"email": email, "role": "Admin"}]
        self.space.apply(a_team(self.name, namespace or self.name, members=members))


@pytest.fixture
def elsewhere(team: Team) -> Iterator[Elsewhere]:
    made = Elsewhere(own(team), f"z-{uuid.uuid4().hex[:8]}")  # later than ours, also within one second
    yield made
    made.space.kubectl("delete", "mt", made.name, "--ignore-not-found")


def invite(team: Team, email: str) -> Any:
    body = {"invitation": {"email": email, "role": "Viewer"}}
    return team.as_("Admin")("POST", f"/teams/{team.name}/invitations", body)


def invited(team: Team, email: str) -> str:
    """The link, as a path of the API."""
    return link_of(good(invite(team, email))["invitation"])


def told(error: Any, elsewhere: Elsewhere) -> None:
    assert "magecluster user add" in error["message"]
    assert elsewhere.name not in str(error), "which team it is concerns nobody here"


@pytest.mark.parametrize("usable", [True, False], ids=["usable", "not usable now"])
def test_whoever_has_a_role_elsewhere_is_not_invited_before_he_has_an_account(
    team: Team,
    elsewhere: Elsewhere,
    email: str,
    usable: bool,  # noqa: FBT001
) -> None:
    elsewhere.has(email, None if usable else team.name)
    told(refused(invite(team, email), 409), elsewhere)
    team.api.user("add", email, "--password-stdin")
    link = invited(team, email)
    good(team.api.logs_in(email)("POST", link, {}))


def test_a_link_makes_no_account_that_got_a_role_elsewhere_meanwhile(
    team: Team, elsewhere: Elsewhere, email: str, second: CloudApi
) -> None:
    link = invited(team, email)
    elsewhere.has(email)
    for api in (team.api, second):
        told(refused(api.client()("POST", link, NEW), 409), elsewhere)
    assert email not in team.api.user("list")
    team.api.user("add", email, "--password-stdin")
    good(team.api.logs_in(email)("POST", link, {}))


def test_what_a_removed_account_may_do_waits_for_nobody_else(team: Team, elsewhere: Elsewhere, email: str) -> None:
    elsewhere.has(email)
    team.api.user("add", email, "--password-stdin")
    link = invited(team, email)
    team.api.user("remove", email)
    anybody = team.api.client()
    eventually(lambda: anybody("POST", link, NEW).status_code != requests.codes.unauthorized, what="the removal")
    told(refused(anybody("POST", link, NEW), 409), elsewhere)
    told(refused(invite(team, email), 409), elsewhere)
    assert email not in team.api.user("list")


def test_a_member_of_this_team_alone_gets_an_account_by_a_link(team: Team, email: str) -> None:
    member = {"member": {"role": "Editor"}}
    assert not good(team.as_("Admin")("PUT", f"/teams/{team.name}/members/{email}", member))["member"]["has_account"]
    good(team.api.client()("POST", invited(team, email), NEW))
    assert team.api.logs_in(email).get(f"/teams/{team.name}")["team"]["role"] == "Viewer"


def test_the_address_of_the_first_administrator_is_not_given_away(team: Team, cluster: Cluster, tmp_path: Path) -> None:
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, "--bootstrap-admin=Root@example.com") as api:
        api.ready()
        client = api.client(team.token("Admin"))
        body = {"invitation": {"email": "root@example.com", "role": "Viewer"}}
        assert (
            "has rights elsewhere" in refused(client("POST", f"/teams/{team.name}/invitations", body), 409)["message"]
        )
