"""The image that the others build on: Python from a registry, or the same layout made from Debian packages."""

import os
import sys
from pathlib import Path

from devkit import debian, progress, shell
from devkit.images.definitions import CONTAINERS, REGISTRY_BASE, cache
from devkit.images.engine import INPUTS, Engine
from devkit.images.files import context, digest, locked

RELEASE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv", "usr-is-merged")
OMITTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
LICENCES = "/usr/share/doc/*/copyright"
# A virtual environment at /usr/local puts python, pip and commands where the registry's Python images have them.
LAYOUT = 'chroot "$1" python3 -m venv /usr/local'
# mmdebstrap leaves the host's own; a container gets them from its runtime.
NO_HOST = 'rm -f "$1/etc/hostname" "$1/etc/resolv.conf"'
# usrmerge is essential where usr-is-merged does not stand in for it, and keeps 50 MB of Perl alive.
NO_PERL = (
    'chroot "$1" dpkg --purge usrmerge libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl'
    " perl perl-modules-5.36 libperl5.36 libgdbm-compat4"
)


def find(engine: Engine, packages: tuple[str, ...]) -> str:
    """Return a base that has Python, and `packages` or a registry's apt to install them."""
    if engine.image_id(REGISTRY_BASE):
        return REGISTRY_BASE
    reference = debian_reference(packages)
    if engine.image_id(reference) or not engine.pull(REGISTRY_BASE):
        return from_debian(engine, packages)
    return REGISTRY_BASE


def debian_reference(packages: tuple[str, ...]) -> str:
    """Name the Debian base by its content, so that one that exists is the right one."""
    arguments = {"command": " ".join(mmdebstrap(packages, Path("base.tar")))}
    return f"localhost/magecluster/base:{digest(arguments, base_files())[:12]}"


def base_files() -> dict[str, Path]:
    return {"Containerfile": CONTAINERS / "base/Containerfile"}


def from_debian(engine: Engine, packages: tuple[str, ...]) -> str:
    """Make the base with mmdebstrap unless it is there; raise `shell.Failed` when no Debian mirror answers."""
    reference = debian_reference(packages)
    scratch = cache() / "images"
    with locked(scratch / "base.lock"):
        if engine.image_id(reference):
            return reference
        print(f"No registry answers for {REGISTRY_BASE}: the base is made from Debian packages", file=sys.stderr)
        debian.require({"mmdebstrap": "mmdebstrap"})
        archive = scratch / f"base-{os.getpid()}.tar"
        try:
            with progress.step(f"Make {reference} from Debian packages", expect="45 s"):
                shell.run(*mmdebstrap(packages, archive))
                with context({**base_files(), "base.tar": archive}) as folder:
                    engine.build(folder, reference, {}, {INPUTS: reference.rpartition(":")[2]}, scratch / "base.log")
        finally:
            archive.unlink(missing_ok=True)
    return reference


def mmdebstrap(packages: tuple[str, ...], archive: Path) -> list[str]:
    """Compose the command; the host's apt sources and settings are used, and do not end in the image."""
    hooks = [LAYOUT, NO_HOST, *([] if "git" in packages else [NO_PERL])]  # git is partly written in Perl
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        f"--include={','.join((*PACKAGES, *packages))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in OMITTED),
        f"--dpkgopt=path-include={LICENCES}",
        *(f"--customize-hook={hook}" for hook in hooks),
        RELEASE,
        str(archive),
    ]
