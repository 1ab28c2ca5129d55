"""A real Mage as a pod has it: started with the hook, a runner beside it, a gateway in front of both."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import requests

from devkit.local_gateway import STARTUP, GatewayProcess
from devkit.local_mage import LocalMage
from devkit.mage import Mage, StuckError, Trigger

TELLS = """
import json
import pandas as pd

@{kind}
def tells(*args, **kwargs):
    told = {{name: kwargs.get(name) for name in ("env", "schema", "level", "region", "event", "trigger_name")}}
    return pd.DataFrame([{{"told": json.dumps(told)}}])
"""


def hooked(folder: Path) -> LocalMage:
    """Not started yet; its scheduler looks often."""
    return LocalMage(folder, PYTHONPATH=f"{STARTUP}:{folder}", SCHEDULER_TRIGGER_INTERVAL="2")


class Lab(NamedTuple):
    """What the tests of triggers share."""

    mage: LocalMage
    owner: Mage
    """Logged in, at Mage itself."""
    gateway: GatewayProcess

    def trigger(self, name: str, **spec: Any) -> Trigger:
        """Make a trigger of the pipeline `tells`, active and for the API unless the spec says otherwise."""
        wish = {"name": name, "schedule_type": "api", "status": "active", **spec}
        made = self.owner.call("POST", "pipelines/tells/pipeline_schedules", {"pipeline_schedule": wish})
        return Trigger(made["pipeline_schedule"]["id"], made["pipeline_schedule"]["token"])

    def call(self, trigger: Trigger, body: object = None, **headers: str) -> requests.Response:
        """Call a trigger through the gateway: bytes as they are, everything else as JSON."""
        url = f"{self.gateway.url}/api/pipeline_schedules/{trigger.id}/pipeline_runs/{trigger.token}"
        given: dict[str, Any] = {} if body is None else {"data": body} if isinstance(body, bytes) else {"json": body}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(url, headers=sent, timeout=60, **given)

    def finish(self, run: int) -> dict[str, Any]:
        """Wait for the end of a run. See `Mage.complete` for what can happen to it; a Mage that starts goes on."""
        try:
            return self.owner.finish(run, within=60)
        except StuckError:
            self.mage.stop()
            self.mage.start()
            return self.owner.finish(run)

    def runs(self, trigger: Trigger) -> list[dict[str, Any]]:
        """Its runs, as Mage tells them."""
        return list(self.owner.call("GET", f"pipeline_schedules/{trigger.id}/pipeline_runs")["pipeline_runs"])


def told(owner: Mage, run: dict[str, Any], block: str) -> dict[str, Any]:
    """What a block of `tells` was told."""
    return dict(json.loads(owner.output(run, block)[0]["told"]))


def pipeline(owner: Mage) -> None:
    """`tells`: two blocks that give what they were told, with variables of the pipeline's own."""
    owner.create_pipeline("tells")
    first = owner.add_block("tells", "first", "data_loader", TELLS.format(kind="data_loader"))
    owner.add_block("tells", "second", "transformer", TELLS.format(kind="transformer"), first)
    for name in ("env", "schema", "level", "region"):
        variable = {"variable": {"name": name, "value": f"pipeline's {name}"}}
        owner.call("POST", "pipelines/tells/variables", variable)
