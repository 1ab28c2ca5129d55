"""Repairs Mage's own POST /api/runs, which no version of SQLAlchemy that Mage installs lets work.

Its handler asks for the columns of a trigger by `load_only('id')`; SQLAlchemy 2 takes attributes only.
"""

import sqlalchemy.orm

_load_only = sqlalchemy.orm.load_only


def load_only(*attributes, **options):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN003, ANN201
    if any(isinstance(attribute, str) for attribute in attributes):
        return sqlalchemy.orm.lazyload("*")  # that is: all columns
    return _load_only(*attributes, **options)


sqlalchemy.orm.load_only = load_only
