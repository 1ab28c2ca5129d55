"""`magecluster adopt`: moves a Mage in that Mage's own Helm chart has installed."""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from magecluster.cli import logs
from magecluster.cli.failure import CommandError

if TYPE_CHECKING:
    from magecluster.adopt.context import Context
    from magecluster.adopt.facts import Choices, Takeover
    from magecluster.kube.connection import Connection

_TELL_SECONDS = 5.0
"""How often the same step tells how far it is, where no terminal shows it in place."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "adopt",
        help="move a Mage in that Mage's own Helm chart installed",
        description="Shows the MageCluster that would replace a Helm release, and with --apply replaces it: same "
        "files, same address, same settings. If anything fails, the release runs on.",
    )
    parser.add_argument("--release", required=True, metavar="NAME", help="the Helm release")
    parser.add_argument("-n", "--namespace", default="default", metavar="NAME", help="where it is; default: default")
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
    try:
        asyncio.run(_work(chosen))
    except (CannotPlanError, KubeError, NoClusterError, NoReleaseError, StepError, TakeoverError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    except KeyboardInterrupt as error:
        raise CommandError("interrupted; where a takeover had begun, it was given back") from error
    return 0


async def _work(chosen: argparse.Namespace) -> None:
    from magecluster.adopt.helm import HIDDEN
    from magecluster.adopt.new import DONE, find_record
    from magecluster.adopt.report import farewell
    from magecluster.kube.connection import Connection

    async with Connection(chosen.kubeconfig, chosen.context, manager=HIDDEN) as connection:
        begun = await find_record(connection, chosen.release, chosen.namespace)
        if chosen.undo:
            await _undo(chosen, connection, begun)
        elif begun and begun[1] == DONE:
            sys.stdout.write(farewell(begun[0]))
        elif begun:
            await _go_on(chosen, connection, begun[0])
        else:
            await _begin(chosen, connection)


async def _begin(chosen: argparse.Namespace, connection: "Connection") -> None:
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
    await _take_over(chosen, connection, found.takeover)


async def _go_on(chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover") -> None:
    if not _acts(chosen):
        raise CommandError(
            f"a takeover of release {chosen.release} was interrupted: --apply goes on with it, --undo gives all back"
        )
    await _take_over(chosen, connection, takeover)


async def _take_over(chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover") -> None:
    from magecluster.adopt.report import farewell
    from magecluster.adopt.steps import take_over

    shown = _Shown()
    try:
        await take_over(_context(chosen, connection, takeover, shown), shown.step)
    finally:
        shown.end()
    sys.stdout.write("\n" + farewell(takeover))


async def _undo(chosen: argparse.Namespace, connection: "Connection", begun: "tuple[Takeover, str] | None") -> None:
    from magecluster.adopt.steps import give_back

    if begun is None:
        raise CommandError(f"there is nothing to undo: release {chosen.release} was not taken over")
    shown = _Shown()
    try:
        await give_back(_context(chosen, connection, begun[0], shown), shown.step)
    finally:
        shown.end()
    sys.stdout.write(f"Release {chosen.release} is back as it was\n")


def _context(chosen: argparse.Namespace, connection: "Connection", takeover: "Takeover", shown: "_Shown") -> "Context":
    from magecluster.adopt.context import Context

    return Context(connection=connection, takeover=takeover, tell=shown.detail, timeout=chosen.timeout)


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


class _Shown:
    """Progress on standard error: a line a step, and below it how far it is, in place on a terminal."""

    def __init__(self) -> None:
        self._begun, self._told = time.monotonic(), 0.0
        self._terminal, self._waiting = sys.stderr.isatty(), ""

    def step(self, number: int, count: int, title: str) -> None:
        self.end()
        sys.stderr.write(f"[{number}/{count}] {title}\n")
        self._told = 0.0

    def detail(self, text: str) -> None:
        line = f"      {text} ({time.monotonic() - self._begun:.0f} s)"
        if self._terminal:
            sys.stderr.write(f"\r\033[K{line}")
            self._waiting = "\n"
        elif time.monotonic() - self._told >= _TELL_SECONDS:
            sys.stderr.write(f"{line}\n")
            self._told, self._waiting = time.monotonic(), ""
        else:
            self._waiting = f"{line}\n"
        sys.stderr.flush()

    def end(self) -> None:
        """The last word of a step is always told."""
        sys.stderr.write(self._waiting)
        self._waiting = ""
