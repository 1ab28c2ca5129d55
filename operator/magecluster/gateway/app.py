"""The gateway, put together."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import structlog
from aiohttp import hdrs, web

from magecluster.api.gateway import GATEWAY_HEALTH
from magecluster.gateway.cloud import Cloud
from magecluster.gateway.deployments import Deployments
from magecluster.gateway.errors import told
from magecluster.gateway.neighbours import Neighbours
from magecluster.gateway.proxy import Proxy
from magecluster.gateway.runner import Runner
from magecluster.gateway.runs import Runs
from magecluster.gateway.settings import Settings
from magecluster.gateway.triggers import Triggers
from magecluster.gateway.workspaces import Workspaces

HEADER_BYTES = 65536
"""How long a request line, or one header, may be in either direction: as much as Mage's own server takes."""

logger = structlog.stdlib.get_logger(__name__)

_SETTINGS = web.AppKey("settings", Settings)
_PROXY = web.AppKey("proxy", Proxy)
_TRIGGERS = web.AppKey("triggers", Triggers)
_RUNS = web.AppKey("runs", Runs)
_DEPLOYER = web.AppKey("deployments", Deployments)
_NEIGHBOURS = web.AppKey("neighbours", Neighbours)
_WORKSPACES = web.AppKey("workspaces", Workspaces)

_DEPLOYMENTS = ("", "/", "/{setting}", "/{setting}/{all:deployments}", "/{setting}/{all:deployments}/{deployment}")
_WORKSPACE_ENDS = ("", "/", "/{workspace}")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CannotListenError(Exception):
    """The address is taken or not ours."""


def create_app(settings: Settings) -> web.Application:
    """Everything goes to Mage, but for what is answered, or looked at before, by the routes in front of the last one.

    The gateway's own paths begin with /.magecluster/.
    """
    app = web.Application(middlewares=[told])
    app[_SETTINGS] = settings
    app.cleanup_ctx.append(_with_proxy)
    app.on_shutdown.append(_end_sockets)
    trigger = f"{settings.base_path}/api/pipeline_schedules/{{trigger}}"
    app.add_routes(
        [
            web.get(GATEWAY_HEALTH, _healthz),
            web.route("*", f"{trigger}/pipeline_runs/{{token}}", _trigger),
            web.route("*", f"{trigger}/api_trigger", _trigger),
            *(web.route("*", f"{settings.base_path}/api/runs{end}", _run) for end in ("", "/", "/{token}")),
            *(
                web.route("*", f"{settings.base_path}/api/deployment_settings{end}", _deployment)
                for end in _DEPLOYMENTS
            ),
            *(web.route("*", f"{settings.base_path}/api/workspaces{end}", _workspace) for end in _WORKSPACE_ENDS),
            web.route("*", r"/{path:[\s\S]*}", _forward),
        ]
    )
    return app


async def serve(settings: Settings) -> web.AppRunner:
    """Start serving; the caller cleans the runner up. Raises `CannotListenError`."""
    runner = web.AppRunner(
        create_app(settings),
        access_log=None,  # addresses hold tokens
        auto_decompress=False,  # what is passed on stays as it is
        handler_cancellation=True,  # nobody works for a client that is gone
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        shutdown_timeout=settings.grace_seconds,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.listen, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        reason = f"cannot serve on {settings.listen}:{settings.port} ({error.strerror}); choose by --listen and --port"
        raise CannotListenError(reason) from error
    return runner


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let requests in flight end. Raises `CannotListenError`."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = await serve(settings)
    logger.info("Serving %s at %s", settings.upstream, ", ".join(site.name for site in runner.sites))
    try:
        await stop.wait()
        logger.info("Stopping")
    finally:
        await runner.cleanup()


async def _with_proxy(app: web.Application) -> AsyncIterator[None]:
    settings = app[_SETTINGS]
    async with aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=0),  # who waits for Mage waits there, where the reason can be seen
        cookie_jar=aiohttp.DummyCookieJar(),  # cookies are the client's
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds),
    ) as session:
        app[_PROXY] = Proxy(session, settings.upstream)
        runner = Runner(settings.runner_socket)
        app[_TRIGGERS] = Triggers(session, settings.upstream, runner)
        app[_RUNS] = Runs(runner, settings)
        deployer = Runner(settings.deployer_socket, "deployer") if settings.deployer_socket else None
        app[_DEPLOYER] = Deployments(runner, deployer)
        cloud = Cloud(session, settings.cloud_api, settings.cloud_api_token) if settings.cloud_api else None
        app[_NEIGHBOURS] = Neighbours(session, settings.base_path, cloud)
        app[_WORKSPACES] = Workspaces(runner, cloud, app[_NEIGHBOURS])
        yield
        await app[_TRIGGERS].end()


async def _end_sockets(app: web.Application) -> None:
    await app[_PROXY].sockets.end()
    await app[_NEIGHBOURS].end()


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _own(answer: Handler) -> Handler:
    """Whether a page of another server may call it is Mage's to say."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await (_forward(request) if request.method == hdrs.METH_OPTIONS else answer(request))

    return handle


@_own
async def _trigger(request: web.Request) -> web.StreamResponse:
    return await request.app[_TRIGGERS].start(request)


@_own
async def _run(request: web.Request) -> web.StreamResponse:
    return await request.app[_RUNS].run(request)


@_own
async def _deployment(request: web.Request) -> web.StreamResponse:
    return await request.app[_DEPLOYER].answer(request)


@_own
async def _workspace(request: web.Request) -> web.StreamResponse:
    return await request.app[_WORKSPACES].answer(request)


async def _forward(request: web.Request) -> web.StreamResponse:
    proxy = await request.app[_NEIGHBOURS].of(request) or request.app[_PROXY]
    return await proxy.forward(request)
