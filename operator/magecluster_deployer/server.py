"""Answers the gateway on a Unix socket, a JSON object and a newline for each, as the runner does."""

from __future__ import annotations

import json
import queue
import socketserver
import sys
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING

from magecluster_deployer.errors import DeploymentError, Json
from magecluster_deployer.records import QUEUED, RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from magecluster_deployer.deployments import Deployments

REQUEST_BYTES = 1024 * 1024
POLL_SECONDS = 0.1


class Operations:
    """What can be asked for. One thread deploys; others read what it has written down."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments
        self._waiting: queue.Queue[int] = queue.Queue()

    def work(self) -> None:
        """Deploy one after the other, for ever; first what an earlier process has left."""
        self._try(self._recover)
        while True:
            number = self._waiting.get()
            self._try(partial(self._deployments.perform, number))

    def _recover(self) -> None:
        for number in self._deployments.recover():
            self._deployments.perform(number)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # noqa: BLE001  the next one is to be done all the same
            traceback.print_exc()

    def answer(self, request: Json) -> Json:
        """To any request."""
        known: dict[str, Callable[[Json], Json]] = {
            "setting": self._setting,
            "list": self._list,
            "get": self._get,
            "deploy": self._deploy,
            "roll_back": self._roll_back,
        }
        try:
            return known[request["op"]](request)
        except DeploymentError as refused:
            return {"error": refused.told}
        except OSError as failure:
            return {"error": {"code": 500, "type": "volume", "message": f"The volume of the project failed: {failure}"}}
        except (KeyError, TypeError) as failure:
            traceback.print_exc()
            message = f"The deployer does not understand the request: {failure!r}"
            return {"error": {"code": 400, "type": "bad_request", "message": message}}

    def _setting(self, _: Json) -> Json:
        setting, live = self._deployments.setting, self._deployments.live()
        facts = {"name": setting.name, "repository": setting.remote.url, "branch": setting.branch}
        return {"setting": {**facts, "directory": setting.directory, "live": live and _short(live)}}

    def _list(self, _: Json) -> Json:
        return {"deployments": self._deployments.records.all()}

    def _get(self, request: Json) -> Json:
        until = time.monotonic() + float(request.get("wait") or 0)
        while True:
            record = self._found(request["id"])
            if record["status"] not in (QUEUED, RUNNING) or time.monotonic() >= until:
                return {"deployment": record}
            time.sleep(POLL_SECONDS)

    def _deploy(self, request: Json) -> Json:
        facts = {**request["deployment"], "rollback_of": None, "directory": request["directory"]}
        return self._add(facts)

    def _roll_back(self, request: Json) -> Json:
        record = self._found(request["id"])
        if record["status"] != SUCCEEDED:
            raise DeploymentError(
                409, "conflict", f"Deployment {record['id']} has {record['status']}, so it changed nothing"
            )
        previous = record["previous"]
        source = {"head": record["source"]["head"], "name": f"Roll back {record['id']}", "version": previous["commit"]}
        return self._add(
            {
                "source": source,
                "stage": record["stage"],
                "requested_by": request["requested_by"],
                "rollback_of": record["id"],
                **previous,
            }
        )

    def _add(self, facts: Json) -> Json:
        record = self._deployments.records.add(facts)
        self._waiting.put(record["id"])
        return {"deployment": record}

    def _found(self, number: int) -> Json:
        record = self._deployments.records.get(number)
        if record is None:
            raise DeploymentError(404, "not_found", f"There is no deployment {number}")
        return record


def serve(operations: Operations, address: Path) -> None:
    """For ever."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                answer = operations.answer(json.loads(self.rfile.readline(REQUEST_BYTES)))
            except ValueError as failure:
                answer = {"error": {"code": 400, "type": "bad_request", "message": f"No JSON: {failure}"}}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            sys.stderr.write("magecluster_deployer: A client went away before it had its answer\n")

    fresh = address.with_name(f"{address.name}.new")
    fresh.unlink(missing_ok=True)
    with Server(str(fresh), Handler) as server:
        fresh.chmod(0o666)  # the gateway is another user in another container, and nobody else sees the folder
        fresh.replace(address)
        server.serve_forever()


def _short(record: Json) -> Json:
    return {"deployment": record["id"], "commit": record["commit"], "since": record["completed_at"]}
