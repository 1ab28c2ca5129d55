"""Tokens of pods: which cluster a gateway speaks for, as the API server says (TokenReview)."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from magecluster.api.workspaces import AUDIENCE
from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.errors import TooManyRequestsError
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import TOKEN_REVIEWS

KEPT_SECONDS = 30.0
"""How long an answer is good for: a pod that is deleted speaks for its cluster no longer than that."""
MOST_KEPT = 10_000

_PREFIX, _SUFFIX = "system:serviceaccount:", "-mage"
"""See `resources.metadata.service_account_name`."""


class Speaker(NamedTuple):
    """The cluster for which a pod speaks."""

    namespace: str
    name: str


class Pods:
    """Asks the API server about a token, and remembers the answer for a while."""

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection, self._clock = connection, clock
        self._kept: OrderedDict[str, tuple[float, Speaker | None]] = OrderedDict()
        self._addresses = TokenBuckets(rate=2, burst=30)

    async def speaker(self, token: str, address: str) -> Speaker | None:
        """`None` for a token that is none, or not a Mage pod's. Raises `TooManyRequestsError`, `KubeError`."""
        digest, now = hashlib.sha256(token.encode()).hexdigest(), self._clock()
        kept = self._kept.get(digest)
        if kept and kept[0] > now:
            return kept[1]
        if wait := self._addresses.take(address, now):  # everybody can make up tokens
            raise TooManyRequestsError("too many tokens that nobody knows: wait, and then try again", retry_after=wait)
        found = await self._review(token)
        self._kept[digest] = (now + KEPT_SECONDS, found)
        self._kept.move_to_end(digest)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _review(self, token: str) -> Speaker | None:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [AUDIENCE]},
        }
        status = (await self._connection.create(TOKEN_REVIEWS.path(), review)).get("status", {})
        user = status.get("user", {}).get("username", "")
        if not status.get("authenticated") or AUDIENCE not in status.get("audiences", ()):
            return None
        namespace, _, account = user.removeprefix(_PREFIX).partition(":")
        if not user.startswith(_PREFIX) or not account.endswith(_SUFFIX):
            return None
        return Speaker(namespace, account.removesuffix(_SUFFIX))
