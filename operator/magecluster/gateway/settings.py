"""What the gateway was asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from magecluster.api.gateway import GATEWAY_PORT
from magecluster.api.network import MAGE_PORT


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value for the whole process, made by the command line."""

    listen: str = "0.0.0.0"  # noqa: S104  others reach the pod by its own address
    port: int = GATEWAY_PORT
    """0 takes a free one."""
    upstream: str = f"http://127.0.0.1:{MAGE_PORT}"
    """Scheme, host and port of Mage, without a slash at the end."""
    base_path: str = ""
    """Where Mage serves below its host, as in `/team`: its MAGE_ROUTES_BASE_PATH or MAGE_BASE_PATH."""
    runner_socket: Path | None = None
    """Where `magecluster_runner` listens; without it nobody sees Mage's database."""
    deployer_socket: Path | None = None
    """Where `magecluster_deployer` listens; without it nothing is deployed."""
    cloud_api: str | None = None
    """Where the Cloud API answers, without a slash at the end; without it there are no workspaces."""
    cloud_api_token: Path = Path("/var/run/secrets/magecluster/token")
    """The token of the pod that is shown there."""
    runs_timeout_seconds: float = 300.0
    """How long a run that `POST /api/runs` asks for may take."""
    runs_concurrency: int = 32
    """How many of them are executed at the same time."""
    runs_queue: int = 64
    """How many wait until they are executed; more are refused."""
    token_scope: Literal["Project", "Pipeline"] = "Project"  # noqa: S105  no password
    """Whether the token of a trigger is good for all pipelines of the project, or for the trigger's own."""
    connect_seconds: float = 5.0
    """How long Mage may take to accept a connection. What it does after that takes as long as it takes."""
    grace_seconds: float = 10.0
    """How long requests in flight may take when the gateway is told to stop: as long as the pod is given to end."""
