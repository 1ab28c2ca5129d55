"""A small OpenID provider on loopback, which can misbehave, and a browser that logs in by it."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "mage", "s3cret-of-a-test"
EMAIL, SUBJECT = "grace@example.com", "subject-1"

Claims = dict[str, Any]
Signer = Callable[["Provider", Claims], str]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Provider:
    """Everybody who comes is the person of `claims`. What a test wants otherwise, it sets."""

    def __init__(self) -> None:
        self.url = ""
        self.secret: str | None = SECRET
        """`None`: a public client."""
        self.keys: list[RSAKey | ECKey] = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})]
        """Published; the last one signs."""
        self.claims: Claims = {"sub": SUBJECT, "email": EMAIL, "email_verified": True, "name": "Grace"}
        self.changed: Claims = {}
        """Set in the ID token, whatever is right; `None` leaves the claim out."""
        self.metadata: Claims = {}
        """The same for the discovery document."""
        self.userinfo: Claims | None = None
        self.sign: Signer = signed
        self.error: str | None = None
        """Told by /authorize instead of a code."""
        self.iss: str | None = None
        """Told by /authorize (RFC 9207)."""
        self.instead: dict[str, Handler] = {}
        """By path: what answers instead."""
        self.asked: Counter[str] = Counter()
        """Requests by path."""
        self.seen: dict[str, str] = {}
        """Parameters of the last /authorize."""
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self, kid: str = "second") -> None:
        """A new key, the old one gone."""
        self.keys = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})]

    def id_token(self, nonce: str, access_token: str) -> str:
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        right = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        }
        return self.sign(self, _without_none({**right, **self.claims, **self.changed}))

    async def discovery(self, _: web.Request) -> web.Response:
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo" if self.userinfo else None,
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return web.json_response(_without_none({**document, **self.metadata}))

    async def jwks(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def authorize(self, request: web.Request) -> web.Response:
        asked = self.seen = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        told = {"error": self.error} if self.error else {"code": code}
        back = urlencode(_without_none({**told, "state": asked["state"], "iss": self.iss}))
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{back}"})

    async def token(self, request: web.Request) -> web.Response:
        sent = {name: str(value) for name, value in (await request.post()).items()}
        if not self._knows(request, sent):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(sent.get("code", ""), None)
        if asked is None or sent["redirect_uri"] != asked["redirect_uri"] or not _proves(sent, asked):
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        token = self.id_token(asked["nonce"], access)
        return web.json_response({"id_token": token, "access_token": access, "token_type": "Bearer"})

    async def tell(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.json_response(self.userinfo)

    def _knows(self, request: web.Request, sent: Claims) -> bool:
        if self.secret is None:
            return sent.get("client_id") == CLIENT and "Authorization" not in request.headers
        if given := request.headers.get("Authorization"):
            right = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
            return given == f"Basic {right}" and "token_endpoint_auth_methods_supported" not in self.metadata
        return bool((sent.get("client_id"), sent.get("client_secret")) == (CLIENT, self.secret))

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        handlers = {
            "/.well-known/openid-configuration": self.discovery,
            "/jwks": self.jwks,
            "/authorize": self.authorize,
            "/token": self.token,
            "/userinfo": self.tell,
        }
        return await {**handlers, **self.instead}[request.path](request)


def _proves(sent: Claims, asked: Claims) -> bool:
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == str(asked["code_challenge"])


def _without_none(claims: Claims) -> Claims:
    return {name: value for name, value in claims.items() if value is not None}


def signed(provider: Provider, claims: Claims) -> str:
    """As it has to be."""
    key = provider.keys[-1]
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def unsigned(_: Provider, claims: Claims) -> str:
    return _by_hand({"alg": "none"}, claims, lambda _: b"")


def with_public_key(provider: Provider, claims: Claims) -> str:
    """HMAC whose secret is the public key that everybody knows."""
    key = provider.keys[-1]
    return _by_hand(
        {"alg": "HS256", "kid": key.kid}, claims, lambda text: hmac.digest(key.as_pem(private=False), text, "sha256")
    )


def _by_hand(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    """What no library makes."""
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    return b".".join((text, base64.urlsafe_b64encode(sign(text)).rstrip(b"="))).decode()


def without_kid(provider: Provider, claims: Claims) -> str:
    """Allowed while there is one key only."""
    return jwt.encode({"alg": "RS256"}, claims, provider.keys[-1])


def forged(provider: Provider, claims: Claims) -> str:
    """By another key that says it is the right one."""
    return jwt.encode({"alg": "RS256", "kid": provider.keys[-1].kid}, claims, RSAKey.generate_key(2048))


def by_ellipse(provider: Provider, claims: Claims) -> str:
    """By an elliptic curve, whose key is published beside the other."""
    key = ECKey.generate_key("P-256", {"kid": "curve"})
    provider.keys.append(key)
    return jwt.encode({"alg": "ES256", "kid": "curve"}, claims, key)


def altered(provider: Provider, claims: Claims) -> str:
    """What somebody changed on the way."""
    header, _, signature = signed(provider, claims).split(".")
    _, content, _ = signed(provider, {**claims, "email": "boss@example.com"}).split(".")
    return f"{header}.{content}.{signature}"


def answering(status: int, body: object = None, text: str | None = None, **headers: str) -> Handler:
    """What an endpoint answers instead."""

    async def answer(_: web.Request) -> web.Response:
        if text is not None:
            return web.Response(status=status, text=text, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


def waiting_for(event: asyncio.Event, then: Handler) -> Handler:
    """An answer that takes its time."""

    async def answer(request: web.Request) -> web.Response:
        await event.wait()
        return await then(request)

    return answer


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    """Serves in the running loop, on a free port."""
    provider = Provider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        provider.url = f"http://{host}:{port}"
        yield provider
    finally:
        await runner.cleanup()


def a_browser() -> aiohttp.ClientSession:
    """Keeps cookies, also of servers without a name, and not for all paths."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def walk(browser: aiohttp.ClientSession, api: str) -> tuple[int, Any, aiohttp.ClientResponse]:
    """Log in at the Cloud API at this URL, as a person does: status, JSON and the whole of the last answer."""
    async with browser.get(f"{api}/api/v1/oidc/login") as answer:
        return answer.status, await answer.json(), answer


async def log_in(browser: aiohttp.ClientSession, api: str) -> str:
    """The token of the session; the browser has it as a cookie as well."""
    status, body, _ = await walk(browser, api)
    assert status == 200, body
    return str(body["session"]["token"])


async def visit(url: str) -> dict[str, str]:
    """Log in at the provider only: what it sends back with the browser."""
    async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
