"""Logging in by an OpenID Connect provider: the two pages between which the browser is at the provider."""

from typing import TYPE_CHECKING

from aiohttp import web

from magecluster.cloud.errors import CloudError, NotFoundError, TooManyRequestsError
from magecluster.cloud.login.oidc.journey import SECONDS, Arrival
from magecluster.cloud.web import identity
from magecluster.cloud.web.call import SERVER, Call, answer
from magecluster.cloud.web.door import refused
from magecluster.cloud.web.route import API, Access, Parameter, Route
from magecluster.cloud.web.sessions import opened
from magecluster.cloud.web.wire.sessions import SessionAnswer
from magecluster.kube.errors import KubeError

if TYPE_CHECKING:
    from magecluster.cloud.login.oidc.flow import OpenIdConnect

LOGIN = API + "/oidc/login"
CALLBACK = API + "/oidc/callback"
COOKIE = "oidc_login"
"""Of a login under way."""
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""The addresses of both pages hold what is nobody else's business."""


async def login(call: Call) -> web.Response:
    """Send the browser to the provider."""
    departure = await _provider(call).begin(_redirect_uri(call))
    response = web.Response(status=302, headers={"Location": departure.url, "Server": SERVER, **PRIVATE})
    _set_cookie(call, response, COOKIE, departure.cookie, CALLBACK, SECONDS)
    return response


async def callback(call: Call) -> web.Response:
    """The browser comes back: log in."""
    try:
        response = await _finished(call)
    except (CloudError, KubeError) as error:
        if isinstance(error, CloudError):
            call.services.metrics.login("limited" if isinstance(error, TooManyRequestsError) else "refused")
        response = refused(call, error)
    response.headers.update(PRIVATE)
    return response


async def _finished(call: Call) -> web.Response:
    token, session, account = await _provider(call).finish(_arrival(call), _redirect_uri(call), call.address)
    call.services.metrics.login("success")
    call.audit |= {"who": account.email, "token": session.id}
    response = answer({"session": opened(token, session, account)})
    _set_cookie(call, response, identity.COOKIE, token, "/", int(session.expires - session.created))
    response.del_cookie(COOKIE, path=CALLBACK)
    return response


def _provider(call: Call) -> "OpenIdConnect":
    if call.services.oidc is None:
        raise NotFoundError(
            "this installation does not log in by OpenID Connect: use POST /api/v1/sessions, or set it up by"
            " --oidc-issuer"
        )
    return call.services.oidc


def _arrival(call: Call) -> Arrival:
    query = call.request.query
    return Arrival(
        cookie=call.request.cookies.get(COOKIE),
        state=query.get("state"),
        code=query.get("code"),
        error=query.get("error"),
        issuer=query.get("iss"),
    )


def _redirect_uri(call: Call) -> str:
    return identity.origin(call.request, call.services.settings) + CALLBACK


def _set_cookie(call: Call, response: web.Response, name: str, value: str, path: str, seconds: int) -> None:
    secure = identity.origin(call.request, call.services.settings).startswith("https:")
    response.set_cookie(name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Lax")


def _query(name: str, text: str) -> Parameter:
    return Parameter(name, "query", text, {"type": "string"})


_OFF = "OpenID Connect is not configured"
_FAILED = "The provider answers otherwise than it has to"
_AWAY = "The provider does not answer"

ROUTES = (
    Route(
        method="GET",
        path=LOGIN,
        name="beginOidcLogin",
        summary="Log in by OpenID Connect: go to the provider with a browser",
        access=Access.PUBLIC,
        handler=login,
        success=302,
        tag="sessions",
        also={404: _OFF, 502: _FAILED, 503: _AWAY},
    ),
    Route(
        method="GET",
        path=CALLBACK,
        name="finishOidcLogin",
        logs_in=True,
        summary="Come back from the provider, and be logged in; also sets cookie `oauth_token`",
        access=Access.PUBLIC,
        handler=callback,
        gives=SessionAnswer,
        tag="sessions",
        parameters=(
            _query("state", "Of the login that began in this browser"),
            _query("code", "What the provider gave"),
            _query("error", "Why it gave none"),
            _query("iss", "Which provider it was (RFC 9207)"),
        ),
        also={
            401: "The login was not begun in this browser or took too long, or the provider is not to be trusted",
            403: "The provider did not let one in, or vouches for no e-mail address",
            404: _OFF,
            409: "The e-mail address belongs to an account that was not made by this login",
            429: "Too many attempts from this address",
            502: _FAILED,
            503: _AWAY,
        },
    ),
)
