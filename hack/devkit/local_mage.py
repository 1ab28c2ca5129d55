"""Mage as a process of this machine, without a cluster: for the many cases that need a real Mage and no pod."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

from devkit import progress, shell
from devkit.images import wheels
from devkit.images.definitions import CONTAINERS, PYTHON, cache
from devkit.images.files import locked
from devkit.mage import Mage

LOCK = CONTAINERS / "mage/requirements.lock"
OWNER, PASSWORD = "owner@example.com", "owner-password"
START_SECONDS = 180


def environment() -> Path:
    """Python with exactly the packages of the Mage image, built once for each lock. Raises `shell.Failed`."""
    folder = cache() / f"mage-{wheels.key(LOCK)}-pip"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv, python = (sys.executable, "-m", "uv"), folder / "bin/python"
            source = wheels.download(LOCK)
            with progress.step("Setting up Mage on this machine", "1 min, once a lock"):
                shell.run(*uv, "venv", "--quiet", "--python", PYTHON, "--no-python-downloads", folder)
                offline = ("--no-index", "--find-links", source, "--no-deps", "--require-hashes")
                shell.run(*uv, "pip", "install", "--quiet", "--python", python, *offline, "--requirement", LOCK)
                shell.run(python, "-m", "ensurepip")  # Mage's image has it, and deployments use it
                (folder / "ready").touch()
    return folder / "bin/python"


class LocalMage:
    """One server with a project of its own in `folder`; it requires a login, like every Mage of ours."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.project, self._variables = folder, folder / "default_repo", variables
        self.log = folder / "mage.log"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        """Its path on the host, as in `/team`; empty unless `MAGE_BASE_PATH` says otherwise."""
        base = self._variables.get("MAGE_BASE_PATH", "")
        return f"/{base}" if base else ""

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.origin + self.base

    @property
    def variables(self) -> dict[str, str]:
        """Environment of the server, and of whatever else is to find its project and its database."""
        return {
            **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
            "PATH": f"{environment().parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "MAGE_DATA_DIR": str(self.folder / "mage_data"),
            "USER_CODE_PATH": str(self.project),
            "PYTHONPATH": str(self.folder),
            "REQUIRE_USER_AUTHENTICATION": "1",
            "DEFAULT_OWNER_EMAIL": OWNER,
            "DEFAULT_OWNER_PASSWORD": PASSWORD,
            "DEFAULT_OWNER_USERNAME": OWNER.partition("@")[0],
            "DISABLE_AUTO_BROWSER_OPEN": "1",
            **self._variables,
        }

    def start(self) -> Self:
        """Start it and wait until it answers. Raises `shell.Failed`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        mage = environment().parent / "mage"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [mage, "start", self.project, "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its scheduler and kernels are processes of their own and end with the group
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise shell.Failed(f"Mage does not start:\n{shell.tail(self.log.read_text())}")
            time.sleep(0.2)
        return self

    def owner(self) -> Mage:
        """A client that is logged in."""
        return Mage(self.url).login(OWNER, PASSWORD)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it and all that it started: by default like a pod that loses its node."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait(30)
        self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/status", timeout=5) as answer:
                return int(answer.status) == 200
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
