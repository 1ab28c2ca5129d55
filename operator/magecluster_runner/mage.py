"""Mage, imported by the parent for all children."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys

from magecluster_runner import changes

WARM = (
    "mage_ai.data_preparation.executors.block_executor",
    "mage_ai.data_preparation.models.pipeline",
    "mage_ai.data_preparation.models.block.sql",
    "mage_ai.data_preparation.models.block.remote.models",
    "mage_ai.data_preparation.models.custom_templates.custom_block_template",
    "mage_ai.data_preparation.decorators",
    "mage_ai.data_preparation.models.project.models",
    "mage_ai.shared.retry",
    "mage_ai.orchestration.db.models.schedules",
    "mage_ai.shared.parsers",
    "mage_ai.io.config",
    "mage_ai.io.file",
    "pyarrow.parquet",
)
"""What runs of blocks import. The last ones are not needed, so that nothing fails when one of them is not there."""
TRIED = (
    "mage_ai.services.aws.secrets_manager.secrets_manager",
    "mage_ai.services.azure.key_vault.key_vault",
)
"""What Mage tries to import whenever it reads a configuration; where packages are missing, each time in vain."""


def load(project: str) -> str:
    """Import Mage for a project, with the changes that we make to it; returns its version."""
    changes.install()
    # Before anything that knows the database, which is opened when it is imported.
    importlib.import_module("mage_ai.settings.repo").set_repo_path(project)
    importlib.import_module(
        "mage_ai.orchestration.db"
    ).engine.dispose()  # no child may use a connection of the parent's
    for name in WARM:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in TRIED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python then knows that it is not there
    importlib.import_module("sqlalchemy.orm").configure_mappers()  # else each child did it with its first query
    return str(importlib.import_module("mage_ai.server.constants").VERSION)


def freeze() -> None:
    """So that children do not copy memory only by looking for garbage."""
    gc.collect()
    gc.freeze()
