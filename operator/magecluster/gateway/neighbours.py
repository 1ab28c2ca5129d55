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
        self._there: dict[str, Proxy] = {}
        self._seen = float("-inf")
        self._changes = 0
        self._look: asyncio.Task[None] | None = None
        """Under way; there is one at a time."""
        self._told = ""

    async def of(self, request: web.Request) -> Proxy | None:
        """The way to the workspace that the path names; `None` if it names none.

        Who asks for one that is known does not wait for the Cloud API.
        """
        if self._cloud is None or not (found := self._name.match(request.path)) or found[1] in TAKEN:
            return None
        if self._look is None and monotonic() - self._seen > FRESH_SECONDS:
            self._look = asyncio.create_task(self._renew(self._cloud))
        if self._look and found[1] not in self._there:
            await asyncio.wait([self._look])
        return self._there.get(found[1])

    def forget(self, name: str) -> None:
        """Look at the next request for a workspace, as this one was made or deleted."""
        self._there.pop(name, None)
        self._changes += 1
        self._seen = float("-inf")

    async def end(self) -> None:
        """End the WebSockets that lead to workspaces."""
        if self._look:
            self._look.cancel()
        for proxy in self._there.values():
            await proxy.sockets.end()

    async def _renew(self, cloud: Cloud) -> None:
        """When there is no answer, those that were known stay known."""
        try:
            addresses = await self._addresses(cloud)
        except RunnerError as failure:
            if str(failure) != self._told:
                logger.warning("Could not find out which workspaces there are: %s", failure)
            self._told = str(failure)
            return
        finally:
            self._seen, self._look = monotonic(), None
        self._told = ""
        self._there = {
            name: kept
            if (kept := self._there.get(name)) and kept.upstream == address
            else Proxy(self._session, address)
            for name, address in addresses.items()
        }

    async def _addresses(self, cloud: Cloud) -> dict[str, str]:
        """By the name of each, as they are after the last change of this gateway's own. Raises `RunnerError`."""
        while True:
            changes = self._changes
            found = (await cloud.ask("GET"))["workspaces"]
            if changes == self._changes:
                return {each["name"]: str(each["address"]) for each in found}
