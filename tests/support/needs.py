"""Programs that a test starts and this project does not bring along."""

from collections.abc import Mapping

import pytest

from devkit import debian, shell


def needs(programs: Mapping[str, str]) -> None:
    """Programs and their Debian packages, which root on Debian gets; elsewhere the test says why it cannot run."""
    try:
        debian.require(programs)
    except shell.Failed as error:
        pytest.skip(str(error))
