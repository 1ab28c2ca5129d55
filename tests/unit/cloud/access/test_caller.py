"""What a caller may do in a team."""

from typing import Any

import pytest
from tests.support.accounts import a_session, a_token, an_account

from magecluster.api.mageteam import MageTeam, Role
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.access.permissions import ROLE_PERMISSIONS, Permission


def team(**spec: Any) -> MageTeam:
    return MageTeam.parse(
        {
            "apiVersion": "magecluster.io/v1alpha1",
            "kind": "MageTeam",
            "metadata": {"name": "lab", "namespace": "mage-system", "uid": "t-1"},
            "spec": {"namespace": "lab", **spec},
        }
    )


MEMBERS = team(
    members=[{"email": "Ada@Example.com", "role": "Editor"}, {"email": "bob@example.com", "role": "Viewer"}],
    groups=[{"name": "leads", "role": "Admin"}, {"name": "guests", "role": "Viewer"}],
)


def by_session(**account: Any) -> Caller:
    return Caller(an_account(**account), session=a_session())


@pytest.mark.parametrize(
    ("account", "role"),
    [
        ({}, Role.EDITOR),
        ({"email": "bob@example.com"}, Role.VIEWER),
        ({"email": "eve@example.com"}, None),
        ({"email": "eve@example.com", "groups": ("guests",)}, Role.VIEWER),
        ({"email": "eve@example.com", "groups": ("Guests", "strangers")}, None),
        ({"groups": ("guests",)}, Role.EDITOR),
        ({"groups": ("guests", "leads")}, Role.ADMIN),
        ({"email": "eve@example.com", "admin": True}, Role.ADMIN),
    ],
)
def test_the_strongest_role_counts(account: dict[str, Any], role: Role | None) -> None:
    caller = by_session(**account)
    assert caller.role(MEMBERS) == role
    assert caller.rights(MEMBERS) == (ROLE_PERMISSIONS[role] if role else frozenset())


def test_a_member_whose_email_only_becomes_another_one_in_lower_case_is_not_that_one() -> None:
    kelvin = team(members=[{"email": "\u212aelvin@example.com", "role": "Admin"}])
    assert by_session(email="kelvin@example.com").role(kelvin) is None


def test_a_service_token_can_do_what_it_is_for_and_its_account_may() -> None:
    scopes = frozenset({Permission.POWER, Permission.DELETE})
    caller = Caller(an_account(), token=a_token(scopes=scopes))
    assert caller.rights(MEMBERS) == {Permission.POWER}
    assert Caller(an_account(admin=True), token=a_token(scopes=scopes)).rights(MEMBERS) == scopes
    assert Caller(an_account("eve@example.com"), token=a_token(scopes=scopes)).rights(MEMBERS) == frozenset()


def test_a_service_token_can_do_nothing_in_another_team() -> None:
    caller = Caller(an_account(admin=True), token=a_token(team="other", scopes=frozenset(Permission)))
    assert caller.rights(MEMBERS) == frozenset()


def test_only_a_session_of_an_administrator_administrates() -> None:
    assert by_session(admin=True).platform_admin
    assert not by_session().platform_admin
    assert not Caller(an_account(admin=True), token=a_token()).platform_admin


def test_a_caller_comes_by_one_thing() -> None:
    assert by_session().id == a_session().id
    assert Caller(an_account(), token=a_token()).digest == a_token().digest
    with pytest.raises(ValueError, match="session"):
        Caller(an_account())
    with pytest.raises(ValueError, match="session"):
        Caller(an_account(), session=a_session(), token=a_token())
