"""What goes wrong is told with its cause, and is over when the cause is."""

import pytest
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster
from tests.support.mage import active, story

pytestmark = pytest.mark.timeout(600)

WRONG = "mageai/mageai:0.0.0-no-such-tag"


def degraded(space: Namespace, name: str, reason: str, within: float = 120) -> Manifest:
    """Wait for the condition Degraded with that reason; returns it."""

    def found() -> bool:
        return (space.condition(name, "Degraded")["status"], space.condition(name, "Degraded")["reason"]) == (
            "True",
            reason,
        )

    try:
        eventually(found, within=within, every=0.5, what=f"{name} Degraded, {reason}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{story(space)}") from error
    return space.condition(name, "Degraded")


def test_an_image_that_cannot_be_pulled_is_named_until_it_is_corrected(space: Namespace) -> None:
    space.apply(a_cluster("tagged", image={"tag": WRONG.partition(":")[2]}))
    message = degraded(space, "tagged", "ImagePullFailed")["message"]
    assert WRONG in message
    described = space.kubectl("describe", "mc", "tagged")
    assert message in described
    assert space.state("tagged") == "Degraded"
    space.patch("mc", "tagged", {"spec": {"image": {"tag": None}}})
    active(space, "tagged")
    assert space.condition("tagged", "Degraded")["status"] == "False"
    space.kubectl("delete", "mc", "tagged")


def test_a_crash_loop_is_told_and_ends_when_the_secret_is_corrected(space: Namespace) -> None:
    space.apply(secret("rubbish"), a_cluster("looping", database={"secretKeyRef": {"name": "database"}}))
    condition = degraded(space, "looping", "CrashLoop")
    assert "--previous" in condition["message"]
    space.apply(secret("sqlite:////home/src/corrected.db"))
    active(space, "looping")
    assert space.kubectl("exec", "deploy/looping", "--", "ls", "/home/src/corrected.db")


def test_a_missing_secret_is_named_and_taken_up_when_it_is_made(space: Namespace) -> None:
    reference = {"secretKeyRef": {"name": "later", "key": "token"}}
    space.apply(a_cluster("waiting", extraEnvs=[{"name": "TOKEN", "valueFrom": reference}]))
    assert "Secret later" in degraded(space, "waiting", "SecretMissing")["message"]
    space.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}, "stringData": {"token": "t"}})
    active(space, "waiting")


def secret(url: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database"}, "stringData": {"url": url}}
