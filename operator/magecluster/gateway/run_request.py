"""What a run is asked for by: `{"run": {…}}` with the eight options that Mage documents."""

import json
from typing import Any, NamedTuple

from magecluster.gateway.payload import Json, RefusedError, json_of

RUN = "run"
_BESIDE = ("api_key",)
"""Keys that clients of Mage send with everything."""


class _Option(NamedTuple):
    kinds: tuple[type, ...]
    example: str
    default: Any = None
    required: bool = False
    empty: Any = None
    """What null stands for."""


_NAME, _TRUTH = ((str,), '"my_name"'), ((bool,), "true or false")
_OPTIONS = {
    "pipeline_uuid": _Option(*_NAME, required=True),
    "block_uuid": _Option(*_NAME, required=True),
    "variables": _Option((dict, type(None)), '{"name": "value"}', default={}, empty={}),
    "project": _Option((str, type(None)), '"my_project" or null'),
    "record": _Option(*_TRUTH, default=True),
    "store_variables": _Option(*_TRUTH, default=True),
    "run_upstream_blocks": _Option(*_TRUTH, default=False),
    "incomplete_only": _Option(*_TRUTH, default=False),
}


def parse(body: bytes) -> Json:
    """All eight options. Raises `RefusedError`."""
    found = json_of(body)
    run = found.get(RUN) if isinstance(found, dict) else None
    if not isinstance(run, dict):
        raise RefusedError(
            'The body is no object with "run" in it; send {"run": {"pipeline_uuid": …, "block_uuid": …}}'
        )
    if beside := sorted(found.keys() - {RUN, *_BESIDE}):
        raise RefusedError(f'The body has unknown keys {beside}; put the options into "{RUN}"')
    if unknown := sorted(run.keys() - _OPTIONS.keys()):
        raise RefusedError(f'"{RUN}" has unknown options {unknown}; there are {", ".join(_OPTIONS)}')
    return {name: _value(name, option, run) for name, option in _OPTIONS.items()}


def _value(name: str, option: _Option, run: Json) -> Any:
    if name not in run:
        if option.required:
            raise RefusedError(f'"{RUN}" has no "{name}"; add it, as in "{name}": {option.example}')
        return option.default
    value = run[name]
    if not isinstance(value, option.kinds) or (option.required and not value):
        raise RefusedError(f'"{name}" is {json.dumps(value)[:50]}; it is to be {option.example}')
    return option.empty if value is None else value
