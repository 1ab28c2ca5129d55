"""What is known of a release, what the person chose, and what is made of both."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from magecluster.adopt.helm import Release
from magecluster.api.model import Manifest

SCHEDULER = "scheduler"


class Difference(NamedTuple):
    """Something that will not be as it was."""

    what: str
    """One or two words."""
    text: str
    """How it differs, why, and what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """The objects of a release as the API server has them: people edit them, so they count more than values."""

    release: Release
    deployments: tuple[Manifest, ...] = ()
    """Those of Mage's chart, not of the charts that it depends on."""
    service: Manifest | None = None
    config_maps: Mapping[str, Manifest] = field(default_factory=dict)
    """By name; those that the containers refer to."""
    secrets: Mapping[str, Manifest] = field(default_factory=dict)
    claims: Mapping[str, Manifest] = field(default_factory=dict)
    scalers: tuple[Manifest, ...] = ()
    """HorizontalPodAutoscalers of these Deployments, whoever made them."""
    cron_jobs: tuple[Manifest, ...] = ()
    """Of the release."""
    existing: tuple[str, ...] = ()
    """`kind/name` of every object of the release that is there, in the order of its manifest."""
    accounts: Mapping[str, Manifest] = field(default_factory=dict)
    """ServiceAccounts of the pods, by name."""
    nodes: tuple[str, ...] = ()
    """Where pods of Mage run."""
    status: Mapping[str, Any] | None = None
    """What Mage says of itself at /api/statuses; `None` if it does not answer."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the command line says."""

    name: str | None = None
    """Of the MageCluster; by default that of the release's Service."""
    leave_out: frozenset[str] = frozenset()
    """Volumes and containers that the MageCluster may do without."""
    size: str | None = None
    """Of a new volume."""
    storage_class: str | None = None
    """Of a new volume."""
    node: str | None = None
    """Where the files of a hostPath are, if no pod tells."""
    interrupt_runs: bool = False
    """Go on although pipelines run, which Mage begins anew afterwards."""


class Copy(NamedTuple):
    """Files that have to be copied into the new volume."""

    volume: Manifest
    """As in the pod."""
    sub_path: str
    """Of the mount; empty for all of the volume."""
    target: str
    """Relative to the root of the new volume; empty for the root."""


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """Everything that the steps need and that cannot be read any more once they have begun. Plain data."""

    release: str
    namespace: str
    cluster: Manifest
    """The MageCluster."""
    texts: dict[str, str]
    """Of the Secret with values of variables."""
    credentials: dict[str, str]
    """Of the Secret with the owner's password and signing keys, as far as they were given."""
    claim: Manifest | None
    """The new volume, if files have to be copied."""
    job: Manifest | None
    """What copies them."""
    deployments: list[Manifest]
    """As they were."""
    service: Manifest | None
    """As it was, if it is handed over."""
    scalers: list[Manifest]
    cron_jobs: list[Manifest]
    identity: dict[str, str]
    """What Mage says of its project; empty if it did not answer."""
    unneeded: list[str]
    """`kind/name` of what is of no use afterwards."""
    kept: list[str]
    """`kind/name` of what may be in use, and which neither Helm nor the operator will look after."""
    left: Manifest | None = None
    """The release's Service as it was, if it is not handed over."""

    @property
    def name(self) -> str:
        """Of the MageCluster."""
        name: str = self.cluster["metadata"]["name"]
        return name


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What adopting would do."""

    takeover: Takeover
    differences: tuple[Difference, ...]
    obstacles: tuple[str, ...]
    """Each with its remedy. While there are any, nothing is done."""


class Findings:
    """Collects what differs and what stands in the way."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.obstacles: list[str] = []

    def differs(self, what: str, text: str) -> None:
        """Something that is told."""
        self.differences.append(Difference(what, text))

    def stops(self, text: str) -> None:
        """Something that has to be dealt with first."""
        self.obstacles.append(text)


RUNS_REMEDY = "and Mage would begin their blocks anew: wait for them, or say --interrupt-runs"
"""What is said of runs that would be cut off."""


def runs_in(status: Mapping[str, Any] | None) -> int:
    """Pipeline runs that are under way, by what Mage says at /api/statuses; 0 if it says nothing."""
    return int((status or {}).get("active_pipeline_run_count") or 0)


def texts_name(cluster: str) -> str:
    """The Secret with values of variables, which are the cluster's own from then on."""
    return f"{cluster}-adopted-env"


def record_name(cluster: str) -> str:
    """The Secret with all that is needed to go on with a takeover, and to go back."""
    return f"{cluster}-adoption"


def version_of(image: str) -> tuple[int, ...] | None:
    """Of Mage, by the tag of its image; `None` where that does not say."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(\D.*)?", image.partition("@")[0].rpartition("/")[2].partition(":")[2])
    return tuple(int(found[n]) for n in (1, 2, 3)) if found else None
