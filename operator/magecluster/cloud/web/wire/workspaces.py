"""Workspaces, as gateways ask for them. People use Mage's own bodies at the gateway."""

from typing import Annotated, Literal

from pydantic import Field

from magecluster.api.pod import Resources
from magecluster.api.status import State
from magecluster.api.workspaces import NAME_LENGTH, WORKSPACE_NAME
from magecluster.cloud.web.wire.base import Answer, Timestamp, Wire

PERSON_LENGTH = 254
Person = Annotated[str, Field(max_length=PERSON_LENGTH)]
"""For whom the gateway asks, as Mage knows them: only for the audit."""


class ImageWish(Wire):
    """Replaces the image as a whole."""

    repository: str
    tag: str | None = None
    digest: str | None = None


class StorageWish(Wire):
    """The volume of a new workspace."""

    size: str | None = None
    storage_class_name: str | None = None
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] | None = None
    retention: Literal["Retain", "Delete"] | None = None


class WorkspaceChange(Wire):
    """What shall be different."""

    image: ImageWish | None = None
    image_tag: str | None = None
    resources: Resources | None = None
    variables: Annotated[dict[str, str], Field(max_length=500, default_factory=dict)]
    """Environment variables by name; others stay."""
    ingress: bool = False
    """Have an address of its own from outside."""
    ingress_name: str | None = None
    """Of the cluster's own Ingress; there is no other."""
    namespace: str | None = None
    """That of the cluster; there is no other."""
    renew: bool = False
    """Take over the variables of the cluster anew, and drop those that it has no more."""
    status: Literal["Active", "Stopped"] | None = None
    for_: Annotated[Person, Field(alias="for")] = ""


class WorkspacePut(Wire):
    """Body of PUT."""

    workspace: WorkspaceChange


class NewWorkspace(WorkspaceChange):
    """A workspace to be made."""

    name: Annotated[str, Field(pattern=f"^{WORKSPACE_NAME}$", max_length=NAME_LENGTH)]
    storage: StorageWish = StorageWish()


class WorkspacePost(Wire):
    """Body of POST."""

    workspace: NewWorkspace


class Workspace(Answer):
    """A workspace: what is wished, and what is observed."""

    name: str
    cluster: str
    """Name of its MageCluster."""
    namespace: str
    path: str
    """Where it is served below its cluster's host."""
    address: str
    """Where it answers inside Kubernetes."""
    status: Literal["Active", "Stopped"]
    """What is wished."""
    state: State
    """What is observed."""
    message: str
    """Why."""
    image: str
    resources: Resources
    storage: StorageWish
    ingress: bool
    uuid: str
    created_at: Timestamp | None


class WorkspaceAnswer(Answer):
    """One workspace."""

    workspace: Workspace


class WorkspaceList(Answer):
    """Workspaces of a cluster, by name."""

    workspaces: list[Workspace]
