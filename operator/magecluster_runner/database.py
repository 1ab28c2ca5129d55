"""Mage's database, which each child opens for itself."""

from __future__ import annotations

import contextlib

from mage_ai.orchestration.db import db_connection, engine
from sqlalchemy import exc, text


def open_database() -> None:
    """Before there is a request. That there is no database yet is told to whoever asks for something in it."""
    engine.dispose(close=False)  # what the parent had open, if anything, is the parent's
    db_connection.start_session(force=True)
    with contextlib.suppress(exc.SQLAlchemyError):
        db_connection.session.execute(text("SELECT 1"))
    db_connection.session.rollback()
