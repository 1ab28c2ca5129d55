"""Requests to the API server."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException

from magecluster.api.labels import MANAGER
from magecluster.api.model import Manifest
from magecluster.kube import credentials
from magecluster.kube.errors import KubeError, UnavailableError, error_from
from magecluster.kube.wire import read_events, read_object

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML."""

UNAUTHORIZED = 401
POOL = 64
"""Connections for requests; the others wait."""
WATCH_GRACE = 10.0
"""Seconds that the end of a watch may be late."""

logger = logging.getLogger(__name__)


class NoClusterError(Exception):
    """There is no API server to talk to: no kubeconfig, no such context, not in a pod."""


UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError, NoClusterError)
"""What a request ends in that got no answer."""


class Connection:
    """One API server, with the credentials of a kubeconfig or of the pod."""

    def __init__(self, path: Path | None, context: str | None, *, timeout: float = 30, manager: str = MANAGER) -> None:
        """`manager` is the field manager of all writes."""
        self._path, self._context, self._manager = path, context, manager
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self.configuration = Configuration()
        """Host, credentials and certificates as `kubernetes.aio` read them."""
        self._session: aiohttp.ClientSession | None = None
        self._watches: aiohttp.ClientSession | None = None
        self.on_error: Callable[[KubeError], None] = _ignore
        """Called with each error that a request ends in."""

    async def __aenter__(self) -> Self:
        await self.login()
        tls = credentials.tls(self.configuration)
        self._session = self._new_session(tls, POOL)
        # Watches last: in one pool with the requests, enough of them would leave no connection for any request.
        self._watches = self._new_session(tls, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._watches, self._session):
            if session:
                await session.close()

    async def login(self) -> None:
        """Read host and credentials anew. Raises `NoClusterError`."""
        if self._path and not self._path.exists():
            raise NoClusterError(f"there is no kubeconfig {self._path}: name another one with --kubeconfig")
        try:
            self.configuration = await credentials.read(self._path, self._context)
        except (ConfigException, OSError) as error:
            raise NoClusterError(
                f"no Kubernetes to talk to ({error}): name one with --kubeconfig and --context"
            ) from error

    async def get(self, path: str, **params: str) -> Manifest:
        """Read an object or a collection."""
        return await self.request("GET", path, params=params)

    async def create(self, path: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object; `ConflictError` when it is there already."""
        return await self.request("POST", path, manifest, params=self._params(dry_run=dry_run))

    async def replace(self, path: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Replace an object; `ConflictError` when it is not the version that the manifest carries."""
        return await self.request("PUT", path, manifest, params=self._params(dry_run=dry_run))

    async def merge(self, path: str, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        """JSON merge patch (RFC 7386)."""
        params = self._params(dry_run=dry_run)
        return await self.request("PATCH", path, patch, params=params, content_type=MERGE_PATCH)

    async def apply(self, path: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Server-side apply as our own field manager, taking over fields that others set."""
        params = {**self._params(dry_run=dry_run), "force": "true"}
        return await self.request("PATCH", path, manifest, params=params, content_type=APPLY_PATCH)

    async def delete(self, path: str, *, uid: str, resource_version: str | None, dry_run: bool = False) -> None:
        """Delete exactly the object that was seen; `ConflictError` when it is another one by now.

        Without `resource_version`, whichever version of it there is.
        """
        version = {} if resource_version is None else {"resourceVersion": resource_version}
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": uid, **version},
            "propagationPolicy": "Background",
            **({"dryRun": ["All"]} if dry_run else {}),
        }
        await self.request("DELETE", path, options)

    async def watch(
        self, path: str, *, resource_version: str, seconds: float, **params: str
    ) -> AsyncGenerator[Manifest | None]:
        """Events `{"type", "object"}` since that version, for so many seconds; first `None`, when the watch is open.

        Raises `KubeError`; `ExpiredError` when the API server has forgotten that version.
        """
        query = {
            **params,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        # The API server ends the watch itself; a connection on which nothing comes for longer is dead.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=seconds + WATCH_GRACE)
        session, url = _entered(self._watches), self.configuration.host.rstrip("/") + path
        try:
            for attempt in (1, 2):
                headers = await self._headers(JSON)
                async with session.get(url, params=query, headers=headers, timeout=timeout) as response:
                    if response.status == UNAUTHORIZED and attempt == 1:
                        await self.login()
                        continue
                    if response.status >= 400:  # noqa: PLR2004  HTTP: everything from here on is an error
                        answer = await read_object(response)
                        raise error_from(response.status, answer, response.headers.get("Retry-After"))
                    yield None
                    async for event in read_events(response):
                        yield event
                    return
        except KubeError as error:
            self.on_error(error)
            raise
        except UNREACHABLE as error:
            failure = UnavailableError(f"watch of {path}: {error or type(error).__name__}")
            self.on_error(failure)
            raise failure from error

    async def request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> Manifest:
        """Send one request and return the object of the answer. Raises `KubeError`."""
        try:
            status, answer, retry_after = await self._send(method, path, body, params, content_type)
            if status == UNAUTHORIZED:
                await self.login()
                status, answer, retry_after = await self._send(method, path, body, params, content_type)
        except UNREACHABLE as error:
            failure: KubeError = UnavailableError(f"{method} {path}: {error or type(error).__name__}")
            self.on_error(failure)
            raise failure from error
        if status >= 400:  # noqa: PLR2004  HTTP: everything from here on is an error
            failure = error_from(status, answer, retry_after)
            self.on_error(failure)
            raise failure
        return answer

    async def _send(
        self, method: str, path: str, body: Manifest | None, params: Mapping[str, str] | None, content_type: str
    ) -> tuple[int, Manifest, str | None]:
        data = None if body is None else orjson.dumps(body)
        url = self.configuration.host.rstrip("/") + path
        headers = await self._headers(content_type)
        session = _entered(self._session)
        async with session.request(method, url, params=params, data=data, headers=headers) as response:
            return response.status, await read_object(response), response.headers.get("Retry-After")

    async def _headers(self, content_type: str) -> dict[str, str]:
        headers = {"Accept": JSON, "Content-Type": content_type}
        if token := await self.configuration.get_api_key_with_prefix("BearerToken"):
            headers["Authorization"] = token
        return headers

    def _params(self, *, dry_run: bool) -> dict[str, str]:
        return {"fieldManager": self._manager, **({"dryRun": "All"} if dry_run else {})}

    def _new_session(self, tls: ssl.SSLContext, limit: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=limit), timeout=self._timeout)


def _entered(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
    if session is None:
        raise RuntimeError("a Connection is used within 'async with'")
    return session


def _ignore(error: KubeError) -> None:
    del error


async def list_all(connection: Connection, path: str, **params: Any) -> list[Manifest]:
    """All objects of a collection, read in pages so that a large one does not weigh on the server."""
    items: list[Manifest] = []
    page: dict[str, str] = {}
    while True:
        answer = await connection.get(path, limit="500", **params, **page)
        # The items of a list do not say what they are; the list does.
        kind = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
        items += [kind | item for item in answer["items"]]
        if not (more := answer.get("metadata", {}).get("continue")):
            return items
        page = {"continue": more}
        await asyncio.sleep(0)
