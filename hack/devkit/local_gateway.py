"""Gateway and runner as processes of this machine, beside a `LocalMage`."""

import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from typing_extensions import override

from devkit import shell
from devkit.local_mage import LocalMage, environment

OPERATOR = Path(__file__).parents[2] / "operator"
STARTUP = OPERATOR / "magecluster_runner" / "startup"
"""What has to be in front of Mage's Python path for our changes to be made."""
START_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.02


class _Process(ABC):
    """Its outputs are in the file `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> Self:
        """Until it serves. Raises `shell.Failed`."""

    @property
    def pid(self) -> int:
        """Of a process that was started."""
        return self._running().pid

    @property
    def ended(self) -> bool:
        """Whether it has, by itself."""
        return self._running().poll() is not None

    def stop(self) -> int:
        """End it in good order; returns its exit status."""
        self._running().send_signal(signal.SIGTERM)
        try:
            return self._running().wait(STOP_SECONDS)
        finally:
            self._running().kill()

    def kill(self) -> None:
        """End it like a pod that loses its node."""
        self._running().kill()
        self._running().wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=cwd, env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise shell.Failed(f"{command[2]} does not start:\n{shell.tail(self.log.read_text())}")
            time.sleep(POLL_SECONDS)

    @abstractmethod
    def _serves(self) -> bool:
        """Whether it does already."""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise shell.Failed("it was not started")
        return self._process


class GatewayProcess(_Process):
    """`magecluster gateway` on a free port of the loopback, in front of a server that is there already."""

    def __init__(self, upstream: str, log: Path, *options: str) -> None:
        super().__init__(log)
        self._options = (f"--upstream={upstream}", *options)
        self.url = ""

    @override
    def start(self) -> Self:
        self.log.write_bytes(b"")
        command = (sys.executable, "-m", "magecluster", "gateway", "--listen=127.0.0.1", "--port=0", *self._options)
        self._launch(command, {**os.environ, "PYTHONPATH": str(OPERATOR)})
        return self

    @override
    def _serves(self) -> bool:
        found = re.search(r"Serving \S+ at (http://[\w.:]+)", self.log.read_text())
        self.url = found[1] if found else ""
        return bool(found)


class RunnerProcess(_Process):
    """`magecluster_runner` with Mage's own Python, on a socket in `folder`. Mage has to have been started."""

    def __init__(self, mage: LocalMage, folder: Path, *options: str) -> None:
        super().__init__(folder / "runner.log")
        self._mage, self._options = mage, options
        self.socket = folder / "runner.sock"

    @override
    def start(self) -> Self:
        self.socket.unlink(missing_ok=True)
        options = (f"--socket={self.socket}", f"--project={self._mage.project}", *self._options)
        variables = {**self._mage.variables, "PYTHONPATH": f"{STARTUP}:{OPERATOR}:{self._mage.folder}"}
        self._launch((environment(), "-m", "magecluster_runner", *options), variables, self._mage.folder)
        return self

    @override
    def _serves(self) -> bool:
        return self.socket.exists()


class DeployerProcess(_Process):
    """`magecluster_deployer` with Mage's own Python, on a socket in `folder`, with its state beside the project."""

    def __init__(self, project: Path, folder: Path, repository: str, *options: str, module: str = "") -> None:
        super().__init__(folder / "deployer.log")
        self.socket, self.state = folder / "deployer.sock", project.parent / ".magecluster"
        self._folder, self._module = folder, module or "magecluster_deployer"
        places = (f"--socket={self.socket}", f"--project={project}", f"--state={self.state}")
        self._options = (*places, "--setting=production", f"--repository={repository}", "--branch=main", *options)

    @override
    def start(self) -> Self:
        self.socket.unlink(missing_ok=True)
        path = f"{OPERATOR}:{OPERATOR.parent}"
        variables = {**os.environ, "PYTHONPATH": path, "HOME": str(self._folder)}
        self._launch((environment(), "-m", self._module, *self._options), variables, self._folder)
        return self

    @override
    def _serves(self) -> bool:
        return self.socket.exists()
