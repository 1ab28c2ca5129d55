"""What GitOps tools see of a cluster, by their own rules, and the manifests for them in examples/gitops."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.kube import Manifest, Namespace
from tests.support.live import after
from tests.support.lives import LIVES, lived
from tests.support.operator import OperatorProcess

from devkit import gitops
from devkit.cluster import Cluster
from devkit.gitops import Verdict
from magecluster.api.labels import CLOUD_API
from magecluster.api.magecluster import API_VERSION, KIND, MageCluster
from magecluster.status import invalid_spec_status

EXAMPLES = Path(__file__).parents[2] / "examples/gitops"
FOLDERS = ("argocd", "flux", "kustomize/base", "kustomize/production")
HEALTH = f"resource.customizations.health.{API_VERSION.partition('/')[0]}_{KIND}"

MEANT = {
    "Active": ("Current", "Current", "Healthy"),
    "Starting": ("InProgress", "InProgress", "Progressing"),
    "Stopping": ("InProgress", "InProgress", "Progressing"),
    "Stopped": ("InProgress", "Current", "Suspended"),
    "Degraded": ("Failed", "Failed", "Degraded"),
}
"""By kstatus, by Flux with the expressions of the example, by Argo CD with its health check."""


def example(name: str) -> Manifest:
    found: Manifest = yaml.safe_load((EXAMPLES / name).read_text())
    return found


def judged(*objects: Manifest) -> list[Verdict]:
    (flux,) = example("flux/clusters.yaml")["spec"]["healthCheckExprs"]
    assert (flux.pop("apiVersion"), flux.pop("kind")) == (API_VERSION, KIND)
    return gitops.judge(objects, example("argocd/argocd-cm.yaml")["data"][HEALTH], flux)


def live(generation: int, status: Manifest) -> Manifest:
    metadata = {"name": "lab", "namespace": "data", "generation": generation}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {}, "status": status}


@pytest.mark.parametrize("name", LIVES)
def test_each_tool_tells_every_step_of_a_life_as_it_is(name: str) -> None:
    steps = [(step, status) for step, _, status in lived(LIVES[name])]
    verdicts = judged(*(live(step.generation, status.manifest()) for step, status in steps))
    for number, ((step, status), verdict) in enumerate(zip(steps, verdicts, strict=True)):
        meant = MEANT["Degraded" if "D" in step.true else step.state]
        assert verdict[:3] == meant, f"step {number}"
        assert verdict.message in {condition.message for condition in status.conditions}


def test_what_the_operator_has_not_seen_yet_is_under_way() -> None:
    steps = [(step.generation, status) for life in LIVES.values() for step, _, status in lived(life)]
    for verdict in judged(*(live(generation + 1, status.manifest()) for generation, status in steps)):
        assert verdict[:3] == ("InProgress", "InProgress", "Progressing")


def test_a_spec_that_cannot_be_read_is_a_failure() -> None:
    (_, _, status), *_ = lived(LIVES["new, started, stopped, started again"])
    invalid = invalid_spec_status(status, 2, "replicaCount: must be a number", after(60))
    (verdict,) = judged(live(2, invalid.manifest()))
    assert verdict[:3] == MEANT["Degraded"]


def test_a_new_cluster_without_an_operator_is_under_way(the_operator: OperatorProcess, bare: Namespace) -> None:
    if the_operator.running:
        the_operator.stop()
    bare.apply({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "fresh"}, "spec": {}})
    fresh = bare.get("mc", "fresh")
    (verdict,) = judged(fresh)
    assert verdict[:3] == ("InProgress", "InProgress", "Progressing")
    assert MageCluster.parse(fresh).status.observed_generation is None


def built(cluster: Cluster, folder: str) -> list[Manifest]:
    return [m for m in yaml.safe_load_all(cluster.kubectl("kustomize", str(EXAMPLES / folder))) if m]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_example_is_one_that_kustomize_builds_with_all_its_files(cluster: Cluster, folder: str) -> None:
    manifests = built(cluster, folder)
    kinds = {manifest["kind"] for manifest in manifests}
    files = {path for path in (EXAMPLES / folder).glob("*.yaml") if path.name != "kustomization.yaml"}
    assert len(manifests) >= len(files)
    assert kinds <= {KIND, "Application", "ConfigMap", "GitRepository", "HelmRelease", "Kustomization"}


@pytest.mark.parametrize("folder", ["kustomize/base", "kustomize/production"])
def test_the_clusters_of_the_examples_are_accepted_and_leave_free_what_people_change(
    cluster: Cluster, bare: Namespace, folder: str
) -> None:
    for manifest in built(cluster, folder):
        here = {**manifest, "metadata": {**manifest["metadata"], "namespace": bare.name}}
        options = ("--dry-run=server", "--server-side", "--validate=strict", "--field-manager=argocd-controller")
        bare.kubectl("apply", *options, "-f", "-", given=yaml.safe_dump(here))
        MageCluster.parse({**here, "metadata": {**here["metadata"], "uid": "u"}})
        assert not {"status", "replicaCount", "restartedAt"} & manifest["spec"].keys()


def test_argo_cd_leaves_alone_what_the_cloud_api_owns() -> None:
    ignored = yaml.safe_load(
        example("argocd/argocd-cm.yaml")["data"][HEALTH.replace(".health.", ".ignoreDifferences.")]
    )
    assert ignored == {"managedFieldsManagers": [CLOUD_API]}
    assert "RespectIgnoreDifferences=true" in example("argocd/clusters.yaml")["spec"]["syncPolicy"]["syncOptions"]


def test_the_objects_of_both_tools_lead_to_what_is_there(cluster: Cluster) -> None:
    clusters: dict[str, Any] = {m["metadata"]["name"]: m for m in built(cluster, "kustomize/production")}
    root = EXAMPLES.parents[1]
    for application in (example("argocd/operator.yaml"), example("argocd/clusters.yaml")):
        assert (root / application["spec"]["source"]["path"]).is_dir()
    assert (root / example("flux/operator.yaml")["spec"]["chart"]["spec"]["chart"] / "Chart.yaml").is_file()
    kustomization = example("flux/clusters.yaml")["spec"]
    assert (root / kustomization["path"] / "kustomization.yaml").is_file()
    watched = {one["name"]: one for one in kustomization["healthChecks"] if one["kind"] == KIND}
    assert watched.keys() == clusters.keys()
    assert {one["namespace"] for one in watched.values()} == {m["metadata"]["namespace"] for m in clusters.values()}
