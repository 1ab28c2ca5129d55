"""Requests made of the document, good ones and bad ones: the server keeps to what it tells of itself."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import from_schema
from schemathesis.engine.events import EngineEvent, FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import CheckNode, Interaction
from tests.support.cloud_api import EDITOR, STRANGER, CloudApi, Team, a_team
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster

from devkit.cluster import Cluster
from magecluster.cloud.settings import PUBLISHED_KEY
from magecluster.cloud.web.app import ROUTES
from magecluster.cloud.web.openapi import document
from magecluster.cloud.web.route import Access, Route

DOCUMENT = document(ROUTES)
ENDLESS = "text/event-stream"
OWN_ACCOUNT = ("deleteSession", "putPassword")
"""What would end the session of all other requests is done by somebody else."""
SPARE = ("deleteCluster", "deleteTeam", "patchTeam")
"""What would take away from all other requests what they work on works on something else."""
LIMITED = ("createSession", "putPassword", "acceptInvitation")
"""The server hashes passwords for these, or limits them by address, so a few requests tell as much as many."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def server(cluster: Cluster, cloud_api: CloudApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudApi]:
    """A replica of its own: the limits of logins that are used up here are those of no other test."""
    replica = CloudApi(cluster.kubeconfig, tmp_path_factory.mktemp("schemathesis") / "log", cloud_api.namespace)
    replica.start()
    try:
        yield replica.ready()
        replica.stop()
        assert not replica.tracebacks()
    finally:
        if replica.running:
            replica.stop()


def narrowed(route: Route, team: Team) -> dict[str, Any]:
    """The document, with what there is in the places of one operation's path."""
    spare = route.name in SPARE
    there = {
        "{team}": f"{team.name}-spare" if spare and route.access is Access.PLATFORM else team.name,
        "{cluster}": "spare" if spare else "demo",
        "{email}": EDITOR,
    }
    whole = copy.deepcopy(DOCUMENT)
    for parameter in whole["paths"][route.path][route.method.lower()].get("parameters", ()):
        if parameter["in"] == "path" and (value := there.get(f"{{{parameter['name']}}}")):
            parameter |= {"schema": {"enum": [value]}, "example": value}
    return whole


def config(route: Route, token: str) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": 4,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {token}", "X-API-KEY": PUBLISHED_KEY},
            "request-timeout": 30,
            "generation": {
                "deterministic": True,
                "max-examples": 2 if route.name in LIMITED else 10,
                "no-shrink": True,
                "database": "none",
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
            "checks": {
                "enabled": False,
                **{name: {"enabled": True} for name in CHECKS},
                "not_a_server_error": {"enabled": True, "expected-statuses": ["2xx", "3xx", "4xx", "501"]},
                "negative_data_rejection": {"enabled": True, "expected-statuses": ["4xx", "501", "503"]},
            },
        }
    )


def problems(event: EngineEvent) -> Iterator[str]:
    """What is wrong with the answers of one scenario."""
    if isinstance(event, NonFatalError | FatalError):
        yield f"{event}"
    if isinstance(event, ScenarioFinished):
        for case, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info:
                    yield told(check, event.recorder.interactions[case], event.recorder.cases[case].value)


def told(check: CheckNode, interaction: Interaction, sent: schemathesis.Case[Any]) -> str:
    """What a check has against an answer, and how to ask for the same answer."""
    answer = interaction.response
    status = f"{answer.status_code} {answer.text[:200]}" if answer else "none"
    failure = check.failure_info.failure if check.failure_info else None
    return f"{check.name}: {failure}\n  answer: {status}\n  {sent.as_curl_command()[:1500]}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("route", [route for route in ROUTES if route.media != ENDLESS], ids=lambda route: route.name)
def test_the_server_keeps_to_its_document(
    route: Route, server: CloudApi, team: Team, cluster: Cluster, tokens: dict[str, str]
) -> None:
    own = Namespace(cluster, server.namespace)
    for name in ("demo", "spare"):
        team.space.apply(a_cluster(name))
        team.seen(name)
    own.apply(a_team(f"{team.name}-spare", "spare"))
    admin = server.client(team.admin)
    eventually(lambda: admin("GET", f"{team.path()}").ok and admin("GET", f"/teams/{team.name}-spare").ok)
    token = server.login(STRANGER) if route.name in OWN_ACCOUNT else team.admin
    schema = schemathesis.openapi.from_dict(narrowed(route, team), config=config(route, token))
    schema.config.update(base_url=server.url())
    try:
        events = list(from_schema(schema.include(operation_id=route.name)).execute())
    finally:
        own.kubectl("delete", "mageteam", f"{team.name}-spare", "--ignore-not-found")
    found = [problem for event in events for problem in problems(event)]
    assert not found, "\n".join([f"{len(found)} problems", *found[:20]])
    assert any(isinstance(event, ScenarioFinished) and event.recorder.interactions for event in events)
