"""From the variables of the release to `extraEnvs`, `database`, `auth` and the Secrets behind them."""

import re
from dataclasses import dataclass, field

from magecluster.adopt.facts import Findings, Live, texts_name, version_of
from magecluster.adopt.variables import Variable, escaped
from magecluster.api.environment import RESERVED, looks_secret
from magecluster.api.model import Manifest
from magecluster.resources.environment import HOME
from magecluster.resources.secret import JWT_DOWNLOAD_SECRET, JWT_SECRET, OWNER_PASSWORD

DATA = f"{HOME}/mage_data"
LOGIN_SINCE = (0, 9, 78)
"""Since this version Mage wants a login unless told otherwise."""

_BY_VALUE = ("DEFAULT_EXECUTOR_TYPE", "MAGE_BASE_PATH", "MAGE_ROUTES_BASE_PATH", "PYTHONPATH")
"""Those that the operator has to know."""

_CREDENTIALS = {
    "DEFAULT_OWNER_PASSWORD": OWNER_PASSWORD,
    "JWT_SECRET": JWT_SECRET,
    "JWT_DOWNLOAD_SECRET": JWT_DOWNLOAD_SECRET,
}

_FALSE = ("0", "false", "no", "")

_GONE = {
    "INSTANCE_TYPE": "server and scheduler run in one pod",
    "WORKSPACE_DEFAULT_CONFIG_PATH": "it is for Mage Pro, and Mage ignores it",
    "K8S_DEFAULT_CONFIG_PATH": "it is for Mage Pro, and Mage ignores it",
    "HOSTNAME": "Kubernetes sets it",
    "MAGE_CONTAINER_NAME": "the operator sets it",
    "DEFAULT_OWNER_USERNAME": "the operator makes it of auth.ownerEmail, and Mage reads it only for a new database",
    "MAGE_CLUSTER_UUID": "the operator sets it to the name of the cluster; it begins the names of Jobs",
}
"""Variables that are left out, and why."""

_QUIET = ("INSTANCE_TYPE", "MAGE_CONTAINER_NAME")
"""Those that nobody misses."""

_ELSEWHERE = ("AWS_DB_SECRETS_NAME", "AZURE_SECRET_DB_CONN_URL", "DB_HOST")
"""Variables by which Mage finds a database other than by its URL."""


