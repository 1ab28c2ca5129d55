"""The cookie of a session, where several Mages are served below one host.

A browser sends the cookie of a cluster to its workspaces as well, behind theirs: longer paths come first (RFC 6265
§5.4). Of several Mage takes the last one, and beside one that is not its own it refuses even a login.
"""

from collections.abc import Iterator

from aiohttp import hdrs, web

_NAME = "oauth_token"
_LOGIN = "/api/sessions"


def for_mage(request: web.Request) -> str:
    """The `Cookie` header with the first token alone, and for a login with none; everything else as it came."""
    left = 0 if request.method == hdrs.METH_POST and request.path.rstrip("/").endswith(_LOGIN) else 1
    kept = []
    for cookie, name, _ in _cookies(request):
        if name == _NAME:
            left -= 1
        if name != _NAME or left >= 0:
            kept.append(cookie)
    return ";".join(kept).strip()


def token_of(request: web.Request) -> str:
    """The first token, empty when there is none."""
    return next((value.strip('"') for _, name, value in _cookies(request) if name == _NAME), "")


def _cookies(request: web.Request) -> Iterator[tuple[str, str, str]]:
    """Each as it came, with name and value."""
    for line in request.headers.getall(hdrs.COOKIE, ()):
        for cookie in line.split(";"):
            name, _, value = cookie.partition("=")
            yield cookie, name.strip(), value.strip()
