"""A real local Kubernetes. For people there is hack/cluster; for tests: `up(name, nodes)` and what it returns."""

from devkit.cluster.api import Cluster, find, up

__all__ = ["Cluster", "find", "up"]
