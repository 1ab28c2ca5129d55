"""POST /api/runs: what is executed, with which inputs and variables, and what is told when it cannot be."""

import pytest
import requests
from tests.support.runs import Lab, refusal

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def chain(lab: Lab) -> str:
    """A pipeline of three blocks, each of which adds a row to a table that says when it was executed."""
    pipeline = lab.pipeline("chain")
    lab.block(pipeline, "first", "import time, pandas as pd\nreturn pd.DataFrame([{'by': 'first', 'at': time.time()}])")
    for name, above in (("second", "first"), ("third", "second")):
        code = f"import time, pandas as pd\nnew = pd.DataFrame([{{'by': '{name}', 'at': time.time()}}])\n"
        lab.block(pipeline, name, f"{code}return pd.concat([*inputs, new])", above)
    return pipeline


def names(output: list[list[dict[str, object]]]) -> list[object]:
    return [row["by"] for row in output[0]]


def times(output: list[list[dict[str, float]]]) -> list[float]:
    return [row["at"] for row in output[0]]


def test_a_block_is_executed_and_its_output_is_the_answer(lab: Lab) -> None:
    pipeline = lab.pipeline("table")
    lab.block(pipeline, "load", "import pandas as pd\nreturn pd.DataFrame({'a': [1, 2], 'b': ['x', None]})")
    assert lab.output(pipeline, "load") == [[{"a": 1, "b": "x"}, {"a": 2, "b": None}]]


def test_the_token_may_come_as_bearer(lab: Lab) -> None:
    pipeline = lab.pipeline("bearer")
    lab.block(pipeline, "load", "return 5")
    body = {"run": {"pipeline_uuid": pipeline, "block_uuid": "load"}}
    headers = {"Authorization": f"Bearer {lab.token}"}
    answer = requests.post(f"{lab.gateway.url}/api/runs", json=body, headers=headers, timeout=60)
    assert answer.json() == {"run": {"output": [5]}}


def test_upstream_blocks_are_executed_in_order_with_their_real_outputs(lab: Lab, chain: str) -> None:
    before = lab.metadata(chain)
    output = lab.output(chain, "third", run_upstream_blocks=True)
    assert names(output) == ["first", "second", "third"]
    assert times(output) == sorted(times(output))
    run = lab.newest(chain)
    assert {name: block["status"] for name, block in run["blocks"].items()} == dict.fromkeys(
        ["first", "second", "third"], "completed"
    )
    assert lab.metadata(chain) == before


def test_existing_outputs_are_the_inputs(lab: Lab, chain: str) -> None:
    second = lab.output(chain, "second", run_upstream_blocks=True)
    third = lab.output(chain, "third")
    assert third[0][:2] == second[0]
    assert lab.newest(chain)["blocks"].keys() == {"third"}


def test_missing_inputs_are_named(lab: Lab) -> None:
    pipeline = lab.pipeline("missing")
    lab.block(pipeline, "first", "return 1")
    lab.block(pipeline, "other", "return 1")
    lab.block(pipeline, "last", "return list(inputs)", "first", "other")
    lab.output(pipeline, "other")
    code, _, message = lab.refusal(pipeline, "last")
    assert code == 409
    assert message == (
        "Block last needs the outputs of first, and there are none to take; "
        "set run_upstream_blocks to true, or execute first first"
    )
    assert [run["block_runs"][0]["block_uuid"] for run in lab.owner.runs(pipeline)] == ["other"]


def test_incomplete_only_executes_what_has_no_output_of_a_successful_execution(lab: Lab) -> None:
    pipeline = lab.pipeline("incomplete")
    for name in ("slow", "fails"):
        lab.block(pipeline, name, "import time\nassert not kwargs.get('fail')\nreturn time.time()")
    lab.block(pipeline, "last", "return list(inputs)", "slow", "fails")
    slow = lab.output(pipeline, "slow")[0]
    assert lab.refusal(pipeline, "fails", variables={"fail": True})[1] == "AssertionError"
    first = lab.output(pipeline, "last", run_upstream_blocks=True, incomplete_only=True)
    assert first[0] == slow
    assert lab.newest(pipeline)["blocks"].keys() == {"fails", "last"}
    again = lab.output(pipeline, "last", run_upstream_blocks=True, incomplete_only=True)
    assert again == first
    assert lab.newest(pipeline)["blocks"].keys() == {"last"}
    fresh = lab.output(pipeline, "last", run_upstream_blocks=True)
    assert fresh[0] > slow


def test_code_that_was_edited_is_what_runs_next(lab: Lab) -> None:
    pipeline = lab.pipeline("edited twice")
    block = lab.block(pipeline, "load", "return 1")
    assert lab.output(pipeline, block) == [1]
    whole = lab.owner.call("GET", f"pipelines/{pipeline}", include_content=True)["pipeline"]
    whole["blocks"][0]["content"] = "@data_loader\ndef block(**kwargs):\n    return 2\n"
    lab.owner.call("PUT", f"pipelines/{pipeline}", {"pipeline": whole}, update_content="true")  # as the editor does
    assert lab.output(pipeline, block) == [2]


