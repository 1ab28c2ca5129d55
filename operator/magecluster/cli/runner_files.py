"""`magecluster runner-files`: brings the code that works with Mage's Python to where Mage's image finds it."""

import argparse
from pathlib import Path

from magecluster.api.gateway import RUNNER_FILES
from magecluster.cli.failure import CommandError

PACKAGES = ("magecluster_runner", "magecluster_deployer")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(RUNNER_FILES, help="copy the runner's code into folders, for Mage's image")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="where Mage's Python will look")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    import importlib.util

    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise CommandError(f"the package {package} is not beside this one; use the image of the operator")
        for folder in chosen.folders:
            try:
                copy(Path(spec.origin).parent, folder / package)
            except OSError as error:
                raise CommandError(
                    f"cannot write {folder}: {error.strerror or error}; is it writable, and not full?"
                ) from error
    return 0


def copy(source: Path, target: Path) -> None:
    """Make the modules of `target` those of `source`. Whoever reads them meanwhile sees each whole, old or new."""
    wanted = {path.relative_to(source) for path in source.rglob("*.py")}
    for path in sorted(wanted):
        place = target / path
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.new")
        new.write_bytes((source / path).read_bytes())
        new.chmod(0o644)
        new.replace(place)
    for path in target.rglob("*.py"):
        if path.relative_to(target) not in wanted:
            path.unlink()
