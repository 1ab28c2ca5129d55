"""Clusters on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from magecluster.api.magecluster import NAME_LENGTH
from magecluster.api.status import State
from magecluster.cloud.web.wire.base import Answer, DryRun, PageMetadata, Timestamp, Wire
from magecluster.cloud.web.wire.config import Config, ConfigChange

NAME = rf"^[a-z]([-a-z0-9]{{0,{NAME_LENGTH - 2}}}[a-z0-9])?$"

Wish = Literal["Active", "Stopped", "Restarting"]
AsRead = Annotated[Any, Field(exclude=True, description="As it was read; changes nothing.")]


class ClusterChange(Wire):
    """What shall be different. What a client read beside it may be sent back; it changes nothing."""

    config: ConfigChange | None = None
    """Absent: stays as it is."""
    status: Any = Field(default=None, json_schema_extra={"enum": ["Active", "Stopped", "Restarting", None]})
    """The wish whether it runs; absent: stays."""
    id: AsRead = None
    name: AsRead = None
    team: AsRead = None
    uuid: AsRead = None
    state: AsRead = None
    conditions: AsRead = None
    url: AsRead = None
    version: AsRead = None
    revision: AsRead = None
    generation: AsRead = None
    observed_generation: AsRead = None
    created_at: AsRead = None


class ClusterPut(Wire):
    """Body of PUT and PATCH."""

    cluster: ClusterChange


class NewCluster(Wire):
    """A cluster to be made."""

    name: Annotated[str, Field(pattern=NAME, max_length=NAME_LENGTH)]
    """Lower-case letters, digits and `-`, beginning with a letter; also its address inside Kubernetes."""
    config: ConfigChange | None = None
    """Absent keys have their defaults."""
    status: Any = Field(default=None, json_schema_extra={"enum": ["Active", "Stopped", None]})
    """`Stopped` makes it without running it."""


class ClusterPost(Wire):
    """Body of POST."""

    cluster: NewCluster


class Restart(Wire):
    """Body of POST …/restart, which may be left out."""

    restartedAt: Annotated[str, Field(json_schema_extra={"format": "date-time"})]  # noqa: N815  a key of the config
    """The time of the wish: one that is sent again does nothing."""


class Condition(Answer):
    """One observation, as Kubernetes tells it."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    last_transition_time: Timestamp | None = None


class Cluster(Answer):
    """A cluster: what is wished, and what is observed."""

    id: str
    """Unique in the team."""
    name: str
    """The same."""
    team: str
    uuid: str
    """Unique for ever."""
    config: Config
    """What is wished; `revision` in it says what was read."""
    status: Literal["Active", "Stopped"]
    """What is wished."""
    state: State
    """What is observed."""
    conditions: list[Condition]
    """The same in detail, with causes and remedies."""
    url: str | None
    """Where Mage answers."""
    version: str | None
    """Of Mage, as it was applied last."""
    revision: str
    """The same as `config.revision`."""
    generation: int
    """Grows with every change of the config."""
    observed_generation: int | None
    """The one that `state` speaks of."""
    created_at: Timestamp | None


class ClusterAnswer(Answer):
    """One cluster."""

    cluster: Cluster
    dry_run: DryRun | None = None
    """Only with `?dryRun=true`: `cluster` is then what it would be."""


class ClusterList(Answer):
    """Clusters of a team, by name."""

    clusters: list[Cluster]
    metadata: PageMetadata


class ClusterEvent(Answer):
    """The data of an event `state`: what of a cluster changes by itself. After `deleted` the stream ends."""

    status: Literal["Active", "Stopped"]
    state: State
    conditions: list[Condition]
    url: str | None
    version: str | None
    generation: int
    observed_generation: int | None