def test_modules_of_the_project_are_read_anew(lab: Lab) -> None:
    pipeline = lab.pipeline("modules")
    module = lab.mage.project / "utils" / "changing.py"
    lab.block(pipeline, "load", "from default_repo.utils.changing import ANSWER\nreturn ANSWER")
    for answer in (1, 2):
        module.write_text(f"ANSWER = {answer}  {'#' * answer}\n")
        assert lab.output(pipeline, "load") == [answer]


@pytest.mark.parametrize(
    ("pipeline", "block", "options", "told"),
    [
        ("nothing", "first", {}, "There is no pipeline nothing"),
        ("Chain", "first", {}, "There is no pipeline Chain"),
        ("../pipelines/chain", "first", {}, "There is no pipeline"),
        ("..", "first", {}, "There is no pipeline"),
        ("a\0b", "first", {}, "There is no pipeline"),
        ("chain", "First", {}, "Pipeline chain has no block First"),
        ("chain", "first:0", {}, "Pipeline chain has no block first:0"),
        ("chain", "first", {"project": "nothing"}, "There is no project nothing"),
        ("chain", "first", {"project": ".."}, "There is no project .."),
        ("chain", "first", {"project": "a/../default_repo"}, "There is no project"),
        ("chain", "first", {"token": "0" * 32}, "The token is of no API trigger"),
    ],
)
def test_what_is_not_there_is_not_found(
    lab: Lab, chain: str, pipeline: str, block: str, options: dict[str, str], told: str
) -> None:
    code, type_, message = lab.refusal(pipeline, block, **options)
    assert (code, type_) == (404, "not_found")
    assert told in message


def test_the_token_of_a_trigger_that_is_no_api_trigger_is_unknown(lab: Lab, chain: str) -> None:
    spec = {"name": "by time", "schedule_type": "time", "schedule_interval": "@daily", "token": "tokenoftime"}
    lab.owner.call("POST", f"pipelines/{chain}/pipeline_schedules", {"pipeline_schedule": spec})
    assert lab.refusal(chain, "first", token="tokenoftime")[0] == 404


def test_the_token_of_a_trigger_that_was_made_as_the_document_says_works_though_it_is_inactive(
    lab: Lab, chain: str
) -> None:
    spec = {"name": "fresh", "schedule_type": "api"}
    made = lab.owner.call("POST", f"pipelines/{chain}/pipeline_schedules", {"pipeline_schedule": spec})
    trigger = made["pipeline_schedule"]
    assert trigger["status"] == "inactive"
    assert lab.output(chain, "first", token=trigger["token"])
    trigger = lab.owner.call("GET", f"pipeline_schedules/{trigger['id']}")["pipeline_schedule"]
    assert trigger["status"] == "inactive"


def test_an_exception_is_the_answer_with_its_type_and_message(lab: Lab) -> None:
    pipeline = lab.pipeline("raising")
    lab.block(pipeline, "load", "class TooBad(Exception): pass\nraise TooBad('it is ' + kwargs['how'])")
    lab.block(pipeline, "last", "return 1", "load")
    assert lab.refusal(pipeline, "load", variables={"how": "bad"}) == (500, "TooBad", "it is bad")
    assert lab.refusal(pipeline, "last", run_upstream_blocks=True, variables={"how": "bad"}) == (
        500,
        "TooBad",
        "Upstream block load: it is bad",
    )
    run = lab.newest(pipeline)
    assert run["status"] == "failed"
    assert {name: block["status"] for name, block in run["blocks"].items()} == {
        "load": "failed",
        "last": "upstream_failed",
    }


def test_a_project_is_the_folder_beside_or_the_one_that_is_served(lab: Lab, chain: str) -> None:
    assert lab.output(chain, "first", project="default_repo")
    other = lab.mage.folder / "other_repo"
    for folder in ("pipelines/chain", "data_loaders"):
        (other / folder).mkdir(parents=True)
    (other / "metadata.yaml").write_text("project_type: standalone\n")
    (other / "data_loaders/first.py").write_text(
        "@data_loader\ndef block(**kwargs):\n    return [kwargs['own'], kwargs['repo_path']]\n"
    )
    (other / "pipelines/chain/metadata.yaml").write_text(
        "name: chain\ntype: python\nuuid: chain\nvariables:\n  own: other's\nblocks:\n"
        "- {name: first, uuid: first, type: data_loader, language: python}\n"
    )
    for _ in range(2):
        assert lab.output(chain, "first", project="other_repo") == ["other's", str(other)]
        assert lab.output(chain, "first") != ["other's", str(other)]


def test_malformed_requests_say_what_is_wrong(lab: Lab) -> None:
    url = f"{lab.gateway.url}/api/runs/{lab.token}"
    assert refusal(requests.post(url, json={"run": {"block_uuid": "b"}}, timeout=60))[0] == 400
    assert refusal(requests.get(url, timeout=60))[0] == 405
    assert refusal(requests.post(f"{lab.gateway.url}/api/runs", json={}, timeout=60))[0] == 401
