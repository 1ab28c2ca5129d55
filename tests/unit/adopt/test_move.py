"""Steps in which Mage moves, on a pretended API server."""

from tests.support.pretended import PretendedServer
from tests.support.releases import HOST, SERVICE, a_deployment, planned

from magecluster.adopt.move import start
from magecluster.adopt.new import COPIED, STATE, make_secrets, make_volume, mark, remove_secrets, remove_volume
from magecluster.kube.kinds import MAGE_CLUSTERS, SECRETS, VOLUMES


async def test_what_a_stopped_cluster_has_got_is_kept_since_somebody_may_start_it() -> None:
    server, takeover = PretendedServer(), planned(a_deployment(pod={"volumes": [HOST]}, replicas=0)).takeover
    assert (takeover.cluster["spec"]["status"], takeover.service) == ("Stopped", SERVICE)
    context = server.context(takeover)
    await make_secrets(context)
    await make_volume(context)
    await mark(context, VOLUMES.path("team", "mageai-data"), COPIED)
    ready = {"state": "Stopped", "observedGeneration": 1, "conditions": []}
    cluster = {**takeover.cluster, "status": ready}
    server.put(MAGE_CLUSTERS, {**cluster, "metadata": {**cluster["metadata"], "generation": 1}})
    await start(context)
    await remove_volume(context)
    await remove_secrets(context)
    for live in (server.read(VOLUMES, "mageai-data"), server.read(SECRETS, "mageai-auth")):
        assert live is not None
        assert live["metadata"]["annotations"][STATE] == "used"
