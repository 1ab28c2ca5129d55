"""What adopting a release would do: the MageCluster, what differs, what stands in the way. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from magecluster.adopt.cluster import cluster_of, spec_of
from magecluster.adopt.copyjob import Pod, copy_job
from magecluster.adopt.differences import tell_of_the_rest
from magecluster.adopt.environment import environment
from magecluster.adopt.facts import Choices, Findings, Live, Plan, Takeover, texts_name
from magecluster.adopt.pod import Workloads, mage_of, mounted, pod_of, workloads
from magecluster.adopt.variables import links, variables
from magecluster.adopt.volumes import Storage, storage
from magecluster.api.magecluster import NAME_LENGTH, InvalidClusterError, MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import credentials_name, volume_name
from magecluster.resources.persistentvolumeclaim import persistent_volume_claim

IDENTITY = ("project_uuid", "repo_path")

_OF_NO_USE = (
    *("ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "NetworkPolicy", "PodDisruptionBudget"),
    *("Role", "RoleBinding", "Secret", "Service", "ServiceAccount"),
)
"""Kinds that only the release's own Mage needed. Of any other, such as a CronJob of its files, nobody can tell."""


class CannotPlanError(Exception):
    """There is too little to go by; the message says what to do."""


def plan(live: Live, choices: Choices) -> Plan:
    """Raises `CannotPlanError`."""
    findings = Findings()
    found = workloads(live, findings)
    if found is None:
        raise CannotPlanError(findings.obstacles[0])
    name = _name(live, choices, findings)
    mage, pod = mage_of(found.server), pod_of(found.server)
    env = environment(_variables(found, live, findings), live, name, mage["image"], findings)
    files = storage(pod, mage, live, choices, findings)
    spec = spec_of(found, live, env, files, choices, findings)
    manifest = cluster_of(name, live.release, spec, findings)
    tell_of_the_rest(live, found, name, choices, findings)
    claim, job = _copying(manifest, files, found, live, choices, findings)
    taken = live.service is not None and live.service["metadata"]["name"] == name
    service = live.service if taken else None
    unneeded, kept = _left(live, service)
    takeover = Takeover(
        release=live.release.name,
        namespace=live.release.namespace,
        cluster=manifest,
        texts=env.texts,
        credentials=env.credentials,
        claim=claim,
        job=job,
        deployments=list(live.deployments),
        service=service,
        scalers=list(live.scalers),
        cron_jobs=list(live.cron_jobs),
        identity=identity_of(live.status),
        unneeded=unneeded,
        kept=kept,
        left=None if taken else live.service,
    )
    return Plan(
        takeover=takeover,
        differences=tuple(dict.fromkeys(findings.differences)),
        obstacles=tuple(dict.fromkeys(findings.obstacles)),
    )


def identity_of(status: Mapping[str, Any] | None) -> dict[str, str]:
    """By what a Mage can be recognised that has the same files."""
    return {key: str(status[key]) for key in IDENTITY if status and status.get(key)}


def _name(live: Live, choices: Choices, findings: Findings) -> str:
    service = live.service["metadata"]["name"] if live.service else None
    name = choices.name or service or live.release.name
    if not re.fullmatch(rf"[a-z]([-a-z0-9]{{0,{NAME_LENGTH - 2}}}[a-z0-9])?", name):
        findings.stops(
            f"a MageCluster cannot be called {name} (at most {NAME_LENGTH} characters, beginning with a letter): give "
            "it another name with --name; its address changes with it"
        )
    elif service and name != service:
        findings.differs(
            "Address", f"the Service is {name} and no longer {service}: change the programs and Ingresses that use it"
        )
    return name


def _variables(found: Workloads, live: Live, findings: Findings) -> dict[str, Any]:
    server = variables(mage_of(found.server), live)
    if pod_of(found.server).get("enableServiceLinks", True):
        for name, link in links(server).items():
            findings.stops(
                f"{name} refers to {link}, which Kubernetes makes of a Service, and a MageCluster's pod has no such "
                "variables: write the Service's DNS name and port, and helm upgrade"
            )
    if found.scheduler is None:
        return server
    scheduler = variables(mage_of(found.scheduler), live)
    names = {name for name in server.keys() | scheduler.keys() if server.get(name) != scheduler.get(name)}
    if other := sorted(names - {"INSTANCE_TYPE"}):
        findings.differs(
            "Scheduler", f"it had other values of {', '.join(other)} than the web server; now all have the web server's"
        )
    if mounted(found.scheduler) != mounted(found.server):
        findings.stops("web server and scheduler mount different volumes: give both the same, and helm upgrade")
    return server


def _copying(
    manifest: Manifest, files: Storage, found: Workloads, live: Live, choices: Choices, findings: Findings
) -> tuple[Manifest | None, Manifest | None]:
    if not files.copies:
        return None, None
    mage, node = mage_of(found.server), choices.node or (live.nodes[0] if len(live.nodes) == 1 else None)
    if node is None and any("hostPath" in copy.volume for copy in files.copies):
        cause = (
            f"pods of Mage run on {', '.join(live.nodes)}, and each node has files of its own"
            if live.nodes
            else "Mage does not run, so nobody knows which node has its files"
        )
        findings.stops(f"{cause}: name it with --node")
    try:
        cluster = MageCluster.parse(manifest)
    except InvalidClusterError:
        return None, None  # told already
    policy = mage.get("imagePullPolicy") or "IfNotPresent"
    pod = Pod(mage["image"], policy, node, pod_of(found.server), mage.get("resources") or {})
    name, namespace = cluster.metadata.name, cluster.metadata.namespace
    return persistent_volume_claim(cluster), copy_job(name, namespace, volume_name(cluster), files.copies, pod)


def _left(live: Live, service: Manifest | None) -> tuple[list[str], list[str]]:
    """What remains of the release's objects: what is of no use, and what may be."""
    unneeded = {
        f"{o.manifest['kind']}/{o.manifest['metadata']['name']}".lower()
        for o in live.release.objects
        if "/charts/" not in o.source and o.manifest["kind"] in _OF_NO_USE
    }
    own = {f"deployment/{each['metadata']['name']}" for each in live.deployments}
    own |= {f"horizontalpodautoscaler/{each['metadata']['name']}" for each in live.scalers}
    if service:
        own.add(f"service/{service['metadata']['name']}")
    rest = [each for each in live.existing if each not in own]
    return [each for each in rest if each in unneeded], [each for each in rest if each not in unneeded]


def secret_names(takeover: Takeover) -> tuple[str, str]:
    """The Secrets with values of variables and with credentials."""
    return texts_name(takeover.name), credentials_name(MageCluster.parse({**takeover.cluster, "spec": {}}))
