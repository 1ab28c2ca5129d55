"""What is known about a cluster between two commands: a few facts, in a folder of its own."""

import json
import os
import re
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from devkit import shell
from devkit.cluster.binaries import locked


@dataclass(frozen=True)
class Nodes:
    """What runs the pods: one real node (kubelet), a number of fake ones (kwok), or nothing."""

    kind: str
    count: int

    @classmethod
    def parse(cls, text: str) -> "Nodes":
        """Read `kubelet`, `kwok:COUNT` or `none`. Raises shell.Failed."""
        if text in ("kubelet", "none"):
            return cls(text, int(text == "kubelet"))
        found = re.fullmatch(r"kwok:(\d{1,5})", text)
        if not found:
            raise shell.Failed(f"--nodes {text}: say kubelet, kwok:COUNT or none")
        return cls("kwok", int(found[1]))

    @property
    def text(self) -> str:
        """What `parse` reads."""
        return f"kwok:{self.count}" if self.kind == "kwok" else self.kind


@dataclass(frozen=True)
class Spec:
    """What a cluster is asked to be. `index` sets it apart: ports, address ranges and interface follow from it."""

    name: str
    nodes: str
    index: int
    audit: bool = False


def root() -> Path:
    """The folder of all clusters of this user."""
    home = Path("/var/lib") if os.geteuid() == 0 else Path.home() / ".local/state"
    return Path(os.environ.get("MAGECLUSTER_STATE") or home) / "magecluster/clusters"


def folder(name: str) -> Path:
    """The folder of one cluster. Raises shell.Failed for a name that could not be a host name."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name):
        raise shell.Failed(f"--name {name}: at most 30 lower case letters, digits and dashes, please")
    return root() / name


def lock(name: str = "") -> AbstractContextManager[None]:
    """Hold one cluster while a command changes it, or, without a name, the list of all: indexes and folders."""
    return locked(root().parent / "locks" / (name or ".all"))


def load(name: str) -> Spec | None:
    """What is recorded about a cluster; None when there is none."""
    file = folder(name) / "cluster.json"
    return Spec(**json.loads(file.read_text())) if file.exists() else None


def save(spec: Spec) -> None:
    file = folder(spec.name) / "cluster.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, json.dumps(asdict(spec), indent=1))


def all_specs() -> list[Spec]:
    names = sorted(file.parent.name for file in root().glob("*/cluster.json"))
    return [spec for name in names if (spec := load(name))]


def write(file: Path, text: str | bytes, *, secret: bool = False) -> None:
    """Replace a file at once: a reader, or a crash, never sees half of it. A secret is for its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    new.touch(mode=0o600 if secret else 0o644)
    new.write_bytes(text.encode() if isinstance(text, str) else text)
    new.rename(file)
