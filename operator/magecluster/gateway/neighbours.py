"""Workspaces of this cluster, which are served below its own address, each under its name.

The Cloud API is asked which there are only when a path begins with a name that could be one and is none of Mage's.
"""

import asyncio
import re
from time import monotonic

import aiohttp
import structlog
from aiohttp import web

from magecluster.api.workspaces import TAKEN, WORKSPACE_NAME
from magecluster.gateway.cloud import Cloud
from magecluster.gateway.proxy import Proxy
from magecluster.gateway.runner import RunnerError

FRESH_SECONDS = 10.0
"""How long a list of workspaces is good for; what this gateway changes itself is known at once."""

logger = structlog.stdlib.get_logger(__name__)


class Neighbours:
    """Who of them a request is for."""

    def __init__(self, session: aiohttp.ClientSession, base_path: str, cloud: Cloud | None) -> None:
        self._session, self._cloud = session, cloud
        self._name = re.compile(f"{re.escape(base_path)}/({WORKSPACE_NAME})(?=/|$)")
        self._lock = asyncio.Lock()
        self._seen = float("-inf")
        self._there: dict[str, Proxy] = {}

    async def of(self, request: web.Request) -> Proxy | None:
        """The way to the workspace that the path names; `None` if it names none."""
        if self._cloud is None or not (found := self._name.match(request.path)) or found[1] in TAKEN:
            return None
        async with self._lock:
            if monotonic() - self._seen > FRESH_SECONDS:
                await self._look(self._cloud)
        return self._there.get(found[1])

    def forget(self) -> None:
        """Look at the next request, as something was changed."""
        self._seen = float("-inf")

    async def end(self) -> None:
        """End the WebSockets that lead to workspaces."""
        for proxy in self._there.values():
            await proxy.sockets.end()

    async def _look(self, cloud: Cloud) -> None:
        """When there is no answer, those that were known stay known."""
        self._seen = monotonic()
        try:
            found = (await cloud.ask("GET"))["workspaces"]
        except RunnerError as failure:
            logger.warning("Could not find out which workspaces there are: %s", failure)
            return
        addresses = {each["name"]: str(each["address"]) for each in found}
        self._there = {
            name: kept
            if (kept := self._there.get(name)) and kept.upstream == address
            else Proxy(self._session, address)
            for name, address in addresses.items()
        }
