"""The key of the Cloud API, the same on every replica: the digests in revisions and tokens are made with it."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress

from magecluster.api.labels import CLOUD_API, MANAGED_BY
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, NotFoundError
from magecluster.kube.kinds import SECRETS

NAME = "magecluster-cloud-api"
KEY = "key"
LENGTH = 32
ATTEMPTS = 10


class InvalidKeyError(Exception):
    """The Secret has a key that cannot be used."""


async def server_key(
    connection: Connection, namespace: str, random: Callable[[int], bytes] = secrets.token_bytes
) -> bytes:
    """32 random bytes, made once. Raises `KubeError`, `InvalidKeyError`."""
    for _ in range(ATTEMPTS):
        live = await _read(connection, namespace)
        if live and (text := (live.get("data") or {}).get(KEY)):
            return _checked(text, namespace)
        data = {KEY: b64encode(random(LENGTH)).decode()}
        # When another replica is faster, its key counts. Our own is read back too, so all have the one that was kept.
        with suppress(ConflictError):
            if live is None:
                await connection.create(SECRETS.path(namespace), _secret(namespace, data))
            else:
                version = {"resourceVersion": live["metadata"]["resourceVersion"]}
                await connection.merge(SECRETS.path(namespace, NAME), {"metadata": version, "data": data})
    raise ConflictError(f"Secret {NAME} changes again and again")


async def _read(connection: Connection, namespace: str) -> Manifest | None:
    try:
        return await connection.get(SECRETS.path(namespace, NAME))
    except NotFoundError:
        return None


def _secret(namespace: str, data: dict[str, str]) -> Manifest:
    metadata = {"name": NAME, "namespace": namespace, "labels": {MANAGED_BY: CLOUD_API}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _checked(text: str, namespace: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != LENGTH:
        raise InvalidKeyError(
            f"Secret {namespace}/{NAME} has a key that is not of {LENGTH} bytes: delete it, and a new one is made"
        )
    return key
