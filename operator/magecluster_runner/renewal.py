"""What has to be put back before a process serves once more, and when it cannot be.

Forking is cheap, but each new process copies thousands of pages of memory while it does its first work, which takes ten
times as long as a small block. So a process serves several runs of one pipeline in a row, as long as each of them
succeeds and leaves nothing that could act in the next one.
"""

from __future__ import annotations

import _thread
import builtins
import logging
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mage_ai.orchestration.db import db_connection
from mage_ai.settings.utils import base_repo_path

from magecluster_runner import system

if TYPE_CHECKING:
    from types import ModuleType

GROWTH_BYTES = 64 * 1024 * 1024
"""How much more memory than at first a process may have when it serves again."""
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_STREAMS = (0, 1, 2)
_LASTING = tuple({os.path.realpath(prefix) + os.sep for prefix in (sys.prefix, sys.base_prefix)})
"""Code below these is not edited while Mage runs."""


class Origin:
    """A process as it was before it served anybody."""

    def __init__(self) -> None:
        self._environment, self._folder, self._path = dict(os.environ), Path.cwd(), list(sys.path)
        self._project, self._packages = base_repo_path(), _packages()
        self._modules, self._loggers = set(sys.modules), _loggers()
        self._logger_names = set(logging.root.manager.loggerDict)
        self._streams = (sys.stdout, sys.stderr)
        self._threads = _thread._count()  # noqa: SLF001
        self._builtins = dict(vars(builtins))
        self._signals, self._mask = _handlers(), _mask()
        self._descriptors, self._data = system.descriptors(), system.data_bytes()
        _seed()

    def restore(self) -> bool:
        """Whether the process is as good as new; nothing is done for one that cannot be."""
        if (
            _thread._count() > self._threads  # those of Python's; threads of libraries wait for work  # noqa: SLF001
            or system.children()
            or any(signal.getitimer(timer)[0] for timer in _TIMERS)
            or _handlers() != self._signals
            or base_repo_path() != self._project
            or _packages() != self._packages
            or system.data_bytes() > self._data + GROWTH_BYTES
        ):
            return False
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        os.chdir(self._folder)
        os.umask(self._mask)
        sys.path[:] = self._path
        for name in set(vars(builtins)) - set(self._builtins):
            delattr(builtins, name)
        vars(builtins).update(self._builtins)
        sys.stdout, sys.stderr = self._streams
        for name in set(sys.modules) - self._modules:
            if not _lasts(sys.modules[name], self._packages):
                del sys.modules[name]  # it may be edited until the next run
        self._restore_loggers()
        _seed()
        db_connection.session.rollback()
        db_connection.session.expunge_all()
        open_now = system.descriptors()
        outputs_same = all(open_now.get(number) == self._descriptors.get(number) for number in _STREAMS)
        return outputs_same and len(open_now) <= len(self._descriptors)

    def _restore_loggers(self) -> None:
        """As they were; those of the run are closed, but modules that stay hold on to theirs."""
        for logger, handlers, level in self._loggers:
            if logger.handlers != handlers:
                logger.handlers[:] = handlers
            if logger.level != level:
                logger.setLevel(level)
        known = logging.root.manager.loggerDict
        for name in known.keys() - self._logger_names:
            if name.partition(".")[0] not in sys.modules:
                for handler in getattr(known[name], "handlers", ()):
                    handler.close()
                del known[name]


def _loggers() -> list[tuple[logging.Logger, list[logging.Handler], int]]:
    named = [found for found in logging.root.manager.loggerDict.values() if isinstance(found, logging.Logger)]
    return [(found, list(found.handlers), found.level) for found in (logging.root, *named)]


def _seed() -> None:
    """Forked processes would all draw the same random numbers, and so would runs after one that chose a seed."""
    random.seed()
    np.random.seed()  # noqa: NPY002  the one that blocks have in common


def _handlers() -> list[object]:
    return [signal.getsignal(number) for number in sorted(signal.valid_signals())]


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _packages() -> str:
    """What a deployed commit requires; they stay as they are, and the next commit has others."""
    return os.path.realpath(f"{base_repo_path()}/.magecluster/packages") + os.sep


def _lasts(module: ModuleType | None, packages: str) -> bool:
    places = [getattr(module, "__file__", None) or ""]
    if not any(places):
        places = [*getattr(module, "__path__", ())]  # of a package without a file of its own
    if places:
        return all(os.path.realpath(place).startswith((*_LASTING, packages)) for place in places)
    return getattr(getattr(module, "__spec__", None), "origin", None) in ("built-in", "frozen")
