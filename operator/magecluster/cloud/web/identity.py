"""Where a request comes from, and whose it says it is."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from magecluster.cloud.errors import ForbiddenError, UnauthenticatedError
from magecluster.cloud.settings import Settings

COOKIE = "oauth_token"
Networks = Sequence[IPv4Network | IPv6Network]


class Shown(NamedTuple):
    """The token that a request carries."""

    token: str
    by_cookie: bool
    """A browser sends it by itself, also when another site made it send the request."""


def token_of(request: web.Request) -> Shown | None:
    """As `Authorization: Bearer`, `OAUTH-TOKEN` or cookie, in this order."""
    headers = request.headers
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Shown(token.strip(), by_cookie=False)
    if token := headers.get("OAUTH-TOKEN", "").strip():
        return Shown(token, by_cookie=False)
    for part in headers.get("Cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and value:
            return Shown(value.strip('"'), by_cookie=True)
    return None


def address_of(request: web.Request, trusted: Networks) -> str:
    """Of the client; what proxies say counts as far as they are trusted, beginning with the nearest."""
    nearest = request.remote or ""
    if not trusted or not _within(nearest, trusted):
        return nearest
    hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", ()) for hop in line.split(",")]
    for hop in reversed(hops):
        if not _within(hop, trusted):
            return hop if _is_address(hop) else nearest
    return nearest


def origin(request: web.Request, settings: Settings) -> str:
    """How people reach this server, without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = "https" if settings.tls else request.scheme
    if _within(request.remote or "", settings.trusted_proxies):
        scheme = request.headers.get("X-Forwarded-Proto", scheme)
    return f"{scheme}://{request.host}"


def check_same_site(request: web.Request, settings: Settings) -> None:
    """Refuse a write that another site made a browser send. Raises `ForbiddenError`.

    Browsers say where a request comes from in Sec-Fetch-Site and Origin; what is no browser says neither. Without them,
    a header that a foreign page cannot set unasked has to be there: X-API-KEY, or a Content-Type of JSON.
    """
    site = request.headers.get("Sec-Fetch-Site")
    source = request.headers.get("Origin")
    foreign = site not in (None, "same-origin", "none")
    if source is not None:
        foreign = foreign or urlsplit(source).netloc != urlsplit(origin(request, settings)).netloc
    unasked = (
        site is None and source is None and "X-API-KEY" not in request.headers and "json" not in request.content_type
    )
    if foreign or unasked:
        raise ForbiddenError(
            "a request with a cookie has to come from this site: send the token as Authorization: Bearer"
        )


def check_api_key(request: web.Request, settings: Settings) -> None:
    """Raises `UnauthenticatedError`."""
    if settings.api_keys and request.headers.get("X-API-KEY") not in settings.api_keys:
        raise UnauthenticatedError("X-API-KEY is missing or not accepted here: send the key of this installation")


def _within(address: str, networks: Networks) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
