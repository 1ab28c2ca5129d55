"""Listening: bounded, with TLS whose certificate may change while it runs."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import structlog
from aiohttp import web

from magecluster.cloud.settings import Settings, Tls
from magecluster.cloud.web.protocol import Runner

IDLE = 2.0
"""A connection without the whole head of a request for so many times `body_seconds` is closed."""
LOOK_SECONDS = 5.0
"""How often to look whether the certificate has changed; the kubelet needs a minute to update a mounted Secret."""

_NO_PASSWORD = b""
"""OpenSSL would ask for that of an encrypted key at the terminal, and wait."""

logger = structlog.stdlib.get_logger(__name__)


class CannotListenError(Exception):
    """The address is taken or not ours, or there is no certificate; the text says which."""


async def serve(app: web.Application, settings: Settings) -> web.AppRunner:
    """Start serving; the caller cleans the runner up. Raises `CannotListenError`."""
    context = tls_context(settings.tls) if settings.tls else None
    runner = Runner(app, idle=IDLE * settings.body_seconds, grace=settings.grace_seconds)
    if settings.tls and context:
        _follow_while_serving(app, context, settings.tls)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.listen, settings.port, ssl_context=context).start()
    except OSError as error:
        await runner.cleanup()
        reason = f"cannot serve on {settings.listen}:{settings.port} ({error.strerror}); choose by --listen and --port"
        raise CannotListenError(reason) from error
    return runner


def _follow_while_serving(app: web.Application, context: ssl.SSLContext, tls: Tls) -> None:
    async def following(_: web.Application) -> AsyncGenerator[None]:
        task = asyncio.create_task(follow(context, tls))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    app.cleanup_ctx.append(following)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Raises `CannotListenError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_NO_PASSWORD)
    except (OSError, ssl.SSLError) as error:
        raise CannotListenError(f"cannot use {tls.certificate} with {tls.key} ({error}); mount both as PEM") from error
    return context


async def follow(context: ssl.SSLContext, tls: Tls, every: float = LOOK_SECONDS) -> None:
    """Load the certificate again when its files change; connections that are open keep the old one."""
    seen = _stamps(tls)
    while True:
        await asyncio.sleep(every)
        stamps = _stamps(tls)
        if stamps == seen:
            continue
        try:
            tls_context(tls)  # a pair that does not fit must not get half into the context in use
            context.load_cert_chain(tls.certificate, tls.key, password=_NO_PASSWORD)
        except (CannotListenError, OSError, ssl.SSLError) as error:
            logger.warning("Could not load the new certificate, the old one stays in use: %s", error)
        else:
            logger.info("Loaded the new certificate")
        seen = stamps


def _stamps(tls: Tls) -> list[tuple[int, int, int] | None]:
    return [_stamp(path) for path in (tls.certificate, tls.key)]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
