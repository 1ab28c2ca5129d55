"""`Idempotency-Key`: the same request, sent again, does nothing more and gets the same answer.

Nothing is remembered beside the thing that was made: whatever has a key of ours derived from the client's key in it was
made by that request. So it works on several replicas and after restarts, for as long as the thing exists.
"""

import asyncio
import hmac
from collections.abc import Mapping

import orjson

from magecluster.api.model import Manifest
from magecluster.cloud.config.power import RESTARTED_AT
from magecluster.cloud.errors import BadRequestError, InvalidRequestError
from magecluster.cloud.web.call import Call
from magecluster.cloud.web.services import rfc3339

HEADER = "Idempotency-Key"
ANNOTATION = "magecluster.io/idempotency"
MOST = 255


def key_of(call: Call) -> str | None:
    """What the client sent. Raises `BadRequestError`."""
    key = call.request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= MOST and key.isprintable()):
        raise BadRequestError(f"{HEADER} has 1 to {MOST} printable characters")
    return key


def seed(call: Call) -> bytes | None:
    """32 bytes that nobody can guess who lacks the server's key: the same for the same account, path and key."""
    key = key_of(call)
    if key is None:
        return None
    place = [call.route.method, call.request.path, call.who().account.email.casefold(), key]
    return hmac.digest(call.services.key, b"idempotency" + orjson.dumps(place), "sha256")


def fingerprint(call: Call) -> str:
    """Of the body: 16 hexadecimal digits that reveal nothing of it."""
    body = call.body.model_dump(mode="json") if call.body else None
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hmac.digest(call.services.key, b"body" + text, "sha256")[:8].hex()


def check_same(kept: str | None, call: Call) -> None:
    """Raises `InvalidRequestError` if the key was used with another body."""
    if kept != fingerprint(call):
        raise InvalidRequestError({HEADER: "was used for another request: send a new key"})


def mark(call: Call) -> str | None:
    """What a cluster or a team has in its annotations of the key that made it, without the body."""
    found = seed(call)
    return f"{found[:8].hex()}." if found else None


def annotations(call: Call) -> dict[str, str]:
    """Of a cluster or a team that is made by this request."""
    found = mark(call)
    return {ANNOTATION: found + fingerprint(call)} if found else {}


def is_repeated(call: Call, annotations: Mapping[str, str]) -> bool:
    """Whether this very request made what has these annotations. Raises `InvalidRequestError`."""
    found, kept = mark(call), annotations.get(ANNOTATION, "")
    if found is None or not kept.startswith(found):
        return False
    check_same(kept.removeprefix(found), call)
    return True


def turn(call: Call) -> asyncio.Lock:
    """To be held while something is made with the key: two bodies with one key must not make two things."""
    found = mark(call)
    return call.services.turns.setdefault(f"{HEADER} {found}", asyncio.Lock()) if found else asyncio.Lock()


def restart_time(call: Call, live: Manifest) -> str:
    """The new `restartedAt`: now, its fraction made of the key, so that the same key is recognised in what is there."""
    now, found = rfc3339(call.services.clock()), seed(call)
    if found is None:
        return now
    fraction = f".{int.from_bytes(found[:8], 'big') % 10**9:09}Z"
    there: str = live["spec"].get(RESTARTED_AT) or ""
    return there if there.endswith(fraction) else now.removesuffix("Z") + fraction
