"""All that the operator and the Cloud API do with Kubernetes, done once."""

from typing import Any

from tests.support.cloud_api import Client, a_team, good
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster

NOWHERE = {"nodeSelector": {"example.com/pool": "none"}}
"""No pod of these clusters ever runs."""


def by_the_operator(space: Namespace) -> None:
    """Clusters with all that they can consist of and refer to, which then cease to want it, and taken names."""
    space.kubectl("create", "configmap", "settings", "--from-literal=region=north")
    region = {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region"}}}
    wanted: Manifest = {
        "extraEnvs": [region],
        "ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]},
        "kubernetesExecutor": {"enabled": True},
    }
    space.apply(a_cluster("everything", **wanted, **NOWHERE, storage={"retention": "Delete"}))
    eventually(lambda: space.get("role", "everything-mage") and space.get("ingress", "everything"), what="all objects")
    eventually(lambda: space.condition("everything", "Degraded")["reason"] == "Unschedulable", what="the cause")
    space.apply(a_cluster("everything", **NOWHERE, storage={"retention": "Retain"}))
    eventually(lambda: not space.all("ingresses") and not space.get("role", "everything-mage"), what="they are gone")
    _take_names(space, "taken")
    space.apply(a_cluster("taken", **wanted, **NOWHERE))
    eventually(lambda: space.condition("taken", "Degraded")["reason"] == "NameConflict", what="the conflict")


def by_the_cloud_api(client: Client, own: Namespace, space: Namespace, *, workspaces: bool) -> None:
    """As an administrator of the installation, whose namespace is `own`; `space` becomes that of a team."""
    team = space.name
    own.apply(a_team(f"{team}-kubectl", f"{team}-other"))
    good(client("POST", "/teams", {"team": {"id": team, "namespace": team}}))
    good(client("PUT", f"/teams/{team}/members/ed@example.com", {"member": {"role": "Editor"}}))
    secret = {"name": "TOKEN", "value": "x", "secret": True}
    path = f"/teams/{team}/clusters"
    good(client("POST", path, {"cluster": {"name": "demo", "config": {"extraEnvs": [secret], **NOWHERE}}}))
    good(client("PUT", f"{path}/demo", {"cluster": {"config": {"extraEnvs": [{**secret, "value": "y"}]}}}))
    asked: Manifest = {"email": "new@example.com", "role": "Viewer"}
    invited = good(client("POST", f"/teams/{team}/invitations", {"invitation": asked}))
    good(client("DELETE", f"/teams/{team}/invitations/{invited['invitation']['id']}"))
    asked = {"name": "ci", "scopes": ["clusters:read"]}
    token = good(client("POST", f"/teams/{team}/tokens", {"token": asked}))["token"]
    good(client("DELETE", f"/teams/{team}/tokens/{token['id']}"))
    if workspaces:
        _by_a_gateway(client.url, space)
    good(client("DELETE", f"{path}/demo"))
    # Events are recorded in the background.
    eventually(lambda: any(reason == "Deleted" for reason, _ in space.events("demo")), what="an Event")
    good(client("DELETE", f"/teams/{team}"))
    own.kubectl("delete", "mageteam", f"{team}-kubectl")


def _by_a_gateway(url: str, space: Namespace) -> None:
    eventually(lambda: space.get("serviceaccount", "demo-mage"), what="the account of the pod")
    client = Client(url, space.kubectl("create", "token", "demo-mage", "--audience=magecluster").strip())
    good(client("POST", "/workspaces", {"workspace": {"name": "anna"}}))
    good(client("DELETE", "/workspaces/anna"))


def _take_names(space: Namespace, name: str) -> None:
    labels = {"app": "theirs"}
    port = [{"port": 80}]
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    container = {"name": "theirs", "image": "registry.example.com/none"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "none"}
    deployment = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    space.apply(
        _object("apps/v1", "Deployment", name, spec=deployment),
        _object("v1", "Service", name, spec={"ports": port, "selector": labels}),
        _object("v1", "ServiceAccount", f"{name}-mage"),
        _object("v1", "PersistentVolumeClaim", f"{name}-data", spec=claim),
        _object("v1", "Secret", f"{name}-auth"),
        _object("networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": {"matchLabels": labels}}),
        _object("networking.k8s.io/v1", "Ingress", name, spec={"rules": rules}),
        _object("rbac.authorization.k8s.io/v1", "Role", f"{name}-mage", rules=[]),
        _object("rbac.authorization.k8s.io/v1", "RoleBinding", f"{name}-mage", roleRef=role, subjects=[]),
    )


def _object(version: str, kind: str, name: str, **content: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}
