"""The MageCluster that would replace a release. Pure."""

import re

from magecluster.adopt.environment import Environment
from magecluster.adopt.facts import Choices, Findings, Live
from magecluster.adopt.helm import Release
from magecluster.adopt.pod import Workloads, image, mage_of, placement, security
from magecluster.adopt.volumes import Storage
from magecluster.api.magecluster import API_VERSION, KIND, InvalidClusterError, MageCluster
from magecluster.api.model import Manifest
from magecluster.api.network import MAGE_PORT

ADOPTED_FROM = "magecluster.io/adopted-from"
"""Annotation of the MageCluster: the release."""


def spec_of(
    found: Workloads, live: Live, env: Environment, files: Storage, choices: Choices, findings: Findings
) -> Manifest:
    """The spec, without what is as the operator has it by default."""
    mage = mage_of(found.server)
    shared = files.fields.get("accessMode") == "ReadWriteMany" and env.database is not None
    redis = any(each["name"] == "REDIS_URL" for each in env.envs)
    project = {} if env.project == "default_repo" else {"project": env.project}
    auth = _auth(env, findings)
    spec: Manifest = {
        **_power(found, scales=shared and redis, findings=findings),
        "image": image(mage["image"], mage.get("imagePullPolicy") or "IfNotPresent", findings),
        **({"extraEnvs": env.envs} if env.envs else {}),
        **placement(found, choices, findings),
        **security(found, jobs={"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"} in env.envs, findings=findings),
        "service": _service(live, findings),
        "storage": {**files.fields, **project},
        **({"database": env.database} if env.database else {}),
        **({"auth": auth} if auth else {}),
    }
    return {key: value for key, value in spec.items() if value != {}}


def cluster_of(name: str, release: Release, spec: Manifest, findings: Findings) -> Manifest:
    """The MageCluster; what it cannot be is an obstacle."""
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": release.namespace,
            "annotations": {ADOPTED_FROM: release.name},
        },
        "spec": spec,
    }
    try:
        MageCluster.parse(manifest)
    except InvalidClusterError as error:
        findings.stops(f"no MageCluster can be made of the release: {error}; change that with helm upgrade")
    return manifest


def _auth(env: Environment, findings: Findings) -> Manifest:
    if env.owner_email is None:
        return {}
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", env.owner_email):
        findings.differs("Login", f"DEFAULT_OWNER_EMAIL {env.owner_email} is no address: see spec.auth.ownerEmail")
        return {}
    return {"ownerEmail": env.owner_email}


def _power(found: Workloads, *, scales: bool, findings: Findings) -> Manifest:
    replicas = [each["spec"].get("replicas", 1) for each in found if each]
    if not min(replicas):
        idle = " and ".join(each["metadata"]["name"] for each in found if each and not each["spec"].get("replicas", 1))
        findings.differs(
            "Power", f"Deployment {idle} is scaled to 0, so the MageCluster is made with status Stopped: start it then"
        )
        return {"status": "Stopped"}
    wanted = replicas[0]
    if found.scheduler is not None:
        findings.differs(
            "Scheduler",
            "web server and scheduler run in one pod and one container, which gets the CPU and memory of both",
        )
    if wanted > 1 and not (scales and found.scheduler is None):
        findings.differs(
            "Replicas",
            f"1 and not {wanted}: more need REDIS_URL, a ReadWriteMany volume and spec.database, and each "
            "is server and scheduler",
        )
        wanted = 1
    return {"replicaCount": wanted} if wanted > 1 else {}


def _service(live: Live, findings: Findings) -> Manifest:
    if live.service is None:
        return {}
    spec = live.service["spec"]
    ports = spec.get("ports") or ()
    port = ports[0]["port"] if ports else MAGE_PORT
    kind = spec.get("type", "ClusterIP")
    if len(ports) > 1:
        findings.differs("Address", "further ports of the Service stay, and lead nowhere: the MageCluster has one port")
    if kind != "ClusterIP":
        findings.differs(
            "Address",
            f"the Service stays of type {kind}, open to whoever reaches it; with an ingress, ClusterIP in "
            "spec.service.type is enough",
        )
    annotations = {
        key: value
        for key, value in (live.service["metadata"].get("annotations") or {}).items()
        if not key.startswith(("meta.helm.sh/", "kubectl.kubernetes.io/"))
    }
    return {
        **({"type": kind} if kind != "ClusterIP" else {}),
        **({"port": port} if port != MAGE_PORT else {}),
        **({"annotations": annotations} if annotations else {}),
    }
