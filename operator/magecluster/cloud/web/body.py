"""Reading the body of a request: bounded in size, time and depth, and of the right type."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from magecluster.cloud.errors import (
    BadRequestError,
    InvalidRequestError,
    MediaTypeError,
    SlowRequestError,
    TooLargeError,
)
from magecluster.cloud.web.wire.base import Wire

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 32
"""The deepest config that makes sense, an affinity, has 12 levels."""
MEDIA = ("application/json", "application/merge-patch+json")


async def read(request: web.Request, kind: type[Wire], seconds: float) -> Wire:
    """The body as `kind`. Raises `CloudError`."""
    if request.content_type not in MEDIA or (request.charset or "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise MediaTypeError(f"send the body as {MEDIA[0]}, with this Content-Type, in UTF-8")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise MediaTypeError("send the body as it is, without Content-Encoding")
    try:
        async with asyncio.timeout(seconds):
            text = await request.read()
    except TimeoutError:
        raise SlowRequestError(f"the request did not arrive within {seconds:g} s: send it again") from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLargeError(f"a request has at most {MOST_BYTES} bytes: send less") from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequestError("the request broke off before its body was complete: send it again") from None
    return parsed(text, kind)


def parsed(text: bytes, kind: type[Wire]) -> Wire:
    """JSON as `kind`. Raises `CloudError` that never quotes a value."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is no JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    if not isinstance(found, dict):
        raise BadRequestError("the body is a JSON object")
    if _too_deep(found):
        raise BadRequestError(f"the body is nested deeper than {MOST_DEPTH} levels")
    json.loads(text, object_pairs_hook=_named_once, parse_int=str, parse_float=str)
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise InvalidRequestError(wrong(error)) from None


def wrong(error: ValidationError) -> dict[str, str]:
    """What is wrong by name of field, without values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return {".".join(map(str, e["loc"])) or "body": _said(e["type"], e["msg"]) for e in found}


def _said(type_: str, message: str) -> str:
    match type_:
        case "extra_forbidden":
            return "is not known"
        case "missing":
            return "is missing"
        case _:
            return message[:1].lower() + message[1:]


def _named_once(pairs: list[tuple[str, Any]]) -> None:
    """Of two values of one name, each program takes another one. Raises `BadRequestError`."""
    if len(dict(pairs)) != len(pairs):
        raise BadRequestError("the body has one name twice in the same object: send each name once")


def _too_deep(node: Any) -> bool:
    """Level by level, because a recursion would end where the attack begins."""
    level: list[Any] = [node]
    for _ in range(MOST_DEPTH):
        level = [below for above in level for below in _children(above)]
        if not level:
            return False
    return True


def _children(node: Any) -> Iterable[Any]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (child for child in children if isinstance(child, dict | list))
