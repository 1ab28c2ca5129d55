"""Outputs of blocks as JSON: as Mage makes it wherever that is valid JSON, and valid where Mage's is not or fails."""

from __future__ import annotations

import base64
import datetime as dt
import math
import numbers
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import simplejson
from mage_ai.shared.parsers import encode_complex


def encoded(value: Any) -> bytes:
    """JSON, with null for what is no number, as Mage has it. Raises ValueError for what refers to itself."""
    try:
        return _dumped(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return _dumped(_plain(value, ()))


def _dumped(value: Any) -> bytes:
    text: str = simplejson.dumps(value, default=_encode, ignore_nan=True, use_decimal=False, encoding="utf-8")
    return text.encode()


def _encode(value: Any) -> Any:
    """What Mage does, but for kinds that it returns as they are, at which simplejson gives up."""
    if isinstance(value, Decimal):  # simplejson writes NaN for one that is no number
        return simplejson.RawJSON(str(value)) if value.is_finite() else None
    found = encode_complex(value)
    return _known(value) if found is value else found


def _known(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value))
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        return {"real": value.real, "imag": value.imag}
    if isinstance(value, dt.timedelta):
        return pd.Timedelta(value).isoformat()  # as Mage has those of pandas
    if isinstance(value, (frozenset, range)) or hasattr(value, "__next__"):
        return list(value)
    if isinstance(value, pl.LazyFrame):
        return value.collect().to_dicts()
    return str(value)


def _of_bytes(value: bytes) -> Any:
    """The text that it is, or in the form in which Mage writes matrices."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"__type__": "bytes", "__data__": base64.b64encode(value).decode("ascii")}


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """Nothing but what JSON knows; for values at which the quick way fails."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (bytes, bytearray)):
        return _of_bytes(bytes(value))
    if id(value) in above:
        raise ValueError("The output refers to itself, so it is no JSON; return something that does not")
    inside = (*above, id(value))
    if isinstance(value, dict):
        return {_key(key): _plain(item, inside) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, inside) for item in value]
    found = _encode(value)
    return found if isinstance(found, simplejson.RawJSON) else _plain(found, inside)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    found = _plain(key, ())
    return found if isinstance(found, str) else simplejson.dumps(found, ignore_nan=True)