@dataclass
class Environment:
    """What becomes of the variables."""

    envs: list[Manifest] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Of the Secret with values, by the names of the variables."""
    credentials: dict[str, str] = field(default_factory=dict)
    database: Manifest | None = None
    owner_email: str | None = None
    project: str = "default_repo"


def environment(found: dict[str, Variable], live: Live, cluster: str, image: str, findings: Findings) -> Environment:
    """Secrets stay Secrets, and texts that look like one become one."""
    made = Environment()
    _reserved(made, found, live, cluster, findings)
    for name, variable in found.items():
        if name in _GONE:
            if name not in _QUIET:
                findings.differs("Variable", f"{name} is left out: {_GONE[name]}")
        elif name not in RESERVED:
            _ordinary(made, variable, live, cluster, findings)
    _login(made, found, image, findings)
    return made


def _ordinary(made: Environment, variable: Variable, live: Live, cluster: str, findings: Findings) -> None:
    name = variable.name
    if name in _BY_VALUE:
        if variable.value is None:
            findings.stops(f"{name} has no value that can be read: give it by value, and helm upgrade")
        else:
            made.envs.append({"name": name, "value": escaped(variable.value)})
        return
    if variable.source is not None and not _goes_with_release(variable.source, live):
        if not variable.source.keys() & {"secretKeyRef", "configMapKeyRef", "fieldRef"}:
            findings.stops(f"{name} comes from {', '.join(variable.source)}: give it by value, and helm upgrade")
            return
        made.envs.append({"name": name, "valueFrom": variable.source})
        return
    if variable.value is None and not variable.refers:
        findings.differs("Variable", f"{name} is left out: what it refers to is not there")
        return
    secret = variable.source is not None and "secretKeyRef" in variable.source
    if secret or looks_secret(name, variable.value or variable.text):
        _hide(made, variable, cluster, findings)
    else:
        # A text in the pod may refer to others and stays so; one of a ConfigMap never did.
        value = variable.text if variable.source is None else escaped(variable.value or "")
        made.envs.append({"name": name, "value": value})


def _hide(made: Environment, variable: Variable, cluster: str, findings: Findings) -> None:
    name = variable.name
    if variable.value is None:
        findings.stops(f"{name} is made of variables that only Kubernetes knows: give it by a Secret, and helm upgrade")
        return
    if variable.refers:
        findings.differs("Variable", f"{name} is kept as it is now: a change of the variables in it changes it no more")
    made.texts[name] = variable.value
    made.envs.append({"name": name, "valueFrom": {"secretKeyRef": _reference(cluster, name)}})


def _reserved(made: Environment, found: dict[str, Variable], live: Live, cluster: str, findings: Findings) -> None:
    """Those that the operator sets itself, from other fields."""
    for name, key in _CREDENTIALS.items():
        if name in found and (value := found[name].value):
            made.credentials[key] = value
    if (variable := found.get("DEFAULT_OWNER_EMAIL")) and variable.value:
        made.owner_email = variable.value
    _database(made, found, live, cluster, findings)
    data = found.get("MAGE_DATA_DIR")
    if data and (data.value or "").rstrip("/") != DATA:
        findings.stops(
            f"MAGE_DATA_DIR is {data.value}, and the operator's is {DATA}: move the files there, and helm upgrade "
            "without that variable"
        )
    made.project = _project(found.get("USER_CODE_PATH"), findings)
    namespace = found.get("KUBE_NAMESPACE")
    if namespace and namespace.value not in (None, live.release.namespace):
        findings.differs("Variable", "KUBE_NAMESPACE becomes the cluster's own namespace: Jobs run there")


def _database(made: Environment, found: dict[str, Variable], live: Live, cluster: str, findings: Findings) -> None:
    name = "MAGE_DATABASE_CONNECTION_URL"
    variable = found.get(name)
    if variable is None or variable.value == "":
        if other := [each for each in _ELSEWHERE if each in found]:
            findings.differs(
                "Database", f"it is found by {other[0]}, as before; the operator does not know of it: see spec.database"
            )
        return
    if variable.value is None:
        findings.stops(f"{name} has no value that can be read: give it by a Secret that is there, and helm upgrade")
        return
    if variable.source and "secretKeyRef" in variable.source and not _goes_with_release(variable.source, live):
        reference = {key: variable.source["secretKeyRef"][key] for key in ("name", "key")}
    else:
        made.texts[name] = variable.value
        reference = _reference(cluster, name)
        findings.differs("Database", f"its URL stands in the Secret {texts_name(cluster)}, key {name}: change it there")
    made.database = {"secretKeyRef": reference}


def _project(variable: Variable | None, findings: Findings) -> str:
    value = (variable.value if variable else None) or "default_repo"
    path = value.rstrip("/").removeprefix("./")
    if path.startswith("/"):
        below = path.removeprefix(f"{HOME}/")
        if below == path:
            findings.stops(
                f"USER_CODE_PATH is {value}: the project has to be in a folder below {HOME}; move it there, and helm "
                "upgrade"
            )
            return "default_repo"
        path = below
    if not re.fullmatch(r"[A-Za-z0-9_][-A-Za-z0-9_.]*(/[A-Za-z0-9_][-A-Za-z0-9_.]*)*", path):
        findings.stops(
            f"USER_CODE_PATH is {value}: use a folder of letters, digits, '-', '_' and '.'; rename it, and helm upgrade"
        )
        return "default_repo"
    return path


def _login(made: Environment, found: dict[str, Variable], image: str, findings: Findings) -> None:
    wish, version = found.get("REQUIRE_USER_AUTHENTICATION"), version_of(image)
    by_itself = version is None or version >= LOGIN_SINCE
    had = by_itself if wish is None else (wish.value or "").lower() not in _FALSE
    if not had:
        findings.differs(
            "Login",
            "Mage asked for none, and will: the owner is made at the first start, see spec.auth.ownerEmail and the key "
            f"{OWNER_PASSWORD} of the Secret",
        )
    else:
        findings.differs(
            "Login",
            "users and passwords stay as they are; the password in the Secret counts only where "
            "Mage's database has no owner yet",
        )
    if had and JWT_SECRET not in made.credentials:
        findings.differs(
            "Login", "sessions were signed with the key that every Mage has; it is a random one now: log in again"
        )


def _reference(cluster: str, key: str) -> Manifest:
    return {"name": texts_name(cluster), "key": key}


def _goes_with_release(source: Manifest, live: Live) -> bool:
    """What Helm made is nobody's afterwards: its values are taken over."""
    for field_name, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if field_name in source:
            return live.release.owns(kind, source[field_name]["name"])
    return False
