"""Variables: which value Mage sees, what becomes of it, and that no secret gets into the MageCluster."""

from typing import Any, NamedTuple

import pytest
from tests.support.releases import a_deployment, a_release, an_object, encoded, planned, spec_of, told

Env = dict[str, Any]

THEIRS = {"name": "theirs", "key": "token"}
ADOPTED = "mageai-adopted-env"


def literal(name: str, value: str) -> Env:
    return {"name": name, "value": value}


def from_secret(name: str, of: str = "theirs", key: str = "token") -> Env:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": of, "key": key}}}


def adopted(name: str) -> Env:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": ADOPTED, "key": name}}}


OBJECTS: dict[str, Any] = {
    "config_maps": {
        "mageai-env": {"data": {"REGION": "north", "PRICE": "$(LIST)", "PASS": "p", "MAGE_BASE_PATH": "mage"}},
        "settings": {"data": {"COLOUR": "blue"}},
    },
    "secrets": {
        "mageai-secret-env": {"data": {"PLAIN": encoded("from-helm")}},
        "theirs": {"data": {"token": encoded("t0ken")}},
    },
}
RELEASE = a_release(an_object("ConfigMap", "mageai-env"), an_object("Secret", "mageai-secret-env"))


class Case(NamedTuple):
    name: str
    env: list[Env]
    expected: list[Env]
    texts: dict[str, str] = {}  # noqa: RUF012  never written
    whole: tuple[Env, ...] = ()


