"""Repairs Mage's own POST /api/runs, which no version of SQLAlchemy that Mage installs lets work.

Its handler asks for the columns of a trigger by `load_only('id')`; SQLAlchemy 2 takes attributes only.
"""

from typing import Any

import sqlalchemy.orm

_load_only = sqlalchemy.orm.load_only


def load_only(*attributes: Any, **options: bool) -> Any:
    if any(isinstance(attribute, str) for attribute in attributes):
        return sqlalchemy.orm.lazyload("*")  # that is: all columns
    return _load_only(*attributes, **options)


sqlalchemy.orm.load_only = load_only
