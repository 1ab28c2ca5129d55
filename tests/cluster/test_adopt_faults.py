"""Moving in, with a fault at each single write: the release is there again, as it was, whatever fails."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from tests.cluster.test_adopt import NAME, state_of
from tests.support.adopting import RELEASE, a_claim, install, listed, on_claim, runs
from tests.support.eventually import eventually
from tests.support.kube import Namespace
from typing_extensions import override

from magecluster.adopt import steps
from magecluster.adopt.context import Context
from magecluster.adopt.facts import Choices, Takeover
from magecluster.adopt.helm import HIDDEN
from magecluster.adopt.new import STATE, USED, find_record
from magecluster.adopt.plan import plan
from magecluster.adopt.read import read
from magecluster.adopt.rights import needed
from magecluster.adopt.steps import TakeoverError, give_back, take_over
from magecluster.api.model import Manifest
from magecluster.kube.connection import JSON, Connection
from magecluster.kube.errors import UnavailableError
from magecluster.kube.kinds import JOBS, VOLUMES, Kind

pytestmark = pytest.mark.timeout(900)


class Killed(BaseException):
    """The process is no more: nothing of it tidies up."""


Breaks = Callable[[int, str, str], bool]
"""Whether a write breaks, by its number from 1, its method and its path."""


def at(*numbers: int) -> Breaks:
    return lambda number, *_: number in numbers


def at_first(method: str, kind: Kind) -> Breaks:
    """The first one of objects of a kind."""
    seen = itertools.count()
    return lambda _, used, path: used == method and f"/{kind.plural}" in path and next(seen) == 0


class Fragile(Connection):
    """Breaks at some writes, and remembers what it was asked for."""

    def __init__(self, space: Namespace, breaks: Breaks, breach: BaseException, *, late: bool = False) -> None:
        """`late` breaks when the API server has done what it was asked to: only the answer is lost."""
        super().__init__(space.cluster.kubeconfig, None, manager=HIDDEN)
        self._breaks, self._breach, self._late, self.writes = breaks, breach, late, 0
        self.asked: set[tuple[str, str]] = set()
        """Verbs and resources."""

    @override
    async def request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> Manifest:
        plural, *name = path.partition("/namespaces/")[2].split("/")[1:]
        self.asked.add((VERBS[method] if method != "GET" or name else "list", plural))
        if method == "GET":
            return await super().request(method, path, body, params=params, content_type=content_type)
        self.writes += 1
        breaks = self._breaks(self.writes, method, path)
        if breaks and not self._late:
            raise self._breach
        try:
            return await super().request(method, path, body, params=params, content_type=content_type)
        finally:
            if breaks:
                raise self._breach


VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def context(connection: Connection, takeover: Takeover) -> Context:
    return Context(connection=connection, takeover=takeover, tell=lambda _: None, timeout=60)


def announce(*_: Any) -> None:
    """Nobody listens."""


async def planned(space: Namespace, choices: Choices | None = None) -> Takeover:
    async with Connection(space.cluster.kubeconfig, None) as connection:
        found = plan(await read(connection, RELEASE, space.name), choices or Choices())
    assert found.obstacles == ()
    return found.takeover


async def begun(space: Namespace) -> tuple[Takeover, str] | None:
    async with Connection(space.cluster.kubeconfig, None) as connection:
        return await find_record(connection, RELEASE, space.name)


async def back(space: Namespace, takeover: Takeover) -> None:
    async with Connection(space.cluster.kubeconfig, None, manager=HIDDEN) as connection:
        await give_back(context(connection, takeover), announce)


async def failure(connection: Connection, takeover: Takeover) -> str | None:
    """What a takeover ends with; `None` if it succeeds."""
    try:
        await take_over(context(connection, takeover), announce)
    except TakeoverError as error:
        return str(error)
    return None


@pytest.fixture
def release(space: Namespace) -> Iterator[Namespace]:
    """With everything that a takeover changes."""
    space.apply(a_claim())
    values = {"hpa": {"minReplicas": 1, "maxReplicas": 1}, "cleanupJob": {"enabled": True}}
    install(space, **on_claim(), **values, secrets={"DB_PASSWORD": "p"})
    yield space
    space.kubectl("delete", "mc", "--all")


def as_it_was(space: Namespace, before: dict[str, Manifest]) -> None:
    eventually(lambda: runs(space), within=60, what="the release runs")
    learned = (f"Secret/{NAME}-auth",)  # a password that Mage may have seen is kept
    eventually(
        lambda: {name: live for name, live in state_of(space).items() if name not in learned} == before,
        within=120,
        what="all is as before",
    )
    assert listed(space) == [RELEASE]


async def test_a_write_that_fails_sends_all_back(release: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a write of the way back fails once."""
    monkeypatch.setattr(steps, "_PAUSE_SECONDS", 0.1)
    before, asked = state_of(release), set[tuple[str, str]]()
    for number in itertools.count(1):
        takeover = await planned(release)
        breaks = at(number, number + 1 + number % 4)
        async with Fragile(release, breaks, UnavailableError("the server is away")) as connection:
            told = await failure(connection, takeover)
        asked |= connection.asked
        if told is None:
            break
        assert "the server is away. Release data is back as it was, and nothing is lost" in told
        as_it_was(release, before)
    assert number > 10, "every write was tried"
    assert release.state(NAME) == "Active"
    rights = {(verb, kind.plural) for kind, verbs in needed(takeover).items() for verb in verbs}
    assert asked <= rights, "the rehearsal asks for every right that is used"


async def test_a_takeover_that_is_killed_can_be_gone_on_with_and_undone(release: Namespace) -> None:
    before = state_of(release)
    for number in itertools.count(1):
        takeover = await planned(release)
        try:
            async with Fragile(release, at(number), Killed(), late=True) as connection:
                await take_over(context(connection, takeover), announce)
        except Killed:
            found = await begun(release)
            assert found, "the first write is the record"
        else:
            break
        if number % 2:
            async with Connection(release.cluster.kubeconfig, None, manager=HIDDEN) as connection:
                await take_over(context(connection, found[0]), announce)
            assert release.state(NAME) == "Active"
        await back(release, found[0])
        as_it_was(release, before)
    assert number > 10, "every write was tried"


async def test_a_copy_that_fails_or_is_killed_leaves_nothing_behind(space: Namespace) -> None:
    install(space)
    before, choices = state_of(space), Choices(size="20Mi")
    # Making the new volume, beginning to copy, and writing down that all is copied.
    for method, kind, late in (("POST", VOLUMES, True), ("POST", JOBS, False), ("PATCH", VOLUMES, False)):
        breach = UnavailableError("the server is away")
        async with Fragile(space, at_first(method, kind), breach, late=late) as connection:
            told = await failure(connection, await planned(space, choices))
        assert told
        assert "is back as it was, and nothing is lost" in told
        as_it_was(space, before)
        assert space.all("jobs") == []
    with pytest.raises(Killed):
        async with Fragile(space, at_first("POST", JOBS), Killed(), late=True) as connection:
            await take_over(context(connection, await planned(space, choices)), announce)
    found = await begun(space)
    assert found
    async with Connection(space.cluster.kubeconfig, None, manager=HIDDEN) as connection:
        await take_over(context(connection, found[0]), announce)
    assert space.state(NAME) == "Active"
    assert space.get("pvc", f"{NAME}-data")["metadata"]["annotations"][STATE] == USED
    assert space.all("jobs") == []
    space.kubectl("delete", "mc", "--all")
