"""A program of ours as a process of its own, the way people run it, with its log in a file."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.support.eventually import eventually


class Program:
    """`magecluster COMMAND` against a cluster; logs are JSON."""

    command: str

    def __init__(self, kubeconfig: Path, log: Path, *options: str) -> None:
        self._kubeconfig, self.log, self._options = kubeconfig, log, options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self._start_of_log = log.tell()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "magecluster", self.command),
                    *("--kubeconfig", str(self._kubeconfig), "--port=0", "--log-format=json", *self._options),
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "operator")},
            )
        return self

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ready(self) -> Self:
        eventually(lambda: self.get("/readyz").startswith("ok"), what=f"{self.command} ready")
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it and returns its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Lines of JSON since the last start."""
        with self.log.open() as log:
            log.seek(self._start_of_log)
            for line in log:
                if line.startswith("{"):
                    yield json.loads(line)

    def url(self) -> str:
        """Where it serves; empty while it does not yet."""
        serving = next((line for line in self.lines() if line.get("event", "").startswith("Serving")), None)
        if serving is None:
            assert self.running, self.log.read_text()
            return ""
        return str(serving["event"]).rpartition(" ")[2]

    def get(self, path: str) -> str:
        """A page of the HTTP server, the status in front when it is an error; empty while nobody serves."""
        if not (url := self.url()):
            return ""
        try:
            with urllib.request.urlopen(url + path, timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"

    def metric(self, name: str) -> float:
        """The sum of all samples of a metric."""
        samples = [line for line in self.get("/metrics").splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rpartition(" ")[2]) for line in samples)

    def tracebacks(self) -> list[str]:
        """What the program did not expect."""
        return [line for line in self.log.read_text().splitlines() if "Traceback" in line]
