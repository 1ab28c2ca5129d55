"""Health, readiness and metrics, for Kubernetes and Prometheus."""

from aiohttp import web

from magecluster.cloud.web.call import Call
from magecluster.cloud.web.metrics import CONTENT_TYPE
from magecluster.cloud.web.route import Access, Handler, Route


async def healthz(call: Call) -> web.Response:
    """The process serves."""
    del call
    return web.Response(text="ok\n")


async def readyz(call: Call) -> web.Response:
    """The caches are fresh enough to be served from."""
    age, most = call.services.age(), call.services.settings.stale_seconds
    if age <= most:
        return web.Response(text="ok\n")
    told = "the first list is not complete" if age == float("inf") else f"Kubernetes was heard of last {age:.0f} s ago"
    return web.Response(text=f"{told}\n", status=503)


async def metrics(call: Call) -> web.Response:
    """Counts, without names of users, teams or clusters."""
    return web.Response(body=call.services.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _open(path: str, handler: Handler, summary: str, also: dict[int, str] | None = None) -> Route:
    return Route(
        method="GET",
        path=f"/{path}",
        name=path,
        summary=summary,
        access=Access.PUBLIC,
        handler=handler,
        media="text/plain",
        tag="health",
        also=also or {},
    )


ROUTES = (
    _open("healthz", healthz, "Whether the process serves"),
    _open(
        "readyz", readyz, "Whether it can answer from a fresh cache", {503: "Not yet, or no longer; the text says why"}
    ),
    _open("metrics", metrics, "Metrics in Prometheus' format"),
)
