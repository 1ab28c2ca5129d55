"""MageTeams as the API server keeps them."""

from typing import Any

from magecluster.api.model import Manifest

OWN = "mage-system"
"""The namespace of the Cloud API."""


def live_team(name: str = "lab", version: int = 1, *, uid: str = "", created: int = 0, **spec: Any) -> Manifest:
    """The MageTeam as it is read; its namespace is called as the team unless told otherwise."""
    metadata = {
        "name": name,
        "namespace": OWN,
        "uid": uid or f"u-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": f"2026-07-01T08:00:{created:02}Z",
    }
    return {
        "apiVersion": "magecluster.io/v1alpha1",
        "kind": "MageTeam",
        "metadata": metadata,
        "spec": {"namespace": name, **spec},
    }
