"""The limits of a team, judged when a cluster is made or changed.

What the clusters of a team use together, by the wish in their specs and not by what runs at the moment:

| limit           | what a cluster counts                                                                        |
|-----------------|----------------------------------------------------------------------------------------------|
| clusters        | 1                                                                                            |
| runningClusters | 1 if it is to run                                                                            |
| cpu, memory     | resources.limits, else requests, of its containers, times replicaCount, if it is to run      |
| storage         | storage.size                                                                                 |

Only a change that makes a cluster count more can exceed a limit: who is above one, because it was lowered, can still
go down, stop, and change everything else. A container that names no cpu may take as much as there is, so where cpu is
limited it counts more than any amount: such a cluster cannot start, and if it runs already it counts 0 for the others.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from magecluster.api.mageteam import Limits
from magecluster.api.model import Manifest
from magecluster.api.quantity import amount_of
from magecluster.api.spec import PowerState
from magecluster.cloud.config.power import COUNT, wish_of

_BYTES = ("", "k", "Ki", "M", "Mi", "G", "Gi", "T", "Ti", "P", "Pi")
_CORES = ("", "m", "u", "n")


class _Use(NamedTuple):
    """Compared like this: any number of pods without a bound is more than any amount."""

    unbounded: int
    """Pods times containers that name no amount."""
    amount: Fraction


class _Sort(NamedTuple):
    """One limit of a team."""

    name: str
    limit: str | int
    use: Callable[[Manifest], _Use]
    suffixes: tuple[str, ...]
    remedy: str


def exceeded(limits: Limits, others: Iterable[Manifest], before: Manifest | None, after: Manifest) -> list[str]:
    """What a change would exceed: one sentence a limit, with what is used, what it would be, and what to do.

    `others` are the specs of the team's other clusters; `before` and `after` those of the one that changes, `None` for
    a new one. All have their defaults filled in.
    """
    rest = list(others)
    return [told for sort in _sorts(limits) if (told := _judged(sort, rest, before, after))]


def _sorts(limits: Limits) -> Iterator[_Sort]:
    if limits.clusters is not None:
        yield _Sort("clusters", limits.clusters, _exists, _CORES, "delete one that is not needed")
    if limits.running_clusters is not None:
        yield _Sort("runningClusters", limits.running_clusters, _runs, _CORES, "stop one that is not needed")
    if limits.cpu is not None:
        yield _Sort("cpu", limits.cpu, partial(_compute, "cpu"), _CORES, "ask for less, or stop another cluster")
    if limits.memory is not None:
        use = partial(_compute, "memory")
        yield _Sort("memory", limits.memory, use, _BYTES, "ask for less, or stop another cluster")
    if limits.storage is not None:
        yield _Sort("storage", limits.storage, _stored, _BYTES, "ask for less, or delete another cluster")


def _judged(sort: _Sort, others: list[Manifest], before: Manifest | None, after: Manifest) -> str | None:
    nothing = _Use(0, Fraction(0))
    old, new = nothing if before is None else sort.use(before), sort.use(after)
    if new <= old:
        return None
    if new.unbounded > old.unbounded:
        fields = " and ".join(f"{place}.limits.{sort.name}" for place in _unnamed(after, sort.name))
        return (
            f"{sort.name}: the team has a limit of {sort.limit}, so a cluster has to name what it takes: set {fields}"
        )
    rest = sum((sort.use(spec).amount for spec in others), Fraction(0))
    if rest + new.amount <= amount_of(sort.limit):
        return None
    used, wanted = (_text(rest + use.amount, sort.suffixes) for use in (old, new))
    return f"{sort.name}: {used} in use, {wanted} with this change, the limit is {sort.limit}: {sort.remedy}"


def _exists(_: Manifest) -> _Use:
    return _Use(0, Fraction(1))


def _runs(spec: Manifest) -> _Use:
    return _Use(0, Fraction(wish_of(spec) is PowerState.ACTIVE))


def _stored(spec: Manifest) -> _Use:
    amount = _amount(spec.get("storage", {}).get("size"))
    return _Use(0, amount or Fraction(0))


def _compute(resource: str, spec: Manifest) -> _Use:
    if wish_of(spec) is PowerState.STOPPED:
        return _Use(0, Fraction(0))
    pods: int = spec.get(COUNT, 1)
    named = [amount for _, amount in _containers(spec, resource) if amount is not None]
    return _Use(pods * len(_unnamed(spec, resource)), pods * sum(named, Fraction(0)))


def _unnamed(spec: Manifest, resource: str) -> list[str]:
    return [place for place, amount in _containers(spec, resource) if amount is None]


def _containers(spec: Manifest, resource: str) -> Iterator[tuple[str, Fraction | None]]:
    """Field of a container's resources, and how much it may take of one."""
    gateway = spec.get("gateway", {})
    places = {"resources": spec}
    if gateway.get("enabled"):
        places |= {"gateway.resources": gateway, "gateway.runs.resources": gateway.get("runs", {})}
        places |= {"git.resources": spec["git"]} if spec.get("git") else {}
    for place, owner in places.items():
        resources = owner.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        yield place, _amount(limits.get(resource, requests.get(resource)))


def _amount(quantity: str | int | None) -> Fraction | None:
    """`None` also for what cannot be read: the schema lets some of it through, and no pod can be made of it."""
    try:
        return None if quantity is None else amount_of(quantity)
    except ValueError:
        return None


def _text(amount: Fraction, suffixes: tuple[str, ...]) -> str:
    """The shortest way to write it exactly, for example `3500m` and `1536Mi`."""
    counts = ((amount / amount_of(f"1{suffix}"), suffix) for suffix in suffixes)
    exact = (f"{count.numerator}{suffix}" for count, suffix in counts if count.denominator == 1)
    return min(exact, key=len, default=str(float(amount)))
