"""The Cloud API as a process, with accounts in it, and a client that adds nothing of its own."""

import base64
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace
from tests.support.operator import OperatorProcess
from tests.support.program import Program

from devkit.cluster import Cluster
from magecluster.cloud.settings import PUBLISHED_KEY

ADMIN, EDITOR, VIEWER, STRANGER = "ann@example.com", "ed@example.com", "vi@example.com", "oz@example.com"
ROLES = {"Admin": ADMIN, "Editor": EDITOR, "Viewer": VIEWER}
PASSWORD = f"pass-{uuid.uuid4().hex}"
"""Of all accounts of the tests."""
BOOTSTRAP = "admin@mage.local"


class Client:
    """One account or token, used as people's programs use it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url, self.token = url, token
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """Names of headers have `_` for `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, f"{self.url}/api/v1{path}", json=body, headers=given, timeout=90)

    def get(self, path: str, **headers: str) -> Any:
        """The body of an answer that has to be a success."""
        return good(self("GET", path, **headers))

    def put(self, path: str, config: object = None, status: str | None = None, **headers: str) -> Any:
        """A change of a cluster that has to succeed; the cluster."""
        sent = {"config": config, "status": status}
        body = {"cluster": {name: value for name, value in sent.items() if value is not None}}
        return good(self("PUT", path, body, **headers))["cluster"]


def good(answer: requests.Response) -> Any:
    assert answer.ok, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def refused(answer: requests.Response, code: int) -> Any:
    """The error, which has our one shape, with the status in it that it was sent with."""
    assert answer.status_code == code, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    return error


class CloudApi(Program):
    """`magecluster cloud-api`; limits of requests are out of the way unless a test sets them."""

    command = "cloud-api"

    def __init__(self, kubeconfig: Path, log: Path, namespace: str, *options: str) -> None:
        self.namespace = namespace
        super().__init__(kubeconfig, log, f"--own-namespace={namespace}", "--requests-per-second=0", *options)

    def client(self, token: str | None = None) -> Client:
        return Client(self.url(), token)

    def login(self, email: str, password: str = PASSWORD) -> str:
        """The token of a new session."""
        answer = self.client()(
            "POST", "/sessions", {"session": {"email": email, "password": password}}, X_API_KEY=PUBLISHED_KEY
        )
        return str(good(answer)["session"]["token"])

    def logs_in(self, email: str, password: str = PASSWORD) -> Client:
        return self.client(self.login(email, password))

    def audit(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("audit")]

    def user(self, *words: str, given: str = PASSWORD) -> str:
        """`magecluster user`; returns what it prints."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "magecluster", "user", *words),
                *("--kubeconfig", str(self._kubeconfig), "--namespace", self.namespace),
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Team:
    """A team with a namespace of its own, and a client for each role."""

    def __init__(self, api: CloudApi, space: Namespace, name: str, tokens: Mapping[str, str]) -> None:
        self.api, self.space, self.name, self._tokens = api, space, name, tokens
        self.clusters = f"/teams/{name}/clusters"

    @property
    def url(self) -> str:
        return self.api.url()

    @property
    def admin(self) -> str:
        """Token of the administrator of the installation."""
        return self._tokens[BOOTSTRAP]

    def token(self, role: str) -> str:
        return self._tokens[ROLES[role]]

    def as_(self, role: str) -> Client:
        return self.api.client(self.token(role))

    def stranger(self) -> Client:
        """Somebody who is logged in and belongs to another team."""
        return self.api.client(self._tokens[STRANGER])

    def path(self, cluster: str = "demo") -> str:
        return f"{self.clusters}/{cluster}"

    def seen(self, cluster: str = "demo") -> Any:
        """Wait until the cache has a cluster that was made by kubectl."""
        client = self.as_("Admin")
        eventually(lambda: client("GET", self.path(cluster)).ok, what=f"{cluster} in the cache")
        return client.get(self.path(cluster))["cluster"]

    def has(self, cluster: str, question: Any, within: float = 30) -> Any:
        """Wait until the cluster, as the API tells it, is so."""
        client = self.as_("Admin")
        return eventually(
            lambda: (found := client.get(self.path(cluster))["cluster"]) and question(found) and found, within=within
        )


def a_team(name: str, namespace: str, **spec: Any) -> Manifest:
    spec.setdefault("members", [{"email": email, "role": role} for role, email in ROLES.items()])
    return {
        "apiVersion": "magecluster.io/v1alpha1",
        "kind": "MageTeam",
        "metadata": {"name": name},
        "spec": {"namespace": namespace, **spec},
    }


@pytest.fixture(scope="session")
def cloud_api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudApi]:
    """One server for many tests, with an account for each role."""
    own = f"own-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", own)
    api = CloudApi(cluster.kubeconfig, tmp_path_factory.mktemp("cloud-api") / "log", own).start()
    try:
        api.ready()
        for email in (*ROLES.values(), STRANGER):
            api.user("add", email, "--password-stdin")
        yield api
        api.stop()
        assert not api.tracebacks()
    finally:
        if api.running:
            api.stop()
        cluster.kubectl("delete", "namespace", own, "--wait=false")


@pytest.fixture(scope="session")
def tokens(cluster: Cluster, cloud_api: CloudApi) -> dict[str, str]:
    """Of a session for each account."""
    return {BOOTSTRAP: cloud_api.login(BOOTSTRAP, first_password(cluster, cloud_api.namespace))} | {
        email: cloud_api.login(email) for email in (*ROLES.values(), STRANGER)
    }


def first_password(cluster: Cluster, namespace: str) -> str:
    """Of the account that the server made itself."""
    own = Namespace(cluster, namespace)
    secret = eventually(lambda: own.get("secret", "magecluster-admin"), what="the first account")
    return base64.b64decode(secret["data"]["password"]).decode()


@pytest.fixture
def team(cluster: Cluster, cloud_api: CloudApi, tokens: dict[str, str], bare: Namespace) -> Iterator[Team]:
    """A team of its own for a test; no operator is needed, and none is asked for."""
    own = Namespace(cluster, cloud_api.namespace)
    own.apply(a_team(bare.name, bare.name))
    made = Team(cloud_api, bare, bare.name, tokens)
    eventually(lambda: made.as_("Viewer")("GET", f"/teams/{made.name}").ok, what="the team in the cache")
    yield made
    own.kubectl("delete", "mageteam", bare.name)


@pytest.fixture
def running(operator: OperatorProcess, team: Team) -> Team:
    """The same with an operator at work."""
    return team
