"""What the demonstration shows, on any Kubernetes that has operator and Cloud API: kubectl, both APIs, nothing else."""

import json
import sys
import time
from contextlib import AbstractContextManager

import yaml

from devkit import progress, shell
from devkit.cloud import Cloud
from devkit.install import ROOT
from devkit.mage import Json, Mage
from devkit.reach import OWNER, Kubectl, password, url

NAME = "quickstart"
EXAMPLE = ROOT / "examples/quickstart.yaml"
PIPELINE = "demo"
TEAM = "demo"
TROUBLE_SECONDS = 60
"""How long Degraded may last: some of its causes pass by themselves."""

LOAD = """
import os
import pandas as pd

@data_loader
def load(*args, **kwargs):
    words = [os.environ["GREETING"], kwargs["name"]]
    return pd.DataFrame({"word": words})
"""
COUNT = """
@transformer
def count(data, *args, **kwargs):
    return data.assign(letters=data["word"].str.len())
"""


def tell(
    kubectl: Kubectl, cloud: AbstractContextManager[Cloud], image: str | None, patience: int, *, gateway: bool
) -> None:
    """The whole story; `patience` is how many seconds Mage may take to become ready.

    `cloud` is the Cloud API, logged in as the first account; `gateway` says whether the nodes have the gateway's image.
    Raises shell.Failed, MageError, CloudError.
    """
    apply(kubectl, image, gateway=gateway)
    reach_state(kubectl, "Active", patience)
    with url(kubectl, NAME) as address:
        mage = _login(address, kubectl)
        run = run_pipeline(mage)
    power(kubectl, "Stopped", patience)
    progress.say(f"    Kept: volume {_names(kubectl, 'pvc')}; pods: {_names(kubectl, 'pods') or 'none'}")
    power(kubectl, "Active", patience)
    with cloud as api:
        for wish in ("Stopped", "Active"):
            switch(api, wish, patience)
    with url(kubectl, NAME) as address:
        check_kept(_login(address, kubectl), run)


def apply(kubectl: Kubectl, image: str | None, *, gateway: bool) -> None:
    """Apply the example as it stands, or with another Mage image, or without gateway; started, should it be stopped."""
    manifest = yaml.safe_load(EXAMPLE.read_text())
    if image:
        repository, _, tag = image.rpartition(":")
        manifest["spec"]["image"] = {"repository": repository, "tag": tag}
    manifest["spec"] |= {"status": "Active", "gateway": {"enabled": gateway}}
    changes = ", ".join([*([f"with image {image}"] if image else []), *([] if gateway else ["without gateway"])])
    said = f" ({changes})" if changes else ""
    progress.say(f"==> kubectl -n default apply -f {EXAMPLE.relative_to(ROOT)}{said}")
    told = kubectl("apply", "--namespace=default", "--filename", "-", given=yaml.safe_dump(manifest))
    progress.say("    " + told.strip())


def power(kubectl: Kubectl, wish: str, patience: float) -> None:
    patch = json.dumps({"spec": {"status": wish}})
    progress.say(f"==> kubectl -n default patch mc {NAME} --type merge -p '{patch}'")
    kubectl("patch", "mc", NAME, "--namespace=default", "--type=merge", "--patch", patch)
    reach_state(kubectl, wish, patience)


def switch(api: Cloud, wish: str, patience: int) -> None:
    """Stop or start it through the Cloud API, which needs no kubectl. Raises CloudError, shell.Failed."""
    path = f"/api/v1/teams/{TEAM}/clusters/{NAME}"
    with progress.step(f'PUT {path} {{"cluster": {{"status": "{wish}", …}}}}, waiting until it is so'):
        state = api.switch(TEAM, NAME, wish, patience)["state"]
    if state != wish:
        raise shell.Failed(f"the Cloud API says that {NAME} is {state} after {patience} s, not {wish}")


def reach_state(kubectl: Kubectl, wanted: str, patience: float) -> None:
    """Wait for a state of this very spec, and show each other one that is seen on the way, with its cause."""
    told, begun = "", time.monotonic()
    fine = begun
    with progress.step(f"Waiting until {NAME} is {wanted}"):
        while True:
            cluster = json.loads(kubectl("get", "mc", NAME, "--namespace=default", "--output=json"))
            state, summary = _state(cluster), _summary(cluster)
            if summary != told:
                told = summary
                _say(f"    {told}")
            if state == wanted:
                return
            now = time.monotonic()
            fine = fine if state == "Degraded" else now
            if now > min(begun + patience, fine + TROUBLE_SECONDS):
                raise shell.Failed(f"{NAME} is not {wanted} after {progress.elapsed(now - begun)}: {told}")
            time.sleep(0.5)


def run_pipeline(mage: Mage) -> Json:
    """Make the pipeline unless there is one, run it, and print what came out."""
    if PIPELINE not in mage.pipelines():
        progress.say(f"==> Making pipeline {PIPELINE}: a data loader and a transformer")
        mage.create_pipeline(PIPELINE)
        first = mage.add_block(PIPELINE, "load words", "data_loader", LOAD)
        mage.add_block(PIPELINE, "count letters", "transformer", COUNT, first)
    last: Json = {}

    def detail() -> str:
        done = sum(block["status"] == "completed" for block in last.get("block_runs", []))
        return f"{last.get('status', 'initial')}, {done} of 2 blocks completed,"

    with progress.step("Running it by its API trigger", "10 to 25 s", detail):
        run = mage.complete(mage.trigger(PIPELINE), tell=last.update, name="Mage")
    print(f"\nRun {run['id']} of pipeline {PIPELINE} completed. Output of its last block:\n", flush=True)
    print(table(mage.output(run, "count_letters")), end="\n\n", flush=True)
    return run


def check_kept(mage: Mage, run: Json) -> None:
    """Show that nothing was lost. Raises shell.Failed when it was."""
    runs = {found["id"]: found["status"] for found in mage.runs(PIPELINE)} if PIPELINE in mage.pipelines() else {}
    if runs.get(run["id"]) != "completed":
        raise shell.Failed(f"run {run['id']} of {PIPELINE} is gone after stop and start: what is there is {runs}")
    print(f"After stop and start: pipeline {PIPELINE} is there, with run {run['id']} {runs[run['id']]}.\n", flush=True)


def table(rows: list[Json]) -> str:
    """Columns for a terminal."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("    " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _login(address: str, kubectl: Kubectl) -> Mage:
    with progress.step(f"Logging in at {address} as {OWNER}", "5 s: Mage makes the user after it answers"):
        return Mage(address).login(OWNER, password(kubectl, NAME))


def _state(cluster: Json) -> str:
    """Empty until the operator has seen the newest spec."""
    status = cluster.get("status", {})
    current = status.get("observedGeneration") == cluster["metadata"]["generation"]
    return str(status.get("state", "")) if current else ""


def _summary(cluster: Json) -> str:
    status = cluster.get("status", {})
    ready: Json = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
    return f"{status.get('state', 'new')}, {status.get('ready', '0/0')} ready: {ready.get('message') or '…'}"


def _names(kubectl: Kubectl, kind: str) -> str:
    selector = f"--selector=app.kubernetes.io/instance={NAME}"
    return kubectl("get", kind, "--namespace=default", selector, "--output=jsonpath={.items[*].metadata.name}")


def _say(line: str) -> None:
    """A line of its own, in the middle of a step."""
    progress.say(("\r\033[K" if sys.stderr.isatty() else "") + line)
