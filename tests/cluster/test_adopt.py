"""Moving in from Mage's Helm chart, on a real API server with the real Helm; pods are pretended."""

import pytest
from tests.support.adopting import CLAIM, RELEASE, a_claim, adopt, helm, install, listed, on_claim, runs
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace

pytestmark = pytest.mark.timeout(400)

NAME = "mageai"
"""Of Service and Deployment of the release, and so of the cluster."""


@pytest.fixture
def release(space: Namespace) -> Namespace:
    """A namespace with a release whose files are on a claim."""
    space.apply(a_claim())
    space.kubectl("create", "secret", "generic", "theirs", "--from-literal=API_TOKEN=t0p")
    install(
        space,
        **on_claim(),
        config={"REGION": "north"},
        secrets={"DB_PASSWORD": "hidden"},
        extraEnvs=[
            {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "API_TOKEN"}}},
            {"name": "JWT_SECRET", "value": "known"},
            {"name": "USER_CODE_PATH", "value": "/home/src/sales"},
        ],
        service={"type": "NodePort"},
    )
    return space


def state_of(space: Namespace) -> dict[str, Manifest]:
    """What must not change: the release's objects, without what the API server counts."""
    kinds = "deployments,services,configmaps,secrets,pvc,hpa,cronjobs,ingresses,mc,serviceaccounts,networkpolicies"
    return {f"{each['kind']}/{each['metadata']['name']}": stable(each) for each in space.all(kinds)}


def stable(live: Manifest) -> Manifest:
    passing = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
    metadata = {key: value for key, value in live["metadata"].items() if key not in passing}
    metadata["annotations"] = {
        key: value
        for key, value in metadata.get("annotations", {}).items()
        if not key.startswith(("deployment.kubernetes.io/", "pv.kubernetes.io/", "volume."))
    }
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def cleared(space: Namespace) -> None:
    """When the garbage collector has been there; in a new API server it learns of MageClusters only after a while."""
    left = {f"NetworkPolicy/{NAME}", f"ServiceAccount/{NAME}-mage"}
    eventually(lambda: not left & state_of(space).keys(), within=120, what="nothing of the MageCluster is left")


def test_by_default_it_only_tells(release: Namespace) -> None:
    before = release.all("deployments,services,secrets,configmaps,pvc,mc")
    done = adopt(release)
    assert done.code == 0, done.err
    assert f"existingClaim: {CLAIM}" in done.out
    assert "project: sales" in done.out
    assert "Nothing was changed: --apply does it" in done.out
    assert "hidden" not in done.out + done.err
    assert "known" not in done.out + done.err.replace("unknown", "")
    assert release.all("deployments,services,secrets,configmaps,pvc,mc") == before


