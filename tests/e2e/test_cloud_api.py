"""The published scripts against the Cloud API in the cluster, and what they do to a real Mage."""

import uuid
from collections.abc import Iterator

import pytest
from tests.support import contract
from tests.support.cloud_api import Client, a_team, first_password, good
from tests.support.eventually import eventually
from tests.support.incluster import OperatorPod
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, look, owner_of

from devkit.cluster import Cluster
from devkit.install import CLOUD_API, NAMESPACE
from devkit.reach import Kubectl, url
from magecluster.cloud.settings import PUBLISHED_KEY

pytestmark = pytest.mark.timeout(600)

EMAIL = "admin@mage.local"


@pytest.fixture(scope="module")
def who(cluster: Cluster, space: Namespace) -> Iterator[contract.Account]:
    """The first account, which administrates every team; and a team for the namespace of this file."""
    own = Namespace(cluster, NAMESPACE)
    own.apply(a_team(space.name, space.name))
    with url(Kubectl.of(cluster), CLOUD_API, NAMESPACE, 80) as address:
        yield contract.Account(address, EMAIL, first_password(cluster, NAMESPACE))
    own.kubectl("delete", "mageteam", space.name)


def logged_in(who: contract.Account) -> Client:
    body = {"session": {"email": who.email, "password": who.password}}
    token = good(Client(who.url)("POST", "/sessions", body, X_API_KEY=PUBLISHED_KEY))["session"]["token"]
    return Client(who.url, token)


def test_the_published_scripts_stop_start_and_change_a_real_mage(space: Namespace, who: contract.Account) -> None:
    space.apply(a_cluster("lab", extraEnvs=[{"name": "GREETING", "value": "hello"}]))
    active(space, "lab")
    (first,) = space.all("pods")

    assert contract.run(who, space.name, "lab", what="stop") == "Cluster has been stopped.\n"
    space.becomes("lab", "Stopped")
    assert space.all("pods") == []

    assert contract.run(who, space.name, "lab") == "Cluster has been started.\n"
    active(space, "lab")
    (second,) = space.all("pods")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]

    contract.run(who, space.name, "lab", what="variables")
    eventually(
        lambda: second["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in space.all("pods")}, within=60
    )
    active(space, "lab")
    environment = space.kubectl("exec", "deploy/lab", "--", "env").splitlines()
    assert {"AI_SIDEKICK=1", "DEFAULT_EXECUTOR_TYPE=k8s", "ENABLE_SOME_FEATURE=true", "GREETING=hello"} <= {
        *environment
    }


def test_a_cluster_made_by_the_api_shows_its_secret_to_its_blocks_alone(
    operator: OperatorPod, space: Namespace, who: contract.Account
) -> None:
    client, clusters = logged_in(who), f"/teams/{space.name}/clusters"
    text = f"text-{uuid.uuid4().hex}"
    secret = {"name": "API_TOKEN", "value": text, "secret": True}
    body = {"cluster": {"name": "made", "config": {"extraEnvs": [secret]}}}
    made = client("POST", clusters, body, Prefer="wait=240")
    assert made.status_code == 201, made.text
    assert made.json()["cluster"]["state"] == "Active"
    assert text not in made.text
    with owner_of(space, "made") as mage:
        assert look(mage, "API_TOKEN") == {"API_TOKEN": text}
    assert not [component for component in ("operator", "cloud-api") if text in operator.log(component)]
    assert client("DELETE", f"{clusters}/made").status_code == 204
    eventually(lambda: not space.get("secret", "made-env"), within=60, what="the Secret ends with its cluster")
