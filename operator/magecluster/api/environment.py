"""Environment variables of a cluster, as Kubernetes writes them."""

import re
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from magecluster.api.model import ApiModel, DataKey, DnsName, cel, rules

RESERVED = (
    "DEFAULT_OWNER_EMAIL",
    "DEFAULT_OWNER_PASSWORD",
    "DEFAULT_OWNER_USERNAME",
    "HOSTNAME",
    "JWT_DOWNLOAD_SECRET",
    "JWT_SECRET",
    "KUBE_NAMESPACE",
    "MAGE_CLUSTER_UUID",
    "MAGE_CONTAINER_NAME",
    "MAGE_DATABASE_CONNECTION_URL",
    "MAGE_DATA_DIR",
    "REQUIRE_USER_AUTHENTICATION",
    "USER_CODE_PATH",
)
"""Variables that the operator sets itself: a second value would undo its safe defaults or lose data."""

_REMEDY = "is set by the operator: remove it and use spec.auth, spec.database or spec.storage"
_RESERVED_RULE: JsonDict = {
    "rule": f"!(self.name in [{', '.join(repr(name) for name in RESERVED)}])",
    "message": f"the variable {_REMEDY}",
    "messageExpression": f"self.name + ' {_REMEDY}'",
    "fieldPath": ".name",
}


_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|CONNECTION_?STRING|(API|ACCESS|PRIVATE)KEY"
    r"|(^|[-._])(KEYS?|PASS|PWD|PAT|DSN|AUTH)([-._]|$)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/?#\s]*@|-----BEGIN [A-Z ]*PRIVATE KEY|\b(password|pwd|accountkey|sig)=", re.IGNORECASE
)


def looks_secret(name: str, value: str) -> bool:
    """The one rule for what is masked from those who may only look, and what `adopt` puts into a Secret.

    By name: a word that says so anywhere (PASSWORD, SECRET, TOKEN, CREDENTIAL, …), or a short one between separators
    (KEY, PASS, PWD, PAT, DSN, AUTH: not MONKEY). By value: a URL with a user, a private key, a connection string.
    """
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


class SecretKeySelector(ApiModel):
    """One key of a Secret in the namespace of the cluster."""

    name: DnsName
    """Name of the Secret."""
    key: DataKey
    """Key in its data."""
    optional: bool = False
    """Start also when the Secret or the key is missing; the variable is then not set."""


class ConfigMapKeySelector(ApiModel):
    """One key of a ConfigMap in the namespace of the cluster."""

    name: DnsName
    """Name of the ConfigMap."""
    key: DataKey
    """Key in its data."""
    optional: bool = False
    """Start also when the ConfigMap or the key is missing; the variable is then not set."""


class FieldSelector(ApiModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=300)]
    """Path such as `metadata.namespace` or `status.podIP`."""


class EnvVarSource(ApiModel):
    """Where the value of a variable comes from: exactly one of the three."""

    model_config = rules(
        cel(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(x, x).size() == 1",
            "give exactly one of secretKeyRef, configMapKeyRef and fieldRef",
        )
    )

    secret_key_ref: SecretKeySelector | None = None
    """A key of a Secret. A change of its value restarts the pod."""
    config_map_key_ref: ConfigMapKeySelector | None = None
    """A key of a ConfigMap. A change of its value restarts the pod."""
    field_ref: FieldSelector | None = None
    """A field of the pod, read when it starts."""


_KNOWN_RULE = cel(
    "!(self.name in ['MAGE_BASE_PATH', 'MAGE_ROUTES_BASE_PATH', 'PYTHONPATH']) || has(self.value)",
    "a base path is given by value, and so is PYTHONPATH: the operator has to know it",
    field=".valueFrom",
)


class EnvVar(ApiModel):
    """One environment variable of Mage and of every block that it runs."""

    model_config = rules(
        cel("has(self.value) != has(self.valueFrom)", "give either value or valueFrom, not both and not neither"),
        _RESERVED_RULE,
        _KNOWN_RULE,
    )

    name: Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=253)]
    """Name of the variable; each may stand in the list once."""
    value: Annotated[str, Field(max_length=65536)] | None = None
    """The value as text. Anyone who can read the cluster can read it: use valueFrom for secrets."""
    value_from: EnvVarSource | None = None
    """Takes the value from a Secret, a ConfigMap or the pod."""
