"""Headers on their way through the gateway."""

from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy

from magecluster.gateway.cookies import for_mage

VIA: Final = "1.1 magecluster-gateway"
"""RFC 9110 §7.6.3: the protocol in which a message came, and through whom it went."""

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""RFC 9110 §7.6.1, and Trailer, as trailers are not passed on."""


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """What is meant for the other end: everything but the headers of this connection and those that it nominates."""
    nominated = {name.strip().lower() for line in headers.getall("Connection", ()) for name in line.split(",")}
    return CIMultiDict(
        (name, _sendable(value)) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP | nominated
    )


def to_mage(request: web.Request) -> CIMultiDict[str]:
    """Headers of a request to Mage. It sees the Host that the client asked for, and by which way the request came."""
    headers = end_to_end(request.headers)
    headers.popall("Expect", None)  # aiohttp has answered it
    headers.popall(hdrs.COOKIE, None)
    if cookie := for_mage(request):
        headers[hdrs.COOKIE] = _sendable(cookie)
    before = headers.popall("X-Forwarded-For", [])
    headers["X-Forwarded-For"] = ", ".join([*before, request.remote or "unknown"])
    # An ingress in front knows better which scheme and host people used.
    headers.setdefault("X-Forwarded-Proto", request.scheme)
    if "Host" in headers:
        headers.setdefault("X-Forwarded-Host", headers["Host"])
    headers.add("Via", VIA)
    return headers


def to_client(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Headers of Mage's answer."""
    passed = end_to_end(headers)
    passed.add("Via", VIA)
    return passed


def of_other_body(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Headers of Mage's answer for a body that is not the one it sent."""
    passed = to_client(headers)
    for name in ("Content-Length", "Etag"):
        passed.popall(name, None)
    return passed


def _sendable(value: str) -> str:
    """Text that can be encoded: aiohttp reads bytes that are no UTF-8 as surrogates and then cannot write them."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="surrogateescape").decode("latin-1")
    return value
