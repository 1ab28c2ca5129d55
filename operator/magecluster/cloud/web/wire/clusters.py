"""Clusters on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from magecluster.api.crd import schema
from magecluster.api.magecluster import NAME_LENGTH
from magecluster.api.spec import MageClusterSpec
from magecluster.api.status import State
from magecluster.cloud.web.wire.base import Answer, DryRun, PageMetadata, Timestamp, Wire

NAME = rf"^[a-z]([-a-z0-9]{{0,{NAME_LENGTH - 2}}}[a-z0-9])?$"


def _config_schema() -> dict[str, Any]:
    """The spec without `status`, with a revision, and with `secret` in the entries of extraEnvs."""
    spec = _plain(schema(MageClusterSpec))
    spec["properties"].pop("status")
    spec["properties"]["revision"] = {"type": "string", "description": "What was read; send it back as it is."}
    spec["properties"]["extraEnvs"]["items"]["properties"]["secret"] = {
        "type": "boolean",
        "description": "Store the value in a Secret of the cluster, and never show it again.",
    }
    return {**spec, "description": "The names are those of Mage's Helm values. Absent keys stay; null resets."}


def _plain(node: Any) -> Any:
    """Without Kubernetes' own keywords, and without defaults: an absent key is not the default but stays as it is."""
    match node:
        case dict():
            return {
                key: _plain(value)
                for key, value in node.items()
                if not (key.startswith("x-kubernetes-") or (key == "default" and not isinstance(value, dict)))
            }
        case list():
            return [_plain(item) for item in node]
        case _:
            return node


Config = Annotated[dict[str, Any], WithJsonSchema(_config_schema())]
"""Judged by `cloud.config`, which names every wrong field at once."""

Wish = Literal["Active", "Stopped", "Restarting"]


class ClusterChange(Wire):
    """What shall be different. What a client read beside it may be sent back; it changes nothing."""

    config: Config | None = None
    """Absent: stays as it is."""
    status: Any = Field(default=None, json_schema_extra={"enum": ["Active", "Stopped", "Restarting", None]})
    """The wish whether it runs; absent: stays."""
    id: Any = Field(default=None, exclude=True)
    name: Any = Field(default=None, exclude=True)
    team: Any = Field(default=None, exclude=True)
    uuid: Any = Field(default=None, exclude=True)
    state: Any = Field(default=None, exclude=True)
    conditions: Any = Field(default=None, exclude=True)
    url: Any = Field(default=None, exclude=True)
    version: Any = Field(default=None, exclude=True)
    revision: Any = Field(default=None, exclude=True)
    generation: Any = Field(default=None, exclude=True)
    observed_generation: Any = Field(default=None, exclude=True)
    created_at: Any = Field(default=None, exclude=True)


class ClusterPut(Wire):
    """Body of PUT and PATCH."""

    cluster: ClusterChange


class NewCluster(Wire):
    """A cluster to be made."""

    name: Annotated[str, Field(pattern=NAME, max_length=NAME_LENGTH)]
    """Lower-case letters, digits and `-`, beginning with a letter; also its address inside Kubernetes."""
    config: Config | None = None
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
