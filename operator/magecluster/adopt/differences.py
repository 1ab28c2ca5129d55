"""What will not be as it was, beside the fields of the MageCluster. Pure."""

import re

from magecluster.adopt.facts import RUNS_REMEDY, Choices, Findings, Live, runs_in
from magecluster.adopt.pod import Workloads, mage_of, pod_of

_OF_TOOLS = ("deployment.kubernetes.io/", "meta.helm.sh/", "kubectl.kubernetes.io/")
"""Annotations of a Deployment that go with it."""

_CLOUD_IDENTITY = re.compile(r"^(eks\.amazonaws\.com|iam\.gke\.io|azure\.workload\.identity)/")

_TRIED = ((0, 2, 0), (0, 2, 15))
"""Versions of the chart, first and last."""


def tell_of_the_rest(live: Live, found: Workloads, name: str, choices: Choices, findings: Findings) -> None:
    """What neither the fields of the MageCluster nor its environment and files have shown."""
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
    runs = runs_in(live.status)
    if runs and not choices.interrupt_runs:
        findings.stops(f"{runs} pipeline runs are under way, {RUNS_REMEDY}")
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
    _tell_of_pods(live, found, name, findings)
    version = tuple(int(part) for part in re.findall(r"\d+", live.release.chart_version)[:3])
    if not _TRIED[0] <= version <= _TRIED[1]:
        findings.differs(
            "Chart", f"{live.release.chart_version} was not tried: read with care what is shown, and keep a backup"
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


def _tell_of_pods(live: Live, found: Workloads, name: str, findings: Findings) -> None:
    """What their account, their Deployment and the cluster give them that their template does not show."""
    made = {entry.manifest["metadata"]["name"]: entry.manifest for entry in live.release.of_kind("ServiceAccount")}
    for account, manifest in {**made, **live.accounts}.items():
        annotations = manifest["metadata"].get("annotations") or {}
        if key := next(filter(_CLOUD_IDENTITY.match, annotations), None):
            findings.differs(
                "Cloud identity",
                f"{key} is not carried over: allow the account {name}-mage there, and annotate it",
            )
        if manifest.get("imagePullSecrets") and not pod_of(found.server).get("imagePullSecrets"):
            secrets = ", ".join(each["name"] for each in manifest["imagePullSecrets"])
            findings.differs(
                "Image",
                f"account {account} gives its pods the pull secrets {secrets}, and {name}-mage does not: give the "
                "release imagePullSecrets first, by helm upgrade",
            )
    for deployment in filter(None, found):
        annotations = deployment["metadata"].get("annotations") or {}
        if others := [key for key in annotations if not key.startswith(_OF_TOOLS)]:
            findings.differs(
                "Deployment", f"its annotations {', '.join(others)} are left out: whoever acts on them stops"
            )
    for entry in mage_of(found.server).get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in entry and not live.release.owns(kind, entry[field]["name"]):
                findings.differs(
                    "Variables",
                    f"{kind} {entry[field]['name']} gives those that it has now: add later ones to spec.extraEnvs",
                )
    if pod_of(found.server).get("enableServiceLinks", True):
        findings.differs(
            "Variables",
            "those that Kubernetes makes of Services (…_SERVICE_HOST) are not in the pod: blocks have to use DNS names",
        )
