"""`magecluster_runner` as a process of its own, beside a Mage that is there already."""

import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.support.eventually import eventually
from tests.support.gateway_process import OPERATOR

from devkit.local_mage import LocalMage, environment

STARTUP = OPERATOR / "magecluster_runner" / "startup"


class RunnerProcess:
    """Listens on a socket in the folder, where its log is too. Mage has to have been started."""

    def __init__(self, mage: LocalMage, folder: Path, *options: str) -> None:
        self._mage, self._options = mage, options
        self.socket, self.log = folder / "runner.sock", folder / "runner.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        variables = {**self._mage.variables, "PYTHONPATH": f"{STARTUP}:{OPERATOR}:{self._mage.folder}"}
        options = (f"--socket={self.socket}", f"--project={self._mage.project}", *self._options)
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [environment(), "-m", "magecluster_runner", *options],
                cwd=self._mage.folder,
                env=variables,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._listens, within=60, what="the runner listens")
        except AssertionError:
            self.kill()
            raise
        return self

    def stop(self) -> int:
        """Ends it in good order and returns its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()

    def kill(self) -> None:
        """Ends it like a pod that loses its node."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return self.socket.exists()
