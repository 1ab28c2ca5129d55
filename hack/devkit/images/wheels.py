"""Wheels of a lock file, downloaded with the host's pip and its settings, so that no image build needs a network."""

import hashlib
import platform
import shutil
import sys
from pathlib import Path

from devkit import progress, shell
from devkit.images.definitions import CONTAINERS, INVENTORY_REQUIREMENTS, MAGE_REQUIREMENTS, PYTHON, ROOT, cache
from devkit.images.files import locked

GLIBC_MINOR = 36
"""Debian 12 has glibc 2.36; a wheel tagged manylinux_2_N runs there when N is not greater (PEP 600)."""


def platforms(machine: str) -> list[str]:
    """List the platform tags that the images accept, newest first; pip wants each of them spelt out."""
    perennial = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC_MINOR, 4, -1)]
    return [*perennial, *(f"manylinux{year}_{machine}" for year in ("2014", "2010", "1"))]


def machine() -> str:
    """Return the machine's architecture as wheels name it."""
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())


def key(lock: Path) -> str:
    """Tell what is installed from a lock from what another lock, Python or architecture would give."""
    return hashlib.sha256(f"{PYTHON} {machine()} ".encode() + lock.read_bytes()).hexdigest()[:16]


def download(lock: Path) -> Path:
    """Return a folder with exactly the lock's wheels for the images' Python; raise `shell.Failed` if one is missing."""
    folder = cache() / "wheels" / key(lock)
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with progress.step(f"Download the packages of {lock.relative_to(ROOT)}", expect="30 s, once a lock"):
                shell.run(*download_command(lock, partial))
            partial.rename(folder)
    return folder


def download_command(lock: Path, folder: Path) -> list[str]:
    """Compose the pip command; `--python-version` makes the host's own Python irrelevant."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON]
    command += [word for tag in platforms(machine()) for word in ("--platform", tag)]
    return [*command, "--dest", str(folder), "--requirement", str(lock)]


def relock() -> None:
    """Rewrite the locks of what only images install, from `definitions`: only wheels, as no image has a compiler."""
    for name, requirements in {
        "mage/requirements.lock": MAGE_REQUIREMENTS,
        "operator/tools.lock": INVENTORY_REQUIREMENTS,
    }.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes", "--upgrade"]
        command += ["--only-binary", ":all:", "--no-emit-index-url", "--no-emit-find-links", "--no-header"]
        command += ["--python-version", PYTHON, "--python-platform", f"{machine()}-manylinux_2_{GLIBC_MINOR}"]
        with progress.step(f"Lock {name}", expect="1 min"):
            shell.run(*command, "-", "--output-file", str(CONTAINERS / name), input="\n".join(requirements))
