"""Kinds of objects and their paths in the API."""

from typing import NamedTuple

from magecluster.api.magecluster import GROUP, PLURAL, VERSION
from magecluster.api.mageteam import TEAM_PLURAL
from magecluster.api.model import Manifest

Identity = tuple[str, str, str]
"""Namespace, name and UID of an object."""


class Kind(NamedTuple):
    """A kind, as the API server addresses it."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of a collection, an object or a subresource; over all namespaces without `namespace`."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, f"namespaces/{namespace}" if namespace else "", self.plural, name or "", subresource or ""]
        return "/".join(part for part in parts if part)


MAGE_CLUSTERS = Kind(GROUP, VERSION, PLURAL)
MAGE_TEAMS = Kind(GROUP, VERSION, TEAM_PLURAL)
CONFIG_MAPS = Kind("", "v1", "configmaps")
EVENTS = Kind("", "v1", "events")
NAMESPACES = Kind("", "v1", "namespaces")
PODS = Kind("", "v1", "pods")
SECRETS = Kind("", "v1", "secrets")
VOLUMES = Kind("", "v1", "persistentvolumeclaims")
SERVICE_ACCOUNTS = Kind("", "v1", "serviceaccounts")
SERVICES = Kind("", "v1", "services")
DEPLOYMENTS = Kind("apps", "v1", "deployments")
JOBS = Kind("batch", "v1", "jobs")
CRON_JOBS = Kind("batch", "v1", "cronjobs")
SCALERS = Kind("autoscaling", "v2", "horizontalpodautoscalers")
LEASES = Kind("coordination.k8s.io", "v1", "leases")
INGRESSES = Kind("networking.k8s.io", "v1", "ingresses")
NETWORK_POLICIES = Kind("networking.k8s.io", "v1", "networkpolicies")
ROLES = Kind("rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "rolebindings")
ACCESS_REVIEWS = Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
TOKEN_REVIEWS = Kind("authentication.k8s.io", "v1", "tokenreviews")

OWNED = {
    "PersistentVolumeClaim": VOLUMES,
    "ServiceAccount": SERVICE_ACCOUNTS,
    "Service": SERVICES,
    "Deployment": DEPLOYMENTS,
    "Ingress": INGRESSES,
    "NetworkPolicy": NETWORK_POLICIES,
    "Role": ROLES,
    "RoleBinding": ROLE_BINDINGS,
}
"""Kinds that a cluster consists of and that are watched. Secrets are not among them: they are read by name."""


def kind_of(manifest: Manifest) -> Kind:
    """The kind of an object that a cluster consists of."""
    return SECRETS if manifest["kind"] == "Secret" else OWNED[manifest["kind"]]


def identity_of(live: Manifest) -> Identity:
    """Tells an object from a later one of the same name."""
    metadata = live["metadata"]
    return metadata["namespace"], metadata["name"], metadata["uid"]
