"""One Mage cluster: who gets in, and what its blocks see."""

import pytest
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, at, look, owner_of

from devkit.mage import MageError
from devkit.reach import OWNER

pytestmark = pytest.mark.timeout(600)

TOKEN = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "outside", "key": "token"}}}


def outside(token: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "outside"}, "stringData": {"token": token}}


@pytest.fixture(scope="module")
def lab(space: Namespace) -> Namespace:
    """A namespace with a running MageCluster `lab`."""
    space.apply(outside("first"), a_cluster("lab", extraEnvs=[{"name": "GREETING", "value": "hello"}, TOKEN]))
    active(space, "lab")
    with owner_of(space, "lab"):
        return space


def test_without_a_login_nothing_is_told(lab: Namespace) -> None:
    with at(lab, "lab") as mage:
        for resource in ("pipelines", "users", "secrets", "pipeline_schedules"):
            with pytest.raises(MageError, match="code 403"):
                mage.call("GET", resource)
        with pytest.raises(MageError, match="code 403"):
            mage.create_pipeline("intruder")


@pytest.mark.parametrize(("email", "password"), [("admin@admin.com", "admin"), (OWNER, "admin"), (OWNER, "")])
def test_no_password_that_anybody_could_know_works(lab: Namespace, email: str, password: str) -> None:
    with at(lab, "lab") as mage, pytest.raises(MageError, match="code 401"):
        mage.login(email, password, within=0)


def test_the_pod_has_no_token_of_kubernetes(lab: Namespace) -> None:
    inside = lab.kubectl("exec", "deploy/lab", "--", "sh", "-c", "ls /var/run/secrets || true; env")
    assert "kubernetes.io" not in inside
    assert "\nMAGE_CLUSTER_UUID=lab\n" in inside


def test_blocks_see_the_environment_and_a_change_of_it(lab: Namespace) -> None:
    with owner_of(lab, "lab") as mage:
        assert look(mage, "GREETING", "TOKEN") == {"GREETING": "hello", "TOKEN": "first"}
    (before,) = lab.all("pods")
    lab.apply(outside("second"), a_cluster("lab", extraEnvs=[{"name": "GREETING", "value": "good day"}, TOKEN]))
    eventually(lambda: before["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in lab.all("pods")}, within=60)
    active(lab, "lab")
    with owner_of(lab, "lab") as mage:
        assert look(mage, "GREETING", "TOKEN") == {"GREETING": "good day", "TOKEN": "second"}


def test_a_change_in_a_referenced_secret_alone_restarts_the_pod(lab: Namespace) -> None:
    active(lab, "lab")
    (before,) = lab.all("pods")
    lab.apply(outside("third"))
    eventually(lambda: before["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in lab.all("pods")}, within=60)
    active(lab, "lab")
    assert lab.kubectl("exec", "deploy/lab", "--", "printenv", "TOKEN") == "third\n"
