"""The operator's own small HTTP server: /healthz, /readyz and /metrics."""

from collections.abc import Callable, Sequence

from aiohttp import web

from magecluster.controller.metrics import Metrics

METRICS = web.AppKey("metrics", Metrics)
Obstacles = Callable[[], Sequence[str]]
"""What keeps the operator from being ready, each in a sentence; empty when it is."""
OBSTACLES: web.AppKey[Obstacles] = web.AppKey("obstacles")


class CannotListenError(Exception):
    """The address is taken or not ours."""


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    obstacles = request.app[OBSTACLES]()
    return web.Response(status=503 if obstacles else 200, text="\n".join(obstacles or ["ok"]) + "\n")


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=request.app[METRICS].text(), headers={"Content-Type": "text/plain; version=0.0.4"})


async def serve(host: str, port: int, metrics: Metrics, obstacles: Obstacles) -> web.AppRunner:
    """Start serving; the caller cleans the runner up. Raises `CannotListenError`."""
    app = web.Application()
    app[METRICS], app[OBSTACLES] = metrics, obstacles
    app.add_routes([web.get("/healthz", _healthz), web.get("/readyz", _readyz), web.get("/metrics", _metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        reason = f"cannot serve /metrics on {host}:{port} ({error.strerror}); choose with --listen and --port"
        raise CannotListenError(reason) from error
    return runner
