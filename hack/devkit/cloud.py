"""A client of the Cloud API: just what the demonstration asks of it."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from magecluster.cloud.settings import PUBLISHED_KEY

Json = dict[str, Any]

PATIENCE = 15.0


class CloudError(Exception):
    """The Cloud API refused a request, or did not answer; the message says which one, and why."""


class Cloud:
    """One server. Every method raises CloudError."""

    def __init__(self, url: str) -> None:
        self.url, self._token = f"{url}/api/v1", ""

    def login(self, email: str, password: str, team: str) -> "Cloud":
        """Log in; a server that starts makes its first account, and sees a new team, after a moment."""
        session = {"session": {"email": email, "password": password}}
        self._token = str(self._patiently("POST", "/sessions", session)["session"]["token"])
        self._patiently("GET", f"/teams/{team}")
        return self

    def _patiently(self, method: str, path: str, body: Json | None = None) -> Json:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.call(method, path, body)
            except CloudError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def switch(self, team: str, cluster: str, status: str, seconds: int) -> Json:
        """Start or stop a cluster as the published script does it, and wait until it is so."""
        path = f"/teams/{team}/clusters/{cluster}"
        config = self.call("GET", path)["cluster"]["config"]
        config["replicaCount"] = 1 if status == "Active" else 0
        body = {"cluster": {"config": config, "status": status}}
        return dict(self.call("PUT", path, body, wait=seconds)["cluster"])

    def call(self, method: str, path: str, body: Json | None = None, wait: int = 0) -> Json:
        """One request."""
        headers = {"X-API-KEY": PUBLISHED_KEY, "Content-Type": "application/json", "Prefer": f"wait={wait}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=wait + 30) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                told = error.read().decode(errors="replace")
            raise CloudError(f"{method} {path}: {_message(told)} (HTTP status {error.code})") from error
        except OSError as error:
            raise CloudError(f"{method} {path}: no answer: {error}") from error


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text[:200]
