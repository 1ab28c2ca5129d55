"""What the operator was asked to do."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value for the whole process, made by the command line."""

    namespaces: tuple[str, ...] = ()
    """Namespaces whose clusters are reconciled; all of them when empty."""
    kubeconfig: Path | None = None
    context: str | None = None
    lease_namespace: str = "default"
    lease_name: str = "magecluster-operator"
    identity: str = field(default_factory=lambda: f"{socket.gethostname()}_{os.getpid()}")
    """Who holds the Lease; unique among the replicas."""
    listen: str = "127.0.0.1"
    port: int = 8080
    """Where /healthz, /readyz and /metrics answer; 0 takes a free one."""
    resync_seconds: float = 30.0
    """How often Secrets and ConfigMaps that a cluster refers to are read again."""
    relist_seconds: float = 300.0
    """How often everything watched is compared with a fresh list."""
    workers: int = 16
    """Clusters reconciled at the same time."""
    gateway_image: str | None = None
    """Image of gateways whose spec names none: the one that this operator runs in, if it was told."""
    cloud_api: str | None = None
    """Where gateways reach the Cloud API, which makes workspaces."""
