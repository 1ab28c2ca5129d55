"""`python -m magecluster_runner`: executes blocks of one Mage project for the gateway."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from magecluster_runner import child, mage, memory, server, system

SHARE = 0.75
"""Of the memory that there is, that one run may have."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="magecluster_runner", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--project", type=Path, required=True, help="folder of the Mage project")
    parser.add_argument("--spares", type=int, default=4, help="processes that wait for requests")
    parser.add_argument(
        "--runs-per-process", type=int, default=100, metavar="N", help="of one pipeline, if nothing is left of a run"
    )
    parser.add_argument("--memory", type=int, metavar="MIB", help="what one run may use beside Mage itself")
    parser.add_argument("--grace", type=float, default=10, metavar="SECONDS", help="for runs to end when it is stopped")
    chosen = parser.parse_args()
    version = mage.load(str(chosen.project.resolve()))
    # They import Mage, which has to be loaded for its project first.
    from magecluster_runner import configuration, database, operations, rehearsal, renewal  # noqa: PLC0415

    configuration.install()
    rehearsal.statements()
    rehearsal.rehearse()
    mage.freeze()

    def prepare() -> child.Renew:
        database.open_database()
        return renewal.Origin().restore

    there = memory.found()
    most = chosen.memory * 1024 * 1024 if chosen.memory else int(there.limit * SHARE)
    system.adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="magecluster-runner-"))
    listener = listen(chosen.socket)
    sys.stderr.write(f"magecluster_runner: Serving Mage {version} at {chosen.socket}\n")
    try:
        work = child.Work(prepare, operations.answer, most, chosen.runs_per_process)
        server.Server(listener, work, chosen.spares, folder, there).run(chosen.grace)
    finally:
        with contextlib.suppress(FileNotFoundError):
            chosen.socket.unlink()
        shutil.rmtree(folder, ignore_errors=True)


def listen(path: Path) -> socket.socket:
    """At an address that is there only when it answers."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    listener.bind(str(fresh))
    fresh.chmod(0o666)  # the gateway is another user in another container, and nobody else sees the folder
    listener.listen(128)
    fresh.replace(path)
    return listener


if __name__ == "__main__":
    main()
