"""A project's configuration, which Mage reads and parses again for each of its own steps, read once a run."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

from mage_ai.data_preparation import repo_manager

_read: dict[tuple[Any, ...], dict[str, Any]] = {}
"""What was made of the files, for the run that goes on."""


def install() -> None:
    """In this process, for good."""
    original = repo_manager.RepoConfig.__init__

    def init(self: Any, repo_path: str | None = None, config_dict: Any = None, **options: Any) -> None:
        if config_dict or any(options.get(name) for name in ("context_data", "user")):
            original(self, repo_path, config_dict, **options)
            return
        key = (repo_path, bool(options.get("root_project")))
        if key not in _read:
            original(self, repo_path, config_dict, **options)
            _read[key] = copy.deepcopy(self.__dict__)
        self.__dict__.update(copy.deepcopy(_read[key]))

    repo_manager.RepoConfig.__init__ = init
    # A compiled template depends on its text alone; the variables come later.
    repo_manager.Template = lru_cache(maxsize=64)(repo_manager.Template)


def forget() -> None:
    """Before each run, as the files may have changed."""
    _read.clear()
