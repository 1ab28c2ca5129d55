"""Container images: the one that holds a pod's namespaces, and those that a person brings along."""

import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

from devkit import progress, shell
from devkit.cluster import node
from devkit.cluster.runtime import PAUSE_IMAGE

CTR = ("ctr", "--namespace", "k8s.io", "images")


def pause_archive(program: Path, reference: str, file: Path) -> None:
    """Write an image (docker-archive) that holds one static program and runs it."""
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "layer.tar"
        with tarfile.open(layer, "w") as tar:
            tar.add(program, "pause")
        with layer.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        config = {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Entrypoint": ["/pause"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
        with tarfile.open(file, "w") as tar:
            tar.add(layer, "layer.tar")
            for name, facts in (("config.json", config), ("manifest.json", manifest)):
                text = json.dumps(facts).encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))


def ensure_pause(pid: int, program: Path, folder: Path) -> None:
    """Import the pause image into a node's containerd unless it has it."""
    if PAUSE_IMAGE in node.run(pid, *CTR, "list", "--quiet").split():
        return
    file = folder / "pause.tar"
    pause_archive(program, PAUSE_IMAGE, file)
    node.run(pid, *CTR, "import", "-", input_file=file)
    file.unlink()


def load(pid: int, image: str, folder: Path) -> None:
    """Import an image into a node: an archive (OCI or Docker) that exists, or the name of one in buildah's storage.

    An image of the storage keeps its full name: `localhost/mage:1`. Raises shell.Failed.
    """
    if Path(image).is_file():
        with progress.step(f"Importing {image}"):
            node.run(pid, *CTR, "import", "-", input_file=Path(image))
        return
    if not shutil.which("buildah"):
        raise shell.Failed(
            f"{image}: no such file, and buildah, whose storage could hold such an image, is not installed"
        )
    name = full_name(image)
    with tempfile.TemporaryDirectory(dir=folder) as exported, progress.step(f"Loading {name}"):
        file = Path(exported) / "image.tar"
        shell.run("buildah", "push", "--quiet", image, f"docker-archive:{file}:{name}")
        node.run(pid, *CTR, "import", "-", input_file=file)


def full_name(image: str) -> str:
    """The name under which the kubelet looks for an image: `mage` is localhost/mage:latest in buildah's storage."""
    registry, slash, _ = image.partition("/")
    named = bool(slash) and (registry == "localhost" or "." in registry or ":" in registry)
    path = image if named else f"localhost/{image}"
    return path if ":" in path.rpartition("/")[2] else f"{path}:latest"


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
