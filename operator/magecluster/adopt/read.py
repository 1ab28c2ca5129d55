"""Reading a release: what Helm remembers of it, and its live objects."""

import asyncio
from collections.abc import Iterator
from typing import Any

from magecluster.adopt.facts import Live
from magecluster.adopt.helm import HELM, OWNER, Release, Templated, newest
from magecluster.adopt.pod import mage_of, pod_of
from magecluster.adopt.variables import variables
from magecluster.api.model import Manifest
from magecluster.api.network import MAGE_PORT
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.errors import ForbiddenError, KubeError, NotFoundError
from magecluster.kube.kinds import (
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    INGRESSES,
    JOBS,
    NETWORK_POLICIES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SCALERS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VOLUMES,
    Kind,
)

ANSWER_SECONDS = 10.0
"""How long Mage may take to say how it is."""

_KINDS = {
    "ConfigMap": CONFIG_MAPS,
    "CronJob": CRON_JOBS,
    "Deployment": DEPLOYMENTS,
    "HorizontalPodAutoscaler": SCALERS,
    "Ingress": INGRESSES,
    "Job": JOBS,
    "NetworkPolicy": NETWORK_POLICIES,
    "PersistentVolume": Kind("", "v1", "persistentvolumes"),
    "PersistentVolumeClaim": VOLUMES,
    "PodDisruptionBudget": Kind("policy", "v1", "poddisruptionbudgets"),
    "Role": ROLES,
    "RoleBinding": ROLE_BINDINGS,
    "Secret": SECRETS,
    "Service": SERVICES,
    "ServiceAccount": SERVICE_ACCOUNTS,
    "StatefulSet": Kind("apps", "v1", "statefulsets"),
}


async def read(connection: Connection, release: str, namespace: str) -> Live:
    """Raises `NoReleaseError`, `KubeError`."""
    found = newest(await records(connection, release, namespace, HELM), release, namespace)
    deployments = await _named(connection, DEPLOYMENTS, namespace, found.of_mage("Deployment"))
    services = await _named(connection, SERVICES, namespace, found.of_mage("Service"))
    containers = [mage_of(each) for each in deployments]
    names = {each["metadata"]["name"] for each in deployments}
    scalers = await list_all(connection, SCALERS.path(namespace))
    live = Live(
        release=found,
        deployments=tuple(deployments),
        service=services[0] if services else None,
        config_maps=_by_name(await _named(connection, CONFIG_MAPS, namespace, _referred(containers, "configMap"))),
        secrets=_by_name(await _named(connection, SECRETS, namespace, _referred(containers, "secret"))),
        claims=_by_name(await _named(connection, VOLUMES, namespace, _claims(deployments))),
        scalers=tuple(each for each in scalers if _scales(each, names)),
        cron_jobs=tuple(await _named(connection, CRON_JOBS, namespace, found.of_mage("CronJob"))),
        existing=tuple(await _existing(connection, found)),
        accounts=await _accounts(connection, deployments),
        nodes=await _nodes(connection, deployments),
    )
    return _with(live, status=await _status(connection, live))


async def records(connection: Connection, release: str, namespace: str, owner: str) -> list[Manifest]:
    """The Secrets of a release's revisions."""
    return await list_all(connection, SECRETS.path(namespace), labelSelector=f"{OWNER}={owner},name={release}")


async def get(connection: Connection, path: str) -> Manifest | None:
    """An object, `None` if it is not there."""
    try:
        return await connection.get(path)
    except NotFoundError:
        return None


async def ask(connection: Connection, namespace: str, service: str, port: int, base: str) -> dict[str, Any] | None:
    """What Mage says of itself, through the API server; `None` if it does not answer in time."""
    path = SERVICES.path(namespace, f"{service}:{port}", "proxy")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await connection.get(f"{path}{base}/api/statuses", _format="with_activity_details")
    except (KubeError, TimeoutError):
        return None
    found = answer.get("statuses") or []
    return found[0] if found and isinstance(found[0], dict) else None


