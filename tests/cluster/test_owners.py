"""What GitOps controllers hold, in managedFields as a real API server writes them. Each test also lets the controller
work again, to see that what is held is what it would undo."""

import json
from typing import Any

import pytest
import yaml
from tests.support.kube import Manifest, Namespace, a_cluster

from magecluster.cloud.config.fields import Path, leaves, tree
from magecluster.cloud.config.owners import held

ARGO, FLUX = "argocd-controller", "helm-controller"
MANAGERS = (ARGO, FLUX)

SPEC: dict[str, Any] = {
    "image": {"tag": "0.9.79"},
    "extraEnvs": [{"name": "REGION", "value": "north"}],
    "podAnnotations": {"example.com/team": "lab"},
    "resources": {"limits": {"cpu": 2}},
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
}
NAMED: set[Path] = {
    ("image", "tag"),
    ("extraEnvs", "REGION"),
    ("podAnnotations", "example.com/team"),
    ("resources", "limits", "cpu"),
    ("affinity", "nodeAffinity"),
    ("tolerations",),
}
FREE: set[Path] = {
    ("status",),
    ("replicaCount",),
    ("image", "repository"),
    ("image", "pullPolicy"),
    ("podAnnotations", "example.com/other"),
    ("resources", "limits", "memory"),
    ("resources", "requests", "cpu"),
    ("affinity", "podAffinity"),
    ("nodeSelector", "pool"),
    ("storage", "size"),
    ("imagePullSecrets",),
    ("restartedAt",),
}
"""Not in the manifest; most of them have a default."""
ADDED: Path = ("extraEnvs", "ADDED")


class Controller:
    """Brings a manifest into the cluster again and again."""

    def __init__(self, space: Namespace, *options: str) -> None:
        self.space, self._options = space, options

    def sync(self, **spec: Any) -> Manifest:
        self.space.kubectl("apply", *self._options, "-f", "-", given=yaml.safe_dump(a_cluster(**spec)))
        return self.space.get("mc", "demo")


@pytest.fixture
def on_the_server(bare: Namespace) -> Controller:
    """Argo CD with ServerSideApply=true, and Flux's kustomize-controller."""
    return Controller(bare, "--server-side", "--force-conflicts", f"--field-manager={ARGO}")


@pytest.fixture
def by_the_client(bare: Namespace) -> Controller:
    """Argo CD as it comes."""
    return Controller(bare, f"--field-manager={ARGO}")


def owners(live: Manifest, *paths: Path) -> dict[Path, str]:
    metadata = live["metadata"]
    return held(metadata["managedFields"], metadata.get("annotations", {}), paths or (*NAMED, *FREE), MANAGERS)


def live(space: Namespace) -> Manifest:
    answer = space.kubectl("get", "mc", "demo", "--show-managed-fields", "-o", "yaml")
    found: Manifest = yaml.safe_load(answer)
    return found


def changed(space: Namespace, manager: str = "magecluster-cloud-api", **spec: Any) -> None:
    space.patch("mc", "demo", {"spec": spec}, f"--field-manager={manager}")


def values(space: Namespace, *paths: Path) -> list[Any]:
    found = leaves(tree(live(space)["spec"]))
    return [found.get(path) for path in paths]


def test_who_applies_on_the_server_holds_what_his_manifest_names(on_the_server: Controller) -> None:
    on_the_server.sync(**SPEC)
    assert owners(live(on_the_server.space)) == dict.fromkeys(NAMED, ARGO)


def test_who_applies_by_the_client_holds_what_his_manifest_names(by_the_client: Controller) -> None:
    by_the_client.sync(**SPEC)
    found = live(by_the_client.space)
    assert owners(found) == dict.fromkeys(NAMED, ARGO)
    assert "f:pullPolicy" in str(found["metadata"]["managedFields"]), "defaults are owned, too"


def test_a_variable_that_was_added_stays_if_applied_on_the_server(on_the_server: Controller) -> None:
    on_the_server.sync(**SPEC)
    space = on_the_server.space
    changed(space, extraEnvs=[*SPEC["extraEnvs"], {"name": "ADDED", "value": "1"}])
    assert owners(live(space), ADDED) == {}
    on_the_server.sync(**SPEC)
    assert values(space, ADDED) == [{"name": "ADDED", "value": "1"}]


