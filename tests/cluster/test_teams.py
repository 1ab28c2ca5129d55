"""Teams on a real API server, of several replicas at the same time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.eventually import eventually_async
from tests.support.kube import Namespace
from typing_extensions import override

from magecluster.api.labels import CLOUD_API
from magecluster.api.mageteam import MageTeamSpec
from magecluster.api.model import Manifest
from magecluster.cloud.errors import ConflictError, ForbiddenError, NotFoundError
from magecluster.cloud.store.teams import Edit, Teams
from magecluster.kube.connection import Connection
from magecluster.kube.errors import InvalidError
from magecluster.kube.kinds import MAGE_TEAMS
from magecluster.kube.reflector import Reflector


@asynccontextmanager
async def replica(space: Namespace, *, watching: bool = True) -> AsyncIterator[Teams]:
    """One that watches, or one that hears nothing of what others do."""
    async with Connection(space.cluster.kubeconfig, None, manager=CLOUD_API) as connection:
        teams = Teams(connection, space.name)
        reflector = Reflector(connection, MAGE_TEAMS, teams, namespace=space.name)
        task = asyncio.create_task(reflector.run()) if watching else None
        try:
            if task:
                await asyncio.wait_for(reflector.synced.wait(), 30)
            yield teams
        finally:
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                # A watch that is cut off closes its socket in a later round of the loop, which may be the last one.
                await asyncio.sleep(0.01)


@pytest.fixture
async def first(bare: Namespace) -> AsyncIterator[Teams]:
    async with replica(bare) as found:
        yield found


@pytest.fixture
async def deaf(bare: Namespace) -> AsyncIterator[Teams]:
    async with replica(bare, watching=False) as found:
        yield found


def spec(namespace: str = "lab", **more: Any) -> MageTeamSpec:
    return MageTeamSpec.model_validate({"namespace": namespace, **more})


def with_member(email: str) -> Edit:
    def edit(before: MageTeamSpec) -> MageTeamSpec:
        member = {"email": email, "role": "Viewer"}
        return MageTeamSpec.model_validate({**before.manifest(), "members": [*before.manifest()["members"], member]})

    return edit


def titled(title: str | None) -> Edit:
    return lambda before: before.model_copy(update={"display_name": title})


def unusable(teams: Teams, *names: str) -> list[str]:
    found = []
    for name in names:
        try:
            teams.find(name)
        except ConflictError:
            found.append(name)
    return found


def members(live: Manifest) -> set[str]:
    return {member["email"] for member in live["spec"]["members"]}


async def test_a_team_that_was_made_is_there_at_once_and_everywhere_soon(
    bare: Namespace, first: Teams, deaf: Teams
) -> None:
    made = await deaf.add("lab", spec(limits={"cpu": 2}, members=[{"email": "ada@example.com", "role": "Admin"}]))
    assert deaf.find("lab") == made
    assert await eventually_async(lambda: first.find("lab")) == made
    live = bare.get("mt", "lab")
    assert live["spec"] == made.spec.manifest()
    assert made.metadata.uid == live["metadata"]["uid"]


async def test_a_team_is_made_once(first: Teams, deaf: Teams) -> None:
    await first.add("lab", spec())
    with pytest.raises(ConflictError, match="there is a team lab already"):
        await deaf.add("lab", spec())


async def test_a_namespace_is_given_once(bare: Namespace, first: Teams) -> None:
    await first.add("lab", spec())
    await first.add("other", spec("elsewhere"))
    with pytest.raises(ConflictError, match="cannot work in lab, which team lab has: choose another one"):
        await first.add("third", spec())
    with pytest.raises(ConflictError, match="which team lab has"):
        await first.change("other", lambda _: spec())
    with pytest.raises(ConflictError, match="where the accounts are"):
        await first.add("third", spec(bare.name))
    with pytest.raises(ConflictError, match="where the accounts are"):
        await first.change("other", lambda _: spec(bare.name))
    assert {team["spec"]["namespace"] for team in bare.all("mt")} == {"lab", "elsewhere"}
    await first.change("lab", lambda _: spec("moved"))
    await first.change("other", lambda _: spec())


async def test_of_two_teams_that_got_one_namespace_only_one_can_be_used(first: Teams, deaf: Teams) -> None:
    await first.add("a", spec())
    await deaf.add("b", spec())
    await eventually_async(lambda: len(first.all()) == 1 and unusable(first, "a", "b"))
    (loser,) = unusable(first, "a", "b")
    await first.change(loser, lambda _: spec("elsewhere"))
    assert first.find(loser)


async def test_what_breaks_a_rule_is_refused_by_the_api_server(bare: Namespace, first: Teams) -> None:
    with pytest.raises(InvalidError) as refusal:
        await first.add("lab", spec("kube-public"))
    assert [cause.field for cause in refusal.value.causes] == ["spec.namespace"]
    assert not bare.all("mt")


async def test_concurrent_changes_of_all_replicas_are_all_made(bare: Namespace, first: Teams, deaf: Teams) -> None:
    await first.add("lab", spec())
    async with replica(bare) as second:
        emails = [f"user{number}@example.com" for number in range(30)]
        replicas = (first, second, deaf)
        changes = (replicas[place % 3].change("lab", with_member(email)) for place, email in enumerate(emails))
        await asyncio.gather(*changes)
    assert members(bare.get("mt", "lab")) == set(emails)


async def test_a_replica_that_is_behind_undoes_nothing(bare: Namespace, first: Teams, deaf: Teams) -> None:
    await deaf.add("lab", spec(displayName="Lab", limits={"cpu": 1, "memory": "1Gi"}))
    await first.change("lab", with_member("ada@example.com"))
    await deaf.change("lab", lambda before: before.model_copy(update={"limits": spec(limits={"cpu": 2}).limits}))
    live = bare.get("mt", "lab")
    assert members(live) == {"ada@example.com"}
    assert live["spec"]["limits"] == {"cpu": 2}
    assert live["spec"]["displayName"] == "Lab"


async def test_what_a_replica_that_is_behind_holds_for_done_is_done(bare: Namespace, first: Teams, deaf: Teams) -> None:
    await deaf.add("lab", spec(displayName="Lab"))
    await first.change("lab", titled("Other"))
    assert (await deaf.change("lab", titled("Lab"))).spec.display_name == "Lab"
    assert bare.get("mt", "lab")["spec"]["displayName"] == "Lab"


async def test_what_a_replica_that_is_behind_would_refuse_is_judged_anew(first: Teams, deaf: Teams) -> None:
    await deaf.add("lab", spec(displayName="Lab"))
    await first.change("lab", titled("Other"))

    def edit(before: MageTeamSpec) -> MageTeamSpec:
        if before.display_name == "Lab":
            raise ForbiddenError("no")
        return titled(None)(before)

    assert (await deaf.change("lab", edit)).spec.display_name is None
    with pytest.raises(ForbiddenError):
        await deaf.change("lab", lambda before: edit(titled("Lab")(before)))


async def test_an_unchanged_team_is_not_written(bare: Namespace, first: Teams) -> None:
    await first.add("lab", spec(displayName="Lab"))
    before = bare.get("mt", "lab")
    assert (await first.change("lab", titled("Lab"))).spec.display_name == "Lab"
    assert bare.get("mt", "lab") == before


async def test_a_change_is_ours_by_name(bare: Namespace, first: Teams) -> None:
    await first.add("lab", spec())
    await first.change("lab", titled("Lab"))
    live = bare.kubectl(
        "get", "mt", "lab", "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager}"
    )
    assert live == CLOUD_API


async def test_a_dry_run_tells_and_changes_nothing(bare: Namespace, first: Teams) -> None:
    assert (await first.add("lab", spec(), dry_run=True)).metadata.name == "lab"
    assert first.find("lab") is None
    await first.add("lab", spec())
    before = bare.get("mt", "lab")
    assert (await first.change("lab", titled("Lab"), dry_run=True)).spec.display_name == "Lab"
    await first.delete("lab", dry_run=True)
    assert bare.get("mt", "lab") == before
    found = first.find("lab")
    assert found
    assert found.spec.display_name is None


async def test_a_deleted_team_is_gone_at_once_and_comes_back_nowhere(first: Teams, deaf: Teams) -> None:
    await first.add("lab", spec())
    await deaf.change("lab", titled("Lab"))
    await first.delete("lab")
    assert first.find("lab") is None
    for teams in (first, deaf):
        with pytest.raises(NotFoundError):
            await teams.change("lab", titled("Other"))
        with pytest.raises(NotFoundError):
            await teams.delete("lab")
    assert first.find("lab") is None


async def test_a_team_that_was_made_anew_is_the_one_that_is_changed_and_deleted(
    bare: Namespace, first: Teams, deaf: Teams
) -> None:
    await deaf.add("lab", spec())
    await first.delete("lab")
    await first.add("lab", spec("anew"))
    changed = await deaf.change("lab", titled("Lab"))
    assert (changed.spec.namespace, changed.spec.display_name) == ("anew", "Lab")
    await deaf.delete("lab")
    assert deaf.find("lab") is None
    assert not bare.all("mt")


class Late(Connection):
    """Answers to changes arrive after something else was heard."""

    heard: Callable[[Manifest], None]

    @override
    async def merge(self, path: str, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        live = await super().merge(path, patch, dry_run=dry_run)
        self.heard(live)
        return live


async def test_an_answer_that_comes_after_the_deletion_is_not_believed(bare: Namespace) -> None:
    async with Late(bare.cluster.kubeconfig, None) as connection:
        teams = Teams(connection, bare.name)
        await teams.add("lab", spec())
        connection.heard = teams.remove
        await teams.change("lab", titled("Lab"))
        assert teams.find("lab") is None
        connection.heard = lambda _: teams.retain(set())
        await teams.change("lab", titled("Other"))
        assert teams.find("lab") is None
