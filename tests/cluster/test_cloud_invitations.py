"""Invitations on a real API server: a link that works once, for one e-mail, in one team."""

import base64
import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import pytest
import requests
from tests.support.cloud_api import ADMIN, PASSWORD, STRANGER, Client, CloudApi, Team, a_team, good, refused
from tests.support.cloud_people import SCOPES, link_of, own, somebody, token
from tests.support.eventually import eventually
from typing_extensions import override

CHOSEN = f"chosen-{uuid.uuid4().hex}"
NEW = {"invitation": {"password": CHOSEN, "name": "New"}}


def path_of(team: Team) -> str:
    return f"/teams/{team.name}/invitations"


def invited(team: Team, email: str, role: str = "Editor", **more: Any) -> Any:
    body = {"invitation": {"email": email, "role": role, **more}}
    return good(team.as_("Admin")("POST", path_of(team), body))["invitation"]


def role_of(team: Team, email: str) -> str | None:
    members = own(team).get("mt", team.name)["spec"]["members"]
    return next((one["role"] for one in members if one["email"] == email), None)


def test_somebody_new_joins_once(team: Team, email: str) -> None:
    invitation = invited(team, email)
    link, anybody = link_of(invitation), team.api.client()
    assert invitation["link"].startswith(team.url)
    offer = anybody.get(link)["invitation"]
    assert (offer["team"], offer["email"], offer["role"], offer["has_account"]) == (team.name, email, "Editor", False)
    assert refused(anybody("POST", link, {}), 422)["fields"]
    assert refused(anybody("POST", link, {"invitation": {"password": "short"}}), 422)
    assert "dry_run" in good(anybody("POST", f"{link}?dryRun=true", NEW))
    assert role_of(team, email) is None
    assert anybody("POST", link, NEW).status_code == 204
    assert role_of(team, email) == "Editor"
    member = team.api.logs_in(email, CHOSEN)
    assert member.get(f"/teams/{team.name}")["team"]["role"] == "Editor"
    assert member.get("/user")["user"]["name"] == "New"
    for answer in (anybody("GET", link), anybody("POST", link, NEW), member("POST", link, {})):
        assert "was used" in refused(answer, 410)["message"]
    assert team.as_("Admin").get(path_of(team))["invitations"] == []


def test_of_several_who_have_the_link_one_joins(team: Team, email: str, second: CloudApi) -> None:
    link = link_of(invited(team, email))
    passwords = [f"{CHOSEN}-{number}" for number in range(6)]

    def accept(number: int) -> int:
        api = (team.api, second)[number % 2]
        return api.client()("POST", link, {"invitation": {"password": passwords[number]}}).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(accept, range(6)))
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 401, 410}
    assert team.api.logs_in(email, passwords[statuses.index(204)]).get(f"/teams/{team.name}")


def test_looking_at_a_link_changes_nothing(team: Team, email: str) -> None:
    invitation = invited(team, email)
    before = own(team).all("secrets"), own(team).get("mt", team.name)
    for accept in ("text/html", "application/json", "*/*"):
        for method in ("GET", "HEAD"):
            team.api.client()(method, link_of(invitation), Accept=accept)
    assert (own(team).all("secrets"), own(team).get("mt", team.name)) == before


def test_whoever_has_an_account_logs_in_to_join(team: Team) -> None:
    link = link_of(invited(team, STRANGER.upper(), "Viewer"))
    stranger, anybody = team.stranger(), team.api.client()
    assert anybody.get(link)["invitation"]["has_account"]
    service = token(team.as_("Admin"), team.name, *SCOPES)["token"]
    for client in (anybody, team.as_("Editor"), team.as_("Admin"), team.api.client(service)):
        assert "log in as it" in refused(client("POST", link, NEW), 401)["message"]
    assert role_of(team, STRANGER) is None
    good(stranger("POST", link, {}))
    assert role_of(team, STRANGER) == "Viewer"
    assert stranger.get(f"/teams/{team.name}")["team"]["role"] == "Viewer"
    assert refused(stranger("POST", link, {}), 410)
    assert refused(requests.post(f"{team.url}/api/v1/sessions", json={}, timeout=30), 422)
    assert good(stranger("GET", "/user")), "the password that was sent with the link counts for nothing"


def test_whoever_was_interrupted_accepts_again(team: Team) -> None:
    """The account was made, and nothing else."""
    email = somebody(team.api)
    link = link_of(invited(team, email))
    assert refused(team.api.client()("POST", link, NEW), 401)
    good(team.api.logs_in(email, PASSWORD)("POST", link, {}))
    assert role_of(team, email) == "Editor"


def test_a_link_ends_at_its_time(team: Team, email: str) -> None:
    invitation = invited(team, email)
    name = f"magecluster-invitations-{team.name}"
    kept = json.loads(base64.b64decode(own(team).get("secret", name)["data"][invitation["id"]]))
    assert invitation["link"].rpartition("/")[2] not in str(kept)
    late = {invitation["id"]: json.dumps({**kept, "expires": time.time() - 1})}
    own(team).patch("secret", name, {"stringData": late})
    for method in ("GET", "POST"):
        assert refused(team.api.client()(method, link_of(invitation), NEW if method == "POST" else None), 410)
    assert team.as_("Admin").get(path_of(team))["invitations"] == []
    assert email not in team.api.user("list")
    invited(team, email)
    assert invitation["id"] not in own(team).get("secret", name)["data"], "what has ended is swept"


