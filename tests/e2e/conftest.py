"""One real Kubernetes with a kubelet for the suite, the operator in it as the chart installs it, real Mage pods."""

import os
import uuid
from collections.abc import Iterator

import pytest
from tests.support.incluster import VALUES, OperatorPod
from tests.support.kube import Namespace
from tests.support.mage import story

from devkit.cluster import Cluster, up
from devkit.install import install


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back at all that happened comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Made for the suite, unless E2E_CLUSTER names one that is used, and kept, by somebody who writes tests."""
    kept = os.environ.get("E2E_CLUSTER")
    found = up(kept or f"e{os.getpid()}", "kubelet", audit=True)
    try:
        install(found, *VALUES)
        if kept:
            OperatorPod(found).restart()  # its log and its counts are about these tests
        yield found
    finally:
        if not kept:
            found.down()


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> Iterator[OperatorPod]:
    """What the operator must never say, whatever the tests did."""
    found = OperatorPod(cluster)
    yield found
    found.check()


@pytest.fixture(scope="module")
def space(cluster: Cluster, operator: OperatorPod) -> Iterator[Namespace]:
    """A namespace for the tests of one file, which share its Mage clusters; it lets in what it should, and no more."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    made = Namespace(cluster, name)
    made.enforce("baseline")
    yield made
    made.kubectl("delete", "mc", "--all")  # else the operator would put back what the end of the namespace removes
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """A failed test shows what a person would look at, while it is still there."""
    failures = request.session.testsfailed
    yield
    if request.session.testsfailed > failures and "space" in request.fixturenames:
        print(story(request.getfixturevalue("space")))  # noqa: T201  pytest shows it with the failure
