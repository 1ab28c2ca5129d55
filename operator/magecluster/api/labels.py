"""Labels and annotations, and the selector that finds what belongs to a cluster."""

MANAGER = "magecluster-operator"
"""Field manager of every apply, and value of `app.kubernetes.io/managed-by`."""

CLOUD_API = "magecluster-cloud-api"
"""The same of the Cloud API."""

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = "app.kubernetes.io/managed-by"

SERVER = "server"
"""Component of everything that belongs to the Mage server of a cluster."""

MANAGED = f"{MANAGED_BY}={MANAGER}"
"""Label selector of everything that the operator made; narrows its watches."""

RESTARTED_AT = "magecluster.io/restarted-at"
"""Pod annotation: spec.restartedAt."""
INHERITED = "magecluster.io/inherited-variables"
"""Annotation of a workspace: names of the variables that it has from its cluster, between commas."""
REFERENCES = "magecluster.io/references-checksum"
"""Pod annotation: changes with the content of the Secrets and ConfigMaps that the pod reads at its start."""


def selector(cluster: str) -> dict[str, str]:
    """Labels of the pods of a cluster. Selectors are immutable, so nothing that can change stands in them."""
    return {NAME: "mage", INSTANCE: cluster, COMPONENT: SERVER}


def labels(cluster: str) -> dict[str, str]:
    """Labels of every object of a cluster."""
    return {**selector(cluster), MANAGED_BY: MANAGER}
