"""What a request and its answer look like on the other side."""

import gzip
import json

import aiohttp
import pytest
from aiohttp import web
from tests.support.gateway import Behind


async def mirror(request: web.BaseRequest) -> web.Response:
    """Tells what came in."""
    body = await request.read()
    told = {"method": request.method, "path": request.raw_path, "headers": list(request.headers.items())}
    return web.json_response({**told, "body": body.hex()})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("body", [None, b"", b"block"])
async def test_every_method_comes_through(behind: Behind, method: str, body: bytes | None) -> None:
    door = await behind(mirror)
    async with door.client.request(method, "/api/pipelines", data=body) as answer:
        seen = await answer.json()
    assert (seen["method"], bytes.fromhex(seen["body"])) == (method, body or b"")


@pytest.mark.parametrize(
    "path", ["/", "/api/files/a%2Fb%20c", "//x", "/a/../b;v=1", "/q?x=%2B+&y=%c3%A4&&=", "/%0A%00", "/.magecluster/x"]
)
@pytest.mark.parametrize("origin", ["", "http://other.example.com"])
async def test_a_path_comes_through_unchanged(behind: Behind, origin: str, path: str) -> None:
    door = await behind(mirror)
    answer = await door.raw(f"GET {origin}{path} HTTP/1.1\r\nHost: mage\r\nConnection: close\r\n\r\n".encode())
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == path


async def test_headers_of_the_connection_are_dropped_and_all_others_kept(behind: Behind) -> None:
    door = await behind(mirror)
    sent = [
        ("Host", "mage.example.com"),
        ("Cookie", "oauth_token=a.b-c; x=1; x=2"),
        ("X-Api-Key", "key"),
        ("Accept", "text/a"),
        ("Accept", "text/b"),
        ("Connection", "keep-alive, x-hop"),
        ("X-Hop", "mine"),
        ("Keep-Alive", "5"),
        ("TE", "trailers"),
        ("Proxy-Connection", "x"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "https"),
    ]
    skip = ("User-Agent", "Accept-Encoding", "Content-Type")
    async with door.client.post("/", headers=sent, skip_auto_headers=skip, data=b"x") as answer:
        seen = (await answer.json())["headers"]
    assert sorted(seen) == sorted(
        [
            *([name, value] for name, value in sent[:5]),
            ["Content-Length", "1"],
            ["X-Forwarded-For", "192.0.2.1, 127.0.0.1"],
            ["X-Forwarded-Proto", "https"],
            ["X-Forwarded-Host", "mage.example.com"],
            ["Via", "1.1 magecluster-gateway"],
        ]
    )


@pytest.mark.parametrize(
    ("method", "path", "sent", "comes"),
    [
        ("GET", "/anna/api/pipelines", "a=1; oauth_token=anna; b=2; oauth_token=lab", "a=1; oauth_token=anna; b=2"),
        ("POST", "/anna/api/sessions", "a=1; oauth_token=anna; b=2; oauth_token=lab", "a=1; b=2"),
        ("POST", "/api/sessions/", "oauth_token=lab", None),
        ("DELETE", "/api/sessions/1", "oauth_token=lab", "oauth_token=lab"),
    ],
)
async def test_mage_sees_the_nearest_session_and_for_a_login_none(
    behind: Behind, method: str, path: str, sent: str, comes: str | None
) -> None:
    door = await behind(mirror)
    async with door.client.request(method, path, headers={"Cookie": sent}) as answer:
        assert dict((await answer.json())["headers"]).get("Cookie") == comes


async def test_an_answer_comes_back_unchanged(behind: Behind) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Location", "/x"), ("Server", "Mage")]
        return web.Response(status=307, reason="Over there", headers=headers, body=b"see x", content_type="text/x")

    door = await behind(answer)
    async with door.client.get("/", allow_redirects=False) as found:
        assert (found.status, found.reason, await found.read()) == (307, "Over there", b"see x")
        assert found.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert (found.headers["Location"], found.headers["Server"]) == ("/x", "Mage")
        assert found.headers["Via"] == "1.1 magecluster-gateway"


async def test_cookies_of_one_client_are_not_kept_for_the_next(behind: Behind) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=request.headers.get("Cookie", "none"), headers={"Set-Cookie": "session=mine; Path=/"})

    door = await behind(answer)
    for _ in range(2):
        async with aiohttp.request("GET", door.url) as found:
            assert await found.text() == "none"


async def test_compressed_bodies_stay_as_they_are(behind: Behind) -> None:
    packed = gzip.compress(b"table")

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Content-Encoding"] == "gzip"
        return web.Response(body=await request.read(), headers={"Content-Encoding": "gzip"})

    door = await behind(echo)
    async with door.client.post("/", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert (answer.headers["Content-Encoding"], await answer.read()) == ("gzip", packed)


async def test_the_length_of_a_body_that_is_not_sent_is_told(behind: Behind) -> None:
    async def describe(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers={"Content-Length": "12345"})

    door = await behind(describe)
    for _ in range(2):  # the second answer shows that the connection is not out of step
        async with door.client.head("/") as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, "12345")


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_none(behind: Behind, status: int) -> None:
    async def nothing(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"X-Kept": "yes"})

    door = await behind(nothing)
    answer = await door.raw(b"GET / HTTP/1.1\r\nHost: mage\r\nConnection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"X-Kept: yes\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_long_headers_come_through(behind: Behind) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers={"X-Long": request.headers["Cookie"] + request.query_string})

    door = await behind(answer)
    async with door.client.get("/?" + "q" * 20000, headers={"Cookie": "c" * 20000}) as found:
        assert found.headers["X-Long"] == "c" * 20000 + "q" * 20000


async def test_bytes_that_are_no_utf_8_do_no_harm_in_a_header(behind: Behind) -> None:
    door = await behind(mirror)
    answer = await door.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Name: caf\xe9\r\n\r\n")
    assert ["X-Name", "café"] in json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]


@pytest.mark.parametrize("line", ["OPTIONS *", "CONNECT mage:80"])
async def test_what_names_no_path_is_refused_in_the_one_shape(behind: Behind, line: str) -> None:
    door = await behind(mirror)
    answer = await door.raw(f"{line} HTTP/1.1\r\nHost: mage\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "not_found"