def test_a_variable_that_was_added_goes_if_applied_by_the_client(by_the_client: Controller) -> None:
    by_the_client.sync(**SPEC)
    space = by_the_client.space
    assert owners(live(space), ADDED) == {ADDED: ARGO}
    changed(space, extraEnvs=[*SPEC["extraEnvs"], {"name": "ADDED", "value": "1"}])
    assert owners(live(space), ADDED) == {ADDED: ARGO}
    by_the_client.sync(**SPEC)
    assert values(space, ADDED) == [None]


def test_a_variable_is_nobodys_if_the_manifest_has_none(by_the_client: Controller) -> None:
    by_the_client.sync(image={"tag": "0.9.79"})
    space = by_the_client.space
    assert owners(live(space), ADDED) == {}
    changed(space, extraEnvs=[{"name": "ADDED", "value": "1"}])
    by_the_client.sync(image={"tag": "0.9.79"})
    assert values(space, ADDED) == [{"name": "ADDED", "value": "1"}]


@pytest.mark.parametrize("how", ["on_the_server", "by_the_client"])
def test_what_is_not_held_stays_when_the_controller_works_again(how: str, request: pytest.FixtureRequest) -> None:
    controller: Controller = request.getfixturevalue(how)
    controller.sync(**SPEC)
    space = controller.space
    mine: dict[str, Any] = {
        "status": "Stopped",
        "nodeSelector": {"pool": "a"},
        "podAnnotations": {"example.com/other": "1"},
        "image": {"pullPolicy": "Always"},
        "storage": {"size": "20Gi"},
    }
    paths = list(leaves(tree(mine)))
    assert owners(live(space), *paths) == {}
    changed(space, **mine)
    wanted = values(space, *paths)
    controller.sync(**SPEC)
    assert values(space, *paths) == wanted
    assert owners(live(space), *paths) == {}


@pytest.mark.parametrize("how", ["on_the_server", "by_the_client"])
def test_what_is_held_is_undone_when_the_controller_works_again(how: str, request: pytest.FixtureRequest) -> None:
    controller: Controller = request.getfixturevalue(how)
    controller.sync(**SPEC, replicaCount=1)
    space, path = controller.space, ("replicaCount",)
    assert owners(live(space), path) == {path: ARGO}
    changed(space, replicaCount=0)
    assert values(space, path) == [0]
    controller.sync(**SPEC, replicaCount=1)
    assert values(space, path) == [1]


def test_what_was_taken_over_is_held_no_more_until_the_controller_works_again(on_the_server: Controller) -> None:
    on_the_server.sync(**SPEC)
    space, path = on_the_server.space, ("image", "tag")
    changed(space, image={"tag": "0.9.78"})
    assert owners(live(space), path) == {}
    on_the_server.sync(**SPEC)
    assert owners(live(space), path) == {path: ARGO}


def test_helm_holds_all_that_it_wrote(bare: Namespace) -> None:
    bare.kubectl("create", f"--field-manager={FLUX}", "-f", "-", given=yaml.safe_dump(a_cluster(**SPEC)))
    found = owners(live(bare), *NAMED, ("image", "pullPolicy"), ("nodeSelector", "pool"), ADDED)
    assert found == dict.fromkeys((*NAMED, ("image", "pullPolicy")), FLUX)


def test_other_managers_hold_nothing(bare: Namespace) -> None:
    bare.apply(a_cluster(**SPEC))
    assert owners(live(bare)) == {}


def test_what_a_scaler_writes_is_nobodys(on_the_server: Controller) -> None:
    """The API server does not tell who scaled a custom resource, only that whoever owned the number owns it no more."""
    on_the_server.sync(**SPEC, replicaCount=1)
    space, path = on_the_server.space, ("replicaCount",)
    space.kubectl("scale", "mc", "demo", "--replicas=0")
    assert owners(live(space), path) == {}
    subresources = {entry.get("subresource") for entry in live(space)["metadata"]["managedFields"]}
    assert "scale" not in subresources  # an operator that runs for other tests may report a status


def test_who_reports_a_status_holds_nothing(bare: Namespace) -> None:
    bare.apply(a_cluster(**SPEC))
    patch = (
        "--type=merge",
        '--patch={"status": {"version": "theirs"}}',
        "--subresource=status",
        f"--field-manager={ARGO}",
    )
    # As it was then: an operator that runs for other tests may write the same field at once.
    written = json.loads(bare.kubectl("patch", "mc", "demo", *patch, "--output=json", "--show-managed-fields"))
    assert ARGO in str(written["metadata"]["managedFields"])
    assert owners(written) == {}
