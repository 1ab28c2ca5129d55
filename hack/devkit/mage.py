"""A client of a running Mage server: just what the demo and the tests ask of its REST API."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

Json = dict[str, Any]

API_KEY = "zkWlN0PkIKSN0C11CfUHUj84OT5XOJ6tDZ6bDRO2"
"""No secret: the constant OAUTH2_APPLICATION_CLIENT_ID, which is the same in every Mage server and its web pages."""

OVER = ("completed", "failed", "cancelled")
PAGE = 100


class MageError(Exception):
    """Mage refused a request, or did not answer; the message says which one, and Mage's own words."""


class StuckError(MageError):
    """A run did not end in time."""


class Trigger(NamedTuple):
    """What starts runs of one pipeline: whoever knows the token needs no login."""

    id: int
    token: str


class Mage:
    """One server. Every method raises MageError, also for the failures that Mage answers with HTTP status 200."""

    def __init__(self, url: str) -> None:
        self.url, self._session = url.rstrip("/"), ""

    def login(self, email: str, password: str, within: float = 60) -> "Mage":
        """Log in. A server makes its first user some seconds after it answers: a refusal is final after `within` s."""
        deadline = time.monotonic() + within
        while True:
            try:
                session = self.call("POST", "sessions", {"session": {"email": email, "password": password}})["session"]
            except MageError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)
            else:
                self._session = session["token"]
                return self

    def call(self, method: str, path: str, body: Json | None = None, **query: object) -> Json:
        """One request below /api."""
        address = f"{self.url}/api/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        headers = {"X-API-KEY": API_KEY, "Content-Type": "application/json"}
        if self._session:
            headers["Cookie"] = f"oauth_token={self._session}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, headers, method=method)
        answer = _answer(request, f"{method} /api/{path}")
        if "error" in answer:
            raise MageError(f"{method} /api/{path}: {_cause(answer['error'])}")
        return answer

    def pipelines(self) -> list[str]:
        """The names (uuid) of all pipelines."""
        return [pipeline["uuid"] for pipeline in self.call("GET", "pipelines")["pipelines"]]

    def create_pipeline(self, name: str) -> str:
        """Returns the uuid, which is the name as Mage cleans it."""
        return str(self.call("POST", "pipelines", {"pipeline": {"name": name, "type": "python"}})["pipeline"]["uuid"])

    def add_block(self, pipeline: str, name: str, type_: str, content: str, *upstream: str) -> str:
        """Add a block of Python code that takes the outputs of `upstream`; returns its uuid."""
        block = {"name": name, "type": type_, "language": "python", "content": content, "upstream_blocks": upstream}
        return str(self.call("POST", f"pipelines/{pipeline}/blocks", {"block": block})["block"]["uuid"])

    def trigger(self, pipeline: str, name: str = "api") -> Trigger:
        """The active API trigger of a pipeline, made when there is none of that name."""
        path = f"pipelines/{pipeline}/pipeline_schedules"
        found = [t for t in self.call("GET", path)["pipeline_schedules"] if t["name"] == name]
        wish = {"name": name, "schedule_type": "api", "status": "active"}
        made = found[0] if found else self.call("POST", path, {"pipeline_schedule": wish})["pipeline_schedule"]
        if made["status"] != "active":
            self.call("PUT", f"pipeline_schedules/{made['id']}", {"pipeline_schedule": {"status": "active"}})
        return Trigger(made["id"], made["token"])

    def start(self, trigger: Trigger, **variables: object) -> int:
        """Start a run, as a program does that has no login; returns its number."""
        path = f"pipeline_schedules/{trigger.id}/pipeline_runs/{trigger.token}"
        return int(self.call("POST", path, {"pipeline_run": {"variables": variables}})["pipeline_run"]["id"])

    def run(self, number: int) -> Json:
        """A run with its status and its block_runs."""
        return dict(self.call("GET", f"pipeline_runs/{number}")["pipeline_run"])

    def runs(self, pipeline: str) -> list[Json]:
        """The newest runs of a pipeline, newest first."""
        found = self.call("GET", "pipeline_runs", pipeline_uuid=pipeline, _limit=PAGE)["pipeline_runs"]
        return sorted(found, key=lambda run: -run["id"])

    def finish(self, number: int, within: float = 120, tell: Callable[[Json], None] | None = None) -> Json:
        """Wait for the end of a run, which the scheduler begins up to 10 s after its start; `tell` sees each look.

        Raises StuckError when it does not end in time, MageError when it ends otherwise than completed.
        """
        deadline = time.monotonic() + within
        while True:
            run = self.run(number)
            if tell:
                tell(run)
            if run["status"] in OVER or time.monotonic() > deadline:
                break
            time.sleep(1)
        if run["status"] != "completed":
            blocks = ", ".join(f"{block['block_uuid']} {block['status']}" for block in run["block_runs"])
            told = f"run {number} of {run['pipeline_uuid']} is {run['status']} after {within:g} s: {blocks}"
            raise MageError(told) if run["status"] in OVER else StuckError(told)
        return run

    def complete(self, trigger: Trigger, tell: Callable[[Json], None] | None = None, **variables: object) -> Json:
        """Start runs until one ends, three at most.

        Seen once in some hundred runs of Mage 0.9.80, on a machine under load: a block stays queued for ever, although
        the scheduler runs. Raises MageError.
        """
        for _ in range(2):
            number = self.start(trigger, **variables)
            try:
                return self.finish(number, within=60, tell=tell)
            except StuckError:
                self.call("PUT", f"pipeline_runs/{number}", {"pipeline_run": {"status": "cancelled"}})
        return self.finish(self.start(trigger, **variables), tell=tell)

    def output(self, run: Json, block: str) -> list[Json]:
        """What a block of a run gave, as rows of a table."""
        number = next(b["id"] for b in run["block_runs"] if b["block_uuid"] == block)
        outputs = self.call("GET", f"block_runs/{number}/outputs")["outputs"]
        table = outputs[0]["sample_data"]
        return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _answer(request: urllib.request.Request, what: str) -> Json:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        if not text.startswith(b"{"):
            raise MageError(f"{what}: HTTP status {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise MageError(f"{what}: no answer: {error}") from error
    try:
        found: Json = json.loads(text)
    except ValueError as error:
        raise MageError(f"{what}: an answer that is no JSON: {text[:80]!r}") from error
    return found


def _cause(error: Json) -> str:
    """Without the stack trace, which `message` is when there is an `exception`."""
    return f"{error.get('exception') or error.get('message')} (code {error.get('code')})"
