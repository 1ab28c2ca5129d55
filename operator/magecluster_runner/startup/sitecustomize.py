"""Python executes this file at its start when this folder is on PYTHONPATH: in every process of Mage's container.

It does next to nothing where Mage is not imported, raises nothing, and then executes the sitecustomize that Python
would have found without it. Syntax of Python 3.8; `typing` alone would cost more than all of this.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import Loader

FOLDER = os.path.realpath(os.path.dirname(__file__))
CHANGES = os.path.join(os.path.dirname(FOLDER), "changes.py")


class _WhenMageComes:
    """Finds nothing. Installs the changes to Mage when the first of it is imported."""

    def __init__(self) -> None:
        self._waits = True

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if self._waits and name == "mage_ai":
            self._waits = False
            _install()


def _install() -> None:
    try:
        # By its place: neither is the package on the path, nor does Mage need to see it there.
        loader = importlib.machinery.SourceFileLoader("magecluster_changes", CHANGES)
        changes = type(sys)(loader.name)
        loader.exec_module(changes)
        changes.install()
    except Exception as error:
        sys.stderr.write(f"magecluster: NOT CHANGED: no change to Mage could be made: {error!r}\n")


def _behind_us(otherwise: int) -> int:
    """Where on the path that begins which is behind this folder, or something else where the folder is not on it."""
    places = [os.path.realpath(place) for place in sys.path]
    return places.index(FOLDER) + 1 if FOLDER in places else otherwise


def _next() -> importlib.machinery.ModuleSpec | None:
    """The sitecustomize behind this one on the path, if there is any."""
    try:
        behind = _behind_us(len(sys.path))
        others = [place for place in sys.path[behind:] if os.path.realpath(place) != FOLDER]
        return importlib.machinery.PathFinder.find_spec(__name__, others)
    except Exception:
        return None


def _execute(spec: importlib.machinery.ModuleSpec, loader: Loader) -> None:
    """Put it in the place of this module, which is what Python would have done."""
    from importlib.util import module_from_spec  # only where it is needed

    sys.modules[__name__] = module_from_spec(spec)
    loader.exec_module(sys.modules[__name__])


class _Packages:
    """Looks once more where Python has given up: it never does itself in a folder that was not there at first."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        cache = sys.path_importer_cache
        if path is not None or cache.get(self._folder, self) is not None or not os.path.isdir(self._folder):
            return None
        del cache[self._folder]
        return importlib.machinery.PathFinder.find_spec(name, [self._folder])


def _add_packages() -> None:
    """What a deployed commit requires, in front of what the image has; `magecluster_deployer` puts a link there."""
    project = os.environ.get("USER_CODE_PATH")
    if project:
        packages = os.path.join(os.path.abspath(project), ".magecluster", "packages")
        sys.path.insert(_behind_us(0), packages)
        sys.meta_path.append(_Packages(packages))


_add_packages()
sys.meta_path.insert(0, _WhenMageComes())
_behind = _next()
if _behind is not None and _behind.loader is not None:
    _execute(_behind, _behind.loader)  # what it raises, Python tells as if it had found it itself
