"""What a trigger is called with, in both forms that Mage documents, made into the one that Mage is handed.

    {"pipeline_run": {"variables": {"env": "staging"}}}     wrapped
    {"env": "staging"}                                      bare
    {"schema": "public", "pipeline_run": {…}}               both

Mage makes the wrapped ones variables of the run. The bare ones it takes for the data of an event: blocks find them
under `kwargs["event"]`, and as variables only where neither the trigger nor the pipeline has one of that name. Here
they are variables of the run as well, so that they win like the others do; of the same name, the wrapped one wins.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Never

Json = dict[str, Any]

RUN = "pipeline_run"
ALLOWED = ("variables", "execution_date")
"""Keys of `pipeline_run`. Mage makes the others columns of its table, or fails where there is none of that name."""

KEY_HEADER = "Idempotency-Key"
KEY_LENGTH = 255


class RefusedError(Exception):
    """The request cannot be used; the message says why, and what to do."""


class Once(NamedTuple):
    """What makes two calls the same one, as Mage keeps it in the metrics of a run. Digests: it is no place for more."""

    key: str
    body: str

    @property
    def metrics(self) -> dict[str, str]:
        """What is kept."""
        return {"idempotency_key": self.key, "idempotency_body": self.body}

    def is_of(self, run: Mapping[str, Any]) -> bool:
        """Whether the run was started with the same body; the key is known to be the same."""
        return bool((run.get("metrics") or {}).get("idempotency_body") == self.body)


def parse(body: bytes) -> Json:
    """The one form: `pipeline_run` with the variables, and the bare ones beside it. Raises `RefusedError`."""
    bare = _object(body)
    wrapped = bare.pop(RUN, None) or {}
    if not isinstance(wrapped, dict):
        raise RefusedError(f'"{RUN}" is {_kind(wrapped)}; make it an object like {{"variables": {{…}}}}')
    if unknown := sorted(wrapped.keys() - set(ALLOWED)):
        raise RefusedError(f'"{RUN}" has unknown keys {unknown}; use {" and ".join(ALLOWED)}, and put variables there')
    variables = wrapped.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise RefusedError(f'"variables" is {_kind(variables)}; make it an object')
    run: Json = {"variables": {**bare, **(variables or {})}}
    if (date := wrapped.get("execution_date")) is not None:
        run["execution_date"] = _date(date)
    return {**bare, RUN: run}


def once(payload: Json, trigger: int, keys: list[str]) -> Once | None:
    """For the values of the header that a client sent with a payload. Raises `RefusedError`."""
    if not keys:
        return None
    key = keys[0].strip()
    if len(keys) > 1 or not 0 < len(key) <= KEY_LENGTH:
        raise RefusedError(f"{KEY_HEADER} is to be one value of 1 to {KEY_LENGTH} characters, such as a UUID")
    return Once(_digest([trigger, key]), _digest(payload))


def json_of(body: bytes, remedy: str = "correct it") -> Any:
    """What a body holds; `remedy` is what the refusal tells to do. Raises `RefusedError`."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"The body is no JSON ({error}); {remedy}") from error


def _object(body: bytes) -> Json:
    if not body.strip():
        return {}
    found = json_of(body, "correct it, or leave it empty")
    if not isinstance(found, dict):
        raise RefusedError(f"The body is {_kind(found)}; make it an object with the variables of the run")
    return found


def _no_number(name: str) -> Never:
    """NaN and the infinities, which Python reads and JSON does not have. Raises ValueError."""
    raise ValueError(f"{name} is no number")


def _date(text: Any) -> str:
    """As Mage means its dates, in UTC and without saying so."""
    try:
        date = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise RefusedError('"execution_date" is to be a date such as "2026-01-31T12:00:00"') from error
    return (date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date).isoformat()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _kind(value: Any) -> str:
    match value:
        case list():
            return "a list"
        case str():
            return "a string"
        case bool():
            return "true or false"
        case None:
            return "null"
        case _:
            return "a number"
