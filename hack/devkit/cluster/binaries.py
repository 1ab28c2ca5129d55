"""The programs of a cluster, built from Go modules once for each content of hack/controlplane."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit import progress, shell

MODULE = Path(__file__).resolve().parents[2] / "controlplane"
# What fake nodes and pods do over time, from the module of kwok itself.
STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
PROGRAMS = ("controlplane", "coredns", "helm", "kubectl", "kwok", "pause")


def cache() -> Path:
    """Where everything lives that can be made again: outside the checkout, shared by all clusters."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MAGECLUSTER_CACHE") or base / "magecluster")


def required(go_mod: str, module: str) -> str:
    """The version that a go.mod requires of a module: v1.36.3."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if not found:
        raise shell.Failed(f"go.mod requires no {module}")
    return found[1]


def linker_flags(version: str) -> str:
    """Tell Kubernetes its own version; built as a dependency it would report v0.0.0."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(["-s -w", *(f"-X {package}.{key}={value}" for package in packages for key, value in facts.items())])


def key(module: Path) -> str:
    """Name of a build: the same for the same sources, module versions and linker flags."""
    digest = hashlib.sha256(linker_flags(required((module / "go.mod").read_text(), "k8s.io/kubernetes")).encode())
    digest.update(repr(STAGES).encode())
    for file in sorted(path for path in module.rglob("*") if path.name in ("go.mod", "go.sum") or path.suffix == ".go"):
        digest.update(str(file.relative_to(module)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def ensure() -> Path:
    """The folder that holds PROGRAMS, built first where it is not there yet. Raises shell.Failed."""
    folder = cache() / f"bin-{key(MODULE)}"
    if not folder.exists():
        with locked(cache() / "build.lock"):
            if not folder.exists():
                _build(folder)
    return folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel lets go of it when its holder dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> None:
    if not shutil.which("go"):
        raise shell.Failed("please install Go 1.26 or newer: the local Kubernetes is built from its Go modules")
    version = required((MODULE / "go.mod").read_text(), "k8s.io/kubernetes")
    new, log = folder.with_suffix(".new"), folder.with_suffix(".log")
    shutil.rmtree(new, ignore_errors=True)
    log.unlink(missing_ok=True)
    build = (
        "go",
        "build",
        "-v",
        "-trimpath",
        "-ldflags",
        linker_flags(version),
        "-o",
        f"{new}/",
        ".",
        "./pause",
        "tool",
    )
    title = f"Building Kubernetes {version}, kubectl, helm, kwok and CoreDNS, this once"
    with progress.step(title, "6 min on two cores, 1 min with a warm Go cache", lambda: compiled(log)):
        shell.run(*build, cwd=MODULE, env={"CGO_ENABLED": "0"}, log=log)
        source = Path(shell.run("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok", cwd=MODULE).strip())
        (new / "stages.yaml").write_text(stages(source / "kustomize/stage"))
    new.rename(folder)
    log.unlink()


def stages(source: Path) -> str:
    """The configuration of kwok: all stages of STAGES, as one YAML stream."""
    files = [file for stage in STAGES for file in sorted((source / stage).glob("*.yaml"))]
    return "\n---\n".join(file.read_text() for file in files if file.stem != "kustomization")


def compiled(log: Path) -> str:
    """How far a build is; `go build -v` writes a line for each package that it compiles."""
    return f"{len(log.read_text().splitlines()) if log.exists() else 0} packages compiled,"
