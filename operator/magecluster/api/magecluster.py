"""The MageCluster resource: what people apply and what the operator reconciles."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from magecluster.api.model import ApiModel, Manifest, cel, rules
from magecluster.api.spec import MageClusterSpec, PowerState
from magecluster.api.status import MageClusterStatus

GROUP = "magecluster.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "MageCluster"
PLURAL = "mageclusters"

NAME_LENGTH = 40
"""Leaves room, within the 63 characters of a label, for the suffixes of pods, Jobs and workspaces."""

NAME_RULE = cel(
    f"self.metadata.name.matches('^[a-z]([-a-z0-9]{{0,{NAME_LENGTH - 2}}}[a-z0-9])?$')",
    f"the name of a MageCluster has at most {NAME_LENGTH} characters: lower-case letters, digits and '-', "
    "beginning with a letter, because its Service carries the name",
)


class ObjectMeta(BaseModel):
    """The part of an object's metadata that the operator reads."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None
    creation_timestamp: str | None = None


class InvalidClusterError(ValueError):
    """The object is not a MageCluster of this version; the message lists every wrong field."""


class MageCluster(ApiModel):
    """A Mage project that runs on Kubernetes: pod, volume, address, credentials."""

    model_config = rules(NAME_RULE)

    api_version: str = API_VERSION
    kind: str = KIND
    metadata: ObjectMeta
    spec: MageClusterSpec = MageClusterSpec()
    """Desired state."""
    status: MageClusterStatus = MageClusterStatus()
    """Observed state."""

    @classmethod
    def parse(cls, manifest: Manifest) -> Self:
        """From the API server's object; for the status see `MageClusterStatus.parse`. Raises `InvalidClusterError`."""
        try:
            return cls.model_validate({**manifest, "status": MageClusterStatus.parse(manifest.get("status"))})
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidClusterError("; ".join(wrong)) from error

    @property
    def wants_to_run(self) -> bool:
        """Active with at least one replica."""
        return self.spec.status is PowerState.ACTIVE and self.spec.replica_count > 0

    @property
    def wanted_replicas(self) -> int:
        """Pods that should exist."""
        return self.spec.replica_count if self.wants_to_run else 0

    @property
    def environment(self) -> dict[str, str | None]:
        """Names of spec.extraEnvs with their literal values, `None` where the value comes from elsewhere."""
        return {env.name: env.value for env in self.spec.extra_envs}

    @property
    def uses_kubernetes_executor(self) -> bool:
        """Asked for, or implied by Mage's own variable, as the documented client sets it."""
        enabled = self.spec.kubernetes_executor.enabled
        return self.environment.get("DEFAULT_EXECUTOR_TYPE") == "k8s" if enabled is None else enabled
