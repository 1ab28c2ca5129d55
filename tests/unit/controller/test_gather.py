from typing import Any, cast

import pytest

from magecluster.api.magecluster import MageCluster
from magecluster.api.status import Reason
from magecluster.controller.gather import read_existing_claim, read_references
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ForbiddenError, NotFoundError, UnavailableError


class Server:
    """Answers every read with the same object or error."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.asked = answer, list[str]()

    async def get(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def a_cluster(*names: str, optional: bool = False) -> MageCluster:
    envs = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "token", "key": name, "optional": optional}}}
        for name in names
    ]
    metadata = {"name": "demo", "namespace": "team", "uid": "u"}
    return MageCluster.parse(
        {
            "apiVersion": "magecluster.io/v1alpha1",
            "kind": "MageCluster",
            "metadata": metadata,
            "spec": {"extraEnvs": envs},
        }
    )


async def read(server: Server, cluster: MageCluster) -> tuple[list[str | None], list[Reason]]:
    values, problems = await read_references(cast(Connection, server), cluster)
    return list(values.values()), [problem.reason for problem in problems]


async def test_each_object_is_read_once() -> None:
    server = Server({"data": {"A": "YQ==", "B": "Yg=="}})
    assert await read(server, a_cluster("A", "B")) == (["YQ==", "Yg=="], [])
    assert server.asked == ["/api/v1/namespaces/team/secrets/token"]


@pytest.mark.parametrize("answer", [{"data": {}}, {}, NotFoundError("gone", status=404)])
async def test_what_is_missing_is_a_problem_unless_it_is_optional(answer: dict[str, Any] | Exception) -> None:
    assert await read(Server(answer), a_cluster("A")) == ([None], [Reason.SECRET_MISSING])
    assert await read(Server(answer), a_cluster("A", optional=True)) == ([None], [])


async def test_a_missing_right_is_a_problem_and_trouble_is_raised() -> None:
    assert await read(Server(ForbiddenError("no", status=403)), a_cluster("A")) == ([], [Reason.FORBIDDEN])
    with pytest.raises(UnavailableError):
        await read(Server(UnavailableError("away")), a_cluster("A"))


def with_claim(name: str | None) -> MageCluster:
    storage = {"existingClaim": name} if name else {}
    return MageCluster.parse({"metadata": {"name": "demo", "namespace": "team"}, "spec": {"storage": storage}})


async def read_claim(server: Server, name: str | None = "theirs") -> tuple[dict[str, Any] | None, list[str]]:
    claim, problems = await read_existing_claim(cast(Connection, server), with_claim(name))
    return claim, [f"{problem.reason}: {problem.message}" for problem in problems]


async def test_a_claim_of_others_is_read_by_its_name() -> None:
    server = Server({"metadata": {"name": "theirs"}})
    assert await read_claim(server) == ({"metadata": {"name": "theirs"}}, [])
    assert server.asked == ["/api/v1/namespaces/team/persistentvolumeclaims/theirs"]


async def test_a_claim_of_our_own_is_not_read() -> None:
    server = Server(UnavailableError("not to be asked"))
    assert await read_claim(server, None) == (None, [])
    assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            NotFoundError("gone", status=404),
            "VolumePending: Claim theirs, which spec.storage.existingClaim names, does",
        ),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "is being deleted; create it"),
        (ForbiddenError("no", status=403), "Forbidden: Claim theirs cannot be read: no; grant"),
    ],
)
async def test_a_claim_that_cannot_be_mounted_is_a_problem(answer: dict[str, Any] | Exception, told: str) -> None:
    _, problems = await read_claim(Server(answer))
    assert len(problems) == 1
    assert told in problems[0]
