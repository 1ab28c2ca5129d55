"""Builds an image when what goes into it has changed, and keeps an archive of it for containerd."""

import re
from pathlib import Path

from devkit import progress, shell
from devkit.images import base as bases
from devkit.images import engine as engines
from devkit.images import origin, wheels
from devkit.images.definitions import IMAGES, Image, cache
from devkit.images.engine import INPUTS
from devkit.images.files import context, digest, locked

ID_DIGITS = 16
"""How much of an image's id is in the name of its archive."""


def build(
    name: str, base: str | None = None, tag: str | None = None, source: str | None = None, *, afresh: bool = False
) -> str:
    """Return the reference of the up-to-date image `name` (a key of `IMAGES`); raise `shell.Failed` when a build fails.

    `base` is any image with glibc and Python 3.11; without it, one is found. `tag` replaces the part after the colon,
    `source` is the address of the repository, for the labels. `afresh` builds in any case, and reuses no layer.
    """
    image = IMAGES[name]
    engine = engines.find()
    reference = f"{image.reference.rpartition(':')[0]}:{tag}" if tag else image.reference
    arguments = build_arguments(image, base or bases.find(engine, image.packages))
    files = input_files(image)
    labels = origin.labels(image.version, files.values(), source)
    labels[INPUTS] = digest({**arguments, **labels}, files)
    with locked(cache() / "images" / f"{name}.lock"):
        if afresh or not engine.image_id(reference, labels[INPUTS]):
            folders = {"wheels": wheels.download(image.lock)}
            folders |= {"tool-wheels": wheels.download(image.tools)} if image.tools else {}
            log = cache() / "images" / f"{name}.log"
            log.unlink(missing_ok=True)
            title = f"Build {reference} with {engine.program}"
            with progress.step(title, expect=image.expect), context({**files, **folders}) as here:
                engine.build(here, reference, arguments, labels, log, afresh=afresh)
    return reference


def build_arguments(image: Image, base: str) -> dict[str, str]:
    """Return the Containerfile's arguments, those alone that it declares."""
    offered = {"BASE": base, "PACKAGES": " ".join(image.packages), "VERSION": image.version}
    declared = set(re.findall(r"^ARG (\w+)", image.containerfile.read_text(), re.MULTILINE))
    return {key: value for key, value in offered.items() if key in declared}


def input_files(image: Image) -> dict[str, Path]:
    """Return what decides the image's content; the wheels follow from the locks."""
    tools = {"tools.lock": image.tools} if image.tools else {}
    return {"Containerfile": image.containerfile, "requirements.lock": image.lock, **tools, **image.files}


def archive(reference: str) -> Path:
    """Return a docker archive of an image that was built, made once for each image id; older ones of it are removed.

    Raise `shell.Failed` when there is no such image.
    """
    engine = engines.find()
    identity = engine.image_id(reference)
    if not identity:
        raise shell.Failed(f"there is no image {reference}: build it with hack/images")
    stem = reference.replace("/", "_").replace(":", "_")
    path = cache() / "images" / f"{stem}-{identity.removeprefix('sha256:')[:ID_DIGITS]}.tar"
    with locked(cache() / "images" / f"{stem}.lock"):
        if not path.exists():
            for old in path.parent.glob(f"{stem}-{'[0-9a-f]' * ID_DIGITS}.*"):  # of other ids, or left by a broken run
                old.unlink()
            with progress.step(f"Save {reference}", expect="15 s"):
                partial = path.with_suffix(".partial")
                engine.save(reference, partial)
                partial.rename(path)
    return path
