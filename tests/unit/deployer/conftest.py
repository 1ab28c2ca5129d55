from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.deploying_here import Deployments
from tests.support.deployments import Lab
from tests.support.git_server import HttpServer

from magecluster_deployer import files, tools


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(tools, "check", lambda _: None)
    monkeypatch.setattr(files, "written", lambda _: None)  # which waits for the disk
    return Lab(tmp_path)


@pytest.fixture
def server(lab: Lab) -> Iterator[HttpServer]:
    with HttpServer(lab.origin.folder.parent) as found:
        yield found


@pytest.fixture
def deploys(lab: Lab, server: HttpServer) -> Deployments:
    return Deployments(lab, server)
