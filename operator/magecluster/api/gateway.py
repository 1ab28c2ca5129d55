"""The gateway, which stands in front of Mage in the same pod, and the runner, which works for it with Mage's Python."""

from typing import Annotated, Literal

from pydantic import Field

from magecluster.api.model import ApiModel
from magecluster.api.pod import DIGEST, REPOSITORY, TAG, Resources

GATEWAY_CONTAINER = "gateway"
RUNNER_CONTAINER = "runner"
RUNNER_FILES = "runner-files"
"""Name of the container that brings the runner's code into the pod, and of the command that does it."""

GATEWAY_PORT = 6790
"""The port that the gateway listens on; that of the Service stays as it is."""

GATEWAY_HEALTH = "/.magecluster/healthz"
"""Answers as long as the gateway itself works. No path of Mage's begins like this."""


class Runs(ApiModel):
    """Single blocks, run at once by `POST /api/runs`."""

    timeout_seconds: Annotated[int, Field(ge=1, le=86400)] = 300
    """How long a block may run, those before it included; then it is ended, and the call answered by 504."""
    concurrency: Annotated[int, Field(ge=1, le=100)] = 32
    """How many run at the same time."""
    queue: Annotated[int, Field(ge=0, le=4096)] = 64
    """How many more calls wait for one of those to end; others are answered by 429."""
    token_scope: Literal["Project", "Pipeline"] = "Project"  # noqa: S105  no password
    """What the token of a trigger may run: blocks of every pipeline, or only those of the trigger's own."""
    runs_per_process: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many runs of one pipeline a process may serve, one after the other, as long as nothing is left of them; with
    1, what a block changes in its process is never seen by another run, and each run takes some 30 ms longer."""
    resources: Resources = Resources(requests={"cpu": "50m", "memory": "512Mi"})
    """CPU and memory of the runner container, in which all of them run."""


class Gateway(ApiModel):
    """The container in front of Mage."""

    enabled: bool = True
    """Put the gateway in front of Mage: Service and NetworkPolicy lead to it and not to Mage's own port."""
    image: Annotated[str, Field(pattern=f"^{REPOSITORY}(:{TAG})?(@{DIGEST})?$", max_length=512)] | None = None
    """Image with its tag or digest. When absent the operator's own; a pod that runs keeps the one it has until it is
    restarted for another reason."""
    resources: Resources = Resources(requests={"cpu": "10m", "memory": "64Mi"}, limits={"memory": "256Mi"})
    """CPU and memory of the gateway container."""
    runs: Runs = Runs()
    """Single blocks, run at once by `POST /api/runs`."""
