"""A project's configuration, which Mage reads and parses again for each of its own steps, read once a run."""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import Any

from mage_ai.data_preparation import repo_manager
from mage_ai.settings.repo import get_repo_path

_read: dict[tuple[str, bool], bytes] = {}
"""What was made of the files, for the run that goes on."""


def install() -> None:
    """In this process, for good."""
    original = repo_manager.RepoConfig.__init__

    def init(self: Any, repo_path: str | None = None, config_dict: Any = None, **options: Any) -> None:
        if config_dict or any(options.get(name) for name in ("context_data", "user")):
            original(self, repo_path, config_dict, **options)
            return
        root = bool(options.get("root_project"))
        key = (repo_path or get_repo_path(root_project=root), root)
        if key not in _read:
            original(self, repo_path, config_dict, **options)
            _read[key] = pickle.dumps(self.__dict__)
        self.__dict__.update(pickle.loads(_read[key]))  # noqa: S301  our own

    save = repo_manager.RepoConfig.save

    def saved(self: Any, **given: Any) -> None:
        save(self, **given)
        forget()

    repo_manager.RepoConfig.__init__, repo_manager.RepoConfig.save = init, saved
    # What is made of a text depends on it alone; variables come into a template later.
    repo_manager.Template = lru_cache(maxsize=64)(repo_manager.Template)
    load_yaml = repo_manager.load_yaml

    @lru_cache(maxsize=64)
    def loaded(text: str) -> bytes:
        return pickle.dumps(load_yaml(text))

    repo_manager.load_yaml = lambda text: pickle.loads(loaded(text))  # noqa: S301


def forget() -> None:
    """When the files may have changed."""
    _read.clear()
