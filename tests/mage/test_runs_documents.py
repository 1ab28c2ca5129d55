"""The examples of Mage's own document run as they are printed, and its table of options holds."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.needs import needs
from tests.support.own_document import HOST, commands, section
from tests.support.postgresql import postgresql
from tests.support.runs import Lab, runs_lab
from tests.support.runs_contract import as_printed, examples

from devkit.local_gateway import OPERATOR
from devkit.local_mage import LocalMage
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

SECTION = "Runs of single blocks"
CANCELLED = 499
"""Told to nobody: the client is gone."""
ONE, VARIABLES = "Example: Run a single block", "Example: Run a block with runtime variables"


def printed(script: str) -> object:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: object = ast.literal_eval(done.stdout)
    return found


def test_a_single_block(lab: Lab) -> None:
    lab.block(lab.pipeline("my_pipeline"), "my_block", "return {'answer': 42}")
    (script,) = examples()[ONE]
    assert printed(as_printed(script, lab.gateway.url, lab.token)) == {"output": [{"answer": 42}]}


def test_runtime_variables(lab: Lab) -> None:
    (beginning,), (call, block) = examples()[ONE], examples()[VARIABLES]
    setting = beginning.partition("response =")[0]
    pipeline = lab.pipeline("patient_lookup")
    lab.block(pipeline, "load_medical_data", "import pandas as pd\nreturn pd.DataFrame({'id': ['PID00087']})")
    code = block.replace("return df", "return df[df['id'] == patient_id]")
    assert code != block
    lab.raw(pipeline, "transform_medical_data", code, "load_medical_data", kind="transformer")
    lab.output(pipeline, "load_medical_data")
    script = as_printed(setting + call, lab.gateway.url, lab.token)
    assert printed(script) == {"output": [[{"id": "PID00087"}]]}
    assert lab.newest(pipeline)["variables"]["patient_id"] == "PID00087"


def test_the_commands_of_our_own_document(lab: Lab) -> None:
    needs({"curl": "curl"})
    (script,) = commands(SECTION)
    lab.block(lab.pipeline("sales"), "load", "return kwargs.get('region', 'everywhere')")
    lab.block("sales", "report", "return [f'Sales {inputs[0]}']", "load")
    script = f"set -e\nTOKEN={lab.token}\n{script}".replace(HOST, lab.gateway.url)
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line)["run"]["output"] for line in done.stdout.splitlines()]
    assert answers == [["north"], ["Sales everywhere"]]
    assert len(lab.owner.runs("sales")) == 1


def test_every_status_that_is_answered_is_in_the_document() -> None:
    told = {int(row) for row in re.findall(r"^\| (\d+) \|", section(SECTION), re.MULTILINE)}
    files = [*(OPERATOR / "magecluster_runner").glob("*.py"), OPERATOR / "magecluster/gateway/runs.py"]
    code = "".join(file.read_text() for file in files)
    found = {int(status) for status in re.findall(r"(?:RefusedError|_refusal|error)\(\s*(\d{3}),", code)}
    assert found - told == {CANCELLED}


def test_the_body_with_all_options_is_taken_as_printed(lab: Lab) -> None:
    body = json.loads(examples()["Request Body"][0])["run"]
    name = lab.pipeline(body.pop("pipeline_uuid"))
    lab.block(name, body["block_uuid"], "return 1")
    assert lab.output(name, body.pop("block_uuid"), **body) == [1]


def test_a_token_can_be_narrowed_to_its_pipeline(mage: LocalMage, owner: Mage, tmp_path: Path) -> None:
    with runs_lab(mage, owner, tmp_path, "--token-scope=Pipeline") as narrow:
        name = narrow.pipeline("narrow")
        narrow.block(name, name, "return 1")
        assert narrow.refusal(name, name)[0] == 403
        assert narrow.output(name, name, token=owner.trigger(name).token) == [1]


def test_everything_is_in_postgresql_too(tmp_path: Path) -> None:
    with postgresql("127.0.0.1") as server:
        server.query("postgres", "CREATE DATABASE mage")
        mage = LocalMage(tmp_path, MAGE_DATABASE_CONNECTION_URL=server.url("mage", "+psycopg2"))
        try:
            owner = mage.start().owner()
            with runs_lab(mage, owner, tmp_path) as lab:
                check_postgresql(lab, server.host, server.port, server.password)
        finally:
            mage.stop()


def check_postgresql(lab: Lab, host: str, port: int, password: str) -> None:
    (lab.mage.project / "io_config.yaml").write_text(
        f"default:\n  POSTGRES_DBNAME: postgres\n  POSTGRES_SCHEMA: public\n  POSTGRES_USER: mage\n"
        f"  POSTGRES_PASSWORD: {password}\n  POSTGRES_HOST: {host}\n  POSTGRES_PORT: {port}\n"
    )
    name = lab.pipeline("sql")
    lab.block(name, "rows", "import pandas as pd\nreturn pd.DataFrame({'amount': [1, 2, 3]})")
    reads = {"data_provider": "postgres", "data_provider_profile": "default", "export_write_policy": "append"}
    lab.raw(
        name,
        "adds",
        "SELECT sum(amount) AS total, '{{ who }}' AS who FROM {{ df_1 }}",
        "rows",
        kind="transformer",
        language="sql",
        configuration={**reads, "use_raw_sql": True, "limit": 1000},
    )
    output = lab.output(name, "adds", run_upstream_blocks=True, variables={"who": "me"})
    assert output == [[{"total": 6, "who": "me"}]]
    run = lab.newest(name)
    assert (run["status"], {block["status"] for block in run["blocks"].values()}) == ("completed", {"completed"})
    assert lab.output(name, "rows", record=False)
    lab.block(name, "dies", "import os\nos._exit(3)")
    assert lab.refusal(name, "dies")[0] == 500
    run = lab.newest(name)
    assert (run["status"], run["blocks"]["dies"]["status"]) == ("failed", "failed")
    assert run["completed_at"]
    once_more = lab.output(name, "adds", run_upstream_blocks=True, incomplete_only=True, variables={"who": "you"})
    assert once_more == [[{"total": 6, "who": "you"}]]
    assert lab.newest(name)["blocks"].keys() == {"adds"}
