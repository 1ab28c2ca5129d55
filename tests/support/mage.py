"""A Mage in a cluster, used through its own API as people's programs use it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.kube import Manifest, Namespace

from devkit.mage import Mage
from devkit.reach import OWNER, Kubectl, password, url

START_SECONDS = 180
"""How long a Mage may take to answer: 12 s on two cores at rest, and much more when they are busy."""

ENVIRONMENT = """
import os
import pandas as pd

@data_loader
def load(*args, **kwargs):
    return pd.DataFrame([{name: os.environ.get(name, "") for name in kwargs["names"].split()}])
"""
SAME = """
@transformer
def same(data, *args, **kwargs):
    return data
"""


@contextmanager
def at(space: Namespace, name: str) -> Iterator[Mage]:
    """Somebody who has not logged in."""
    with url(Kubectl.of(space.cluster), name, space.name) as address:
        yield Mage(address)


@contextmanager
def owner_of(space: Namespace, name: str) -> Iterator[Mage]:
    """The owner, logged in with the generated password."""
    with at(space, name) as mage:
        yield mage.login(OWNER, password(Kubectl.of(space.cluster), name, space.name))


def active(space: Namespace, name: str) -> Manifest:
    """Wait until the newest spec runs; a failure tells what Kubernetes and Mage say."""
    space.cluster.kubectl("wait", "mc", name, "-n", space.name, "--for=create", "--timeout=10s")
    deadline = time.monotonic() + START_SECONDS
    while True:
        cluster = space.get("mc", name)
        status = cluster.get("status", {})
        current = status.get("observedGeneration") == cluster["metadata"]["generation"]
        if current and status.get("state") == "Active":
            return cluster
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} is not Active after {START_SECONDS} s\n{story(space)}")
        time.sleep(0.5)


def story(space: Namespace) -> str:
    """What a person would look at. Of Mage's log, requests are left out: tests that wait make one every second."""
    selector = "--selector=app.kubernetes.io/name=mage"
    log = space.kubectl("logs", selector, "--tail=1000", "--all-containers", "--ignore-errors").splitlines()
    told = [line for line in log if not line.startswith(("INFO:tornado.access", "INFO:mage_ai.api.logging"))]
    return "\n".join(
        (
            space.kubectl("describe", "mc"),
            space.kubectl("get", "pods,pvc,jobs", "--output=wide"),
            space.kubectl("get", "events", "--sort-by=.lastTimestamp"),
            *told[-60:],
        )
    )


def pipeline(mage: Mage, name: str = "look") -> str:
    """A loader that tells environment variables, and a transformer that passes its table on; made at the first call."""
    if name not in mage.pipelines():
        mage.create_pipeline(name)
        mage.add_block(name, "same", "transformer", SAME, mage.add_block(name, "load", "data_loader", ENVIRONMENT))
    return name


def look(mage: Mage, *names: str) -> dict[str, Any]:
    """The environment variables that blocks see, by a run of that pipeline."""
    return mage.output(mage.complete(mage.trigger(pipeline(mage)), names=" ".join(names)), "same")[0]
