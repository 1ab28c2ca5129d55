"""Pages of lists that are in order of a name: the cursor is the last name of the page before."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from magecluster.cloud.errors import BadRequestError
from magecluster.cloud.web.call import Call

PAGE, MOST = 50, 200
T = TypeVar("T")


def size(call: Call) -> int:
    """How many are wanted. Raises `BadRequestError`."""
    return call.number("limit", PAGE, MOST)


def after(call: Call) -> str:
    """The name behind which the page begins. Raises `BadRequestError`."""
    try:
        return base64.b64decode(call.request.query.get("cursor", ""), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadRequestError("cursor is not one of ours: use metadata.next_cursor of the page before") from None


def metadata(last: str | None) -> dict[str, Any]:
    """`PageMetadata` of the wire; `last` is the name that the page ends with, if there are more behind it."""
    return {} if last is None else {"next_cursor": base64.urlsafe_b64encode(last.encode()).decode()}


def page(call: Call, items: Iterable[T], name: Callable[[T], str]) -> tuple[list[T], dict[str, Any]]:
    """The page that is asked for, of items in any order, and its metadata. Raises `BadRequestError`."""
    count, start = size(call), after(call)
    rest = sorted((item for item in items if name(item) > start), key=name)
    return rest[:count], metadata(name(rest[count - 1]) if len(rest) > count else None)


def oldest_first(created: float, id_: str) -> str:
    """A name for `page` of what has none: in order of time, and one for each."""
    return f"{created:020.6f} {id_}"
