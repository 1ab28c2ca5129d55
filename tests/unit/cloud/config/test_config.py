import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cloud import config_of, done, env, from_secret, get, put, stored

from magecluster.api.environment import looks_secret
from magecluster.api.model import Manifest
from magecluster.api.spec import MageClusterSpec
from magecluster.cloud.config.environment import MASK

SECRET_NAMES = [
    "DB_PASSWORD",
    "PGPASSWORD",
    "dbPassword",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "GITHUB_TOKEN",
    "STRIPE_KEY",
    "KEY",
    "api-key",
    "APIKEY",
    "ssh.key.path",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SENTRY_DSN",
    "SMTP_PASS",
    "GIT_PAT",
    "AZURE_STORAGE_CONNECTION_STRING",
    "PASSPHRASE",
    "BASIC_AUTH",
]
PLAIN_NAMES = ["AI_SIDEKICK", "DEFAULT_EXECUTOR_TYPE", "MONKEY_COUNT", "KEYBOARD", "PATH", "COMPASS", "REDIS_URL"]
SECRET_VALUES = [
    "redis://:hunter2@redis:6379/0",
    "postgresql+psycopg2://user:password@host:5432/mage",
    "https://ghp_x@github.com/a/b",
    "-----BEGIN RSA PRIVATE KEY-----\nMII",
    "Server=db;User=sa;Password=x",
    "https://a.blob.core.windows.net/c?sv=1&sig=abc",
]
PLAIN_VALUES = ["", "1", "k8s", "redis://redis:6379/0", "ada@example.com", "https://example.com/?q=a@b"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_that_look_secret(name: str) -> None:
    assert looks_secret(name, "x")


@pytest.mark.parametrize("value", SECRET_VALUES)
def test_values_that_look_secret(value: str) -> None:
    assert looks_secret("X", value)


@pytest.mark.parametrize("value", PLAIN_VALUES)
@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_names_and_values_that_do_not(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_the_config_is_the_spec_by_its_names_on_the_wire() -> None:
    live = stored(replicaCount=2, nodeSelector={"pool": "a"})
    config = config_of(live)
    assert set(config) == (set(live["spec"]) - {"status"}) | {"revision"}
    assert {name: value for name, value in config.items() if name != "revision"} == {
        name: value for name, value in live["spec"].items() if name != "status"
    }


def test_defaults_are_shown_also_if_the_object_is_older_than_they() -> None:
    live = stored()
    bare = {**live, "spec": {"replicaCount": 1}}
    assert get(bare) == get(live)


def test_what_another_version_knows_is_neither_shown_nor_touched() -> None:
    live = stored(nodeSelector={"a": "b"})
    live["spec"]["power"] = {"idle": 10}
    live["spec"]["image"]["platform"] = "arm64"
    config = config_of(live)
    assert "power" not in config
    assert "platform" not in config["image"]
    change = put(live, {**config, "image": {"tag": "0.9.79"}})
    assert change.patch["spec"] == {"image": {"tag": "0.9.79"}}


def test_rules_of_another_version_within_affinity_are_neither_shown_nor_touched() -> None:
    """The model takes affinity as it is, so only the schema knows what is strange there."""
    live = stored(affinity={"podAffinity": {}, "nodeAffinity": {}})
    live["spec"]["affinity"]["nodeAffinity"]["later"] = ["x"]
    config = config_of(live)
    assert "later" not in config["affinity"]["nodeAffinity"]
    assert put(live, {**config, "image": {"tag": "0.9.79"}}).patch["spec"] == {"image": {"tag": "0.9.79"}}


def test_a_spec_that_is_not_valid_is_shown_and_can_be_corrected() -> None:
    live = stored()
    live["spec"]["service"]["port"] = 0
    config = config_of(live)
    assert config["service"]["port"] == 0
    config["service"]["port"] = 80
    assert put(live, config).patch["spec"]["service"]["port"] == 80


@pytest.mark.parametrize("reveal", [True, False])
def test_every_variable_has_a_name_and_a_value(*, reveal: bool) -> None:
    envs = [
        env("PLAIN", "x"),
        env("EMPTY", ""),
        env("API_TOKEN", "t0p"),
        env("REDIS_URL", "redis://:pw@redis"),
        from_secret("DSN"),
        {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region", "optional": True}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    shown = get(stored(extraEnvs=envs), reveal=reveal)["config"]["extraEnvs"]
    hidden = MASK if not reveal else None
    assert {e["name"]: e["value"] for e in shown} == {
        "PLAIN": "x",
        "EMPTY": "",
        "API_TOKEN": hidden or "t0p",
        "REDIS_URL": hidden or "redis://:pw@redis",
        "DSN": MASK,
        "REGION": MASK,
        "POD_IP": MASK,
    }
    assert [{k: v for k, v in e.items() if k != "value"} for e in shown[4:]] == envs[4:]


def test_the_revision_is_the_same_for_everybody() -> None:
    live = stored(extraEnvs=[env("API_TOKEN", "t0p")])
    assert get(live, reveal=False)["config"]["revision"] == get(live)["config"]["revision"]


PUBLISHED = """
# Load existing environment variables
existing_envs = config.get('extraEnvs', [])
env_map = {env['name']: env['value'] for env in existing_envs}

# Apply updates
env_map.update(updates)

# Convert back to list format
config['extraEnvs'] = [{'name': k, 'value': v} for k, v in env_map.items()]
"""
"""Lines of `update_cluster_env_vars` as Mage's documentation prints them, but for the indentation."""


def as_published(config: Manifest, updates: dict[str, str]) -> None:
    exec(PUBLISHED, {"config": config, "updates": updates})  # noqa: S102  the text is the test


@pytest.mark.parametrize("reveal", [True, False])
def test_the_published_client_adds_and_changes_and_keeps_the_rest(*, reveal: bool) -> None:
    kept = [from_secret("DSN"), env("API_TOKEN", "t0p"), {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]
    live = stored(extraEnvs=[*kept, env("AI_SIDEKICK", "0")])
    config = get(live, reveal=reveal)["config"]
    as_published(config, {"AI_SIDEKICK": "1", "DEFAULT_EXECUTOR_TYPE": "k8s"})
    after = done(live, config)
    assert after["spec"]["extraEnvs"] == [*kept, env("AI_SIDEKICK", "1"), env("DEFAULT_EXECUTOR_TYPE", "k8s")]
    config = get(after)["config"]
    as_published(config, {})
    assert put(after, config).patch == {}


NAMES = st.sampled_from(["A", "B_TOKEN", "C", "D", "E"])
TEXTS = st.text(max_size=8)
SOURCES = st.sampled_from([{"secretKeyRef": {"name": "s", "key": "k"}}, {"fieldRef": {"fieldPath": "status.podIP"}}])
VARIABLES: st.SearchStrategy[list[Manifest]] = st.lists(
    st.builds(env, NAMES, TEXTS) | st.builds(lambda name, source: {"name": name, "valueFrom": source}, NAMES, SOURCES),
    max_size=5,
    unique_by=lambda variable: variable["name"],
)


@given(envs=VARIABLES, reveal=st.booleans(), revision=st.booleans(), published=st.booleans())
def test_what_was_read_sent_back_changes_nothing(
    *, envs: list[Manifest], reveal: bool, revision: bool, published: bool
) -> None:
    live = stored(extraEnvs=envs)
    config = copy.deepcopy(get(live, reveal=reveal)["config"])
    if published:
        as_published(config, {})
    if not revision:
        del config["revision"]
    assert put(live, config).patch == {}


def test_the_models_have_only_fields_that_a_client_can_send() -> None:
    config = {name: value for name, value in MageClusterSpec().manifest().items() if name != "status"}
    assert put(stored(), config).patch == {}
