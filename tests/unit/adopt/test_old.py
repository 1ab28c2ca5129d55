"""Steps that take from the release and give back to it, on a pretended API server."""

from typing import Any, ClassVar

import pytest
from tests.support.pretended import PretendedServer
from tests.support.releases import SERVICE, a_deployment, a_record, planned
from typing_extensions import override

from magecluster.adopt import service as steps
from magecluster.adopt.context import StepError
from magecluster.adopt.facts import Choices
from magecluster.adopt.move import runs_at
from magecluster.adopt.old import start_again, stop
from magecluster.adopt.service import hand_back, hide_release, show_release
from magecluster.api.labels import labels
from magecluster.kube.errors import ForbiddenError
from magecluster.kube.kinds import CRON_JOBS, DEPLOYMENTS, MAGE_CLUSTERS, SECRETS, SERVICES

CLEAN_UP = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "clean", "managedFields": [{"manager": "helm"}]},
    "spec": {"schedule": "@daily", "suspend": False},
}


async def test_a_clean_up_is_suspended_and_resumed() -> None:
    server = PretendedServer()
    takeover = planned(server.put(DEPLOYMENTS, a_deployment()), cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),)).takeover
    await stop(server.context(takeover))
    assert (server.read(CRON_JOBS, "clean") or {})["spec"]["suspend"] is True
    await start_again(server.context(takeover))
    assert (server.read(CRON_JOBS, "clean") or {})["spec"]["suspend"] is False


async def test_a_clean_up_that_was_not_changed_is_left_alone() -> None:
    server = PretendedServer()
    takeover = planned(server.put(DEPLOYMENTS, a_deployment()), cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),)).takeover
    server.refuse("patch", "cronjobs/clean", ForbiddenError("no", status=403))
    await start_again(server.context(takeover))
    assert (server.read(DEPLOYMENTS, "mageai") or {})["spec"]["replicas"] == 1


async def test_a_clean_up_whose_fields_are_still_ours_is_given_back() -> None:
    server = PretendedServer()
    takeover = planned(cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),)).takeover
    path = CRON_JOBS.path("team", "clean")
    server.objects[path]["metadata"]["managedFields"] = [{"manager": "helm"}, {"manager": "magecluster-adopt"}]
    await start_again(server.context(takeover))
    assert server.objects[path]["metadata"]["managedFields"] == [{"manager": "helm"}]


async def test_a_service_that_stays_behind_is_no_longer_helms_either() -> None:
    server = PretendedServer()
    metadata = {**SERVICE["metadata"], "managedFields": [{"manager": "helm"}]}
    service = server.put(SERVICES, {**SERVICE, "metadata": metadata})
    server.put(SECRETS, a_record())
    takeover = planned(service=service, choices=Choices(name="lab")).takeover
    await hide_release(server.context(takeover))
    assert (server.read(SERVICES, "mageai") or {})["metadata"]["annotations"] == {}
    await show_release(server.context(takeover))
    metadata = (server.read(SERVICES, "mageai") or {})["metadata"]
    assert metadata["annotations"] == {"meta.helm.sh/release-name": "data"}
    assert metadata["managedFields"] == [{"manager": "helm"}]
    record = server.read(SECRETS, "sh.helm.release.v1.data.v1") or {}
    assert record["metadata"]["labels"]["owner"] == "helm"


async def test_the_way_back_does_not_wait_for_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_SETTLED_SECONDS", 0.0)
    server = PretendedServer()
    takeover = planned().takeover
    server.put(DEPLOYMENTS, {"metadata": {"name": "mageai", "labels": labels("mageai")}})
    await hand_back(server.context(takeover))
    assert server.read(DEPLOYMENTS, "mageai") is None
    server.put(DEPLOYMENTS, a_deployment())
    await hand_back(server.context(takeover))
    assert server.read(DEPLOYMENTS, "mageai"), "the release's own"


RUNS = {"active_pipeline_run_count": 2, "project_uuid": "p"}


class Answering(PretendedServer):
    """Mage answers through the API server."""

    status: ClassVar[dict[str, Any]] = RUNS

    @override
    async def get(self, path: str, **params: str) -> dict[str, Any]:
        if "/proxy" in path:
            return {"statuses": [self.status]}
        return await super().get(path, **params)


@pytest.mark.parametrize(("replicas", "interrupt", "stops"), [(1, False, False), (1, True, True), (0, False, True)])
async def test_runs_that_have_begun_since_the_plan_are_waited_for(
    replicas: int,
    interrupt: bool,  # noqa: FBT001  a column
    stops: bool,  # noqa: FBT001  a column
) -> None:
    server = Answering()
    deployment = server.put(DEPLOYMENTS, a_deployment(replicas=replicas))
    takeover = planned(deployment, status={**RUNS, "active_pipeline_run_count": 0}).takeover
    context = server.context(takeover, interrupt_runs=interrupt)
    if stops:
        await stop(context)
    else:
        with pytest.raises(StepError, match=r"2 pipeline runs have begun, .* or say --interrupt-runs"):
            await stop(context)
    assert (server.read(DEPLOYMENTS, "mageai") or {})["spec"]["replicas"] == (0 if stops else 1)


@pytest.mark.parametrize(("status", "count"), [("Active", 2), ("Stopped", 0)])
async def test_the_cluster_is_asked_for_runs_if_it_runs(status: str, count: int) -> None:
    server, takeover = Answering(), planned().takeover
    server.put(MAGE_CLUSTERS, {**takeover.cluster, "spec": {**takeover.cluster["spec"], "status": status}})
    assert await runs_at(server.context(takeover)) == count


async def test_a_cluster_that_cannot_be_read_does_not_stop_the_way_back() -> None:
    server, takeover = Answering(), planned().takeover
    server.put(MAGE_CLUSTERS, {**takeover.cluster, "spec": {"image": 3}})
    assert await runs_at(server.context(takeover)) == 0
