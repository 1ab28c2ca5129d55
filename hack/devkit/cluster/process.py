"""Start, find and end the processes of a cluster, and never anybody else's.

A process is known by its number and its start time: the kernel gives a number out again, but not both. The record is
written by the process itself before it turns into its program, so a crash of the one who started it leaves no stray.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devkit import shell
from devkit.cluster.state import write

# The shell ends at once, so that the process is no child of ours: it outlives us, and init reaps it.
LAUNCH = '"$0" "$@" &'
RECORD = 'echo "$$ $(cut -d " " -f 22 /proc/$$/stat)" >"$0.new" && mv "$0.new" "$0" && exec "$@"'
POLL = 0.05


def start_time(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (field 22 of proc(5) stat); None when it is gone or a zombie."""
    try:
        # The second field is the program's name in brackets and may hold anything, blanks and brackets too.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def recorded(file: Path) -> int | None:
    """The number of the process that a record names, if that very process still runs."""
    try:
        pid, begun = file.read_text().split()
    except FileNotFoundError:
        return None
    return int(pid) if start_time(int(pid)) == begun else None


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def wait(what: str, seconds: float, check: Callable[[], bool], log: Path | None = None) -> None:
    """Ask again and again until a check holds. Raises shell.Failed with the end of the log at the deadline."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            end = f"\n{shell.tail(log.read_text(errors='replace'))}\n(all of it: {log})" if log and log.exists() else ""
            raise shell.Failed(f"{what}: not so after {seconds:g} s{end}")
        time.sleep(POLL)


@dataclass(frozen=True)
class Process:
    """A process of a cluster. `enter` is the command that runs another one inside of a node; empty: none is entered."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    enter: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / "run" / self.name

    def pid(self) -> int | None:
        """The number of the running process; with `enter`, of the one that waits for it outside of the node."""
        return recorded(self._record)

    def current(self) -> bool:
        """Tell whether it runs, and with these very arguments."""
        begun_with = self._record.with_suffix(".argv")
        return self.pid() is not None and begun_with.exists() and begun_with.read_text() == "\0".join(self.argv)

    def start(self) -> None:
        """Start it; one that runs with other arguments is replaced, one that runs as it should is left alone."""
        if self.current():
            return
        self.stop()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        write(self._record.with_suffix(".argv"), "\0".join(self.argv), secret=True)
        argv = ("/bin/sh", "-c", LAUNCH, "/bin/sh", "-c", RECORD, str(self._record), *self.enter, *self.argv)
        self._record.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, check=True
            )
        wait(f"start of {self.name}", 10, self._record.exists, self.log)

    def stop(self, seconds: float = 5) -> None:
        """Ask it to end, and make it end when it has not within the deadline; nothing happens when it does not run."""
        pid = self.pid()
        if pid is None:
            return
        for target in children(pid) if self.enter else [pid]:
            _signal(target, signal.SIGTERM)
        try:
            wait(f"end of {self.name}", seconds, lambda: self.pid() is None)
        except shell.Failed:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGKILL)
            wait(f"end of {self.name} (process {pid})", 30, lambda: self.pid() is None)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself in between
