"""What the steps of a takeover and of its way back ask of the API server, and what of that the person may not."""

import asyncio
from collections.abc import Mapping

from magecluster.adopt.facts import Takeover
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import (
    ACCESS_REVIEWS,
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    MAGE_CLUSTERS,
    PODS,
    SCALERS,
    SECRETS,
    SERVICES,
    VOLUMES,
    Kind,
)


def needed(takeover: Takeover) -> Mapping[Kind, tuple[str, ...]]:
    """Verbs by kind. The way back makes and replaces what the way there removes and changes."""
    return {
        MAGE_CLUSTERS: ("get", "create", "patch", "delete"),
        SECRETS: ("get", "list", "create", "patch", "delete"),
        DEPLOYMENTS: ("get", "create", "update", "patch", "delete"),
        PODS: ("list",),
        **({SERVICES: ("get", "create", "update", "patch")} if takeover.service or takeover.left else {}),
        **({SCALERS: ("get", "create", "update", "delete")} if takeover.scalers else {}),
        **({CRON_JOBS: ("get", "update", "patch")} if takeover.cron_jobs else {}),
        **({VOLUMES: ("get", "create", "patch", "delete")} if takeover.claim else {}),
        **({JOBS: ("get", "create", "delete")} if takeover.job else {}),
    }


async def missing(connection: Connection, takeover: Takeover) -> list[str]:
    """Such as `patch cronjobs.batch`. Raises `KubeError`."""
    asked = [(verb, kind) for kind, verbs in needed(takeover).items() for verb in verbs]
    granted = await asyncio.gather(*(may(connection, takeover.namespace, verb, kind) for verb, kind in asked))
    return [f"{verb} {_told(kind)}" for (verb, kind), yes in zip(asked, granted, strict=True) if not yes]


async def may(connection: Connection, namespace: str, verb: str, kind: Kind) -> bool:
    """Whether the authorizer says yes. Raises `KubeError`."""
    attributes = {"namespace": namespace, "verb": verb, "group": kind.group, "resource": kind.plural}
    review = {
        "apiVersion": f"{ACCESS_REVIEWS.group}/{ACCESS_REVIEWS.version}",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await connection.create(ACCESS_REVIEWS.path(), review)
    return bool(answer["status"]["allowed"])


def _told(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural
