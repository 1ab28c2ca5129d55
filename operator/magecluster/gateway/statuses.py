"""True status codes: what Mage's answers mean, whatever their HTTP status says.

Mage answers most of its failures with HTTP status 200 and a body in one of two forms:

    {"error": {"code": 404, "message": "…", "type": "record_not_found"}, "status": 200}       raised as ApiError
    {"error": {"code": 500, "errors": [stack], "exception": "…", "message": traceback}, …}    raised as anything else

Messages of an ApiError say nothing: Mage changes them in place, so that one request sees those of another (after any
login, whatever is missing answers "Email/username and/or password invalid.").

Pages of Mage's own rely on the 200, so they get it. A browser says by `Sec-Fetch-Site: same-origin` that a page asks
its own server; no other page can make it say so. To an address that is neither HTTPS nor localhost, which is how many a
cluster is used, it sends nothing of the kind: there, the page is known by `Origin` or `Referer`, whose host is then the
one that is asked. All of them are the client's word: whoever makes them up gets Mage's own answer, and nothing else.
One thing in it is corrected: pages ask for a login by the code 401, which Mage fails to tell of a cookie that another
Mage has signed, such as the cluster at whose host a workspace is.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from magecluster.gateway.failures import Failure, status_of, without_traces

BEGINNING = b'{"error"'
"""How every error of Mage's begins, and nothing else of its API."""

LIMIT = 1024 * 1024
"""Bytes of an answer that are read to see what it means; the errors that were seen have some thousands."""

CHALLENGE = 'Bearer realm="mage"'
"""RFC 9110 §11.6.1: goes with each 401. For Basic, browsers would ask for a password in a window of their own."""

_TYPES = {
    "invalid_api_key": 401,
    "invalid_oauth_token": 401,
    "expired_oauth_token": 401,
    "unauthorized_access": 403,
    "record_not_found": 404,
    "record_invalid": 400,
    "api_resource_error": 400,
}
"""For an ApiError with a code that is none: a failed validation has 200."""

_HOST = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_LOGIN = re.compile(r"/api/sessions/?$")
_BLOCK = re.compile(r"/api/pipelines/[^/]+/blocks/.")

_PARTS = {"error", "status", "url_parameters"}


class Call(NamedTuple):
    """What was asked."""

    method: str
    path: str
    """Still encoded."""


class Answer(NamedTuple):
    """What is to be told."""

    status: int
    body: bytes


def from_page(headers: Mapping[str, str]) -> bool:
    """Whether a page of Mage's own asks; the rule stands above."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    page = _HOST.match(headers.get("Origin") or headers.get("Referer") or "")
    asked = {headers.get(name, "").lower() for name in ("Host", "X-Forwarded-Host")}
    return page is not None and page[1].lower() in asked


def may_be_error(call: Call, status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer has to be looked into, by its head."""
    media = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return (
        "/api/" in call.path
        and (status == 200 or status >= 400)  # noqa: PLR2004  HTTP: success and errors
        and media == "application/json"
        and not any(
            name in headers for name in ("Content-Encoding", "Content-Disposition")
        )  # not Mage's API, or a file
    )


def true_answer(call: Call, status: int, body: bytes) -> Answer | None:
    """An error of Mage's with the status that it means, or None when the body is something else."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict) or not found.keys() <= _PARTS or "message" not in error:
        return None
    judge = _of_failure if isinstance(error.get("exception"), str) else _of_api_error
    code = judge(call, error)
    if status >= 400:  # noqa: PLR2004  HTTP: an error, and true already
        code = status
    error["code"] = code
    if "status" in found:
        found["status"] = code
    return Answer(code, json.dumps(found).encode())


def is_foreign_token(body: bytes) -> bool:
    """Whether Mage says of an error of its own that it has not signed the cookie, as where another Mage has."""
    error: dict[str, Any] = json.loads(body)["error"]
    exception = error.get("exception")
    return isinstance(exception, str) and Failure.parse(exception, str(error["message"])).is_of_token


def _of_failure(call: Call, error: dict[str, Any]) -> int:
    failure = Failure.parse(error["exception"], str(error["message"]))
    error.pop("errors", None)
    error["exception"] = error["message"] = failure.told
    return status_of(failure, call.method)


def _of_api_error(call: Call, error: dict[str, Any]) -> int:
    if isinstance(error["message"], str):
        error["message"] = without_traces(error["message"])
    if isinstance(error.get("errors"), list) and any('File "' in str(line) for line in error["errors"]):
        del error["errors"]
    type_, code = error.get("type"), error.get("code")
    if type_ == "record_not_found" and call.method == "POST" and _LOGIN.search(call.path):
        return 401
    if type_ == "record_invalid" and call.method != "POST" and _BLOCK.search(call.path):
        return 404  # the one reason why Mage's BlockResource raises it there
    if isinstance(code, int) and 400 <= code < 600:  # noqa: PLR2004  HTTP: errors
        return code
    return _TYPES.get(str(type_), 500)
