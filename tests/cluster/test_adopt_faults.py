"""Moving in, with a fault at each single write: the release is there again, as it was, whatever fails."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.cluster.test_adopt import NAME, state_of
from tests.support.adopting import RELEASE, a_claim, install, listed, on_claim, runs
from tests.support.eventually import eventually
from tests.support.kube import Namespace
from typing_extensions import override

from magecluster.adopt.context import Context
from magecluster.adopt.facts import Choices, Takeover
from magecluster.adopt.helm import HIDDEN
from magecluster.adopt.new import find_record
from magecluster.adopt.plan import plan
from magecluster.adopt.read import read
from magecluster.adopt.steps import TakeoverError, give_back, take_over
from magecluster.api.model import Manifest
from magecluster.kube.connection import JSON, Connection
from magecluster.kube.errors import UnavailableError

pytestmark = pytest.mark.timeout(900)


class Killed(BaseException):
    """The process is no more: nothing of it tidies up."""


class Fragile(Connection):
    """Breaks at one write, counted from 1."""

    def __init__(self, space: Namespace, breaks_at: int, breach: BaseException, *, late: bool = False) -> None:
        """`late` breaks when the API server has done what it was asked to: only the answer is lost."""
        super().__init__(space.cluster.kubeconfig, None, manager=HIDDEN)
        self._breaks_at, self._breach, self._late, self.writes = breaks_at, breach, late, 0

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
        if method == "GET":
            return await super().request(method, path, body, params=params, content_type=content_type)
        self.writes += 1
        if self.writes == self._breaks_at and not self._late:
            raise self._breach
        number = self.writes
        try:
            return await super().request(method, path, body, params=params, content_type=content_type)
        finally:
            if number == self._breaks_at:
                raise self._breach


def context(connection: Connection, takeover: Takeover) -> Context:
    return Context(connection=connection, takeover=takeover, tell=lambda _: None, timeout=60)


def announce(*_: Any) -> None:
    """Nobody listens."""


async def planned(space: Namespace) -> Takeover:
    async with Connection(space.cluster.kubeconfig, None) as connection:
        found = plan(await read(connection, RELEASE, space.name), Choices())
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
        within=60,
        what="all is as before",
    )
    assert listed(space) == [RELEASE]


async def test_a_write_that_fails_sends_all_back(release: Namespace) -> None:
    before = state_of(release)
    for number in itertools.count(1):
        takeover = await planned(release)
        async with Fragile(release, number, UnavailableError("the server is away")) as connection:
            told = await failure(connection, takeover)
        if told is None:
            break
        assert "the server is away. Release data is back as it was, and nothing is lost" in told
        as_it_was(release, before)
    assert number > 10, "every write was tried"
    assert release.state(NAME) == "Active"


async def test_a_takeover_that_is_killed_can_be_gone_on_with_and_undone(release: Namespace) -> None:
    before = state_of(release)
    for number in itertools.count(1):
        takeover = await planned(release)
        try:
            async with Fragile(release, number, Killed(), late=True) as connection:
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
