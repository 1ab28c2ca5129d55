"""The machine that was measured on, and the memory and processor time of processes on it."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from devkit import shell
from devkit.cluster import binaries

MB = 1024
"""/proc counts memory in kB."""
IMPORTS = "import magecluster.controller.main, pathlib; print(pathlib.Path('/proc/self/status').read_text())"
ROOT = Path(__file__).resolve().parents[3]


def facts() -> dict[str, str]:
    """What a reader has to know to compare figures."""
    total = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0])
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{total / MB / MB:.0f} GB",
        "kubernetes": shell.run(binaries.ensure() / "controlplane", "kube-apiserver", "--version").split()[-1],
        "python": platform.python_version(),
        "commit": shell.run("git", "describe", "--always", "--dirty", cwd=ROOT).strip(),
    }


def load() -> str:
    """The load average of the last minute: how busy others kept the machine."""
    return f"{os.getloadavg()[0]:.1f}"


def memory(status: str) -> tuple[float, float]:
    """Resident memory now and at its highest, in MB, from /proc/PID/status."""
    rss, highest = (int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / MB for name in ("VmRSS", "VmHWM"))
    return rss, highest


def memory_of(pid: int) -> tuple[float, float]:
    return memory(Path(f"/proc/{pid}/status").read_text())


def share_of(pid: int) -> float:
    """MB of a process, in which pages that several have count in parts (proc(5): Pss); none of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / MB


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    below = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(each for child in below for each in family(child))]


def memory_of_imports(program: str = IMPORTS) -> float:
    """Resident memory of a Python process that has imported what the operator imports, and does nothing."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return memory(done.stdout)[0]


def processor_seconds(pid: int) -> float:
    """Time that a process has spent on a core (fields 14 and 15 of proc(5) stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
