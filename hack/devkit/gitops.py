"""What GitOps tools make of objects, by their own code: `hack/gitops`, built once for each content of it."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from devkit import progress, shell
from devkit.cluster.binaries import cache, locked

MODULE = Path(__file__).resolve().parents[1] / "gitops"


class Verdict(NamedTuple):
    """`kstatus` and `flux` are Current, InProgress, Failed or Terminating; `argo` is a health of Argo CD's."""

    kstatus: str
    flux: str
    argo: str
    message: str


def judge(objects: Iterable[Any], lua: str, flux: Mapping[str, str]) -> list[Verdict]:
    """Judge each object, by kstatus and by a health check for each tool; raise shell.Failed where one of them fails."""
    lines = [json.dumps({"lua": lua, "flux": dict(flux)}), *map(json.dumps, objects)]
    answers = map(json.loads, shell.run(program(), input="\n".join(lines)).splitlines())
    return [Verdict(one["kstatus"], one["flux"], one["argo"]["status"], one["argo"]["message"]) for one in answers]


def program() -> Path:
    """Return the program, built first where it is not there yet."""
    sources = sorted(path for path in MODULE.iterdir() if path.is_file())
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    path = cache() / f"gitops-{key}"
    with locked(cache() / "gitops.lock"):
        if not path.exists():
            if not shutil.which("go"):
                raise shell.Failed("please install Go 1.26 or newer: what judges health is built from Go modules")
            with progress.step("Building what judges the health of objects, this once", "2 min on two cores"):
                shell.run("go", "build", "-trimpath", "-o", path, ".", cwd=MODULE, env={"CGO_ENABLED": "0"})
    return path
