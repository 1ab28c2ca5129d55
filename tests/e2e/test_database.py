"""Mage with PostgreSQL and behind the gateway, and its blocks as Kubernetes Jobs."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, look, owner_of
from tests.support.postgresql import PostgreSQL, postgresql
from tests.support.triggers import pipeline, told

from devkit.cluster import Cluster
from devkit.reach import Kubectl

pytestmark = pytest.mark.timeout(600)

DONE = "from pipeline_run where status = 'COMPLETED'"

K8S = {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[PostgreSQL]:
    path = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    with postgresql(cluster.kubectl("get", "nodes", "--output", path)) as server:
        yield server


@pytest.fixture(scope="module")
def lab(space: Namespace, database: PostgreSQL) -> Iterator[Namespace]:
    """A namespace with a running MageCluster `lab` that uses PostgreSQL and runs blocks as Jobs."""
    # Mage brings psycopg2; SQLAlchemy 2.1 takes a URL that names no driver for one of psycopg.
    text = {"url": database.url("postgres", "+psycopg2")}
    space.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database"}, "stringData": text},
        a_cluster("lab", database={"secretKeyRef": {"name": "database"}}, extraEnvs=[K8S], gateway={"enabled": True}),
    )
    active(space, "lab")
    yield space
    space.kubectl("delete", "mc", "lab")  # before its database goes


def test_runs_are_recorded_in_postgresql_and_blocks_run_as_jobs(lab: Namespace, database: PostgreSQL) -> None:
    with owner_of(lab, "lab") as mage, seen_jobs(lab) as jobs:
        assert look(mage, "MAGE_CLUSTER_UUID") == {"MAGE_CLUSTER_UUID": "lab"}
    assert database.query("postgres", f"select pipeline_uuid {DONE}") == "look"
    assert database.query("postgres", 'select email from "user"') == "owner@mage.local"
    blocks = database.query("postgres", "select id from block_run where status = 'COMPLETED'").splitlines()
    assert len(blocks) == 2
    assert jobs >= {f"lab-data-prep-block-{number}" for number in blocks}
    assert "mage-ai.db" not in lab.kubectl("exec", "deploy/lab", "--", "find", "/home/src/mage_data")


def test_jobs_see_the_variables_of_a_request(lab: Namespace) -> None:
    with owner_of(lab, "lab") as mage, seen_jobs(lab) as jobs:
        pipeline(mage)
        run = mage.complete(mage.trigger("tells"), env="staging")
        assert [told(mage, run, block)["env"] for block in ("first", "second")] == ["staging"] * 2
        assert jobs >= {f"lab-data-prep-block-{block['id']}" for block in run["block_runs"]}
    owner = lab.kubectl("exec", "deploy/lab", "--container=mage", "--", "stat", "--format=%u", "/home/src/.magecluster")
    assert owner == "0\n"


def test_the_operator_gives_mage_what_jobs_need_and_tells_their_limits(lab: Namespace) -> None:
    assert lab.get("role", "lab-mage")["rules"]
    mage = f"--as=system:serviceaccount:{lab.name}:lab-mage"
    assert lab.kubectl("auth", "can-i", "create", "jobs", mage) == "yes\n"
    lab.refused("auth", "can-i", "get", "secrets", mage)
    assert lab.kubectl("exec", "deploy/lab", "--", "ls", "/var/run/secrets/kubernetes.io/serviceaccount/token")
    condition = lab.condition("lab", "KubernetesExecutorReady")
    assert (condition["status"], condition["reason"]) == ("False", "NeedsSharedVolume")


@contextmanager
def seen_jobs(space: Namespace) -> Iterator[set[str]]:
    """Names of the Jobs that exist at some time; Mage deletes each as soon as it has ended."""
    names: set[str] = set()
    command = (*Kubectl.of(space.cluster).words, "-n", space.name, "get", "jobs", "--watch", "--output=name")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout
        reader = threading.Thread(target=lambda: names.update(line.strip().partition("/")[2] for line in lines))
        reader.start()
        try:
            yield names
        finally:
            process.terminate()
            reader.join()
