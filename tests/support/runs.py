"""What tests of POST /api/runs share: a real Mage, the runner beside it, a gateway in front, and pipelines."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from devkit.local_gateway import GatewayProcess, RunnerProcess
from devkit.local_mage import LocalMage
from devkit.mage import Mage

Json = dict[str, Any]

SECONDS = 120


class Lab:
    """Everything is done by the API, or seen on the volume."""

    def __init__(self, mage: LocalMage, owner: Mage, runner: RunnerProcess, gateway: GatewayProcess) -> None:
        self.mage, self.owner, self.runner, self.gateway = mage, owner, runner, gateway
        self._token = ""

    @property
    def token(self) -> str:
        """Of a trigger that belongs to another pipeline than those of the tests, and is good for them all."""
        if not self._token:
            if "tokens" not in self.owner.pipelines():
                self.owner.create_pipeline("tokens")
            self._token = self.owner.trigger("tokens").token
        return self._token

    def pipeline(self, name: str, **variables: object) -> str:
        """A new one, with variables of its own."""
        uuid = self.owner.create_pipeline(name)
        for variable, value in variables.items():
            body = {"variable": {"name": variable, "value": value}}
            self.owner.call("POST", f"pipelines/{uuid}/variables", body)
        return uuid

    def block(self, pipeline: str, name: str, body: str, *upstream: str, kind: str = "", **more: object) -> str:
        """Add a block whose decorated function has this body; its inputs are `inputs`."""
        kind = kind or ("transformer" if upstream else "data_loader")
        decorator = {"conditional": "condition"}.get(kind, kind)
        code = (
            f"@{decorator}\ndef block(*inputs, **kwargs):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        )
        return self.raw(pipeline, name, code, *upstream, kind=kind, **more)

    def raw(self, pipeline: str, name: str, code: str, *upstream: str, kind: str, **more: object) -> str:
        """Add a block with this content."""
        spec = {"name": name, "type": kind, "language": "python", "content": code, "upstream_blocks": upstream, **more}
        return str(self.owner.call("POST", f"pipelines/{pipeline}/blocks", {"block": spec})["block"]["uuid"])

    def ask(self, pipeline: str, block: str, *, token: str = "", url: str = "", **options: object) -> requests.Response:
        """Ask for a run."""
        run = {"pipeline_uuid": pipeline, "block_uuid": block, **options}
        address = f"{url or self.gateway.url}{self.mage.base}/api/runs/{token or self.token}"
        return requests.post(address, json={"run": run}, timeout=SECONDS)

    def output(self, pipeline: str, block: str, **options: object) -> Any:
        """What a run gives that succeeds."""
        answer = self.ask(pipeline, block, **options)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"run"}
        assert answer.json()["run"].keys() == {"output"}
        return answer.json()["run"]["output"]

    def refusal(self, pipeline: str, block: str, **options: object) -> tuple[int, str, str]:
        """Status, type and message of a run that does not."""
        return refusal(self.ask(pipeline, block, **options))  # type: ignore[arg-type]

    def newest(self, pipeline: str) -> Json:
        """The newest run in the history, with its blocks by their names."""
        run = self.owner.run(self.owner.runs(pipeline)[0]["id"])
        return {**run, "blocks": {block["block_uuid"]: block for block in run["block_runs"]}}

    def files(self, pipeline: str) -> set[Path]:
        """Everything that is kept for the pipeline beside its code: outputs and logs."""
        return {path for path in self.mage.folder.rglob(f"pipelines/{pipeline}/.*/**/*") if path.is_file()}

    def metadata(self, pipeline: str) -> bytes:
        """The file that says what the pipeline is."""
        return (self.mage.project / "pipelines" / pipeline / "metadata.yaml").read_bytes()


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    """Status, type and message of an answer in the documented shape, without a stack trace."""
    error = answer.json()["error"]
    assert error.keys() == {"code", "type", "message"}
    assert answer.status_code == error["code"]
    assert "Traceback" not in answer.text
    return error["code"], error["type"], error["message"]


@contextmanager
def runs_lab(mage: LocalMage, owner: Mage, folder: Path, *options: str, runner: tuple[str, ...] = ()) -> Iterator[Lab]:
    """With options of the gateway's and of the runner's."""
    beside = RunnerProcess(mage, folder, *runner).start()
    try:
        options = (f"--runner-socket={beside.socket}", f"--base-path={mage.base}", *options)
        gateway = GatewayProcess(mage.origin, folder / "gateway.log", *options).start()
        try:
            yield Lab(mage, owner, beside, gateway)
        finally:
            assert gateway.stop() == 0, gateway.log.read_text()
        assert "Traceback" not in gateway.log.read_text()
    finally:
        assert beside.stop() == 0, beside.log.read_text()
