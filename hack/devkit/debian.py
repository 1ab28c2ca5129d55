import os
import shutil
from collections.abc import Mapping

from devkit import progress, shell

# Where Debian keeps administrators' programs: not on everybody's PATH.
SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def require(commands: Mapping[str, str]) -> None:
    """Make sure that programs are there: `commands` maps a program (a name, or a full path) to its Debian package.

    Root on Debian installs what is missing. Anybody else gets shell.Failed, one line that says what to install.
    """
    packages = sorted({package for command, package in commands.items() if not shutil.which(command, path=SEARCH)})
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise shell.Failed(
            f"please install: {' '.join(packages)} (Debian's package names; root on Debian gets them by itself)"
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"Installing {' '.join(packages)}", expect="1 min"):
        shell.run("apt-get", "update", "-qq", env=quiet)
        shell.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, env=quiet)
