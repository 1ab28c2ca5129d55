"""The program that builds and keeps images: docker where its daemon answers, else buildah."""

import functools
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit import debian, shell

PULL_SECONDS = 20.0
INPUTS = "io.magecluster.inputs"
"""Label of an image: the hash of all that it was built from."""


@dataclass(frozen=True)
class Engine:
    """`program` understands docker's verbs; the rest is what buildah spells differently."""

    program: str
    build_command: tuple[str, ...]
    save_command: Callable[[str, Path], tuple[str, ...]]
    timestamp: Callable[[int], tuple[str, ...]]

    def image_id(self, reference: str, inputs: str | None = None) -> str:
        """Return `sha256:…`, or "" when there is no such image, or it was built from other inputs."""
        wanted = ("--filter", f"label={INPUTS}={inputs}") if inputs else ()
        command = (self.program, "images", "--quiet", "--no-trunc", "--filter", f"reference={reference}", *wanted)
        return next(iter(shell.run(*command).split()), "")

    def build(  # noqa: PLR0913  what a build is made of
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        log: Path,
        *,
        epoch: int = 0,
        afresh: bool = False,
    ) -> None:
        """Build the Containerfile of `context`, without a network; `epoch` is the time of the image in seconds.

        `afresh` uses no layer of an earlier build. Raise `shell.Failed`; the log has the steps.
        """
        options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        options += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        options += [*self.timestamp(epoch), *(["--no-cache"] if afresh else [])]
        where = ("--file", str(context / "Containerfile"), "--tag", reference)
        shell.run(*self.build_command, *where, *options, str(context), log=log)

    def pull(self, reference: str) -> bool:
        """Say whether the image is here, or came from its registry within `PULL_SECONDS`."""
        try:
            return bool(self.image_id(reference)) or bool(
                shell.run(self.program, "pull", reference, timeout=PULL_SECONDS)
            )
        except shell.Failed:
            return False

    def save(self, reference: str, path: Path) -> None:
        """Write a docker archive, which `ctr images import` reads, with the reference in it."""
        shell.run(*self.save_command(reference, path))


DOCKER = Engine(
    program="docker",
    build_command=("docker", "build"),
    save_command=lambda reference, path: ("docker", "save", "--output", str(path), reference),
    timestamp=lambda epoch: ("--build-arg", f"SOURCE_DATE_EPOCH={epoch}"),
)
# chroot: needs neither a working runc nor a container network. layers: keep the dependencies' layer for the next build.
BUILDAH = Engine(
    program="buildah",
    build_command=("buildah", "build", "--isolation", "chroot", "--layers"),
    save_command=lambda reference, path: ("buildah", "push", reference, f"docker-archive:{path}:{reference}"),
    timestamp=lambda epoch: ("--timestamp", str(epoch)),
)


@functools.cache
def find() -> Engine:
    """Choose the engine; buildah is installed when neither is there and that is possible (`debian.require`)."""
    if shutil.which("docker"):
        try:
            shell.run("docker", "info", timeout=10)
        except shell.Failed:
            pass  # the client without a daemon: as good as no docker
        else:
            return DOCKER
    debian.require({"buildah": "buildah"})
    return BUILDAH
