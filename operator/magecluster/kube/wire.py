"""How the API server's answers arrive: one object, or a watch's events, one a line."""

from collections.abc import AsyncIterator

import aiohttp
import orjson

from magecluster.api.model import Manifest
from magecluster.kube.errors import error_from


async def read_object(response: aiohttp.ClientResponse) -> Manifest:
    """What is not JSON comes from something in between; it becomes the message of a Status."""
    raw = await response.read()
    if "json" in response.content_type:
        answer: Manifest = orjson.loads(raw)
        return answer
    return {"message": raw.decode(errors="replace")[:500]}


async def read_events(response: aiohttp.ClientResponse) -> AsyncIterator[Manifest]:
    """Events `{"type", "object"}`; one that tells of an error is raised as the `KubeError` that it carries."""
    async for line in _lines(response.content):
        event: Manifest = orjson.loads(line)
        if event["type"] == "ERROR":
            raise error_from(int(event["object"].get("code") or 0), event["object"], None)
        yield event


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: an object has up to 1.5 MB, and the reader's own lines have 64 KiB."""
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if line := b"".join([*parts, end]):
                yield line
            parts.clear()
        parts.append(rest)