@pytest.mark.parametrize("hours", [0, -1, 24 * 90 + 1, 1.5, "1", None])
def test_a_time_that_no_link_can_have_is_refused(team: Team, hours: Any) -> None:
    body = {"invitation": {"email": "a@example.com", "role": "Viewer", "expires_in_hours": hours}}
    assert refused(team.as_("Admin")("POST", path_of(team), body), 422)["fields"]


def test_a_link_that_is_withdrawn_is_over(team: Team, email: str) -> None:
    admin, invitation = team.as_("Admin"), invited(team, email)
    (shown,) = admin.get(path_of(team))["invitations"]
    assert (shown["email"], shown["invited_by"], shown.get("link")) == (email, ADMIN, None)
    good(admin("DELETE", f"{path_of(team)}/{invitation['id']}?dryRun=true"))
    assert team.api.client()("GET", link_of(invitation)).ok
    good(admin("DELETE", f"{path_of(team)}/{invitation['id']}"))
    assert refused(admin("DELETE", f"{path_of(team)}/{invitation['id']}"), 404)
    assert refused(team.api.client()("POST", link_of(invitation), NEW), 410)
    assert email not in team.api.user("list")


def test_a_later_team_of_the_same_name_is_another_one(team: Team, email: str) -> None:
    invitation = invited(team, email)
    own(team).kubectl("delete", "mt", team.name)
    assert refused(team.api.client()("POST", link_of(invitation), NEW), 410)
    own(team).apply(a_team(team.name, team.name))
    eventually(lambda: team.as_("Admin")("GET", path_of(team)).ok)
    assert team.as_("Admin").get(path_of(team))["invitations"] == []
    assert refused(team.api.client()("POST", link_of(invitation), NEW), 410)
    good(team.api.client()("POST", link_of(invited(team, email)), NEW))


def test_the_same_request_sent_again_gives_the_same_link(team: Team, email: str) -> None:
    admin, body = team.as_("Admin"), {"invitation": {"email": email, "role": "Viewer"}}
    first, again = (good(admin("POST", path_of(team), body, Idempotency_Key="k"))["invitation"] for _ in range(2))
    assert again == first
    assert good(admin("POST", path_of(team), body))["invitation"]["link"] != first["link"]
    assert len(admin.get(path_of(team))["invitations"]) == 2
    other = {"invitation": {**body["invitation"], "role": "Admin"}}
    assert "Idempotency-Key" in refused(admin("POST", path_of(team), other, Idempotency_Key="k"), 422)["fields"]


def test_the_last_admin_is_not_made_less_by_a_link(team: Team) -> None:
    link = link_of(invited(team, ADMIN, "Viewer"))
    assert refused(team.as_("Admin")("POST", link, {}), 409)
    assert role_of(team, ADMIN) == "Admin"


@pytest.mark.parametrize("end", ["", "x", "mci_team_short", "mcs_0123456789abcdef_" + "a" * 43])
def test_what_is_no_link_leads_nowhere(team: Team, end: str) -> None:
    for method in ("GET", "POST"):
        assert refused(team.api.client()(method, f"/invitations/{end}", NEW if method == "POST" else None), 404)
    unknown = f"/invitations/mci_{team.name}_{'a' * 43}"
    assert refused(team.api.client()("GET", unknown), 410)
    assert refused(team.api.client()("GET", unknown.replace(team.name, "no-such-team")), 410)


class Page(HTMLParser):
    """Names of the elements and of their attributes, and what stands between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


def shown(client: Client, link: str) -> tuple[requests.Response, Page]:
    answer = client("GET", link, Accept="text/html,application/xhtml+xml")
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer, Page(answer.text)


NASTY = "a&lt'`{x}=/*@example.com"
"""An address, and all that can stand in one and means something in HTML."""


@pytest.mark.parametrize("known", [False, True])
def test_the_page_runs_nothing_but_its_own(team: Team, email: str, known: bool) -> None:  # noqa: FBT001
    answer, page = shown(team.api.client(), link_of(invited(team, STRANGER if known else email)))
    rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    (nonce,) = {rules["script-src"], rules["style-src"]}
    assert re.fullmatch(r"'nonce-[\w-]{20,}'", nonce)
    assert {**rules, "script-src": "", "style-src": ""} == {
        "default-src": "'none'",
        "script-src": "",
        "style-src": "",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    for name, value in (("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff")):
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"
    for tag, attributes in page.elements:
        assert tag not in ("script", "style") or f"'nonce-{attributes['nonce']}'" == nonce
        assert not [name for name in attributes if name in ("style", "src") or name.startswith("on")]
    again, _ = shown(team.api.client(), link_of(invited(team, email)))
    assert nonce not in again.headers["Content-Security-Policy"]


def test_the_page_shows_an_address_as_text(team: Team) -> None:
    answer = team.as_("Admin")("POST", path_of(team), {"invitation": {"email": NASTY, "role": "Viewer"}})
    _, page = shown(team.api.client(), link_of(good(answer)["invitation"]))
    assert NASTY in page.text
    assert "img" not in [tag for tag, _ in page.elements]
    (form,) = (attributes for tag, attributes in page.elements if tag == "form")
    assert NASTY in str(form["data-done"])
