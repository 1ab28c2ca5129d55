"""One deployment: from a commit to the project that Mage serves, in steps that can be cut off anywhere.

Until the project is switched, everything happens beside it. The switch is one exchange of two folders, or where the
volume cannot do that, two renames that are finished when the process starts again.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from magecluster_deployer import files, tools, trees
from magecluster_deployer.errors import DeploymentError, Json, of_system
from magecluster_deployer.git import Git, Remote
from magecluster_deployer.records import FAILED, QUEUED, RUNNING, SUCCEEDED, Records, locked, now

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES_KEPT = 10
"""Of so many deployments the packages are there, for those who roll back."""
INTERRUPTED = "The pod ended in the middle of it; the project is as it was before, so deploy again"


class Setting(NamedTuple):
    """`spec.git` of a cluster."""

    name: str
    remote: Remote
    branch: str
    directory: str
    """Within the repository, where the project is; empty for its top folder."""


class Deployments:
    """Of one project, one after the other."""

    def __init__(self, setting: Setting, project: Path, state: Path) -> None:
        self.setting, self._project, self._state = setting, project, state
        self.records = Records(state / "records")
        self._git = Git(state / "git", setting.remote)

    def recover(self) -> list[int]:
        """Finish or undo what was going on when a pod ended; returns what still waits. Raises OSError."""
        with locked(self._state / "deploying.lock"):
            self._end_interrupted()
        return sorted(record["id"] for record in self.records.all() if record["status"] == QUEUED)

    def live(self, project: Path | None = None) -> Json | None:
        """The one that a project is, or this one: seen from the project, whatever was done to it."""
        return self.records.get(trees.marked(project or self._project))

    def perform(self, number: int) -> None:
        """Do it when no other is going on; whatever goes wrong stands in its record."""
        with locked(self._state / "deploying.lock"):
            record = self.records.get(number)
            if record and record["status"] == QUEUED:  # else another pod has done it
                self._perform(record)

    def _end_interrupted(self) -> None:
        """Whoever holds the lock knows that nobody else is at work on these."""
        for record in self.records.all():
            if record["status"] == RUNNING:
                self._end(record, DeploymentError(500, "interrupted", INTERRUPTED))

    def _perform(self, record: Json) -> None:
        number = record["id"]
        try:
            self._end_interrupted()  # which another pod has left, and would end only when it comes back
            record = self.records.change(record, status=RUNNING, started_at=now())
            record = self._prepared(record)
            record = self._step(record, "switching")
            self._switch(record)
            self._finish(record)
        except Exception as failure:  # noqa: BLE001  the record tells it
            self._end(self.records.get(number) or record, _told(failure))

    def _prepared(self, record: Json) -> Json:
        """Everything but the switch."""
        work = self._work(record)
        files.remove(work)
        work.mkdir(parents=True)
        record = self._step(record, "fetching")
        self._git.prepare()
        if not record["rollback_of"]:
            branch, version = record["source"]["head"]["name"], record["source"]["version"]
            tip = self._git.fetch(branch)
            record = self.records.change(record, commit=self._git.commit_on(branch, version) if version else tip)
        self._git.run(
            "update-ref", f"refs/magecluster/deployed/{record['id']}", record["commit"]
        )  # it may be forced away
        record = self._step(record, "writing")
        target = work / "project"
        trees.write_out(self._git, record["commit"], record["directory"], target)
        if not record["rollback_of"]:  # else it has been live, and going back to it is not the time to argue
            record = self._step(record, "checking")
            tools.check(target)
        record = self._step(record, "installing")
        packages = tools.install(target, self._state / "packages", record["commit"])
        record = self.records.change(record, packages=packages.name if packages else None)
        record = self._step(record, "keeping")
        record = self._keep(record, self._project, target)
        if not record["directory"]:
            trees.follow(self._git, target, record["commit"])
        trees.mark(target, record["id"], packages)
        trees.copy_owner(self._project, target)
        files.written(target)
        return record

    def _keep(self, record: Json, project: Path, target: Path) -> Json:
        """What was edited gets a name in Git; without an earlier deployment, that is what one can go back to.

        What Git ignores is in `target` then.
        """
        ref, live = f"refs/magecluster/kept/{record['id']}", self.live(project)
        commit, directory = (live["commit"], live["directory"]) if live else (None, "")
        index = self._work(record) / "kept"
        kept = trees.keep(self._git, project, target, (commit, directory) if commit else None, ref, index)
        previous = {"commit": commit or kept, "directory": directory}
        return self.records.change(record, kept=ref if kept else None, previous=previous)

    def _switch(self, record: Json) -> None:
        target, before = self._work(record) / "project", self._work(record) / "before"
        if files.exchange(target, self._project):
            target.rename(before)
        else:
            self._project.rename(before)
            target.rename(self._project)

    def _switched(self, record: Json) -> Json:
        """Do what is missing of a switch that was begun, or undo it.

        Mage, when it starts between two renames, makes a new project, and blocks may write theirs: that is moved aside.
        """
        target, before = self._work(record) / "project", self._work(record) / "before"
        ours = trees.marked(target) == record["id"]
        if record.get("step") == "switching" and target.exists() and not ours:
            target.rename(before)
        elif before.exists() and ours:
            if os.path.lexists(self._project):
                aside = self._state / "aside" / f"{record['id']}-{time.time_ns()}"
                aside.parent.mkdir(exist_ok=True)
                record = self.records.change(record, aside=[*record.get("aside", []), str(aside)])
                self._project.rename(aside)
            target.rename(self._project)
        elif before.exists() and not os.path.lexists(self._project):
            before.rename(self._project)
        return record

    def _finish(self, record: Json) -> None:
        work = self._work(record)
        warnings = [f"What was made in its place during the switch is in {place}" for place in record.get("aside", [])]
        if (work / "before").exists():  # what was edited until the last moment
            try:
                self._git.prepare()
                record = self._keep(record, work / "before", self._project)
            except (DeploymentError, OSError) as failure:
                warnings.append(f"{self._stays(record)}: {_told(failure).message}")
        warning = "; ".join(warnings) or None
        record = self.records.change(record, status=SUCCEEDED, step=None, warning=warning, completed_at=now())
        self._tell(record, f"brought commit {record['commit']}. {warning or ''}")
        self._tidy(record)

    def _tidy(self, record: Json) -> None:
        """Who works in the folder that was switched away, such as a terminal, has it until the next deployment."""
        records = self.records.all()
        needed = {str(each["id"]) for each in records if each.get("warning") or each["id"] == record["id"]}
        packages = [each.get("packages") for each in records if each["status"] == SUCCEEDED][:PACKAGES_KEPT]
        for folder, names in (("work", needed), ("packages", packages)):
            for place in (self._state / folder).glob("*"):
                if place.name not in names:
                    files.remove(place)

    def _end(self, record: Json, why: DeploymentError) -> None:
        record = self._switched(record)
        if trees.marked(self._project) == record["id"]:
            self._finish(record)
        elif (self._work(record) / "before").exists():  # whatever happened to the project since: people's files
            unknown = f"The project is neither that of the commit nor as it was. {self._stays(record)}"
            self._fail(record, DeploymentError(500, "interrupted", unknown), warning=self._stays(record))
        else:
            files.remove(self._work(record))  # first, as it may be what the volume has no room for
            self._fail(record, why)

    def _stays(self, record: Json) -> str:
        return f"The project as it was stays in {self._work(record) / 'before'}"

    def _fail(self, record: Json, why: DeploymentError, **facts: object) -> None:
        self.records.change(record, status=FAILED, error=why.told, completed_at=now(), **facts)
        self._tell(record, f"failed: {why.message}")

    def _step(self, record: Json, name: str) -> Json:
        self._tell(record, name)
        return self.records.change(record, step=name)

    def _tell(self, record: Json, what: str) -> None:
        sys.stderr.write(f"magecluster_deployer: Deployment {record['id']} {what}\n")

    def _work(self, record: Json) -> Path:
        return self._state / "work" / str(record["id"])


def _told(failure: Exception) -> DeploymentError:
    if isinstance(failure, DeploymentError):
        return failure
    if isinstance(failure, OSError):
        return of_system(failure)
    traceback.print_exception(type(failure), failure, failure.__traceback__)
    return DeploymentError(500, type(failure).__name__, f"The deployer failed, see its log: {failure}")
