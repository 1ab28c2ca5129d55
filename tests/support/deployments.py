"""What tests of deployments share: a project, a repository, the deployer between them."""

import json
import socket
from pathlib import Path
from typing import Any

from tests.support.git_server import Origin

from devkit.local_gateway import DeployerProcess

Json = dict[str, Any]


def pipeline(name: str, code: str = "return 1") -> dict[str, str | bytes | None]:
    """Files of a pipeline with one block of its name."""
    return {
        f"pipelines/{name}/metadata.yaml": f"name: {name}\ntype: python\nuuid: {name}\nvariables: {{}}\nblocks:\n"
        f"- {{name: {name}, uuid: {name}, type: data_loader, language: python}}\n",
        f"pipelines/{name}/__init__.py": "",
        f"data_loaders/{name}.py": f"@data_loader\ndef load(*args, **kwargs):\n    {code}\n",
    }


PROJECT: dict[str, str | bytes | None] = {
    "metadata.yaml": "project_type: standalone\n",
    ".gitignore": "*.secret\ndata/\n",
}


class Lab:
    """A project that was made without Git, and a repository with two commits."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "default_repo"
        for name, content in {**PROJECT, **pipeline("made_here"), "own.secret": "s"}.items():
            place = self.project / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(str(content))
        (folder / "origin").mkdir()
        self.origin = Origin(folder / "origin")
        self.first = self.origin.commit({**PROJECT, **pipeline("first")})
        self.second = self.origin.commit(pipeline("second"))

    def deployer(self, repository: str, *options: str, module: str = "", place: str = "run") -> DeployerProcess:
        (self.folder / place).mkdir(exist_ok=True)
        return DeployerProcess(self.project, self.folder / place, repository, *options, module=module)

    @property
    def pipelines(self) -> set[str]:
        """In the project."""
        return {place.parent.name for place in self.project.glob("pipelines/*/metadata.yaml")}


class Client:
    """Asks the deployer itself."""

    def __init__(self, deployer: DeployerProcess) -> None:
        self._socket = deployer.socket

    def ask(self, **request: object) -> Json:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(120)
            connection.connect(str(self._socket))
            connection.sendall(json.dumps(request).encode() + b"\n")
            found: Json = json.loads(connection.makefile().readline() or "{}")
            return found

    def begin(self, version: str | None = None, branch: str = "main", directory: str = "") -> int:
        source = {"head": {"name": branch}, "name": "why", "version": version}
        stage = {"branch": {"name": "main"}, "environment": "production"}
        asked = {"source": source, "stage": stage, "requested_by": "me"}
        return int(self.ask(op="deploy", deployment=asked, directory=directory)["deployment"]["id"])

    def end(self, number: int) -> Json:
        """Wait for it."""
        found: Json = self.ask(op="get", id=number, wait=100)["deployment"]
        return found

    def deploy(self, version: str | None = None, branch: str = "main", directory: str = "") -> Json:
        return self.end(self.begin(version, branch, directory))

    def deployed(self, version: str | None = None, **where: str) -> Json:
        """One that succeeds."""
        record = self.deploy(version, **where)
        assert record["status"] == "succeeded", record
        return record

    def failure(self, version: str | None = None, **where: str) -> tuple[int, str, str]:
        """Status, type and message of one that fails."""
        record = self.deploy(version, **where)
        assert record["status"] == "failed", record
        return record["error"]["code"], record["error"]["type"], record["error"]["message"]

    def roll_back(self, number: int) -> Json:
        return self.end(self.ask(op="roll_back", id=number, requested_by="me")["deployment"]["id"])
