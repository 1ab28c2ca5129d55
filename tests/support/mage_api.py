"""Mage's API by a plain HTTP client, through whatever stands in front of it: every status is an answer."""

from dataclasses import dataclass, replace
from typing import Any

import requests

from devkit.local_mage import OWNER, PASSWORD
from devkit.mage import API_KEY

Json = dict[str, Any]

SECONDS = 60


@dataclass(frozen=True)
class Api:
    """One caller at one address."""

    url: str
    key: str | None = API_KEY
    token: str | None = None
    """Sent as the cookie of a session."""
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, method: str, path: str, body: object = None) -> requests.Response:
        """A request below /api; bytes are sent as they are, anything else as JSON."""
        headers = {"Content-Type": "application/json", **dict(self.headers)}
        if self.key:
            headers["X-API-KEY"] = self.key
        if self.token:
            headers["Cookie"] = f"oauth_token={self.token}"
        given: Json = {} if body is None else {"data": body} if isinstance(body, bytes) else {"json": body}
        return requests.request(method, f"{self.url}/api/{path}", headers=headers, timeout=SECONDS, **given)

    def good(self, method: str, path: str, body: object = None) -> Json:
        """The body of an answer with status 200 that is no error."""
        answer = self(method, path, body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        assert "error" not in found, answer.text
        return found

    def login(self, email: str = OWNER, password: str = PASSWORD) -> "Api":
        session = self.good("POST", "sessions", {"session": {"email": email, "password": password}})["session"]
        return replace(self, token=session["token"])

    def with_headers(self, **headers: str) -> "Api":
        """The same caller, who sends these too: `Sec_Fetch_Site` stands for Sec-Fetch-Site."""
        return replace(self, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))
