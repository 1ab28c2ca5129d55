"""The deployer, which ends at a chosen point as a pod ends that loses its node: `DIE_AT` is where; empty is nowhere.

It goes no further before there is the file `DIE_WHEN`. Whether pipelines load is left to other tests: to ask Mage takes
many times as long as all the rest of a deployment.
"""

import os
import signal
import time
from pathlib import Path

from tests.support.eventually import eventually
from typing_extensions import override

from magecluster_deployer import __main__, deployments, files, tools
from magecluster_deployer.errors import Json

POINTS = ("fetching", "writing", "checking", "installing", "keeping", "switching", "switched", "renamed", "finishing")
"""Steps, then: after the exchange, between two renames, before the record tells the end."""


def die_at(point: str) -> None:
    """With all that was started."""
    if os.environ["DIE_AT"] == point:
        eventually(Path(os.environ["DIE_WHEN"]).exists)
        os.killpg(0, signal.SIGKILL)
        time.sleep(60)


class Dying(deployments.Deployments):
    """Looks at every point whether it is the one."""

    @override
    def _step(self, record: Json, name: str) -> Json:
        found = super()._step(record, name)
        die_at(name)
        return found

    @override
    def _finish(self, record: Json) -> None:
        die_at("finishing")
        super()._finish(record)


def exchange(first: Path, second: Path) -> bool:
    if os.environ["DIE_AT"] == "renamed":
        second.rename(first.with_name("before"))
    die_at("renamed")
    done = EXCHANGE(first, second)
    die_at("switched")
    return done


EXCHANGE = files.exchange


def check(project: Path) -> None:
    """Left out."""


def main() -> None:
    os.setpgrp()
    files.exchange, __main__.Deployments = exchange, Dying  # type: ignore[attr-defined]
    tools.check = check
    __main__.main()


if __name__ == "__main__":
    main()
