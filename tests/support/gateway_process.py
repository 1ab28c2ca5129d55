"""`magecluster gateway` as a process of its own, in front of a server that is there already."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.support.eventually import eventually

OPERATOR = Path(__file__).parents[2] / "operator"


class GatewayProcess:
    """Serves on a free port of the loopback; its log is in a file."""

    def __init__(self, upstream: str, log: Path, *options: str) -> None:
        self._options, self.log = (f"--upstream={upstream}", *options), log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "magecluster", "gateway", "--listen=127.0.0.1", "--port=0", *self._options],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(OPERATOR)},
            )
        self.url = eventually(self._address, what="the gateway serves")
        return self

    def stop(self) -> int:
        """Ends it and returns its exit status."""
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

    def _address(self) -> str:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        found = re.search(r"Serving \S+ at (http://[\w.:]+)", self.log.read_text())
        return found[1] if found else ""
