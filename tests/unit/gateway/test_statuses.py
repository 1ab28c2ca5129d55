"""What is taken for an error of Mage's, and what becomes of it; `tests/mage` shows which errors there are."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.gateway import Behind, Endless

from magecluster.gateway.failures import Failure, status_of
from magecluster.gateway.statuses import LIMIT, Call, from_page, true_answer

MISSING = b'{"error": {"code": 404, "message": "gone", "type": "record_not_found"}, "status": 200}'
TRACE = 'Traceback (most recent call last):\n  File "/x/y.py", line 1, in look\n    raise {}\n{}\n'
PATH = "/api/pipeline_runs/1"


def envelope(kind: str, text: str, function: str = "look", line: str = "raise x") -> dict[str, Any]:
    trace = f'Traceback (most recent call last):\n  File "/x/y.py", line 1, in {function}\n    {line}\n{kind}: {text}\n'
    error = {"code": 500, "errors": ['  File "/x/y.py"'], "exception": text, "message": trace}
    return {"error": error, "url_parameters": {"pk": "1"}}


def corrected(body: object, method: str = "GET", path: str = PATH) -> tuple[int, Any]:
    found = true_answer(Call(method, path), 200, json.dumps(body).encode())
    assert found
    return found.status, json.loads(found.body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"error"',
        b'{"error": "text"}',
        b'{"error": {"code": 404}}',
        b'{"error": {"code": 404, "message": "x"}, "rows": [1]}',
        b'{"error": null, "message": "x"}',
        b'[{"error": {}}]',
        b'{"pipeline": {"error": {"code": 404, "message": "x"}}}',
    ],
)
def test_what_only_looks_like_an_error_is_none(body: bytes) -> None:
    assert true_answer(Call("GET", PATH), 200, body) is None


@pytest.mark.parametrize(
    ("code", "type_", "status"),
    [
        (404, "record_not_found", 404),
        (403, "unauthorized_access", 403),
        (200, "record_invalid", 400),
        (200, "api_resource_error", 400),
        (None, "invalid_oauth_token", 401),
        (429, "api_resource_error", 429),
        (500, "unheard_of", 500),
        (200, "unheard_of", 500),
        ("404", None, 500),
    ],
)
def test_the_code_counts_and_then_the_type(code: object, type_: object, status: int) -> None:
    found = corrected({"error": {"code": code, "message": "x", "type": type_, "errors": {"a": 1}}, "status": 200})
    assert found == (
        status,
        {"error": {"code": status, "message": "x", "type": type_, "errors": {"a": 1}}, "status": status},
    )


def test_an_answer_that_is_true_already_agrees_with_itself() -> None:
    error = {"code": 401, "message": "Invalid API key.", "type": "invalid_api_key"}
    found = true_answer(Call("GET", PATH), 401, json.dumps({"error": error, "status": 200}).encode())
    assert found
    assert (found.status, json.loads(found.body)) == (401, {"error": error, "status": 401})


@pytest.mark.parametrize(
    ("method", "kind", "text", "status"),
    [
        ("POST", "LookupError", "'x' is not among the defined enum values. Enum name: scheduletype.", 400),
        ("GET", "LookupError", "'x' is not among the defined enum values. Enum name: scheduletype.", 500),
        ("POST", "ValueError", "Cron expression is invalid.", 400),
        ("PUT", "KeyError", "'none'", 400),
        ("GET", "KeyError", "'none'", 500),
        ("GET", "AttributeError", "'NoneType' object has no attribute 'x'", 500),
        ("POST", "AttributeError", "'CachingQuery' object has no attribute 'from_self'", 500),
        ("GET", "psycopg2.errors.UndefinedTable", 'relation "user" does not exist', 500),
        ("GET", "json.decoder.JSONDecodeError", "Expecting value", 500),
        ("GET", "Exception", "Block x does not exist in pipeline p", 404),
        ("GET", "mage_ai.api.errors.ApiError", "{'code': 403, 'message': 'x', 'type': 'unauthorized_access'}", 403),
        ("GET", "mage_ai.api.errors.ApiError", "{'code': 200}", 500),
        ("GET", "jwt.exceptions.DecodeError", "Not enough segments", 401),
        ("POST", "MemoryError", "", 500),
    ],
)
def test_an_exception_has_a_status(method: str, kind: str, text: str, status: int) -> None:
    code, body = corrected(envelope(kind, text), method)
    told = text or kind
    error = {"code": status, "exception": told, "message": told}
    assert (code, body) == (status, {"error": error, "url_parameters": {"pk": "1"}})


@pytest.mark.parametrize(("line", "status"), [("uuid = parent_model.uuid", 404), ("self.model.uuid", 500)])
def test_what_mage_looked_for_in_vain_is_not_there(line: str, status: int) -> None:
    code, _ = corrected(envelope("AttributeError", "'NoneType' object has no attribute 'uuid'", line=line))
    assert code == status


def test_what_a_traceback_tells() -> None:
    trace = envelope("a.B", "one\ntwo", "walk", "self.x.y()")["error"]["message"]
    assert Failure.parse("one\ntwo", trace) == ("a.B", "one\ntwo", ("walk",), "self.x.y()")
    assert Failure.parse("", "") == ("", "", (), "")
    assert status_of(Failure.parse("", ""), "POST") == 500


@pytest.mark.parametrize(
    "trace", ["\n[SQL: INSERT (?)]\n[parameters: ('secret',)]", "\n" + TRACE.format("secret", "x")]
)
def test_what_nobody_should_see_is_cut_off(trace: str) -> None:
    _, body = corrected(envelope("RuntimeError", "It broke" + trace))
    assert body["error"] == {"code": 500, "exception": "It broke", "message": "It broke"}
    _, body = corrected(
        {"error": {"code": 400, "message": "It broke" + trace, "type": "x", "errors": TRACE.splitlines()}}
    )
    assert body["error"] == {"code": 400, "message": "It broke", "type": "x"}


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://mage:6789"}, False),
        ({"Origin": "http://MAGE:6789"}, True),
        ({"Origin": "null"}, False),
        ({"Referer": "http://mage:6789/pipelines?x=1"}, True),
        ({"Referer": "http://mage/"}, False),
        ({"Origin": "http://other", "Referer": "http://mage:6789/"}, False),
        ({"Referer": "https://mage.example.com/x", "X-Forwarded-Host": "mage.example.com"}, True),
        ({"Referer": "http://["}, False),
    ],
)
def test_a_page_is_known_by_what_its_browser_says(headers: dict[str, str], own: bool) -> None:  # noqa: FBT001
    assert from_page({"Host": "mage:6789", **headers}) is own


async def answered(behind: Behind, body: bytes, path: str = PATH, **headers: str) -> tuple[int, bytes]:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, headers={"Content-Type": "application/json", **named})

    door = await behind(handler)
    async with door.client.get(path) as answer:
        return answer.status, await answer.read()


async def test_only_answers_of_the_api_are_looked_into(behind: Behind) -> None:
    assert (await answered(behind, MISSING))[0] == 404
    assert (await answered(behind, MISSING, "/base/path/api/users/1"))[0] == 404
    assert await answered(behind, MISSING, "/pipelines") == (200, MISSING)
    assert await answered(behind, MISSING, Content_Type="text/plain") == (200, MISSING)
    assert await answered(behind, MISSING, Content_Disposition="attachment; filename=x") == (200, MISSING)
    packed = gzip.compress(MISSING)
    assert await answered(behind, packed, Content_Encoding="gzip") == (200, packed)


async def test_a_page_is_told_to_log_in_when_another_mage_has_signed_its_cookie(behind: Behind) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(envelope(request.query["kind"], "Signature verification failed"))

    door = await behind(handler)
    for kind, code in (("jwt.exceptions.InvalidSignatureError", 401), ("Exception", 500)):
        page = {"Sec-Fetch-Site": "same-origin"}
        async with door.client.get(PATH, params={"kind": kind}, headers=page) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (200, code)


async def test_an_answer_that_is_too_long_to_be_read_comes_as_it_is(behind: Behind) -> None:
    long = MISSING.replace(b"gone", b"x" * 2 * LIMIT)
    assert await answered(behind, long) == (200, long)


async def test_an_error_in_small_pieces_is_one_and_what_is_none_flows_at_once(behind: Behind) -> None:
    proceed = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        pieces = [b'{"er', b'ror": {"code": 403, ', b'"message": "x"}}'] if "users" in request.path else [b'{"er', b"a"]
        for piece in pieces[:-1]:
            await response.write(piece)
            await asyncio.sleep(0)
        if "users" not in request.path:
            await response.write(b"rows")
            await proceed.wait()
        await response.write(pieces[-1])
        return response

    door = await behind(slow)
    async with door.client.get("/api/users") as answer:
        assert (answer.status, await answer.read()) == (403, b'{"error": {"code": 403, "message": "x"}}')
    async with asyncio.timeout(5), door.client.get("/api/rows") as answer:
        assert await answer.content.readexactly(8) == b'{"errows'
        proceed.set()
        assert await answer.read() == b"a"


async def test_a_break_before_anything_was_told_is_told(behind: Behind) -> None:
    async def breaking(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"error"')
        assert request.transport
        request.transport.close()
        return response

    door = await behind(breaking)
    async with door.client.get(PATH) as answer:
        assert answer.status == 503
        assert (await answer.json())["error"]["type"] == "mage_unavailable"


async def test_whoever_leaves_while_the_beginning_is_awaited_ends_the_work(behind: Behind) -> None:
    work = Endless(begun=True, **{"Content-Type": "application/json"})
    door = await behind(work)
    async with asyncio.timeout(10):
        asking = asyncio.create_task(door.client.get(PATH).__aenter__())
        await work.at_work.wait()
        asking.cancel()
        with pytest.raises((asyncio.CancelledError, aiohttp.ClientError)):
            await asking
        await work.ended.wait()