def test_a_release_becomes_a_cluster_with_the_same_volume_address_and_environment(release: Namespace) -> None:
    service, claim = release.get("service", NAME), release.get("pvc", CLAIM)
    done = adopt(release, "--apply")
    assert done.code == 0, done.err
    assert release.state(NAME) == "Active"
    now = release.get("service", NAME)
    assert now["metadata"]["uid"] == service["metadata"]["uid"]
    assert now["spec"]["clusterIP"] == service["spec"]["clusterIP"]
    assert now["spec"]["ports"][0]["nodePort"] == service["spec"]["ports"][0]["nodePort"]
    assert now["spec"]["selector"]["app.kubernetes.io/component"] == "server"
    assert release.get("pvc", CLAIM)["metadata"]["uid"] == claim["metadata"]["uid"]
    assert [each["metadata"]["name"] for each in release.all("pvc")] == [CLAIM]
    deployment = release.get("deployment", NAME)
    assert deployment["metadata"]["ownerReferences"][0]["kind"] == "MageCluster"
    env = {each["name"]: each for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["REGION"] == {"name": "REGION", "value": "north"}
    assert env["API_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "theirs"
    assert env["DB_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == f"{NAME}-adopted-env"
    assert env["USER_CODE_PATH"]["value"] == "/home/src/sales"
    texts = release.kubectl(
        "get", "secret", f"{NAME}-adopted-env", "-o", "go-template={{.data.DB_PASSWORD | base64decode}}"
    )
    assert texts == "hidden"
    key = release.kubectl(
        "get", "secret", f"{NAME}-auth", "-o", 'go-template={{index .data "jwt-secret" | base64decode}}'
    )
    assert key == "known"
    assert "hidden" not in release.kubectl("get", "mc", NAME, "-o", "yaml")
    assert "kubectl delete" in done.out
    again = adopt(release, "--apply")
    assert (again.code, "is MageCluster mageai now" in again.out) == (0, True)


def test_helm_can_harm_it_no_more(release: Namespace) -> None:
    assert adopt(release, "--apply").code == 0
    before = state_of(release)
    assert listed(release) == []
    assert "not found" in helm(release, "uninstall", RELEASE).err
    for words in (("upgrade", RELEASE), ("upgrade", "--install", RELEASE), ("install", "other")):
        done = helm(release, *words, "tests/data/mage-chart")
        assert done.code != 0, done.out
    assert state_of(release) == before
    assert release.state(NAME) == "Active"


def test_it_can_be_undone(release: Namespace) -> None:
    before = state_of(release)
    address = release.get("service", NAME)["spec"]["clusterIP"]
    assert adopt(release, "--apply").code == 0
    done = adopt(release, "--undo")
    assert done.code == 0, done.err
    after = state_of(release)
    assert after.pop(f"Secret/{NAME}-auth"), "Mage's database may know this password"
    cleared(release)
    after = {name: live for name, live in state_of(release).items() if name != f"Secret/{NAME}-auth"}
    assert after == before
    assert release.get("service", NAME)["spec"]["clusterIP"] == address
    eventually(lambda: runs(release))
    assert listed(release) == [RELEASE]
    # Helm changes what was changed and given back, so nobody else manages it.
    install(release, **on_claim(), replicaCount=2, service={"type": "ClusterIP", "port": 6790})
    assert release.get("service", NAME)["spec"]["ports"][0]["port"] == 6790
    assert adopt(release, "--undo").err.count("there is nothing to undo") == 1


def test_web_server_and_scheduler_become_one_pod(space: Namespace) -> None:
    space.apply(a_claim())
    install(space, **on_claim(), standaloneScheduler=True)
    done = adopt(space, "--no-dry-run")
    assert done.code == 0, done.err
    assert [each["metadata"]["name"] for each in space.all("deployments")] == [NAME]
    assert "INSTANCE_TYPE" not in space.kubectl("get", "deployment", NAME, "-o", "yaml")
    assert adopt(space, "--undo").code == 0
    names = {each["metadata"]["name"] for each in space.all("deployments")}
    assert names == {"mageai-webserver", "mageai-scheduler"}
    eventually(lambda: runs(space))


def test_what_would_start_a_second_mage_ends(space: Namespace) -> None:
    space.apply(a_claim())
    install(space, **on_claim(), hpa={"minReplicas": 1, "maxReplicas": 3}, cleanupJob={"enabled": True})
    service = stable(space.get("service", NAME))
    assert adopt(space, "--apply", "--name", "lab").code == 0
    assert space.all("hpa") == []
    assert space.get("cronjob", "mageai-cleanup")["spec"]["suspend"] is True
    # The Service stays where it was, and is no longer Helm's either.
    done = helm(space, "upgrade", "--install", RELEASE, "tests/data/mage-chart")
    assert (done.code, "cannot be imported" in done.err) == (1, True), done.err
    assert [each["metadata"]["name"] for each in space.all("deployments")] == ["lab"]
    assert adopt(space, "--undo").code == 0
    assert stable(space.get("service", NAME)) == service
    assert len(space.all("hpa")) == 1
    assert space.get("cronjob", "mageai-cleanup")["spec"]["suspend"] is False


def test_files_of_a_node_get_a_volume(space: Namespace) -> None:
    install(space)
    done = adopt(space, "--apply", "--size", "20Mi")
    assert done.code == 0, done.err
    assert space.get("pvc", "mageai-data")["metadata"]["annotations"]["magecluster.io/adoption"] == "used"
    pod = space.get("deployment", NAME)["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "mageai-data"
    assert adopt(space, "--undo").code == 0
    assert space.get("pvc", "mageai-data"), "Mage has worked on it"
    eventually(lambda: runs(space))
    told = adopt(space, "--apply", "--size", "20Mi")
    assert (told.code, "claim mageai-data is there" in told.err) == (1, True)


def test_what_is_in_the_way_is_told_at_once(space: Namespace) -> None:
    install(space, extraContainers=[{"name": "helper", "image": "helper"}])
    space.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mageai-auth"}})
    space.kubectl("create", "serviceaccount", "mageai-mage")
    done = adopt(space, "--apply")
    assert done.code == 1
    assert "no container helper" in done.err
    done = adopt(space, "--apply", "--leave-out", "helper")
    assert done.code == 1
    assert "Secret mageai-auth exists and is not this operator's" in done.out
    assert "ServiceAccount mageai-mage exists and is not this operator's" in done.out
    assert runs(space)
    assert space.all("mc") == []


def test_what_the_schema_would_drop_is_told(space: Namespace) -> None:
    space.apply(a_claim())
    term = {"topologyKey": "kubernetes.io/hostname", "namespaces": ["others"]}
    affinity = {
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}
    }
    install(space, **on_claim(), affinity=affinity)
    done = adopt(space)
    assert done.code == 1
    assert "it has no place for spec.affinity.podAffinity" in done.err
    assert "podAffinityTerm.namespaces" in done.err


def test_helm_looks_at_no_annotation_of_a_live_object(space: Namespace) -> None:
    """Why the release is hidden from Helm, instead of marking what is to be kept."""
    space.apply(a_claim())
    install(space, **on_claim())
    space.kubectl("annotate", "service", NAME, "helm.sh/resource-policy=keep")
    assert helm(space, "uninstall", RELEASE).code == 0
    assert space.get("service", NAME) == {}


def test_a_release_that_is_not_there_or_not_mages(space: Namespace) -> None:
    assert f"there is no Helm release {RELEASE} in namespace {space.name}" in adopt(space).err


def limit(space: Namespace, **hard: str) -> None:
    """A quota for pods that ask for something, as that of a MageCluster does by its gateway."""
    spec = {"hard": hard, "scopes": ["NotBestEffort"]}
    space.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": spec})


def test_a_pod_that_would_be_refused_is_told_while_mage_runs(release: Namespace) -> None:
    limit(release, **{"requests.memory": "1Gi"})
    done = adopt(release, "--apply")
    assert done.code == 1
    assert "nothing was changed: 1 thing in the way: Mage's pod would be refused" in done.err
    assert "must specify requests.memory for: mage: change that rule, or the release by helm upgrade" in done.err
    assert runs(release)


def test_a_mage_that_does_not_start_goes_back(release: Namespace) -> None:
    before = state_of(release)
    # The release's pod asks for nothing at all, and a quota that is used up is no obstacle: its pod may count in it.
    limit(release, pods="0")
    done = adopt(release, "--apply", "--timeout", "8")
    assert done.code == 1
    assert "Mage does not answer after 8 s" in done.err
    assert "raise the ResourceQuota" in done.err
    assert "is back as it was" in done.err
    eventually(lambda: runs(release))
    cleared(release)
    after = {name: live for name, live in state_of(release).items() if name != f"Secret/{NAME}-auth"}
    assert after == before
    assert listed(release) == [RELEASE]
