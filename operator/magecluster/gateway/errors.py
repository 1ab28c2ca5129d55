"""What clients are told when there is no answer of Mage's: one shape, never a stack trace."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

RETRY_SECONDS = 5
"""When to ask again while Mage starts."""

_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="{RETRY_SECONDS}">
<meta name="viewport" content="width=device-width">
<title>Mage is not there yet</title>
<style>body {{ font: 1.1em/1.5 system-ui, sans-serif; max-width: 34em; margin: 15vh auto; padding: 0 1em }}</style>
</head>
<body>
<h1>Mage is not there yet</h1>
<p>It is starting, or has just been stopped. This page tries again every {RETRY_SECONDS} seconds; a first start takes
some minutes, because Mage installs what the project requires.</p>
<p>If it stays like this, <code>kubectl describe mc</code> tells why.</p>
</body>
</html>
"""

logger = structlog.stdlib.get_logger(__name__)


def error(code: int, type_: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """The answer to a request that failed. `code` is the HTTP status, `type_` a word for programs.

    `message` says what happened and what to do.
    """
    body = {"error": {"code": code, "type": type_, "message": message}}
    return web.json_response(body, status=code, headers=headers)


def unavailable(request: web.Request, message: str) -> web.Response:
    """Mage does not answer: for programs as every error, for a person's browser a page that tries again."""
    headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return web.Response(status=503, text=_PAGE, content_type="text/html", headers=headers)
    return error(503, "mage_unavailable", message, headers)


@web.middleware
async def told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give what nobody else has dealt with the one shape."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return error(404, "not_found", f"{request.method} {request.path} names no path; use one that begins with /")
    except web.HTTPException as refused:
        return error(refused.status, "bad_request", f"{refused.text or refused.reason}; correct the request")
    except Exception:
        logger.exception("Could not answer %s %s", request.method, request.path)
        return error(500, "internal_error", "The gateway failed; see its log: kubectl logs POD --container gateway")
