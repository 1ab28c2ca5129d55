"""The sequence of a deployment in this process, with a real Git server and without Mage, whose check is left out."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.deployments import Lab
from tests.support.git_server import HttpServer
from typing_extensions import override

from magecluster_deployer import deployments, files
from magecluster_deployer.deployments import Setting
from magecluster_deployer.errors import Json
from magecluster_deployer.git import Remote


class Dies(BaseException):
    """As where the pod ends."""


class Deployments(deployments.Deployments):
    """Of a lab, from its server."""

    at: dict[str, Callable[[], Any]]
    """What happens at a step, and after it when it has `exchanged`, is `renaming` (once of twice) or `finishing`."""

    def __init__(self, lab: Lab, server: HttpServer) -> None:
        (lab.folder / "credentials").mkdir(exist_ok=True)
        (lab.folder / "credentials/token").write_text(server.token)
        setting = Setting("production", Remote(server.url, lab.folder / "credentials"), "main", "")
        super().__init__(setting, lab.project, lab.folder / ".magecluster")
        self.at = {}

    def deploy(self, version: str | None = None, branch: str = "main") -> Json:
        """One from its request to its end."""
        source = {"head": {"name": branch}, "name": None, "version": version}
        number = self.records.add({"source": source, "rollback_of": None, "directory": ""})["id"]
        self.perform(number)
        return self.record(number)

    def deployed(self, version: str | None = None, branch: str = "main") -> Json:
        found = self.deploy(version, branch)
        assert found["status"] == "succeeded", found
        return found

    def dies(self, point: str, *, after: Callable[[], Any] = lambda: None) -> int:
        """While it deploys; returns the number of what it leaves."""

        def die() -> None:
            after()
            raise Dies

        self.at[point] = die
        with pytest.raises(Dies):
            self.deploy()
        del self.at[point]
        return int(self.records.all()[0]["id"])

    def record(self, number: int) -> Json:
        found = self.records.get(number)
        assert found
        return found

    @override
    def _step(self, record: Json, name: str) -> Json:
        found = super()._step(record, name)
        self._come(name)
        return found

    @override
    def _finish(self, record: Json) -> None:
        self._come("finishing")
        super()._finish(record)

    @override
    def _switch(self, record: Json) -> None:
        work = self._work(record)
        if "exchanged" in self.at:
            assert files.exchange(work / "project", self._project)
            self._come("exchanged")
        if "renaming" not in self.at:
            super()._switch(record)
            return
        self._project.rename(work / "before")
        self._come("renaming")
        (work / "project").rename(self._project)

    def _come(self, point: str) -> None:
        self.at.get(point, lambda: None)()
