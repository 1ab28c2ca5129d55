"""Workspaces of a real Mage: each a Mage of its own in a pod of its own, made by Mage's bodies at the gateway."""

import json
import subprocess
from collections.abc import Iterator

import pytest
import requests
from tests.support.cloud_api import Client, a_team, refused
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import START_SECONDS, active, owner_of
from tests.support.mage_api import Api, Json
from tests.support.needs import needs
from tests.support.own_document import HOST, commands

from devkit.cluster import Cluster
from devkit.install import CLOUD_API, NAMESPACE
from devkit.mage import Mage
from devkit.reach import OWNER, Kubectl, password
from devkit.reach import url as at_service

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def parent(cluster: Cluster, space: Namespace) -> Iterator[Mage]:
    """The owner at a Mage whose namespace belongs to a team."""
    own = Namespace(cluster, NAMESPACE)
    own.apply(a_team(space.name, space.name))
    space.apply(a_cluster("lab", extraEnvs=[{"name": "GREETING", "value": "hello"}]))
    active(space, "lab")
    with owner_of(space, "lab") as mage:
        yield mage
    own.kubectl("delete", "mageteam", space.name)


def secret(space: Namespace, name: str = "lab") -> str:
    return password(Kubectl.of(space.cluster), name, space.name)


def is_so(api: Api, state: str) -> None:
    eventually(
        lambda: api.good("GET", "workspaces/anna")["workspace"]["state"] == state, within=START_SECONDS, what=state
    )


def answers(url: str) -> None:
    eventually(lambda: requests.get(f"{url}/api/status", timeout=30).ok, within=START_SECONDS, what=f"a Mage at {url}")


def browser_logs_in(url: str, parent: Api, own: str) -> None:
    """As a browser that is logged in to the cluster, whose cookie it sends to the workspace, too."""
    page = Api(url, token=parent.token, headers=(("Sec-Fetch-Site", "same-origin"),))
    assert page("GET", "projects").json()["error"]["code"] == 401, "Mage's page asks for a login"
    assert page.login(OWNER, own).token
    both = Api(url, token=f"{Api(url).login(OWNER, own).token}; oauth_token={parent.token}")
    assert both.good("GET", "pipelines")


def speaks_for_no_other(space: Namespace) -> None:
    """The gateway of a workspace, which has no token; nor would one for its pod help."""
    look = "import os; print(os.path.exists('/var/run/secrets/magecluster'))"
    for deployment, there in (("lab", "True"), ("lab-anna", "False")):
        command = ("exec", f"deploy/{deployment}", "--container=gateway", "--", "python", "-c", look)
        assert space.kubectl(*command).strip() == there
    (pod,) = space.kubectl("get", "pods", "-o", "name", "-l", "app.kubernetes.io/instance=lab-anna").split()
    bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod.partition('/')[2]}")
    token = space.kubectl("create", "token", "lab-anna-mage", "--audience=magecluster", *bound).strip()
    with at_service(Kubectl.of(space.cluster), CLOUD_API, NAMESPACE, 80) as address:
        client = Client(address, token)
        for method, path in (("GET", ""), ("GET", "/anna"), ("DELETE", "/anna")):
            assert "is a workspace itself" in refused(client(method, f"/workspaces{path}"), 403)["message"]
        assert refused(Client(address, f"{token[:-4]}AAAA")("GET", "/workspaces"), 401)
    assert space.get("mc", "lab-anna")


def test_a_workspace_lives(space: Namespace, parent: Mage) -> None:
    api = Api(parent.url).login(OWNER, secret(space))
    wish = {"name": "anna", "storage_request_size": 1, "pvc_retention_policy": "Delete"}
    made = api("POST", "workspaces", {"workspace": wish})
    assert made.status_code == 200, made.text
    assert made.json()["workspace"]["success"] is True
    active(space, "lab-anna")
    (listed,) = api.good("GET", "workspaces")["workspaces"]
    assert (listed["name"], listed["state"], listed["instance"]["status"]) == ("anna", "Active", "RUNNING")

    url = f"{parent.url}/anna"
    assert listed["url"] == url
    answers(url)
    page = requests.get(f"{url}/", timeout=30)
    assert (page.status_code, "/anna/_next/" in page.text) == (200, True)
    with_own = Mage(url).login(OWNER, secret(space, "lab-anna"))
    with_own.create_pipeline("of_anna")
    assert "of_anna" in with_own.pipelines()
    assert "of_anna" not in parent.pipelines()
    environment = space.kubectl("exec", "deploy/lab-anna", "--", "env")
    assert "GREETING=hello" in environment.splitlines()
    assert secret(space) not in environment, "blocks of a workspace see no key to its cluster"
    browser_logs_in(url, api, secret(space, "lab-anna"))
    speaks_for_no_other(space)

    for action, state in (("stop", "Stopped"), ("resume", "Active")):
        api.good("PUT", "workspaces/anna", {"workspace": {"action": action}})
        is_so(api, state)
    patch = {"action": "patch", "container_config": "env: [{name: GREETING, value: bye}]"}
    api.good("PUT", "workspaces/anna", {"workspace": patch})
    active(space, "lab-anna")
    assert "GREETING=bye" in space.kubectl("exec", "deploy/lab-anna", "--", "env").splitlines()
    answers(url)
    assert "of_anna" in Mage(url).login(OWNER, secret(space, "lab-anna")).pipelines()

    api.good("DELETE", "workspaces/anna")
    eventually(lambda: not space.get("pvc", "lab-anna-data"), within=90, what="the volume is gone, as asked")
    assert api.good("GET", "workspaces")["workspaces"] == []
    assert requests.get(f"{url}/api/status", timeout=30).status_code == 404


def test_whoever_is_no_owner_is_refused(space: Namespace, parent: Mage) -> None:
    owner = Api(parent.url).login(OWNER, secret(space))
    roles = {role["name"]: role["id"] for role in owner.good("GET", "roles")["roles"]}
    new: Json = {"email": "ed@example.com", "username": "ed", "password": secret(space)}
    new |= {"password_confirmation": secret(space), "roles_new": [roles["Admin"]]}
    owner("POST", "users", {"user": new})
    admin = Api(parent.url).login("ed@example.com", secret(space))
    assert "no owner" in refused(admin("POST", "workspaces", {"workspace": {"name": "ed"}}), 403)["message"]
    assert Api(parent.url)("GET", "workspaces").status_code == 401
    assert not space.get("mc", "lab-ed")


def test_blocks_do_not_see_the_token(space: Namespace, parent: Mage) -> None:
    for container in ("mage", "runner"):
        looks = ("find", "/var/run", "/run", "-name", "*token*")
        assert not space.kubectl("exec", "deploy/lab", f"--container={container}", "--", *looks)


def test_the_commands_of_the_document_run(space: Namespace, parent: Mage) -> None:
    needs({"curl": "curl", "jq": "jq"})
    login, script = commands("CRUD by curl")[0], "".join(commands("Workspaces"))
    text = f"set -euo pipefail\n{login}{script}"
    for theirs, ours in ((HOST, parent.url), ("owner@mage.local", OWNER), ('"…"', json.dumps(secret(space)))):
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    done = subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout[-2000:]}"
    assert '"state": "Active"' in done.stdout
    assert not space.get("mc", "lab-anna")
    assert space.get("pvc", "lab-anna-data"), "a volume is kept unless it was asked for otherwise"
