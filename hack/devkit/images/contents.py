"""What an image holds, read from its archive: so a check needs neither the engine that built it nor a shell in it."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Contents:
    """`files` has a path from the root, without a leading slash, for each file, folder and link of the image."""

    config: dict[str, Any]
    files: dict[str, tarfile.TarInfo]
    archive: Path
    layers: tuple[str, ...]

    def unpacked(self) -> int:
        """Bytes of all files, as they lie on a node's disk, without the rounding of its file system."""
        return sum(member.size for member in self.files.values())

    def compressed(self) -> int:
        """Bytes that a node pulls: each layer by gzip at level 6, as the engines push it."""
        return sum(len(gzip.compress(_layer(self.archive, name), 6)) for name in self.layers)

    def text(self, path: str) -> str:
        """Return the content of a file; raise KeyError if there is none."""
        for name in reversed(self.layers):
            with _opened(self.archive, name) as layer:
                if path in layer.getnames() or f"./{path}" in layer.getnames():
                    file = layer.extractfile(path)
                    return file.read().decode() if file else ""
        raise KeyError(path)


def read(archive: Path) -> Contents:
    """Read a docker archive (`builder.archive`) of an image whose layers remove nothing."""
    with tarfile.open(archive) as tar:
        (manifest,) = json.loads(_bytes(tar, "manifest.json"))
        config = json.loads(_bytes(tar, manifest["Config"]))
    layers = tuple(manifest["Layers"])
    files = {member.name.removeprefix("./"): member for name in layers for member in _members(archive, name)}
    return Contents(config, files, archive, layers)


def _members(archive: Path, layer: str) -> Iterator[tarfile.TarInfo]:
    with _opened(archive, layer) as tar:
        yield from tar


def _opened(archive: Path, layer: str) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(_layer(archive, layer)))


def _layer(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        return _bytes(tar, name)


def _bytes(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()
