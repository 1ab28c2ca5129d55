"""The first administrator: made once, when there is no account at all."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable

import structlog

from magecluster.api.labels import CLOUD_API, MANAGED_BY
from magecluster.api.model import Manifest
from magecluster.cloud.access.account import Account
from magecluster.cloud.access.email import canonical
from magecluster.cloud.errors import ConflictError, InvalidRequestError
from magecluster.cloud.login.passwords import Passwords, check_new, generated
from magecluster.cloud.store.accounts import Accounts
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError
from magecluster.kube.kinds import SECRETS

NAME = "magecluster-admin"
DONE = "magecluster.io/account-made"
"""Annotation of the Secret: the account was made of it, and never will be again."""

logger = structlog.stdlib.get_logger(__name__)


async def ensure(
    connection: Connection,
    namespace: str,
    accounts: Accounts,
    passwords: Passwords,
    email: str,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Account | None:
    """The account, if it was made now; `email` is for a new Secret. Raises `KubeError`, `TooManyRequestsError`.

    The Secret comes first and the account is made of it, so whoever continues after a crash uses the same password. Of
    several replicas, one makes the Secret and one the account; the others take what is there.
    """
    await accounts.load()
    path = SECRETS.path(namespace, NAME)
    secret = await _read(connection, path)
    if accounts.count():
        # Also the account that was made of it just before a crash.
        if secret:
            await _finish(connection, path, secret)
        return None
    if secret is None and canonical(email) is None:
        # A Secret with it would stay, and a right address later on would not count.
        logger.error("Could not make the first account: %r is no e-mail address in ASCII, give another one", email)
        return None
    if secret is None:
        secret = await _create(connection, namespace, email, generated(random))
    if _is_done(secret):
        logger.warning(
            "There is no account: make one with 'magecluster user add', or delete Secret %s/%s and start again",
            namespace,
            NAME,
        )
        return None
    account = await _make(accounts, passwords, secret)
    if account:
        await _finish(connection, path, secret)
    return account


async def _make(accounts: Accounts, passwords: Passwords, secret: Manifest) -> Account | None:
    where = f"{accounts.namespace}/{NAME}"
    try:
        email, password = _credentials(secret)
    except InvalidRequestError as error:
        logger.error("Could not make the first account of Secret %s: %s", where, error)  # noqa: TRY400  ours
        return None
    hashed = await passwords.hash(password)
    account = Account(email=email, name="Administrator", admin=True, created=accounts.clock(), password=hashed)
    try:
        made = await accounts.add(account)
    except ConflictError:
        return None
    logger.info("Made the first account, an administrator: Secret %s has its e-mail and password", where)
    return made


async def _read(connection: Connection, path: str) -> Manifest | None:
    try:
        return await connection.get(path)
    except NotFoundError:
        return None


async def _create(connection: Connection, namespace: str, email: str, password: str) -> Manifest:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {MANAGED_BY: CLOUD_API}},
        "type": "Opaque",
        "data": {
            "email": b64encode(email.encode()).decode(),
            "password": b64encode(password.encode()).decode(),
        },
    }
    try:
        return await connection.create(SECRETS.path(namespace), secret)
    except KubeConflictError:
        return await connection.get(SECRETS.path(namespace, NAME))


async def _finish(connection: Connection, path: str, secret: Manifest) -> None:
    """Else a later start, when all accounts were removed, would make one with a password that may be known."""
    if _is_done(secret):
        return
    metadata = {"annotations": {DONE: "true"}, "uid": secret["metadata"]["uid"]}
    try:
        await connection.merge(path, {"metadata": metadata})
    except (KubeConflictError, NotFoundError):
        # Somebody deleted it: then there is no password either.
        return


def _is_done(secret: Manifest) -> bool:
    return (secret["metadata"].get("annotations") or {}).get(DONE) == "true"


def _credentials(secret: Manifest) -> tuple[str, str]:
    """Raises `InvalidRequestError`."""
    data = secret.get("data") or {}
    try:
        email, password = (b64decode(data.get(key, "")).decode() for key in ("email", "password"))
    except ValueError as error:
        raise InvalidRequestError({"password": "is no text"}) from error
    address = canonical(email)
    if address is None:
        raise InvalidRequestError({"email": "is no e-mail address in ASCII"})
    check_new(password)
    return address, password
