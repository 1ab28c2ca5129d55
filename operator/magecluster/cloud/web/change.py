"""A change of one cluster: merged, judged, written, and tried again from the newest state when somebody was faster."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from magecluster.api.environment import looks_secret
from magecluster.api.magecluster import MageCluster
from magecluster.api.mageteam import MageTeam
from magecluster.api.model import Manifest
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.config.environment import MASK, secret_name
from magecluster.cloud.config.fields import ENVS, EXECUTOR, PROGRAMS, Path, leaves, named, tree
from magecluster.cloud.config.merge import Change, keys, merge
from magecluster.cloud.config.owners import held
from magecluster.cloud.config.power import COUNT, RESTARTED_AT, STATUS
from magecluster.cloud.config.quota import exceeded
from magecluster.cloud.errors import CloudError, ConflictError, HeldError, LimitError, NotFoundError, PreconditionError
from magecluster.cloud.web.call import Call
from magecluster.cloud.web.present import etag
from magecluster.cloud.web.services import Services, rfc3339
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError
from magecluster.resources.deployment import deployment
from magecluster.resources.platform import Platform

ATTEMPTS = 20
"""A cluster that starts changes some times a second; each attempt reads it anew."""
BACKOFF_SECONDS = 0.01

_PLATFORM = Platform(gateway_image="unchanged")


@dataclass(frozen=True)
class Done:
    """What came of a change."""

    before: Manifest | None
    """`None` for a cluster that did not exist."""
    live: Manifest
    change: Change
    """Empty when everything was as wished already."""

    @property
    def restarts(self) -> bool:
        """Whether a pod that runs is replaced by one that sees the change."""
        if self.before is None or not self.change.patch:
            return False
        old, new = _pod(self.before), _pod(self.live)
        return old is not None and new is not None and old != new


Config = Callable[[Manifest], object]
"""What is sent, where it depends on the version that it meets. Raises `CloudError`."""


async def change(call: Call, config: object | Config, status: object) -> Done:
    """Carry out a PUT or PATCH. Raises `CloudError`, `KubeError`."""
    async with turn(call, call.path("cluster")):
        return await _change(call, config, status)


def turn(call: Call, name: str) -> asyncio.Lock:
    """To be held while a cluster is changed.

    Requests for one cluster queue up here, instead of all but one being refused by the API server. Within a team that
    has limits, all do: two changes could each fit, and not both.
    """
    spec = call.of().spec
    key = spec.namespace if spec.limits.manifest() else f"{spec.namespace}/{name}"
    return call.services.turns.setdefault(key, asyncio.Lock())


async def _change(call: Call, config: object | Config, status: object) -> Done:
    namespace, name = call.of().spec.namespace, call.path("cluster")
    known = call.services.clusters.find(namespace, name)
    for attempt in range(ATTEMPTS):
        live = known or await fresh(call, namespace, name)
        done = await _attempt(call, live, config, status, newest=known is None)
        if done is not None:
            return done
        known = None
        await asyncio.sleep(BACKOFF_SECONDS * attempt)
    raise ConflictError("the cluster changes again and again: try again")


async def _attempt(call: Call, live: Manifest, config: object | Config, status: object, *, newest: bool) -> Done | None:
    """`None` when a newer version has to be looked at.

    What is known may be behind: it refuses nothing, and nothing counts as done that others may have undone.
    """
    team, services = call.of(), call.services
    try:
        check_match(call, live)
        wish = merge(
            live,
            config(live) if callable(config) else config,
            status,
            key=services.key,
            now=rfc3339(services.clock()),
            secrets=team.spec.secrets,
        )
        if wish.patch:
            judge(call, team, live, wish)
    except CloudError:
        if newest:
            raise
        return None
    if not wish.patch:
        return Done(live, live, wish) if newest else None
    try:
        return Done(live, await _write(call, live, wish), wish)
    except KubeConflictError:
        return None


def found(call: Call) -> Manifest:
    """The cluster of the path. Raises `NotFoundError`."""
    name = call.path("cluster")
    live = call.services.clusters.find(call.of().spec.namespace, name)
    if live is None:
        raise missing(call.of(), name)
    return live


async def fresh(call: Call, namespace: str, name: str) -> Manifest:
    """The same, from the API server. Raises `NotFoundError`, `KubeError`."""
    try:
        return await call.services.clusters.fresh(namespace, name)
    except KubeNotFoundError:
        raise missing(call.of(), name) from None


def missing(team: MageTeam, name: str) -> NotFoundError:
    """There is no such cluster."""
    return NotFoundError(f"team {team.metadata.name} has no cluster {name}")


def judge(call: Call, team: MageTeam, live: Manifest, wish: Change) -> None:
    """Rights, owners, limits. Raises `ForbiddenError`, `HeldError`, `LimitError`."""
    call.audit["changes"] = audited(wish)
    call.require(needed(wish))
    if not call.force:
        check_owners(live, wish.paths, call.services.settings.gitops_managers)
    check_limits(call, team, live["metadata"]["name"], wish.before, wish.after)


def needed(wish: Change) -> frozenset[Permission]:
    """What somebody must be allowed for a change."""
    return frozenset(_needed(path, wish) for path in wish.paths)


def _needed(path: Path, wish: Change) -> Permission:
    starts = path == (COUNT,) and wish.before.get(COUNT) == 0
    if starts or path in ((STATUS,), (RESTARTED_AT,)):
        return Permission.POWER
    return Permission.ENVIRONMENT if path[0] in (ENVS, EXECUTOR) or path in PROGRAMS else Permission.CHANGE


def check_owners(live: Manifest, paths: Collection[Path], managers: Collection[str]) -> None:
    """Raises `HeldError`."""
    metadata = live["metadata"]
    owners = held(metadata.get("managedFields", []), metadata.get("annotations", {}), paths, managers)
    if owners:
        told = ", ".join(f"{named(path)} by {manager}" for path, manager in owners.items())
        raise HeldError(
            f"held by GitOps, which would undo the change: {told}; change it in Git, or leave the field out of the "
            "manifest there, or take it over with ?force=true (Admins)",
            {named(path): f"is held by {manager}" for path, manager in owners.items()},
        )


def check_limits(call: Call, team: MageTeam, name: str, before: Manifest | None, after: Manifest) -> None:
    """Raises `LimitError`."""
    if not team.spec.limits.manifest():
        return  # most teams have none, and the others' specs need not be unpacked
    others = [
        live["spec"] for live in call.services.clusters.all(team.spec.namespace) if live["metadata"]["name"] != name
    ]
    if problems := exceeded(team.spec.limits, others, before, after):
        raise LimitError(f"the limits of team {team.metadata.name} do not allow it: {'; '.join(problems)}")


def check_match(call: Call, live: Manifest) -> None:
    """Judge `If-Match`: any ETag of the same config counts, whatever the state was. Raises `PreconditionError`."""
    wanted = call.request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if _config_of(etag(live)) not in map(_config_of, wanted.split(",")):
        raise PreconditionError("the cluster was changed since you read it: read it again and decide anew")


def _config_of(tag: str) -> str:
    """The part of an ETag that only the config decides about."""
    return tag.strip().removeprefix("W/").strip('"').rpartition("-")[0]


def audited(wish: Change) -> dict[str, list[Any]]:
    """Name of a field → value before and after; variables, and what looks secret, masked."""
    old, new = leaves(tree(wish.before)), leaves(tree(wish.after))
    return {named(path): [_masked(path, side.get(path)) for side in (old, new)] for path in wish.paths}


def _masked(path: Path, value: Any) -> Any:
    if value is None:
        return None
    if path[0] == ENVS:
        return MASK
    text = value if isinstance(value, str) else ""
    return MASK if looks_secret(path[-1], text) else value


async def _write(call: Call, live: Manifest, wish: Change) -> Manifest:
    services, metadata = call.services, live["metadata"]
    vault = secret_name(metadata["name"])
    if wish.texts and not call.dry_run:
        await services.vaults.put(metadata["namespace"], vault, metadata["name"], wish.texts, owner=live)
    after = await services.clusters.patch(live, wish.patch, dry_run=call.dry_run)
    if not call.dry_run and any(path[0] == ENVS for path in wish.paths):
        used = wish.keys | _used_elsewhere(services, metadata["namespace"], vault, metadata["name"])
        tidying = services.vaults.tidy(metadata["namespace"], vault, metadata["name"], used)
        services.background.start(tidying, f"tidy up Secret {vault}")
    return after


def _used_elsewhere(services: Services, namespace: str, vault: str, name: str) -> frozenset[str]:
    """Keys that other clusters refer to, such as workspaces."""
    others = (live for live in services.clusters.holding(namespace, f'"{vault}"') if live["metadata"]["name"] != name)
    return frozenset().union(*(keys(live["spec"], vault) for live in others))


def _pod(manifest: Manifest) -> Mapping[str, Any] | None:
    """The pod template, `None` when none is to run."""
    cluster = MageCluster.parse({**manifest, "status": {}})
    return deployment(cluster, "", _PLATFORM)["spec"]["template"] if cluster.wants_to_run else None
