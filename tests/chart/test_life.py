"""Install, upgrade, uninstall and install again, by the real Helm: definitions follow, and clusters stay."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.chart import CHART, RELEASE
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster

from devkit import shell
from devkit.cluster import Cluster, up

DEFINITION = "mageclusters.magecluster.io"


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    """A namespace for the chart that enforces `restricted`, on a cluster that knows no MageClusters yet."""
    found = up(f"l{os.getpid()}", "kwok:1")
    try:
        found.kubectl("create", "namespace", "magecluster")
        found.kubectl("label", "namespace", "magecluster", "pod-security.kubernetes.io/enforce=restricted")
        yield Namespace(found, "magecluster")
    finally:
        found.down()


def helm(space: Namespace, verb: str, *words: str | Path) -> str:
    program = (space.cluster.binary("helm"), "--kubeconfig", space.cluster.kubeconfig, "--namespace", space.name)
    return shell.run(*program, verb, RELEASE, *words)


def columns(cluster: Cluster) -> list[str]:
    """What the live definition prints."""
    found = yaml.safe_load(cluster.kubectl("get", "crd", DEFINITION, "-o", "yaml"))
    return [column["name"] for column in found["spec"]["versions"][0]["additionalPrinterColumns"]]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The chart of a version whose definition had one column less."""
    chart = tmp_path / "older"
    shutil.copytree(CHART, chart)
    file = chart / "files" / "magecluster.io_mageclusters.yaml"
    definition = yaml.safe_load(file.read_text())
    definition["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    file.write_text(yaml.safe_dump(definition))
    return chart


def test_the_life_of_a_release(space: Namespace, older: Path) -> None:
    cluster = space.cluster
    helm(space, "install", older, "--wait", "--timeout=60s")
    before = columns(cluster)
    cluster.kubectl("wait", "--for=condition=Established", "crd", DEFINITION)
    Namespace(cluster, "default").apply(a_cluster("sales"))

    apart = ("--set", "cloudApi.standalone=true,cloudApi.replicas=2,replicas=2")
    helm(space, "upgrade", CHART, "--wait", "--timeout=60s", *apart)
    assert len(columns(cluster)) == len(before) + 1
    assert {d["metadata"]["name"]: d["status"]["readyReplicas"] for d in space.all("deployments")} == {
        f"{RELEASE}-operator": 2,
        f"{RELEASE}-cloud-api": 2,
    }

    helm(space, "upgrade", CHART, "--wait", "--timeout=60s", "--set", "cloudApi.enabled=false")
    assert [d["metadata"]["name"] for d in space.all("deployments")] == [f"{RELEASE}-operator"]

    helm(space, "uninstall", "--wait", "--timeout=60s")
    assert Namespace(cluster, "default").get("mc", "sales")
    label = f"app.kubernetes.io/instance={RELEASE}"
    left = "deployments,services,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets"
    assert space.all(left, "--selector", label) == []
    assert space.all("clusterroles,clusterrolebindings", "--selector", label) == []

    helm(space, "install", CHART, "--wait", "--timeout=60s")
    assert Namespace(cluster, "default").get("mc", "sales")

    helm(space, "uninstall", "--wait", "--timeout=60s")
    cluster.kubectl("delete", "crd", DEFINITION, "mageteams.magecluster.io")
    eventually(lambda: DEFINITION not in cluster.kubectl("get", "crd", "-o", "name"), what="no definitions")


def test_a_release_without_definitions_needs_none_of_its_own(space: Namespace) -> None:
    space.cluster.kubectl("apply", "--server-side", "-f", str(CHART / "files"))
    helm(space, "install", CHART, "--wait", "--timeout=60s", "--set", "crds.enabled=false")
    helm(space, "uninstall", "--wait", "--timeout=60s")
    assert columns(space.cluster)
