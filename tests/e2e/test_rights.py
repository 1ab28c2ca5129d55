"""The rules of the chart against what the API server saw: nothing is missing, and nothing is there that is not used."""

import pytest
import yaml
from tests.support.audit import Right, asked, given_away, granted
from tests.support.everything import by_the_cloud_api, by_the_operator
from tests.support.incluster import OperatorPod, administrator
from tests.support.kube import Namespace

from devkit import shell
from devkit.cluster import Cluster
from devkit.install import NAMESPACE, RELEASE

pytestmark = [pytest.mark.last, pytest.mark.timeout(300)]


def test_every_rule_is_used_and_none_is_missing(cluster: Cluster, operator: OperatorPod, space: Namespace) -> None:
    operator.restart()  # a start is part of it
    by_the_operator(space)
    for words in (("add", "new@example.com"), ("remove", "new@example.com")):
        operator.in_the_cloud_api("python", "-m", "magecluster", "user", *words)
    with administrator(cluster) as client:
        by_the_cloud_api(client, Namespace(cluster, NAMESPACE), space, workspaces=True)
    helm = (cluster.binary("helm"), "--kubeconfig", cluster.kubeconfig, "--namespace", NAMESPACE)
    manifests = [m for m in yaml.safe_load_all(shell.run(*helm, "get", "manifest", RELEASE)) if m]
    log, rights = cluster.logs("audit"), granted(manifests)
    assert rights
    problems = {user: found for user, rules in rights.items() if (found := problems_of(log, user, rules))}
    assert not problems, problems


def problems_of(log: str, user: str, rules: set[Right]) -> dict[str, list[Right]]:
    allowed, forbidden = asked(log, user)
    unused = {rule for rule in rules if not any(rule.covers(right) for right in allowed)} - given_away()
    found = {"forbidden": forbidden, "unused": sorted(unused, key=str)}
    return {name: those for name, those in found.items() if those}
