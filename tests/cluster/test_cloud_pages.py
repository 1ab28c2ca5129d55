"""Lists of what has no name come in pages, too: oldest first, each thing once."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.cloud_api import PASSWORD, Client, Team, good, refused
from tests.support.cloud_people import somebody, token


def tokens(team: Team) -> tuple[Client, str, list[str]]:
    """Who reads, which list, and the ids in it, in the order in which they were made."""
    admin = team.as_("Admin")
    return admin, f"/teams/{team.name}/tokens", [token(admin, team.name, "team:read")["id"] for _ in range(5)]


def invitations(team: Team) -> tuple[Client, str, list[str]]:
    admin, path = team.as_("Admin"), f"/teams/{team.name}/invitations"
    bodies = [{"invitation": {"email": f"n{number}@example.com", "role": "Viewer"}} for number in range(5)]
    return admin, path, [good(admin("POST", path, body))["invitation"]["id"] for body in bodies]


def sessions(team: Team) -> tuple[Client, str, list[str]]:
    email = somebody(team.api)
    clients = [team.api.logs_in(email, PASSWORD) for _ in range(5)]
    found = [one["id"] for client in clients for one in client.get("/sessions")["sessions"] if one["current"]]
    return clients[0], "/sessions", found


@pytest.mark.parametrize("make", [tokens, invitations, sessions], ids=lambda make: make.__name__)
def test_a_list_comes_in_pages(team: Team, make: Callable[[Team], tuple[Client, str, list[str]]]) -> None:
    client, path, made = make(team)
    name = path.rpartition("/")[2]
    pages: list[list[Any]] = []
    more: dict[str, str] = {"next_cursor": ""}
    while "next_cursor" in more:
        answer = client.get(f"{path}?limit=2&cursor={more['next_cursor']}")
        pages.append([one["id"] for one in answer[name]])
        more = answer["metadata"]
    assert pages == [made[:2], made[2:4], made[4:]]
    whole = client.get(path)
    assert ([one["id"] for one in whole[name]], whole["metadata"]) == (made, {})
    for query in ("limit=0", "limit=201", "cursor=!"):
        assert refused(client("GET", f"{path}?{query}"), 400)
