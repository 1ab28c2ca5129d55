"""HTTP as clients that are wrong, slow or hostile use it; every refusal has the one shape."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from tests.support.cloud_api import ADMIN, CloudApi, Team, refused
from tests.support.cloud_more import Wire, another
from tests.support.eventually import eventually
from tests.support.kube import a_cluster

from devkit.cluster import Cluster

JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024


@pytest.fixture
def demo(team: Team) -> Team:
    """A team with a cluster."""
    team.space.apply(a_cluster())
    team.seen()
    return team


@pytest.fixture(scope="module")
def quick(cluster: Cluster, cloud_api: CloudApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudApi]:
    """A replica that waits a second for requests."""
    folder = tmp_path_factory.mktemp("quick")
    with another(cluster.kubeconfig, folder, cloud_api.namespace, "--body-seconds=1") as api:
        yield api.ready()


def put(team: Team, body: Any, **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {team.token('Admin')}", **JSON}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.put(f"{team.url}/api/v1{team.path()}", data=body, headers=given, timeout=30)


def error_of(answer: requests.Response, code: int) -> Any:
    """The error; whatever is refused has one shape, and no cache keeps it."""
    error = refused(answer, code)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"] == "magecluster"
    assert set(error) <= {"code", "type", "message", "fields"}
    return error


def config(value: str) -> str:
    return f'{{"cluster": {{"config": {{"replicaCount": {value}}}}}}}'


def test_a_body_has_at_most_a_mebibyte(demo: Team) -> None:
    body = config("1")
    assert put(demo, body.ljust(MEBIBYTE)).status_code == 200
    error_of(put(demo, body.ljust(MEBIBYTE + 1)), 413)
    parts = (b" " * 65536 for _ in range(20))  # in chunks, so that no length is told before
    error_of(put(demo, parts), 413)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "JSON object"),
        (config("NaN"), "no JSON"),
        (config("Infinity"), "no JSON"),
        (config("1") * 2, "no JSON"),
        ('{"cluster": {"status": "Active", "status": "Stopped"}}', "twice"),
        (config('{"a":' * 40 + "1" + "}" * 40), "nested deeper"),
        (config("[" * 40 + "]" * 40), "nested deeper"),
        ("[" * (MEBIBYTE // 2), "JSON"),
        (config("1").encode("utf-16"), "no JSON"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(demo: Team, body: str, says: str) -> None:
    assert says in error_of(put(demo, body), 400)["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": ""},
        {"Content_Type": "application/json; charset=latin-1"},
        {"Content_Encoding": "gzip"},
    ],
)
def test_another_content_type_is_refused(demo: Team, headers: dict[str, str]) -> None:
    error_of(put(demo, config("1"), **headers), 415)


def test_what_would_unpack_to_gigabytes_is_not_unpacked(demo: Team) -> None:
    bomb = zlib.compress(b" " * 200 * MEBIBYTE)
    error_of(put(demo, bomb, Content_Encoding="deflate"), 415)


def test_a_content_type_that_is_right_may_say_utf_8(demo: Team) -> None:
    assert put(demo, config("1"), Content_Type="application/json; charset=UTF-8").ok
    assert put(demo, config("1"), Content_Type="application/merge-patch+json").ok


def test_unknown_and_missing_fields_are_named_and_no_value_is_quoted(demo: Team) -> None:
    sent = {"session": {"email": 17, "pasword": "s3cret-in-wrong-field"}}
    answer = demo.api.client()("POST", "/sessions", sent)
    assert set(error_of(answer, 422)["fields"]) == {"session.email", "session.password", "session.pasword"}
    assert "s3cret" not in answer.text
    answer = put(demo, '{"cluster": {"confg": {"x": "s3cret-value"}}}')
    assert error_of(answer, 422)["fields"] == {"cluster.confg": "is not known"}
    assert "s3cret" not in answer.text
    assert error_of(put(demo, "{}"), 422)["fields"] == {"cluster": "is missing"}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "{cluster}", "DELETE, GET, PATCH, PUT"),
        ("OPTIONS", "{cluster}", "DELETE, GET, PATCH, PUT"),
        ("DELETE", "/sessions/", None),
        ("GET", "/nothing", None),
        ("GET", "{cluster}/nothing", None),
        ("PUT", "/sessions", "DELETE, GET, POST"),
        ("TRACE", "/sessions", "DELETE, GET, POST"),
    ],
)
def test_what_is_not_there_and_what_is_not_offered(demo: Team, method: str, path: str, allow: str | None) -> None:
    answer = demo.as_("Admin")(method, path.format(cluster=demo.path()))
    error_of(answer, 404 if allow is None else 405)
    assert answer.headers.get("Allow") == allow


def test_head_has_no_body(demo: Team) -> None:
    answer = demo.as_("Admin")("HEAD", demo.path())
    assert (answer.status_code, answer.content) == (405, b"")


def test_every_success_is_kept_by_no_cache_and_tells_no_version(demo: Team) -> None:
    client = demo.as_("Admin")
    tag = client("GET", demo.path()).headers["ETag"]
    for answer in (
        client("GET", demo.path()),
        client("GET", demo.path(), If_None_Match=tag),
        client("GET", f"{demo.clusters}?limit=1"),
        requests.get(f"{demo.url}/healthz", timeout=10),
        client("DELETE", demo.path()),
    ):
        assert answer.status_code in (200, 204, 304)
        assert answer.headers["Cache-Control"] == "no-store", answer.request.url
        assert answer.headers["Server"] == "magecluster", answer.request.url


def test_a_body_that_dawdles_is_given_up(quick: CloudApi) -> None:
    with Wire(quick.url()) as wire:
        head = ("POST /api/v1/sessions HTTP/1.1", f"Host: {wire.host}", "Content-Type: application/json")
        wire.say(*head, "Content-Length: 100", body=b'{"session": ')
        answer = wire.socket.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "request_timeout"


@pytest.mark.parametrize("begin", ["", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
@pytest.mark.parametrize("used", [False, True])
def test_a_connection_that_asks_for_nothing_is_closed(quick: CloudApi, begin: str, *, used: bool) -> None:
    with Wire(quick.url()) as wire:
        wire.socket.settimeout(20)
        if used:
            wire.say("GET /healthz HTTP/1.1", "Host: x")
            assert status_of(wire.socket.recv(65536)) == 200
        wire.socket.sendall(begin.encode())
        assert wire.hear() == b""


def test_a_body_that_breaks_off_hurts_nobody(demo: Team) -> None:
    head = ("POST /api/v1/sessions HTTP/1.1", "Host: x", "Content-Type: application/json", "Expect: 100-continue")
    with Wire(demo.url) as wire:
        wire.say(*head[:3], "Transfer-Encoding: chunked", body=b"no length\r\n")
        assert status_of(wire.hear()) == 400
    before = answered(demo.api, "createSession", 400)
    with Wire(demo.url) as wire:
        wire.say(*head, "Content-Length: 100")
        assert wire.socket.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.socket.sendall(b'{"session": ')
    eventually(lambda: answered(demo.api, "createSession", 400) > before, what="the end of a request that broke off")
    assert not demo.api.tracebacks()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def answered(api: CloudApi, route: str, status: int) -> float:
    """How many requests got this answer."""
    sample = f'_duration_seconds_count{{route="{route}",status="{status}"}} '
    return sum(float(line.rpartition(" ")[2]) for line in api.get("/metrics").splitlines() if sample in line)


def test_garbage_ends_only_its_own_connection(demo: Team) -> None:
    with Wire(demo.url) as wire:
        wire.say("GET /healthz HTTP/1.1", f"Host: {wire.host}")
        assert status_of(wire.socket.recv(65536)) == 200
        wire.socket.sendall(b"\x00\x01 garbage\r\n\r\n")
        assert status_of(wire.hear()) == 400
    with Wire(demo.url) as wire:
        wire.say("GET /healthz HTTP/1.1", f"Host: {wire.host}", body=b"\x00\x01 in the same breath\r\n\r\n")
        assert status_of(wire.hear()) == 400
    assert demo.as_("Viewer")("GET", demo.path()).ok


@pytest.mark.parametrize("line", ["OAUTH-TOKEN: {secret}\x00", "OAUTH TOKEN: {secret}", "OAUTH-TOKEN: {long}"])
def test_a_head_that_cannot_be_read_is_not_quoted(demo: Team, line: str) -> None:
    secret = "mcs_in-a-broken-header"
    with Wire(demo.url) as wire:
        wire.say("GET /api/v1/user HTTP/1.1", f"Host: {wire.host}", line.format(secret=secret, long=secret * 500))
        answer = wire.hear()
    assert status_of(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "bad_request"
    assert b"Cache-Control: no-store" in answer
    for told in (answer.decode(), demo.api.log.read_text()):
        assert secret not in told
    assert not demo.api.tracebacks()


@pytest.mark.parametrize("other", ["Content-Length: 3", "Transfer-Encoding: chunked"])
def test_two_lengths_are_no_request(demo: Team, other: str) -> None:
    """A proxy in front could believe the other one."""
    with Wire(demo.url) as wire:
        wire.say("POST /api/v1/sessions HTTP/1.1", f"Host: {wire.host}", "Content-Length: 2", other, body=b"{}")
        assert status_of(wire.hear()) == 400


def by_cookie(team: Team, method: str, path: str, body: str | None = None, **headers: str) -> requests.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given["Cookie"] = f"other=1; oauth_token={team.token('Admin')}"
    return requests.request(method, f"{team.url}/api/v1{path}", data=body, headers=given, timeout=30)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site", "Content_Type": "application/json"},
        {"Sec_Fetch_Site": "same-site", "Content_Type": "application/json"},
        {"Origin": "https://evil.example", "Content_Type": "application/json"},
        {"Origin": "null", "Content_Type": "application/json"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "multipart/form-data; boundary=json"},
        {},
    ],
)
def test_another_site_cannot_write_by_the_cookie(demo: Team, headers: dict[str, str]) -> None:
    body = '{"cluster": {"status": "Stopped"}}'
    assert error_of(by_cookie(demo, "PUT", demo.path(), body, **headers), 403)["type"] == "forbidden"
    error_of(by_cookie(demo, "POST", f"{demo.path()}/restart", "", **headers), 403)
    error_of(by_cookie(demo, "DELETE", demo.path(), **headers), 403)
    assert demo.space.get("mc", "demo")["spec"].get("status") != "Stopped"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "same-origin"},
        {"Origin": "{url}"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "{url}"},
    ],
)
def test_this_site_and_programs_write_by_the_cookie(demo: Team, headers: dict[str, str]) -> None:
    given = {name: text.format(url=demo.url) for name, text in headers.items()} | {"Content_Type": "application/json"}
    body = '{"cluster": {"config": {"extraEnvs": []}}}'
    assert by_cookie(demo, "PUT", demo.path(), body, **given).ok
    assert by_cookie(demo, "GET", demo.path(), Sec_Fetch_Site="cross-site").ok


def addresses(api: CloudApi, token: str, forwarded: str) -> str:
    """From where the audit says that a request came."""
    name = f"from-{len(api.audit())}"
    api.client(token)("PUT", f"/teams/none/clusters/{name}", {"cluster": {}}, X_Forwarded_For=forwarded)
    return str(next(line["address"] for line in api.audit() if line.get("cluster") == name))


def test_who_is_asked_for_counts_only_from_proxies_that_are_trusted(
    cluster: Cluster, team: Team, tmp_path_factory: pytest.TempPathFactory
) -> None:
    token = team.token("Admin")
    assert addresses(team.api, token, "198.51.100.7") == "127.0.0.1"
    trust = ("--trusted-proxy=127.0.0.0/8", "--trusted-proxy=10.0.0.0/8")
    with another(cluster.kubeconfig, tmp_path_factory.mktemp("proxied"), team.api.namespace, *trust) as api:
        api.ready()
        assert addresses(api, token, "198.51.100.7") == "198.51.100.7"
        assert addresses(api, token, "203.0.113.9, 198.51.100.7, 10.1.2.3") == "198.51.100.7", "the first is made up"
        assert addresses(api, token, "not an address") == "127.0.0.1"


def test_too_many_requests_of_one_token(cluster: Cluster, team: Team, tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = ("--requests-per-second=0.1", "--burst=3")
    with another(cluster.kubeconfig, tmp_path_factory.mktemp("limited"), team.api.namespace, *limits) as api:
        api.ready()
        client = api.client(team.token("Admin"))
        statuses = [client("GET", "/user").status_code for _ in range(3)]
        late = client("GET", "/user")
        error_of(late, 429)
        assert statuses == [200, 200, 200]
        assert 0 < int(late.headers["Retry-After"]) <= 10
        assert api.client(team.token("Viewer"))("GET", "/user").ok, "another token is not limited"
        assert api.get("/healthz") == "ok\n"


def test_tokens_that_are_none(demo: Team) -> None:
    for token in ("x", "mcs_0123456789abcdef_" + "A" * 43, demo.token("Admin")[:-1], demo.token("Admin") + "A"):
        error_of(demo.api.client(token)("GET", demo.path()), 401)
    error_of(demo.api.client()("GET", demo.path()), 401)
    error_of(demo.stranger()("GET", demo.path()), 404)
    error_of(demo.as_("Viewer")("PUT", demo.path(), {"cluster": {"status": "Stopped"}}), 403)
    error_of(demo.as_("Admin")("GET", f"{demo.clusters}?limit=0"), 400)
    error_of(demo.as_("Admin")("PUT", f"{demo.path()}?dryRun=perhaps", {"cluster": {"status": "Stopped"}}), 400)
    error_of(demo.as_("Admin")("GET", f"{demo.path()}/logs"), 501)
    error_of(demo.as_("Admin")("PUT", demo.path(), {"cluster": {"status": "Stopped"}}, If_Match='"a-1-1"'), 412)
    error_of(demo.api.client()("POST", "/sessions", {"session": {"email": ADMIN, "password": "wrong"}}), 401)
