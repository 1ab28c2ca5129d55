"""What the usual mistakes answer: through the gateway the status that is meant, to Mage's own pages Mage's 200."""

import http.client
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from tests.support.mage_api import Api, Json

from devkit.local_gateway import GatewayProcess
from devkit.local_mage import OWNER, LocalMage
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

BROKEN = b'{"pipeline": '
JSON_ERROR = "Expecting value: line 1 column 14 (char 13)"
GONE = "Pipeline none does not exist."

RESOURCES = {
    "pipelines": "pipelines",
    "blocks": "pipelines/codes/blocks",
    "pipeline_schedules": "pipeline_schedules",
    "pipeline_triggers": "pipelines/codes/pipeline_triggers",
    "pipeline_runs": "pipeline_runs",
    "block_runs": "block_runs",
    "variables": "pipelines/codes/variables",
    "secrets": "secrets",
    "users": "users",
    "sessions": "sessions",
}


class Mistake(NamedTuple):
    method: str
    path: str
    body: object
    status: int
    told: str
    """The type of an ApiError, or the text of an exception; "" where there is no body."""


MISTAKES = [
    # What is not there
    Mistake("GET", "pipelines/none", None, 404, GONE),
    Mistake("PUT", "pipelines/none", {"pipeline": {"description": "x"}}, 404, GONE),
    Mistake("DELETE", "pipelines/none", None, 404, GONE),
    Mistake("GET", "pipelines/none/blocks", None, 404, GONE),
    Mistake("POST", "pipelines/none/blocks", {"block": {"name": "x", "type": "custom"}}, 404, GONE),
    Mistake("GET", "pipelines/codes/blocks/none", None, 404, "record_invalid"),
    Mistake("PUT", "pipelines/codes/blocks/none", {"block": {"timeout": 1}}, 404, "record_invalid"),
    Mistake("DELETE", "pipelines/codes/blocks/none", None, 404, "record_invalid"),
    Mistake("POST", "pipelines/none/pipeline_schedules", {"pipeline_schedule": {"name": "x"}}, 404, GONE),
    Mistake("GET", "pipeline_schedules/999", None, 404, "record_not_found"),
    Mistake("GET", "pipeline_schedules/none", None, 404, "record_not_found"),
    Mistake("PUT", "pipeline_schedules/999", {"pipeline_schedule": {"name": "x"}}, 404, "record_not_found"),
    Mistake("DELETE", "pipeline_schedules/999", None, 404, "record_not_found"),
    Mistake("GET", "pipelines/none/pipeline_triggers", None, 404, GONE),
    Mistake(
        *("POST", "pipelines/codes/pipeline_triggers", {"pipeline_trigger": {"pipeline_schedule_id": 999}}),
        *(404, "'NoneType' object has no attribute 'description'"),
    ),
    Mistake(
        *("POST", "pipeline_schedules/999/pipeline_runs", {"pipeline_run": {}}),
        *(404, "'NoneType' object has no attribute 'pipeline_uuid'"),
    ),
    Mistake("GET", "pipeline_runs/999", None, 404, "record_not_found"),
    Mistake("PUT", "pipeline_runs/999", {"pipeline_run": {"status": "cancelled"}}, 404, "record_not_found"),
    Mistake("DELETE", "pipeline_runs/999", None, 404, "record_not_found"),
    Mistake("GET", "block_runs/999", None, 404, "record_not_found"),
    Mistake("GET", "pipelines/none/variables", None, 404, GONE),
    Mistake("POST", "pipelines/none/variables", {"variable": {"name": "x", "value": 1}}, 404, GONE),
    Mistake("GET", "secrets/none", None, 404, "record_not_found"),
    Mistake("DELETE", "secrets/none", None, 404, "record_not_found"),
    Mistake("GET", "users/999", None, 404, "record_not_found"),
    Mistake("PUT", "users/999", {"user": {"first_name": "x"}}, 404, "record_not_found"),
    Mistake("DELETE", "users/999", None, 404, "record_not_found"),
    Mistake("GET", "event_matchers/999", None, 404, "'NoneType' object has no attribute 'to_dict'"),
    Mistake("GET", "nonsense", None, 404, "No module named 'mage_ai.api.policies.NonsensePolicy'"),
    Mistake("GET", "nonsense/1", None, 404, "No module named 'mage_ai.api.resources.NonsenseResource'"),
    Mistake("GET", "pipelines/codes/nonsense", None, 404, "No module named 'mage_ai.api.resources.NonsenseResource'"),
    # What there is only within a pipeline
    Mistake("GET", "pipeline_triggers", None, 404, "'NoneType' object has no attribute 'uuid'"),
    Mistake("GET", "variables", None, 404, "'NoneType' object has no attribute 'uuid'"),
    # What cannot be used
    Mistake("POST", "pipelines", BROKEN, 400, JSON_ERROR),
    Mistake(
        "POST", "pipelines", b"\xff", 400, "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    ),
    Mistake("POST", "pipelines", b'"text"', 400, "'str' object has no attribute 'get'"),
    Mistake("POST", "pipelines", {}, 400, "'NoneType' object has no attribute 'replace'"),
    Mistake("POST", "pipelines", {"pipeline": "x"}, 400, "'str' object has no attribute 'keys'"),
    Mistake("POST", "pipelines", {"pipeline": {"name": 3}}, 400, "'int' object has no attribute 'replace'"),
    Mistake("POST", "pipelines", {"pipeline": {"name": "codes"}}, 400, "Pipeline codes already exists."),
    Mistake("PUT", "pipelines/codes", BROKEN, 400, JSON_ERROR),
    Mistake("POST", "pipelines/codes/blocks", BROKEN, 400, JSON_ERROR),
    Mistake("POST", "pipelines/codes/blocks", {}, 400, "'NoneType' object has no attribute 'replace'"),
    Mistake(
        *("POST", "pipelines/codes/blocks", {"block": {"name": "x", "type": "none"}}),
        *(400, "'NoneType' object is not callable"),
    ),
    Mistake("PUT", "pipelines/codes/blocks/load", BROKEN, 400, JSON_ERROR),
    Mistake("POST", "pipelines/codes/pipeline_schedules", BROKEN, 400, JSON_ERROR),
    Mistake("POST", "pipelines/codes/pipeline_schedules", {}, 400, "record_invalid"),
    Mistake(
        *("POST", "pipelines/codes/pipeline_schedules", {"pipeline_schedule": {"none": 1}}),
        *(400, "'none' is an invalid keyword argument for PipelineSchedule"),
    ),
    Mistake(
        *("POST", "pipelines/codes/pipeline_schedules", {"pipeline_schedule": {"name": "x", "start_time": "none"}}),
        *(400, "Unknown string format: none"),
    ),
    Mistake("POST", "pipelines/codes/pipeline_triggers", {}, 400, "record_invalid"),
    Mistake("GET", "pipeline_runs?_limit=none", None, 400, "invalid literal for int() with base 10: 'none'"),
    Mistake("GET", "event_matchers/none", None, 400, "invalid literal for int() with base 10: 'none'"),
    Mistake("POST", "pipelines/codes/variables", BROKEN, 400, JSON_ERROR),
    Mistake("POST", "pipelines/codes/variables", {}, 400, "'NoneType' object has no attribute 'isidentifier'"),
    Mistake("POST", "pipelines/codes/variables", {"variable": {"name": "no name"}}, 400, "record_invalid"),
    Mistake("PUT", "pipelines/codes/variables/x", {"variable": {"name": "x"}}, 400, "record_invalid"),
    Mistake(
        *("POST", "secrets", {"secret": {"name": "x"}}),
        *(400, "create_secret() missing 1 required positional argument: 'value'"),
    ),
    Mistake(
        *("POST", "secrets", {"secret": {"name": "codes", "value": "told-to-nobody"}}),
        *(400, "(sqlite3.IntegrityError) UNIQUE constraint failed: secret.name, secret.key_uuid"),
    ),
    Mistake("POST", "users", {}, 400, "record_invalid"),
    Mistake("POST", "users", {"user": {"email": OWNER, "password": "long-enough"}}, 400, "record_invalid"),
    Mistake("POST", "sessions", BROKEN, 400, JSON_ERROR),
    # What is not offered
    Mistake("POST", "pipelines/codes", {}, 405, ""),
    Mistake("DELETE", "pipelines", None, 405, ""),
    Mistake("PUT", "pipelines", {}, 405, ""),
    Mistake("HEAD", "pipelines/none", None, 405, ""),
    # What Mage breaks off itself
    Mistake("GET", "users/1", None, 500, "'CachingQuery' object has no attribute 'from_self'"),
]


def named(mistake: Mistake) -> str:
    body = mistake.body.decode("latin-1") if isinstance(mistake.body, bytes) else mistake.body
    return f"{mistake.method} {mistake.path} {body or ''}"


@pytest.fixture(scope="module")
def direct(mage: LocalMage, owner: Mage) -> Api:
    """At Mage itself, with something to ask for."""
    owner.create_pipeline("codes")
    owner.add_block("codes", "load", "data_loader", "x = 1\n")
    owner.call("POST", "secrets", {"secret": {"name": "codes", "value": "told-to-nobody"}})
    return Api(mage.url).login()


@pytest.fixture(scope="module")
def api(direct: Api, gateway: GatewayProcess) -> Api:
    return Api(gateway.url).login()


def agrees(body: Json, status: int) -> None:
    assert body["error"]["code"] == status
    assert body.get("status", status) == status
    assert "errors" not in body["error"] or isinstance(body["error"]["errors"], dict)
    assert 'File "' not in str(body)
    assert "Traceback" not in str(body)


@pytest.mark.parametrize("mistake", MISTAKES, ids=named)
def test_a_mistake_has_its_status(api: Api, mistake: Mistake) -> None:
    answer = api(mistake.method, mistake.path, mistake.body)
    assert answer.status_code == mistake.status, answer.text
    assert "[SQL" not in answer.text
    assert "Etag" not in answer.headers or not answer.content
    if not mistake.told:
        assert answer.content == b""
        return
    assert answer.headers["Content-Type"] == "application/json"
    assert ("WWW-Authenticate" in answer.headers) == (mistake.status == 401)
    body = answer.json()
    agrees(body, mistake.status)
    error = body["error"]
    if "exception" in error:
        assert (error["exception"], error["message"]) == (mistake.told, mistake.told)
        assert body.keys() == {"error", "url_parameters"}
    else:
        assert error["type"] == mistake.told
        assert body.keys() == {"error", "status"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=named)
def test_mages_own_page_gets_mages_own_answer(api: Api, direct: Api, mistake: Mistake) -> None:
    own = direct(mistake.method, mistake.path, mistake.body)
    page = api.with_headers(Sec_Fetch_Site="same-origin")(mistake.method, mistake.path, mistake.body)
    assert (page.status_code, len(page.content)) == (own.status_code, len(own.content))
    assert page.status_code == (200 if mistake.told else mistake.status)
    if mistake.told:
        assert page.json().keys() == own.json().keys()
        assert page.json()["error"].keys() == own.json()["error"].keys()  # a traceback holds what differs each time


@pytest.mark.parametrize("resource", RESOURCES)
def test_nobody_gets_in_without_login(api: Api, resource: str) -> None:
    path = RESOURCES[resource]
    strangers = {
        (403, "unauthorized_access"): Api(api.url),
        (401, "invalid_api_key"): Api(api.url, key=None),
        (401, "invalid_oauth_token"): Api(api.url).with_headers(Authorization="Bearer wrong"),
    }
    for (status, type_), stranger in strangers.items():
        answer = stranger("GET", path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, type_), path
        agrees(answer.json(), status)
    assert Api(api.url, key="wrong")("GET", path).status_code == 401
    for token in ("wrong", f"{(api.token or '')[:-4]}AAAA"):
        forged = Api(api.url, token=token)("GET", path)
        assert forged.status_code == 401, forged.text
        agrees(forged.json(), 401)


@pytest.mark.parametrize(
    "session", [{"email": OWNER, "password": "wrong"}, {"email": "none@example.com", "password": "x"}, {}]
)
def test_a_login_with_wrong_credentials_is_401(api: Api, session: Json) -> None:
    stranger = Api(api.url)
    answer = stranger("POST", "sessions", {"session": session})
    assert answer.status_code == 401
    agrees(answer.json(), 401)
    assert answer.json()["error"]["type"] == "record_not_found"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    page = stranger.with_headers(Sec_Fetch_Site="same-origin")("POST", "sessions", {"session": session})
    assert (page.status_code, page.json()["error"]["code"], page.json()["status"]) == (200, 404, 200)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_method_that_is_none_of_its_own_is_405(api: Api, resource: str) -> None:
    for method in ("PATCH", "HEAD", "DELETE", "PUT"):
        assert api(method, RESOURCES[resource]).status_code == 405, method


@pytest.mark.parametrize("name", ["Referer", "Origin"])
def test_a_browser_without_fetch_metadata_is_known_by_its_page(api: Api, name: str) -> None:
    for page, status in ((f"{api.url}/pipelines", 200), ("http://other.example.com/pipelines", 404)):
        sent = page if name == "Referer" else page.removesuffix("/pipelines")
        assert api.with_headers(**{name: sent})("GET", "pipelines/none").status_code == status
    assert api.with_headers(Sec_Fetch_Site="cross-site", Referer=api.url)("GET", "pipelines/none").status_code == 404
    ingress = {"X_Forwarded_Host": "mage.example.com", name: "https://mage.example.com"}
    assert api.with_headers(**ingress)("GET", "pipelines/none").status_code == 200


def test_what_mage_is_asked_to_answer_truly_stays_so(api: Api) -> None:
    answer = api("GET", "pipeline_schedules/999?_http_error_codes=1")
    assert answer.status_code == 404
    agrees(answer.json(), 404)


def test_one_connection_serves_errors_and_successes(api: Api) -> None:
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=30)
    headers = {"X-API-KEY": api.key or "", "Cookie": f"oauth_token={api.token}"}
    for path, status in (("pipelines/none", 404), ("pipelines", 200), ("nonsense", 404), ("pipelines/codes", 200)):
        connection.request("GET", f"/api/{path}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, int(answer.headers["Content-Length"])) == (status, len(body))
    connection.close()
