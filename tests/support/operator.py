"""The operator as a process."""

from pathlib import Path

from tests.support.program import Program

GATEWAY_IMAGE = "registry.example.com/magecluster@sha256:" + "0" * 64
"""Of gateways whose spec names none. Nobody pulls it where nodes are pretended."""


class OperatorProcess(Program):
    """`magecluster operator`, which reads referenced Secrets every second."""

    command = "operator"

    def __init__(self, kubeconfig: Path, log: Path, *options: str, gateway_image: str = GATEWAY_IMAGE) -> None:
        image = [f"--gateway-image={gateway_image}"] if gateway_image else []
        super().__init__(kubeconfig, log, "--resync-seconds=1", *image, *options)

    def leading(self) -> bool:
        return any(line["event"].startswith("Leading as") for line in self.lines())
