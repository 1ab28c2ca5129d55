"""One real Mage for the suite, a process of this machine, and the gateway in front of it as another."""

from collections.abc import Iterator

import pytest
from tests.support.eventually import eventually
from tests.support.processes import working_for
from tests.support.runs import Lab, runs_lab

from devkit.local_gateway import STARTUP, GatewayProcess
from devkit.local_mage import LocalMage
from devkit.mage import Mage


@pytest.fixture(scope="session")
def mage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMage]:
    """Shared by all tests, so each of them names what it makes after itself."""
    folder = tmp_path_factory.mktemp("mage")
    found = LocalMage(folder, PYTHONPATH=f"{STARTUP}:{folder}")  # as in a pod, with our changes to it
    try:
        yield found.start()
    finally:
        found.stop()
    # Kernels have sessions of their own; they look whether their parent is still there.
    eventually(lambda: not working_for(found.folder), what="nothing of Mage's is left")


@pytest.fixture(scope="session")
def owner(mage: LocalMage) -> Mage:
    """Logged in at Mage itself."""
    return mage.owner()


@pytest.fixture(scope="session")
def gateway(mage: LocalMage, owner: Mage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """In front of a Mage whose first user is there."""
    found = GatewayProcess(mage.url, tmp_path_factory.mktemp("gateway") / "log").start()
    yield found
    assert found.stop() == 0, found.log.read_text()
    assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="session")
def lab(mage: LocalMage, owner: Mage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same Mage, with a runner beside it and a gateway of its own."""
    with runs_lab(mage, owner, tmp_path_factory.mktemp("runs")) as found:
        yield found
