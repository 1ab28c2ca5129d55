"""The API described by itself: the document for programs, and a page for people."""

from collections.abc import Sequence
from functools import cache

import orjson
from aiohttp import web

from magecluster.cloud.web import documentation_page, pages
from magecluster.cloud.web.call import Call, raw
from magecluster.cloud.web.documentation_style import STYLE
from magecluster.cloud.web.openapi import document
from magecluster.cloud.web.route import API, Access, Handler, Route

TAG = "documentation"


def routes(others: Sequence[Route]) -> tuple[Route, ...]:
    """The routes that describe `others`, and themselves."""

    @cache
    def made(url: str) -> tuple[bytes, str]:
        described = document((*others, *own), url=url)
        return orjson.dumps(described), documentation_page.body(described)

    async def openapi(call: Call) -> web.Response:
        return raw(made(_url(call))[0])

    async def docs(call: Call) -> web.Response:
        return pages.page(documentation_page.TITLE, made(_url(call))[1], style=STYLE)

    own = (
        _open("openapi.json", "getOpenapi", "Read this API as an OpenAPI 3.1 document", openapi, "application/json"),
        _open("docs", "getDocs", "Read this API as a page for people", docs, "text/html"),
    )
    return own


def _url(call: Call) -> str:
    """As it was set up, never as it was asked for: the document is made once for everybody."""
    return call.services.settings.public_url or "/"


def _open(path: str, name: str, summary: str, handler: Handler, media: str) -> Route:
    return Route(
        method="GET",
        path=f"{API}/{path}",
        name=name,
        summary=summary,
        access=Access.PUBLIC,
        handler=handler,
        media=media,
        tag=TAG,
    )
