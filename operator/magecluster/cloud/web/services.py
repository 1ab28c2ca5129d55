"""What handlers work with."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.login.passwords import Passwords
from magecluster.cloud.login.pods import Pods
from magecluster.cloud.login.sessions import Sessions
from magecluster.cloud.settings import Settings
from magecluster.cloud.store.accounts import Accounts
from magecluster.cloud.store.clusters import Clusters
from magecluster.cloud.store.invitations import Invitations
from magecluster.cloud.store.teams import Teams
from magecluster.cloud.store.vaults import Vaults
from magecluster.cloud.web.audit import Audit
from magecluster.cloud.web.background import Background
from magecluster.cloud.web.metrics import Metrics
from magecluster.cloud.web.present import Presenter
from magecluster.kube.connection import Connection

if TYPE_CHECKING:
    from magecluster.cloud.login.oidc.flow import OpenIdConnect

Clock = Callable[[], float]
"""Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """One value for the whole process."""

    settings: Settings
    connection: Connection
    key: bytes
    """The server's secret, the same on every replica."""
    clock: Clock
    age: Callable[[], float]
    """Seconds since the caches were last known to be up to date."""
    accounts: Accounts
    teams: Teams
    invitations: Invitations
    clusters: Clusters
    vaults: Vaults
    passwords: Passwords
    sessions: Sessions
    pods: Pods
    oidc: "OpenIdConnect | None"
    """`None` unless a provider is configured."""
    rates: TokenBuckets
    metrics: Metrics
    audit: Audit
    presenter: Presenter
    background: Background = field(default_factory=Background)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server ends: who waits for something is answered then."""
    streams: Counter[str] = field(default_factory=Counter)
    """Open event streams by session or token."""
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """By namespace, or by namespace and cluster; those that somebody waits for."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    @contextmanager
    def ending(self) -> Iterator[asyncio.Future[Any]]:
        """Done when the server ends; to be waited for beside what is wanted."""
        task = asyncio.create_task(self.stopping.wait())
        try:
            yield task
        finally:
            task.cancel()


def rfc3339(when: datetime | float) -> str:
    """As Kubernetes writes times."""
    moment = datetime.fromtimestamp(when, UTC) if isinstance(when, int | float) else when
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
