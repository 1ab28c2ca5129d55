"""Makes the root file system of the image: an interpreter, what is linked with it, the packages, and nothing else.

Runs in the build stage, with the Python that is copied. `rootfs.py assemble ENVIRONMENT TARGET` copies a virtual
environment and what it runs on; `rootfs.py finish TARGET` compiles what is there, and makes it the same in each build.
"""

import compileall
import os
import py_compile
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

USER = 65532
UNUSED = {
    *(
        "config-*",
        "distutils",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "test",
        "tkinter",
        "turtle.py",
        "turtledemo",
        "venv",
    ),
    *("dist-packages", "site-packages", "sqlite3", "_sqlite3*", "dbm", "_dbm*", "_gdbm*", "curses", "_curses*"),
    *("readline*", "nis.*", "ossaudiodev*", "_tkinter*", "_test*", "_xx*", "xx*", "_ctypes_test*", "__pycache__"),
}
"""Of the standard library: what installs, tests and shows windows, and what needs libraries that nothing else needs."""

KEPT_MODELS = {"__init__.py", "v1_managed_fields_entry.py", "v1_object_meta.py", "v1_owner_reference.py"}
"""Of the client's classes for each kind of Kubernetes, 110 MB of them compiled: here manifests are dictionaries."""

NOT_RUN = ("_test.py", ".c", ".h", ".pxd", ".pyi", ".pyx")

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
COPIED = (CERTIFICATES, "/etc/ssl/openssl.cnf", "/usr/lib/os-release", "/etc/ld.so.cache")
LOADED_LATER = ("libgcc_s.so.1",)
"""By glibc, when a thread ends; no file is linked with it."""

WRITTEN = {
    "etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nmagecluster:x:{USER}:{USER}:magecluster:/tmp:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nmagecluster:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main() -> None:
    match sys.argv[1:]:
        case "assemble", environment, target:
            assemble(Path(environment), Path(target))
        case "finish", target:
            finish(Path(target))
        case _:
            raise SystemExit(__doc__)


def assemble(environment: Path, target: Path) -> None:
    """Copy each file to the path that it has here, so that nothing has to be told where it is."""
    skeleton(target)
    interpreter = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # noqa: SLF001  not a venv's link
    copy(interpreter, target)
    standard = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(standard, below(target, standard), ignore=shutil.ignore_patterns(*UNUSED), symlinks=True)
    shutil.copytree(environment / "lib", below(target, environment / "lib"), ignore=unwanted)
    copy(environment / "pyvenv.cfg", target)
    link = below(target, environment / "bin/python")
    link.parent.mkdir()
    link.symlink_to(interpreter)
    for path in sorted(libraries([interpreter, *standard.rglob("*.so"), *environment.rglob("*.so")])):
        copy(path, target)


def skeleton(target: Path) -> None:
    """What a program expects of a system: merged folders as here, users, names, certificates, a place for files."""
    target.mkdir()
    for name in ("lib", "lib64"):
        if Path("/", name).is_symlink():
            below(target, Path("/usr", name)).mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to(f"usr/{name}")
    if not Path(CERTIFICATES).exists():
        raise SystemExit(f"the base has no {CERTIFICATES}: install ca-certificates in it")
    for name in COPIED:
        if Path(name).exists():
            copy(Path(name), target)
    for name, text in WRITTEN.items():
        (target / name).write_text(text)
    (target / "etc/os-release").symlink_to("../usr/lib/os-release")
    (target / "tmp").mkdir()
    (target / "tmp").chmod(0o1777)
    defaults = Path(ssl.get_default_verify_paths().openssl_cafile)
    for path, aim in ((defaults, CERTIFICATES), (defaults.with_name("openssl.cnf"), "/etc/ssl/openssl.cnf")):
        place = below(target, path)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(aim)


def unwanted(folder: str, names: list[str]) -> set[str]:
    """Of installed packages: byte code, tests, sources of extensions, generated classes of the Kubernetes client."""
    if folder.endswith(("client/models", "client/api")) and "/kubernetes/" in folder:
        return set(names) - KEPT_MODELS
    return {name for name in names if name in {"__pycache__", "tests"} or name.endswith(NOT_RUN)}


def libraries(binaries: list[Path]) -> Iterator[Path]:
    """Everything that the dynamic linker would load for them, the linker itself included."""
    found: set[str] = set()
    for binary in binaries:
        if any(binary.match(pattern) for pattern in UNUSED):
            continue
        told = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        if "not found" in told:
            raise SystemExit(f"{binary} needs libraries that the base does not have:\n{told}")
        found |= {word for word in told.split() if word.startswith("/")}
    libc = next(path for path in found if "/libc.so" in path)
    found |= {str(Path(libc).with_name(name)) for name in LOADED_LATER}
    yield from map(Path, found)


def below(target: Path, path: Path) -> Path:
    return target / path.relative_to("/")


def copy(path: Path, target: Path) -> None:
    """Copy the content of a file, whatever leads to it here."""
    place = below(target, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, place)


def finish(target: Path) -> None:
    """Compile, with no time in the byte code; then one time for all, readable to all, writable to the owner only."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        target, maxlevels=30, quiet=1, stripdir=str(target), prependdir="/", invalidation_mode=mode
    ):
        raise SystemExit(f"not everything in {target} can be compiled")
    for path in [*target.rglob("*"), target]:
        if not path.is_symlink() and path != target / "tmp":
            program = path.stat().st_mode & 0o100 and path.suffix != ".py"  # scripts of the standard library
            path.chmod(0o755 if path.is_dir() or program else 0o644)
        os.utime(path, (0, 0), follow_symlinks=False)


if __name__ == "__main__":
    main()
