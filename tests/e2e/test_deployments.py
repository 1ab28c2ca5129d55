"""A commit of a Git server in the cluster goes live in a Mage beside it."""

import pytest
from tests.support.deployments import PROJECT, pipeline
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, owner_of
from tests.support.mage_api import Api

from devkit.reach import OWNER, Kubectl, password

pytestmark = pytest.mark.timeout(600)

MADE = {**PROJECT, **pipeline("deployed", "return 'from git'")}
FILES = {name: content for name, content in MADE.items() if isinstance(content, str)}
WRITES = "\n".join(
    f"mkdir -p $(dirname '{name}'); cat > '{name}' <<'END'\n{content}END" for name, content in FILES.items()
)
SERVES = f"""
set -e
git config --global user.email a@example.com; git config --global user.name a
git init --quiet --initial-branch=main /tmp/project; cd /tmp/project
{WRITES}
git add --all; git commit --quiet --message first
git clone --quiet --bare . /tmp/served/project.git; git --git-dir /tmp/served/project.git update-server-info
exec python -m http.server 8080 --directory /tmp/served
"""


def test_a_commit_goes_live_and_back(space: Namespace) -> None:
    space.apply(a_cluster("deploys", git={"repository": "http://git:8080/project.git"}))
    active(space, "deploys")
    image = space.get("deploy", "deploys")["spec"]["template"]["spec"]["containers"][0]["image"]
    labels = {"app": "git"}
    container = {
        "name": "git",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", "-c", SERVES],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    space.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "git", "labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        }
    )
    ports = [{"port": 8080}]
    space.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "git"},
            "spec": {"selector": labels, "ports": ports},
        }
    )
    space.kubectl("wait", "pod/git", "--for=condition=Ready", "--timeout=120s")
    with owner_of(space, "deploys") as mage:
        mage.create_pipeline("made_here")
        before = mage.pipelines()
        secret = password(Kubectl.of(space.cluster), "deploys", space.name)
        api = Api(mage.url, headers=(("Prefer", "wait=300"),)).login(OWNER, secret)
        deployments = "deployment_settings/production/deployments"
        made = api("POST", deployments, {"deployment": {}})
        assert made.status_code == 200, made.text
        assert mage.pipelines() == ["deployed"]
        space.kubectl("delete", "pod", "--selector=app.kubernetes.io/name=mage", "--wait=true")
    active(space, "deploys")
    with owner_of(space, "deploys") as mage:
        assert mage.pipelines() == ["deployed"]
        api = Api(mage.url, headers=(("Prefer", "wait=300"),)).login(OWNER, secret)
        back = api("PUT", f"{deployments}/1", {"deployment": {"action": "rollback"}})
        assert back.status_code == 200, back.text
        assert mage.pipelines() == before
    log = space.kubectl("logs", "deploy/deploys", "--container", "deployer")
    assert "Traceback" not in log
