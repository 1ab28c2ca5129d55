"""`python -m magecluster_deployer`: deploys commits into the project of one Mage, for the gateway."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from magecluster_deployer.deployments import Deployments, Setting
from magecluster_deployer.git import Remote
from magecluster_deployer.server import Operations, serve


def main() -> None:
    """Serve until SIGTERM. What is going on then is finished or undone at the next start."""
    parser = argparse.ArgumentParser(prog="magecluster_deployer", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--project", type=Path, required=True, help="folder of the Mage project")
    parser.add_argument("--state", type=Path, required=True, help="folder for deployments, on the same volume")
    parser.add_argument("--setting", required=True, help="name under which deployments are asked for")
    parser.add_argument("--repository", required=True, metavar="URL", help="HTTP or SSH address of the repository")
    parser.add_argument("--branch", required=True, help="branch whose newest commit is meant where none is named")
    parser.add_argument("--directory", default="", help="folder of the project within the repository")
    parser.add_argument("--credentials", type=Path, help="folder with token or ssh-privatekey")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    setting = Setting(
        chosen.setting, Remote(chosen.repository, chosen.credentials), chosen.branch, chosen.directory.strip("/")
    )
    operations = Operations(Deployments(setting, chosen.project, chosen.state))
    threading.Thread(target=operations.work, daemon=True).start()
    sys.stderr.write(f"magecluster_deployer: Serving {chosen.repository} at {chosen.socket}\n")
    serve(operations, chosen.socket)


if __name__ == "__main__":
    main()
