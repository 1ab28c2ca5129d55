"""One real API server for all tests without real pods: a node of kwok makes pods Ready in no time; and one operator."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.kube import Namespace
from tests.support.operator import OperatorProcess

from devkit.cluster import Cluster, up

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    found = up(f"t{os.getpid()}", "kwok:1")
    try:
        found.kubectl("apply", "--server-side", "--filename", str(ROOT / "crds"))
        found.kubectl("wait", "--for=condition=Established", "--filename", str(ROOT / "crds"))
        yield found
    finally:
        found.down()


@pytest.fixture(scope="session")
def the_operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    process = OperatorProcess(cluster.kubeconfig, tmp_path_factory.mktemp("operator") / "log").start()
    yield process
    if process.running:
        process.stop()
    assert not process.tracebacks()


@pytest.fixture
def operator(the_operator: OperatorProcess) -> OperatorProcess:
    """A ready operator; started again when a test ended it."""
    if not the_operator.running:
        the_operator.start()
    return the_operator.ready()


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace of the test's own, whether an operator runs or not."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def other(cluster: Cluster) -> Iterator[Namespace]:
    """A second namespace."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def space(operator: OperatorProcess, bare: Namespace) -> Namespace:
    """A namespace in which the operator works."""
    return bare
