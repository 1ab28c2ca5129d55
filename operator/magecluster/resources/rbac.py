"""What Mage may do when it runs blocks as Kubernetes Jobs."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import metadata, service_account_name

_RBAC = "rbac.authorization.k8s.io"


def role(cluster: MageCluster) -> Manifest:
    """The calls that Mage's executor makes in its namespace: read its own pod, run and watch Jobs, read their logs."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata(cluster, service_account_name(cluster)),
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "watch"]},
            {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["get"]},
        ],
    }


def role_binding(cluster: MageCluster) -> Manifest:
    """Gives that role to the cluster's pod."""
    name = service_account_name(cluster)
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(cluster, name),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cluster.metadata.namespace}],
    }
