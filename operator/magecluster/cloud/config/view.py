"""What a client reads: the spec as `config`, by the names of Mage's Helm values, and the wish as `status`."""

from typing import Any

from magecluster.api.model import Manifest
from magecluster.cloud.config.environment import shown
from magecluster.cloud.config.fields import ENVS, Path, completed, leaves, tree
from magecluster.cloud.config.power import STATUS, wish_of
from magecluster.cloud.config.revision import Digester, Revision

REVISION = "revision"


def digester(cluster: Manifest, key: bytes) -> Digester:
    """For the revisions of one cluster, by its UID."""
    return Digester(key, cluster["metadata"].get("uid", ""))


def readable(spec: Manifest) -> dict[Path, Any]:
    """The leaves of what a client reads of a completed spec: those of the config, and the status beside it."""
    config = {key: value for key, value in spec.items() if key != STATUS}
    return {(STATUS,): wish_of(spec).value, **leaves(tree(config))}


def view(cluster: Manifest, key: bytes, *, reveal: bool) -> Manifest:
    """`{"config": {…, "revision"}, "status"}` of a live MageCluster; `status` is Active or Stopped.

    `key` is the server's secret for revisions. Without `reveal`, variables that look secret are masked; the revision is
    the same for everybody.
    """
    spec = completed(cluster.get("spec") or {})
    config = {name: value for name, value in spec.items() if name != STATUS}
    config[ENVS] = [shown(env, reveal=reveal) for env in config.get(ENVS, ())]
    config[REVISION] = Revision.of(readable(spec), digester(cluster, key)).text()
    return {"config": config, "status": wish_of(spec).value}
