"""Steps that take from the release and give back to it, on a pretended API server."""

from tests.support.pretended import PretendedServer
from tests.support.releases import a_deployment, planned

from magecluster.adopt.old import start_again, stop
from magecluster.kube.errors import ForbiddenError
from magecluster.kube.kinds import CRON_JOBS, DEPLOYMENTS

CLEAN_UP = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "clean", "managedFields": [{"manager": "helm"}]},
    "spec": {"schedule": "@daily", "suspend": False},
}


async def test_a_clean_up_is_suspended_and_resumed() -> None:
    server = PretendedServer()
    takeover = planned(
        server.put(DEPLOYMENTS, a_deployment()), cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),)
    ).takeover
    await stop(server.context(takeover))
    assert (server.read(CRON_JOBS, "clean") or {})["spec"]["suspend"] is True
    await start_again(server.context(takeover))
    assert (server.read(CRON_JOBS, "clean") or {})["spec"]["suspend"] is False


async def test_a_clean_up_that_was_not_changed_is_left_alone() -> None:
    server = PretendedServer()
    takeover = planned(
        server.put(DEPLOYMENTS, a_deployment()), cron_jobs=(server.put(CRON_JOBS, CLEAN_UP),)
    ).takeover
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
