"""What is checked while Mage still runs at the release, on a pretended API server."""

from typing import Any

import pytest
from tests.support.pretended import PretendedServer
from tests.support.releases import HOST, SERVICE, a_deployment, planned

from magecluster.adopt.facts import Plan
from magecluster.adopt.new import COPIED, NEW, STATE, USED, make_secrets
from magecluster.adopt.rehearse import rehearse
from magecluster.kube.errors import ForbiddenError, InvalidError, KubeError, QuotaError
from magecluster.kube.kinds import CRON_JOBS, DEPLOYMENTS, SCALERS, SECRETS, SERVICES, VOLUMES, Kind

CLEAN_UP = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "clean"}, "spec": {"schedule": "@daily"}}
SCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "more"}, "spec": {}}
ENV = [{"name": "API_TOKEN", "value": "t0p"}, {"name": "JWT_SECRET", "value": "s1gn"}]


def a_server() -> tuple[PretendedServer, Plan]:
    """With a release of which everything has to be changed."""
    server = PretendedServer()
    found = planned(
        server.put(DEPLOYMENTS, a_deployment(pod={"volumes": [HOST]}, env=ENV)),
        service=server.put(SERVICES, SERVICE),
        scalers=(server.put(SCALERS, SCALER),),
        cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),),
    )
    assert found.obstacles == ()
    return server, found


def put(server: PretendedServer, kind: Kind, name: str, state: str | None, **fields: Any) -> None:
    labels = {"app.kubernetes.io/managed-by": "magecluster-operator", "app.kubernetes.io/instance": "mageai"}
    annotations = {STATE: state} if state else {}
    server.put(kind, {"metadata": {"name": name, "labels": labels, "annotations": annotations}, **fields})


async def test_nothing_is_in_the_way_and_nothing_is_written() -> None:
    server, found = a_server()
    before = dict(server.objects)
    assert await rehearse(server.connection, found) == []
    assert server.objects == before
    assert {verb for verb, _ in server.requests} == {"get"}
    tried = {
        (verb, path.removeprefix("/apis/").rpartition("/namespaces/team/")[2]) for verb, path, _ in server.dry_runs
    }
    assert {("patch", "cronjobs/clean"), ("create", "deployments"), ("create", "jobs"), ("create", "pods")} <= tried


@pytest.mark.parametrize(
    "right",
    [
        ("patch", "cronjobs"),
        ("patch", "mageclusters"),
        ("delete", "jobs"),
        ("patch", "persistentvolumeclaims"),
        ("create", "deployments"),
        ("update", "services"),
        ("create", "horizontalpodautoscalers"),
        ("delete", "secrets"),
    ],
)
async def test_a_right_that_a_step_or_the_way_back_needs_is_asked_for(right: tuple[str, str]) -> None:
    server, found = a_server()
    server.denied = {right}
    (problem,) = await rehearse(server.connection, found)
    assert problem.startswith(f"you may not {' '.join(right)}")
    assert "in namespace team, which this or its way back needs" in problem


async def test_rights_over_what_is_not_there_are_not_needed() -> None:
    server = PretendedServer()
    found = planned(server.put(DEPLOYMENTS, a_deployment()), service=server.put(SERVICES, SERVICE))
    server.denied = {("patch", "cronjobs"), ("delete", "jobs"), ("delete", "horizontalpodautoscalers")}
    assert await rehearse(server.connection, found) == []


async def test_secrets_of_the_same_content_are_no_obstacle() -> None:
    server, found = a_server()
    await make_secrets(server.context(found.takeover))
    assert await rehearse(server.connection, found) == []


async def test_values_that_another_takeover_has_left_are_not_used() -> None:
    server, found = a_server()
    put(server, SECRETS, "mageai-adopted-env", None, stringData={"API_TOKEN": "old"})
    put(server, SECRETS, "mageai-auth", USED, stringData={"jwt-secret": "old", "owner-password": "kn0wn"})
    problems = await rehearse(server.connection, found)
    assert [each.partition(":")[0] for each in problems] == [
        "Secret mageai-adopted-env is there, with other values of API_TOKEN than the release",
        "Secret mageai-auth is there, with other values of jwt-secret than the release",
    ]
    assert "kubectl delete secret mageai-adopted-env -n team" in problems[0]
    assert "note its owner-password" in problems[1]
    assert not {"old", "t0p", "kn0wn", "s1gn"} & set(" ".join(problems).split())


@pytest.mark.parametrize(("state", "is_there"), [(NEW, False), (COPIED, True), (USED, True), (None, True)])
async def test_files_of_another_takeover_are_not_taken_for_these(state: str | None, is_there: bool) -> None:  # noqa: FBT001  a column
    server, found = a_server()
    put(server, VOLUMES, "mageai-data", state)
    problems = await rehearse(server.connection, found)
    assert bool(problems) == is_there
    assert all("claim mageai-data is there" in each for each in problems)


REFUSALS: list[tuple[KubeError, int]] = [
    (ForbiddenError('pods "x" is forbidden: violates PodSecurity "restricted:latest"', status=403), 1),
    (QuotaError('pods "x" is forbidden: failed quota: q: must specify limits.cpu for: copy', status=403), 1),
    (QuotaError("maximum memory usage per Container is 100Mi, but limit is 512Mi", status=403), 1),
    (QuotaError('pods "x" is forbidden: exceeded quota: q, used: cpu=1', status=403), 0),
    (InvalidError("admission webhook x does not support dry run", status=400), 0),
]


@pytest.mark.parametrize(("error", "count"), REFUSALS)
async def test_what_pods_would_be_refused_for_is_told_before_mage_stops(error: KubeError, count: int) -> None:
    server, found = a_server()
    server.refuse("create", "/pods", error)
    problems = await rehearse(server.connection, found)
    told = f"Mage's pod would be refused: {error}: change that rule, or the release by helm upgrade"
    assert problems == [told] * count
    mage, copy = [pod for _, path, pod in server.dry_runs if path.endswith("/pods")]
    assert mage["spec"]["serviceAccountName"] == "default", "its own is not there yet"
    assert copy["spec"]["containers"][0]["name"] == "copy"


async def test_pods_are_not_tried_by_who_may_not_make_them() -> None:
    server, found = a_server()
    server.denied = {("create", "pods")}
    assert await rehearse(server.connection, found) == []
    assert not [path for _, path, _ in server.dry_runs if path.endswith("/pods")]


async def test_a_deployment_that_could_not_come_back_is_told() -> None:
    server, found = a_server()
    server.refuse("create", "/deployments", ForbiddenError("policy: no hostPath", status=403))
    assert await rehearse(server.connection, found) == [
        "mageai of deployments on the way back would be refused: policy: no hostPath"
    ]
