"""`magecluster adopt` where a takeover was done before."""

import argparse

import pytest
from tests.support.pretended import PretendedServer
from tests.support.releases import planned

from magecluster.adopt import move
from magecluster.adopt.context import Context
from magecluster.cli import adopt
from magecluster.cli.failure import CommandError
from magecluster.cli.interruption import Interruption
from magecluster.kube.kinds import MAGE_CLUSTERS

TAKEOVER = planned().takeover


async def test_a_cluster_that_is_gone_is_not_told_to_be_there() -> None:
    server = PretendedServer()
    with pytest.raises(CommandError, match=r"which is not there any more: --undo gives all back .* mageai-adoption"):
        await adopt._look(server.connection, TAKEOVER)  # noqa: SLF001  below the real connection
    server.put(MAGE_CLUSTERS, TAKEOVER.cluster)
    await adopt._look(server.connection, TAKEOVER)  # noqa: SLF001  the same


async def test_runs_at_the_cluster_are_waited_for_before_it_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(_: Context) -> int:
        return 2

    monkeypatch.setattr(move, "runs_at", two)
    chosen = argparse.Namespace(release="data", timeout=1.0, interrupt_runs=False)
    server, interruption = PretendedServer(), Interruption()
    with pytest.raises(CommandError, match="2 pipeline runs are under way at MageCluster mageai"):
        await adopt._undo(chosen, server.connection, (TAKEOVER, "done"), interruption)  # noqa: SLF001  the same
    assert server.requests == []
    assert interruption.word == "interrupted: nothing was changed"
