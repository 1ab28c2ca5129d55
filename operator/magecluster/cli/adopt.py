"""`magecluster adopt`: moves a Mage in that Mage's own Helm chart has installed."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from magecluster.cli import logs
from magecluster.cli.failure import CommandError
from magecluster.cli.interruption import Interruption
from magecluster.cli.progress import Progress

if TYPE_CHECKING:
    from magecluster.adopt.context import Context
    from magecluster.adopt.facts import Choices, Takeover
    from magecluster.kube.connection import Connection


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "adopt",
        help="move a Mage in that Mage's own Helm chart installed",
        description="Shows the MageCluster that would replace a Helm release, and with --apply replaces it: same "
        "files, same address, same settings. If anything fails, the release runs on.",
    )
    parser.add_argument("--release", required=True, metavar="NAME", help="the Helm release")
    parser.add_argument("-n", "--namespace", metavar="NAME", help="where it is; default: that of the context")
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, or the pod's account"
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--dry-run", action=argparse.BooleanOptionalAction, default=True, help="show only (the default)"
    )
    action.add_argument("--apply", action="store_true", help="do it; also goes on with what was interrupted")
    action.add_argument("--undo", action="store_true", help="give everything back to the release")
    _add_choices(parser)
    logs.add_to(parser)
    parser.set_defaults(run=_run)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="CLUSTER", help="of the MageCluster; default: that of the release's Service")
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="NAME",
        help="a volume or container that the MageCluster may do without; may be repeated",
    )
    parser.add_argument("--interrupt-runs", action="store_true", help="do not wait for pipelines that run")
    parser.add_argument("--size", metavar="QUANTITY", help="of a new volume, if files have to be copied")
    parser.add_argument("--storage-class", metavar="NAME", help="the same")
    parser.add_argument("--node", metavar="NAME", help="where the files of a hostPath are, if Mage does not run")
    parser.add_argument(
        "--timeout", type=float, default=900.0, metavar="SECONDS", help="how long Mage may take to answer; default: 900"
    )


def _run(chosen: argparse.Namespace) -> int:
    from magecluster.adopt.context import StepError
    from magecluster.adopt.helm import NoReleaseError
    from magecluster.adopt.plan import CannotPlanError
    from magecluster.adopt.steps import TakeoverError
    from magecluster.kube.connection import NoClusterError
    from magecluster.kube.errors import KubeError

    logs.configure(chosen)
    interruption = Interruption()
    try:
        asyncio.run(_work(chosen, interruption))
    except (CannotPlanError, KubeError, NoClusterError, NoReleaseError, StepError, TakeoverError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    except (asyncio.CancelledError, KeyboardInterrupt) as error:
        raise CommandError(interruption.word) from error
    return 0


async def _work(chosen: argparse.Namespace, interruption: Interruption) -> None:
    from magecluster.adopt.helm import HIDDEN
    from magecluster.adopt.new import DONE, find_record
    from magecluster.adopt.report import farewell
    from magecluster.kube.connection import Connection
    from magecluster.kube.credentials import namespace_of

    interruption.listen()
    async with Connection(chosen.kubeconfig, chosen.context, manager=HIDDEN) as connection:
        chosen.namespace = chosen.namespace or namespace_of(chosen.kubeconfig, chosen.context) or "default"
        begun = await find_record(connection, chosen.release, chosen.namespace)
        if chosen.undo:
            await _undo(chosen, connection, begun, interruption)
        elif begun and begun[1] == DONE:
            await _look(connection, begun[0])
            sys.stdout.write(farewell(begun[0]))
        elif begun:
            await _go_on(chosen, connection, begun[0], interruption)
        else:
            await _begin(chosen, connection, interruption)


async def _look(connection: "Connection", takeover: "Takeover") -> None:
    from magecluster.adopt.facts import record_name
    from magecluster.adopt.read import get
    from magecluster.kube.kinds import MAGE_CLUSTERS

    if await get(connection, MAGE_CLUSTERS.path(takeover.namespace, takeover.name)) is None:
        raise CommandError(
            f"release {takeover.release} became MageCluster {takeover.name}, which is not there any more: --undo gives "
            f"all back to the release; or kubectl delete secret {record_name(takeover.name)} -n {takeover.namespace}, "
            "which ends that possibility"
        )


async def _begin(chosen: argparse.Namespace, connection: "Connection", interruption: Interruption) -> None:
    from dataclasses import replace

    from magecluster.adopt.plan import plan
    from magecluster.adopt.read import read
    from magecluster.adopt.rehearse import rehearse
    from magecluster.adopt.report import report

    live = await read(connection, chosen.release, chosen.namespace)
    found = plan(live, _choices(chosen))
    if not found.obstacles:
        found = replace(found, obstacles=tuple(await rehearse(connection, found)))
    sys.stdout.write(report(found, f"{live.release.chart} {live.release.chart_version}"))
    if found.obstacles:
        count = len(found.obstacles)
        raise CommandError(
            f"nothing was changed: {count} thing{'s' if count > 1 else ''} in the way: {found.obstacles[0]}"
        )
    if not _acts(chosen):
        sys.stdout.write("\nNothing was changed: --apply does it\n")
        return
    await _take_over(chosen, connection, found.takeover, interruption)


async def _go_on(
    chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover", interruption: Interruption
) -> None:
    if not _acts(chosen):
        raise CommandError(
            f"a takeover of release {chosen.release} was interrupted: --apply goes on with it, --undo gives all back"
        )
    await _take_over(chosen, connection, takeover, interruption)


async def _take_over(
    chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover", interruption: Interruption
) -> None:
    from magecluster.adopt.report import farewell
    from magecluster.adopt.steps import take_over

    progress = Progress()
    context = _context(chosen, connection, takeover, progress)
    try:
        await take_over(context, progress.step, lambda: interruption.returns(progress.remark))
    except asyncio.CancelledError:
        interruption.word = f"interrupted: release {takeover.release} is back as it was, and nothing is lost"
        raise
    finally:
        progress.end()
    interruption.word = "interrupted, after all was done"
    sys.stdout.write("\n" + farewell(takeover))


async def _undo(
    chosen: argparse.Namespace,
    connection: "Connection",
    begun: "tuple[Takeover, str] | None",
    interruption: Interruption,
) -> None:
    from magecluster.adopt.facts import RUNS_REMEDY
    from magecluster.adopt.move import runs_at
    from magecluster.adopt.steps import give_back

    if begun is None:
        raise CommandError(f"there is nothing to undo: release {chosen.release} was not taken over")
    progress = Progress()
    context = _context(chosen, connection, begun[0], progress)
    if not chosen.interrupt_runs and (runs := await runs_at(context)):
        raise CommandError(f"{runs} pipeline runs are under way at MageCluster {context.name}, {RUNS_REMEDY}")
    interruption.word = "interrupted half way; Mage may not run: --undo again"
    try:
        await give_back(context, progress.step)
    finally:
        progress.end()
    interruption.word = "interrupted, after all was given back"
    sys.stdout.write(f"Release {chosen.release} is back as it was\n")


def _context(
    chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover", progress: Progress
) -> "Context":
    from magecluster.adopt.context import Context

    return Context(
        connection=connection,
        takeover=takeover,
        tell=progress.detail,
        timeout=chosen.timeout,
        interrupt_runs=chosen.interrupt_runs,
    )


def _choices(chosen: argparse.Namespace) -> "Choices":
    from magecluster.adopt.facts import Choices

    return Choices(
        name=chosen.name,
        leave_out=frozenset(chosen.leave_out),
        size=chosen.size,
        storage_class=chosen.storage_class,
        node=chosen.node,
        interrupt_runs=chosen.interrupt_runs,
    )


def _acts(chosen: argparse.Namespace) -> bool:
    return bool(chosen.apply or not chosen.dry_run)
