"""Workspaces: clusters that belong to another one, such as a Mage of one's own for each user."""

from typing import Annotated

from pydantic import Field

from magecluster.api.model import ApiModel

AUDIENCE = "magecluster"
"""Whom the token of a pod is for, by which its gateway shows the Cloud API what cluster it speaks for."""

TOKEN_SECONDS = 3600
"""How long such a token is valid; the kubelet renews it when four fifths are over."""

NAME_LENGTH = 30
WORKSPACE_NAME = rf"[a-z](?:[-a-z0-9]{{0,{NAME_LENGTH - 2}}}[a-z0-9])?"
"""Of a workspace within its cluster; it is the first part of its path, too."""

TAKEN = frozenset(
    {
        "api",
        "block-layout",
        "compute",
        "event-streams",
        "files",
        "fonts",
        "global-data-products",
        "global-hooks",
        "images",
        "manage",
        "metrics",
        "monaco-editor",
        "oauth",
        "overview",
        "pipeline-runs",
        "pipelines",
        "platform",
        "secrets",
        "settings",
        "sign-in",
        "templates",
        "terminal",
        "test",
        "triggers",
        "v2",
        "version-control",
        "websocket",
        "workers",
    }
)
"""Where Mage's own pages, files and API begin: no workspace can be reached by these."""


class WorkspaceOf(ApiModel):
    """Makes the cluster a workspace: it is reached below the address of another one, whose owners manage it."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
    """Name of that cluster, in the same namespace."""


def cluster_name(parent: str, workspace: str) -> str:
    """Name of the MageCluster that is this workspace of that cluster."""
    return f"{parent}-{workspace}"