async def _status(connection: Connection, live: Live) -> dict[str, Any] | None:
    if live.service is None or not live.deployments:
        return None
    env = variables(mage_of(live.deployments[0]), live)
    given = (env[name].value for name in ("MAGE_ROUTES_BASE_PATH", "MAGE_BASE_PATH") if name in env)
    base = next((value.strip("/") for value in given if value), "")
    metadata, port = live.service["metadata"], port_of(live.service)
    return await ask(connection, metadata["namespace"], metadata["name"], port, f"/{base}" if base else "")


def port_of(service: Manifest) -> int:
    """The one that leads to Mage."""
    ports = service["spec"].get("ports") or ()
    return int(ports[0]["port"]) if ports else MAGE_PORT


def _with(live: Live, **fields: Any) -> Live:
    return Live(**{**{name: getattr(live, name) for name in live.__dataclass_fields__}, **fields})


async def _named(connection: Connection, kind: Kind, namespace: str, names: list[str]) -> list[Manifest]:
    """Those that are there."""
    unique = list(dict.fromkeys(names))
    found = await asyncio.gather(*(get(connection, kind.path(namespace, name)) for name in unique))
    return [each for each in found if each]


def _by_name(objects: list[Manifest]) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in objects}


def _referred(containers: list[Manifest], what: str) -> list[str]:
    """Names of the ConfigMaps or Secrets that the environments refer to."""
    names: list[str] = []
    for container in containers:
        whole = (entry.get(f"{what}Ref") for entry in container.get("envFrom") or ())
        single = ((entry.get("valueFrom") or {}).get(f"{what}KeyRef") for entry in container.get("env") or ())
        names += [reference["name"] for reference in (*whole, *single) if reference]
    return names


def _claims(deployments: list[Manifest]) -> list[str]:
    volumes = (volume for each in deployments for volume in pod_of(each).get("volumes") or ())
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def _scales(scaler: Manifest, names: set[str]) -> bool:
    target = scaler["spec"]["scaleTargetRef"]
    return target["kind"] == "Deployment" and target["name"] in names


async def _accounts(connection: Connection, deployments: list[Manifest]) -> dict[str, Manifest]:
    """None where they may not be read: only what is told depends on them."""
    names = [pod_of(each).get("serviceAccountName") or "default" for each in deployments]
    try:
        namespace = deployments[0]["metadata"]["namespace"] if deployments else ""
        return _by_name(await _named(connection, SERVICE_ACCOUNTS, namespace, names))
    except ForbiddenError:
        return {}


async def _nodes(connection: Connection, deployments: list[Manifest]) -> tuple[str, ...]:
    """Of pods that run: one that was evicted or is ending still names the node that it was on."""
    nodes: dict[str, None] = {}
    for each in deployments:
        pods = await list_all(connection, PODS.path(each["metadata"]["namespace"]), labelSelector=selector_of(each))
        for pod in pods:
            running = (pod.get("status") or {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
            if running and (node := pod["spec"].get("nodeName")):
                nodes[node] = None
    return tuple(nodes)


def selector_of(deployment: Manifest) -> str:
    """That of its pods."""
    labels: dict[str, str] = deployment["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


async def _existing(connection: Connection, release: Release) -> Iterator[str]:
    present = await asyncio.gather(*(_is_there(connection, each) for each in release.objects))
    pairs = zip(release.objects, present, strict=True)
    return (f"{o.manifest['kind']}/{o.manifest['metadata']['name']}".lower() for o, there in pairs if there)


async def _is_there(connection: Connection, each: Templated) -> bool:
    kind = _KINDS.get(each.manifest["kind"])
    if kind is None:
        return True  # nobody can tell, so somebody should look
    metadata = each.manifest["metadata"]
    namespace = None if each.manifest["kind"] == "PersistentVolume" else metadata["namespace"]
    try:
        return await get(connection, kind.path(namespace, metadata["name"])) is not None
    except ForbiddenError:
        return True
