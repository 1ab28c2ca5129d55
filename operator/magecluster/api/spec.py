"""The desired state of a cluster."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from magecluster.api.environment import EnvVar
from magecluster.api.gateway import Gateway
from magecluster.api.git import Git
from magecluster.api.model import QUANTITY, ApiModel, DataKey, DnsName, cel, rules
from magecluster.api.network import Ingress, Service
from magecluster.api.pod import (
    Affinity,
    Image,
    LocalObjectReference,
    PodAnnotations,
    PodLabels,
    PodSecurity,
    Resources,
    StringMap,
    Toleration,
)
from magecluster.api.workspaces import WorkspaceOf

PROJECT = r"^[A-Za-z0-9_][-A-Za-z0-9_.]*(/[A-Za-z0-9_][-A-Za-z0-9_.]*)*$"
"""A folder below the volume's root: no way up, and nothing hidden, where the operator keeps what is its own."""


class PowerState(StrEnum):
    """The wish whether Mage runs."""

    ACTIVE = "Active"
    STOPPED = "Stopped"


class Storage(ApiModel):
    """The volume at /home/src: project, block outputs, the key of Mage's secrets and, without `database`, all runs."""

    model_config = rules(
        cel(
            "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
            "a volume cannot be made smaller: keep the size, or copy the data to a new cluster",
            field=".size",
        ),
        cel(
            "has(self.storageClassName) == has(oldSelf.storageClassName) && "
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
            "storageClassName cannot be changed after creation: copy the data to a new cluster",
        ),
        cel(
            "self.accessMode == oldSelf.accessMode",
            "accessMode cannot be changed after creation: copy the data to a new cluster",
            field=".accessMode",
        ),
        cel(
            "has(self.existingClaim) == has(oldSelf.existingClaim) && "
            "(!has(self.existingClaim) || self.existingClaim == oldSelf.existingClaim)",
            "existingClaim cannot be changed after creation: create a new cluster with the other claim",
        ),
        cel(
            "self.project == oldSelf.project",
            "project cannot be changed after creation, because Mage's database names it: create a new cluster",
            field=".project",
        ),
        cel(
            "!has(self.existingClaim) || self.retention == 'Retain'",
            "an existing claim is never deleted with the cluster: use retention Retain, and delete the claim by hand",
            field=".retention",
        ),
    )

    size: Annotated[str, Field(pattern=QUANTITY, max_length=32)] = "10Gi"
    """Size of the volume. It can grow where the storage class allows that, and never shrink."""
    storage_class_name: DnsName | None = None
    """Storage class; the default class when absent. Cannot be changed."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteOnce"
    """ReadWriteMany is needed for several replicas and for Kubernetes Jobs on other nodes. Cannot be changed."""
    retention: Literal["Retain", "Delete"] = "Retain"
    """What becomes of the volume when the cluster is deleted. A new cluster of that name takes up a retained one."""
    existing_claim: DnsName | None = None
    """A PersistentVolumeClaim of the namespace that is mounted as it is instead of one of the operator's own. It stays
    its owner's: `size`, `storageClassName` and `accessMode` then only tell what it has. One cluster a claim. Cannot be
    changed."""
    project: Annotated[str, Field(pattern=PROJECT, max_length=255)] = "default_repo"
    """Folder of the project on the volume, below /home/src. Cannot be changed."""


class DatabaseSecret(ApiModel):
    """One key of a Secret in the namespace of the cluster."""

    name: DnsName
    """Name of the Secret."""
    key: DataKey = "url"
    """Key in its data."""


class Database(ApiModel):
    """PostgreSQL for runs, triggers and users."""

    secret_key_ref: DatabaseSecret
    """Where the connection URL stands, for example `postgresql+psycopg2://user:password@host:5432/mage`."""


class Auth(ApiModel):
    """The first user, who owns the project. Login is always required."""

    owner_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] = "owner@mage.local"
    """E-mail of the owner, used at the first start of a new project."""
    existing_secret: DnsName | None = None
    """A Secret with the keys owner-password, jwt-secret and jwt-download-secret; one is generated when absent."""


class KubernetesExecutor(ApiModel):
    """Runs blocks as Kubernetes Jobs. Only then does Mage get a service-account token."""

    enabled: bool | None = None
    """Give Mage the right to run Jobs. When absent: yes if DEFAULT_EXECUTOR_TYPE in extraEnvs is k8s."""


class MageClusterSpec(ApiModel):
    """Desired state. Names are those of Mage's Helm values wherever they exist."""

    model_config = rules(
        cel(
            "self.replicaCount <= 1 || (self.storage.accessMode == 'ReadWriteMany' && has(self.database) "
            "&& self.extraEnvs.exists(e, e.name == 'REDIS_URL'))",
            "more than one replica needs REDIS_URL in extraEnvs, storage.accessMode ReadWriteMany and a database: "
            "without them Mage runs every trigger twice; set them or use replicaCount 1",
            field=".replicaCount",
        ),
        cel(
            "!has(self.git) || self.gateway.enabled",
            "deployments are asked for through the gateway: set gateway.enabled to true, or remove git",
            field=".git",
        ),
        cel(
            "has(self.workspaceOf) == has(oldSelf.workspaceOf) && "
            "(!has(self.workspaceOf) || self.workspaceOf == oldSelf.workspaceOf)",
            "workspaceOf cannot be changed after creation: make another cluster",
        ),
        cel(
            "self.podSecurity.standard != 'Restricted' || !(has(self.kubernetesExecutor.enabled) ? "
            "self.kubernetesExecutor.enabled : self.extraEnvs.exists(e, e.name == 'DEFAULT_EXECUTOR_TYPE' "
            "&& has(e.value) && e.value == 'k8s'))",
            "Mage's Jobs have no security context and run as root: use podSecurity.standard Baseline, or blocks "
            "without Jobs",
            field=".podSecurity",
        ),
    )

    status: PowerState = PowerState.ACTIVE
    """Active runs Mage; Stopped removes its pods and keeps everything else, replicaCount included."""
    replica_count: Annotated[int, Field(ge=0, le=10)] = 1
    """Pods of Mage. 0 stops the cluster. Use 1 unless Redis, a shared volume and PostgreSQL are in place."""
    image: Image = Image()
    """The Mage image."""
    extra_envs: Annotated[
        list[EnvVar],
        Field(
            max_length=500, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = []
    """Environment variables of Mage and its blocks."""
    resources: Resources = Resources()
    """CPU and memory of the Mage container."""
    image_pull_secrets: Annotated[
        list[LocalObjectReference], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Secrets with credentials for a private registry."""
    node_selector: StringMap = {}
    """Labels that a node must have."""
    tolerations: Annotated[
        list[Toleration], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Taints that the pod tolerates."""
    affinity: Affinity | None = None
    """Rules that attract the pod to nodes or keep it away."""
    pod_security: PodSecurity = PodSecurity()
    """What the processes of the pod may do."""
    pod_annotations: PodAnnotations = {}
    """Annotations of the pod. A change restarts it."""
    pod_labels: PodLabels = {}
    """More labels of the pod. A change restarts it."""
    service: Service = Service()
    """The address inside Kubernetes."""
    ingress: Ingress = Ingress()
    """The address from outside."""
    storage: Storage = Storage()
    """The volume of the project."""
    database: Database | None = None
    """PostgreSQL by connection URL. SQLite on the volume when absent."""
    auth: Auth = Auth()
    """First user and signing keys."""
    gateway: Gateway = Gateway()
    """The container in front of Mage."""
    kubernetes_executor: KubernetesExecutor = KubernetesExecutor()
    """Blocks as Kubernetes Jobs."""
    git: Git | None = None
    """Repository whose commits can be deployed into the project."""
    workspace_of: WorkspaceOf | None = None
    """The cluster that this one is a workspace of. Cannot be changed."""
    restarted_at: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})] | None = None
    """A new time restarts the pod once; the same time again does nothing."""
