"""The operator as a process."""

from pathlib import Path

from tests.support.program import Program


class OperatorProcess(Program):
    """`magecluster operator`, which reads referenced Secrets every second."""

    command = "operator"

    def __init__(self, kubeconfig: Path, log: Path, *options: str) -> None:
        super().__init__(kubeconfig, log, "--resync-seconds=1", *options)

    def leading(self) -> bool:
        return any(line["event"].startswith("Leading as") for line in self.lines())