CASES = [
    Case("a text stays", [literal("A", "1")], [literal("A", "1")]),
    Case("a text may be empty", [{"name": "A"}], [literal("A", "")]),
    Case(
        "a text that refers to others stays so",
        [literal("A", "1"), literal("B", "$(A)2")],
        [literal("A", "1"), literal("B", "$(A)2")],
    ),
    Case("a secret by its name", [literal("API_TOKEN", "x")], [adopted("API_TOKEN")], {"API_TOKEN": "x"}),
    Case("a secret by its value", [literal("BROKER", "amqp://u:p@h")], [adopted("BROKER")], {"BROKER": "amqp://u:p@h"}),
    Case(
        "a secret that is made of others is kept as it is now",
        [from_secret("P"), literal("URL", "redis://:$(P)@redis")],
        [from_secret("P"), adopted("URL")],
        {"URL": "redis://:t0ken@redis"},
    ),
    Case("references of the pod stay", [from_secret("A")], [from_secret("A")]),
    Case(
        "what the API server adds is left out",
        [{"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
        [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    ),
    Case(
        "a Secret that goes with the release is copied",
        [from_secret("A", "mageai-secret-env", "PLAIN")],
        [adopted("A")],
        {"A": "from-helm"},
    ),
    Case(
        "a whole Secret of Helm's is copied, and a ConfigMap of Helm's is written out",
        [],
        [
            literal("REGION", "north"),
            literal("PRICE", "$$(LIST)"),
            adopted("PASS"),
            literal("MAGE_BASE_PATH", "mage"),
            adopted("PLAIN"),
        ],
        {"PASS": "p", "PLAIN": "from-helm"},
        ({"configMapRef": {"name": "mageai-env"}}, {"secretRef": {"name": "mageai-secret-env"}}),
    ),
    Case(
        "whole objects of others become references",
        [],
        [
            {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
            from_secret("S_token"),
        ],
        {},
        ({"configMapRef": {"name": "settings"}}, {"prefix": "S_", "secretRef": {"name": "theirs"}}),
    ),
    Case(
        "env wins over envFrom",
        [literal("COLOUR", "red")],
        [literal("COLOUR", "red")],
        {},
        ({"configMapRef": {"name": "settings"}},),
    ),
    Case(
        "the operator's own are left out",
        [
            literal("KUBE_NAMESPACE", "team"),
            literal("MAGE_CONTAINER_NAME", "x"),
            literal("INSTANCE_TYPE", "server_and_scheduler"),
        ],
        [],
    ),
    Case("what is not there is left out", [from_secret("A", "mageai-secret-env", "gone")], []),
    Case(
        "what may be missing may stay so",
        [{"name": "A", "valueFrom": {"secretKeyRef": {**THEIRS, "key": "gone", "optional": True}}}],
        [{"name": "A", "valueFrom": {"secretKeyRef": {**THEIRS, "key": "gone", "optional": True}}}],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_variables(case: Case) -> None:
    found = planned(a_deployment(env=case.env, envFrom=list(case.whole)), release=RELEASE, **OBJECTS)
    assert found.obstacles == ()
    assert spec_of(found).get("extraEnvs", []) == case.expected
    assert found.takeover.texts == case.texts


URL = "MAGE_DATABASE_CONNECTION_URL"


def test_a_database_url_becomes_a_secret_with_what_it_is_made_of() -> None:
    env = [from_secret("DB_PASS"), literal(URL, "postgresql://mage:$(DB_PASS)@db/mage")]
    found = planned(a_deployment(env=env), **OBJECTS)
    assert spec_of(found)["database"] == {"secretKeyRef": {"name": ADOPTED, "key": URL}}
    assert found.takeover.texts == {URL: "postgresql://mage:t0ken@db/mage"}
    assert "t0ken" not in str(found.takeover.cluster) + told(found)


def test_a_database_url_in_a_secret_of_the_user_stays_there() -> None:
    found = planned(a_deployment(env=[from_secret(URL)]), **OBJECTS)
    assert spec_of(found)["database"] == {"secretKeyRef": THEIRS}
    assert found.takeover.texts == {}


def test_a_database_that_is_found_otherwise_is_told() -> None:
    found = planned(a_deployment(env=[literal("DB_HOST", "db")]))
    assert "database" not in spec_of(found)
    assert "it is found by DB_HOST, as before" in told(found)


def test_keys_and_owner_are_kept() -> None:
    env = [
        literal("JWT_SECRET", "s1gn"),
        from_secret("DEFAULT_OWNER_PASSWORD"),
        literal("DEFAULT_OWNER_EMAIL", "ada@example.com"),
    ]
    found = planned(a_deployment(env=env), **OBJECTS)
    assert found.takeover.credentials == {"jwt-secret": "s1gn", "owner-password": "t0ken"}
    assert spec_of(found)["auth"] == {"ownerEmail": "ada@example.com"}
    assert "log in again" not in told(found)
    assert "s1gn" not in str(found.takeover.cluster) + told(found)


@pytest.mark.parametrize(
    ("image", "env", "had"),
    [
        ("mageai/mageai:0.9.77", [], False),
        ("mageai/mageai:0.9.78", [], True),
        ("registry.example.com:5000/mage", [], True),
        ("mageai/mageai:0.9.70", [literal("REQUIRE_USER_AUTHENTICATION", "1")], True),
        ("mageai/mageai:0.9.80", [literal("REQUIRE_USER_AUTHENTICATION", "False")], False),
    ],
)
def test_whether_mage_asked_for_a_login(image: str, env: list[Env], had: bool) -> None:  # noqa: FBT001  a column
    text = told(planned(a_deployment(image=image, env=env)))
    assert ("Mage asked for none, and will" in text) != had
    assert ("users and passwords stay as they are" in text) == had


PROJECTS = [
    ("default_repo", None),
    ("/home/src/default_repo", None),
    ("sales", "sales"),
    ("./sales/", "sales"),
    ("/home/src/projects/sales", "projects/sales"),
]


@pytest.mark.parametrize(("value", "project"), PROJECTS)
def test_the_project_stays_where_it_is(value: str, project: str | None) -> None:
    found = planned(a_deployment(env=[literal("USER_CODE_PATH", value)]))
    assert found.obstacles == ()
    assert spec_of(found)["storage"].get("project") == project


STOPS = [
    (
        [literal(URL, "postgresql://u:p@$(PG_SERVICE_HOST)/d")],
        f"{URL} refers to PG_SERVICE_HOST, which Kube",
    ),
    ([literal("REDIS", "$(REDIS_PORT_6379_TCP_ADDR)")], "REDIS refers to REDIS_PORT_6379_TCP_ADDR"),
    ([literal("REDIS", "$(REDIS_SERVICE_PORT_HTTP)")], "write the Service's DNS name and port, and helm upgrade"),
    ([literal("USER_CODE_PATH", "/app/project")], "the project has to be in a folder below /home/src"),
    ([literal("USER_CODE_PATH", "/home/src")], "the project has to be in a folder below /home/src"),
    ([literal("USER_CODE_PATH", "my project")], "rename it, and helm upgrade"),
    ([literal("MAGE_DATA_DIR", "/data")], "MAGE_DATA_DIR is /data, and the operator's is /home/src/mage_data"),
    ([from_secret(URL, "gone")], f"{URL} has no value that can be read"),
    (
        [{"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}],
        "CPU comes from resourceFieldRef: give it by value",
    ),
    (
        [
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            literal("MY_SECRET", "$(IP)"),
        ],
        "MY_SECRET is made of variables that only Kubernetes knows",
    ),
    ([from_secret("PYTHONPATH", "gone")], "PYTHONPATH has no value that can be read: give it by value"),
]


@pytest.mark.parametrize(("env", "obstacle"), STOPS)
def test_what_cannot_be_as_it_is_stops_with_the_remedy(env: list[Env], obstacle: str) -> None:
    found = planned(a_deployment(env=env), **OBJECTS)
    assert len(found.obstacles) == 1
    assert obstacle in found.obstacles[0]


@pytest.mark.parametrize("text", ["$(KUBERNETES_SERVICE_HOST)", "$$(PG_SERVICE_HOST)", "$(A_PORT)", "$(OTHER)"])
def test_what_is_no_variable_of_a_service_stays(text: str) -> None:
    env = [literal("A_PORT", "1"), literal("B", text)]
    assert planned(a_deployment(env=env)).obstacles == ()
    linked = a_deployment(env=[literal("B", "$(PG_SERVICE_HOST)")], pod={"enableServiceLinks": False})
    assert planned(linked).obstacles == (), "it was no variable before"
