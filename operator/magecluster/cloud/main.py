"""The Cloud API, put together."""

import asyncio
import os
import signal
import sys
import time

import structlog

from magecluster.api.labels import CLOUD_API
from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.errors import TooManyRequestsError
from magecluster.cloud.login import bootstrap, oidc
from magecluster.cloud.login.passwords import Passwords
from magecluster.cloud.login.pods import Pods
from magecluster.cloud.login.sessions import Sessions
from magecluster.cloud.settings import Settings
from magecluster.cloud.store import accounts as stored
from magecluster.cloud.store.accounts import Accounts
from magecluster.cloud.store.clusters import Clusters
from magecluster.cloud.store.invitations import Invitations
from magecluster.cloud.store.keys import server_key
from magecluster.cloud.store.teams import Teams
from magecluster.cloud.store.vaults import Vaults
from magecluster.cloud.web.app import create_app
from magecluster.cloud.web.audit import Audit
from magecluster.cloud.web.metrics import Metrics
from magecluster.cloud.web.present import Presenter
from magecluster.cloud.web.server import serve
from magecluster.cloud.web.services import Services
from magecluster.kube.connection import Connection
from magecluster.kube.errors import KubeError
from magecluster.kube.kinds import MAGE_CLUSTERS, MAGE_TEAMS, SECRETS
from magecluster.kube.reflector import Reflector

RETRY_SECONDS = 5.0
MOST_CALLERS = 10_000
"""Sessions and tokens whose rate is remembered at the same time."""

logger = structlog.stdlib.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `NoClusterError`, `CannotListenError`, `InvalidKeyError`."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Connection(settings.kubeconfig, settings.context, manager=CLOUD_API) as connection:
        key = await _key(connection, settings, stop)
        if key is not None:
            await _serve(settings, connection, key, stop)


async def _key(connection: Connection, settings: Settings, stop: asyncio.Event) -> bytes | None:
    """The server's key, as soon as Kubernetes gives it; `None` when the server is to end before."""
    while not stop.is_set():
        try:
            return await server_key(connection, settings.namespace)
        except KubeError as error:
            logger.warning("Could not read or make the server's key, trying again: %s", error)
        try:
            await asyncio.wait_for(stop.wait(), RETRY_SECONDS)
        except TimeoutError:
            continue
    return None


async def _serve(settings: Settings, connection: Connection, key: bytes, stop: asyncio.Event) -> None:
    services, reflectors = assemble(settings, connection, key)
    runner = await serve(create_app(services), settings)
    try:
        async with asyncio.TaskGroup() as tasks:
            main = tasks.create_task(_work(settings, services, reflectors))
            logger.info("Serving the Cloud API at %s", ", ".join(site.name for site in runner.sites))
            await stop.wait()
            logger.info("Stopping")
            main.cancel()
    finally:
        services.stopping.set()
        await runner.cleanup()
        await services.background.drain()
        await services.sessions.close()


async def _work(settings: Settings, services: Services, reflectors: list[Reflector]) -> None:
    async with asyncio.TaskGroup() as group:
        for reflector in reflectors:
            group.create_task(reflector.run())
        await asyncio.gather(*(reflector.synced.wait() for reflector in reflectors))
        logger.info("Serving from a complete cache of %d clusters", services.clusters.count())
        if settings.bootstrap_admin:
            await _bootstrap(settings.bootstrap_admin, settings, services)


async def _bootstrap(email: str, settings: Settings, services: Services) -> None:
    while True:
        try:
            await bootstrap.ensure(
                services.connection, settings.namespace, services.accounts, services.passwords, email
            )
        except (KubeError, TooManyRequestsError) as error:
            logger.warning("Could not make the first account, trying again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def assemble(settings: Settings, connection: Connection, key: bytes) -> tuple[Services, list[Reflector]]:
    """All parts, and the watches that feed them."""
    clock = time.time
    accounts = Accounts(connection, settings.namespace, clock)
    teams = Teams(connection, settings.namespace)
    clusters = Clusters(connection, namespaces=settings.namespaces, gitops_managers=settings.gitops_managers)
    passwords = Passwords()
    metrics = Metrics()
    connection.on_error = metrics.api_error
    reflectors = [
        Reflector(connection, SECRETS, accounts, namespace=settings.namespace, selector=stored.SELECTOR),
        Reflector(connection, MAGE_TEAMS, teams, namespace=settings.namespace),
        *(
            Reflector(connection, MAGE_CLUSTERS, clusters, namespace=namespace)
            for namespace in settings.namespaces or (None,)
        ),
    ]

    def age() -> float:
        return max([reflector.age() for reflector in reflectors])

    sessions = Sessions(
        accounts,
        passwords,
        clock=clock,
        random=os.urandom,
        session_seconds=settings.session_seconds,
        idle_seconds=settings.idle_seconds,
    )
    services = Services(
        settings=settings,
        connection=connection,
        key=key,
        clock=clock,
        age=age,
        accounts=accounts,
        teams=teams,
        invitations=Invitations(connection, settings.namespace, clock),
        clusters=clusters,
        vaults=Vaults(connection, clock),
        passwords=passwords,
        sessions=sessions,
        pods=Pods(connection, clock),
        oidc=oidc.configured(settings, key, accounts, sessions, os.urandom),
        rates=TokenBuckets(settings.requests_per_second or 1, settings.burst, MOST_CALLERS),
        metrics=metrics,
        audit=Audit(_print),
        presenter=Presenter(key),
    )
    metrics.watch(
        cache_age_seconds=("Seconds since the cache was last known to be up to date", age),
        clusters=("Clusters in the cache", clusters.count),
        event_streams=("Open event streams", services.streams.total),
    )
    return services, reflectors


def _print(line: str) -> None:
    """Audit goes to standard output, logs to standard error."""
    sys.stdout.write(line)
    sys.stdout.flush()
