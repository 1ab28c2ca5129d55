"""The program that builds and keeps images: docker where its daemon answers, else buildah or podman."""

import functools
import json
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
    inspects: bool = False
    """Docker lists by names as it shows them, without `docker.io/library`, and inspects by all of them."""

    def image_id(self, reference: str, inputs: str | None = None) -> str:
        """Return `sha256:…`, or "" when there is no such image, or it was built from other inputs."""
        if self.inspects:
            return self._inspected(reference, inputs)
        wanted = ("--filter", f"label={INPUTS}={inputs}") if inputs else ()
        command = (self.program, "images", "--quiet", "--no-trunc", "--filter", f"reference={reference}", *wanted)
        return next(iter(shell.run(*command).split()), "")

    def _inspected(self, reference: str, inputs: str | None) -> str:
        try:
            (found,) = json.loads(shell.run(self.program, "image", "inspect", reference))
        except shell.Failed as error:
            if "no such image" in str(error).lower():
                return ""
            raise
        labels = (found.get("Config") or {}).get("Labels") or {}
        return str(found["Id"]) if inputs in (None, labels.get(INPUTS)) else ""

    def build(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        log: Path,
        *,
        afresh: bool = False,
    ) -> None:
        """Build the Containerfile of `context`, without a network. Raise `shell.Failed`; the log has the steps.

        `afresh` uses no layer of an earlier build.
        """
        options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        options += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        options += ["--no-cache"] if afresh else []
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


# Images and files are of 1970: else two builds would differ, and a layer of an earlier one would bring its time along.
# An image's label tells of when its source is.
DOCKER = Engine(
    program="docker",
    build_command=("docker", "build", "--build-arg", "SOURCE_DATE_EPOCH=0"),
    save_command=lambda reference, path: ("docker", "save", "--output", str(path), reference),
    inspects=True,
)
# chroot: needs neither a working runc nor a container network. layers: keep the dependencies' layer for the next build.
BUILDAH = Engine(
    program="buildah",
    build_command=("buildah", "build", "--isolation", "chroot", "--layers", "--timestamp", "0"),
    save_command=lambda reference, path: ("buildah", "push", reference, f"docker-archive:{path}:{reference}"),
)
# Podman builds by buildah's code, and keeps images in the same place.
PODMAN = Engine(
    program="podman",
    build_command=("podman", *BUILDAH.build_command[1:]),
    save_command=lambda reference, path: ("podman", "save", "--output", str(path), reference),
)


@functools.cache
def find() -> Engine:
    """Choose the engine; buildah is installed when none is there and that is possible (`debian.require`)."""
    if shutil.which("docker"):
        try:
            shell.run("docker", "info", timeout=10)
        except shell.Failed:
            pass  # the client without a daemon: as good as no docker
        else:
            return DOCKER
    if shutil.which("podman") and not shutil.which("buildah"):
        return PODMAN
    debian.require({"buildah": "buildah"})
    return BUILDAH
