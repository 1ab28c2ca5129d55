"""What adopting a release would do: the MageCluster, what differs, what stands in the way. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from magecluster.adopt.cluster import cluster_of, spec_of
from magecluster.adopt.copyjob import Pod, copy_job
from magecluster.adopt.environment import environment
from magecluster.adopt.facts import Choices, Findings, Live, Plan, Takeover, texts_name
from magecluster.adopt.pod import Workloads, mage_of, pod_of, workloads
from magecluster.adopt.variables import variables
from magecluster.adopt.volumes import Storage, storage
from magecluster.api.magecluster import NAME_LENGTH, InvalidClusterError, MageCluster
from magecluster.api.model import Manifest
from magecluster.resources.metadata import credentials_name, volume_name
from magecluster.resources.persistentvolumeclaim import persistent_volume_claim

IDENTITY = ("project_uuid", "repo_path")

_CLOUD_IDENTITY = re.compile(r"^(eks\.amazonaws\.com|iam\.gke\.io|azure\.workload\.identity)/")


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
    _tell_of_the_rest(live, found, name, choices, findings)
    claim, job = _copying(manifest, files, found, live, choices, findings)
    service = live.service if live.service and live.service["metadata"]["name"] == name else None
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
    if found.scheduler is None:
        return server
    scheduler = variables(mage_of(found.scheduler), live)
    names = {name for name in server.keys() | scheduler.keys() if server.get(name) != scheduler.get(name)}
    if other := sorted(names - {"INSTANCE_TYPE"}):
        findings.differs(
            "Scheduler", f"it had other values of {', '.join(other)} than the web server; now all have the web server's"
        )
    if mage_of(found.scheduler).get("volumeMounts") != mage_of(found.server).get("volumeMounts"):
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


def _tell_of_the_rest(live: Live, found: Workloads, name: str, choices: Choices, findings: Findings) -> None:
    findings.differs(
        "Gateway",
        "the Service leads to a gateway in Mage's pod: errors have true status codes, and POST /api/runs works; see "
        "spec.gateway",
    )
    findings.differs(
        "Kubernetes",
        f"Mage has the account {name}-mage without rights; pipelines whose metadata.yaml says executor_type k8s need "
        "spec.kubernetesExecutor.enabled",
    )
    if any("livenessProbe" in mage_of(each) or "readinessProbe" in mage_of(each) for each in found if each):
        findings.differs("Probes", "they become the operator's, which wait longer, and for the base path")
    runs = (live.status or {}).get("active_pipeline_run_count") or 0
    if runs and not choices.interrupt_runs:
        findings.stops(
            f"{runs} pipeline runs are under way, and Mage would begin their blocks anew: wait for them, or say "
            "--interrupt-runs"
        )
    if live.status is None:
        findings.differs(
            "Check", "Mage does not answer, so nobody knows whether pipelines run, and which project it has"
        )
    for scaler in live.scalers:
        findings.differs("Autoscaler", f"{scaler['metadata']['name']} is deleted: it would start a second scheduler")
    for job in live.cron_jobs:
        findings.differs(
            "Clean-up",
            f"CronJob {job['metadata']['name']} is suspended: its files may not be Mage's any more; see "
            "the guide for one of your own",
        )
    for entry in live.release.of_kind("ServiceAccount"):
        annotations = entry.manifest["metadata"].get("annotations") or {}
        if key := next(filter(_CLOUD_IDENTITY.match, annotations), None):
            findings.differs(
                "Cloud identity",
                f"{key} is not carried over: allow the account {name}-mage there, and annotate it",
            )
    if charts := sorted({o.source.split("/")[2] for o in live.release.objects if "/charts/" in o.source}):
        findings.differs(
            "Services beside",
            f"{', '.join(charts)} of the release go on as they are, and Helm knows them no longer: see the guide",
        )
    flux = "helm.toolkit.fluxcd.io/name" in (found.server["metadata"].get("labels") or {})
    if flux and "flux" not in choices.leave_out:
        findings.stops(
            "Flux would install the release again: suspend its HelmRelease (flux suspend helmrelease), and say so with "
            "--leave-out flux"
        )


def _left(live: Live, service: Manifest | None) -> tuple[list[str], list[str]]:
    """What remains of the release's objects: what is of no use, and what goes on working."""
    beside = {
        f"{o.manifest['kind']}/{o.manifest['metadata']['name']}".lower()
        for o in live.release.objects
        if "/charts/" in o.source or o.manifest["kind"] in ("Ingress", "PersistentVolume", "PersistentVolumeClaim")
    }
    own = {f"deployment/{each['metadata']['name']}" for each in live.deployments}
    own |= {f"horizontalpodautoscaler/{each['metadata']['name']}" for each in live.scalers}
    if service:
        own.add(f"service/{service['metadata']['name']}")
    rest = [each for each in live.existing if each not in own]
    return [each for each in rest if each not in beside], [each for each in rest if each in beside]


def secret_names(takeover: Takeover) -> tuple[str, str]:
    """The Secrets with values of variables and with credentials."""
    return texts_name(takeover.name), credentials_name(MageCluster.parse({**takeover.cluster, "spec": {}}))
