"""Workspaces as Mage writes them, and as the Cloud API does.

Mage's `container_config` is a container of Kubernetes in YAML, of which a workspace may name image, resources and
variables; the rest would give power over others.
"""

import re
from typing import Any

import yaml
from aiohttp import web

from magecluster.api.pod import DIGEST, REPOSITORY, TAG
from magecluster.api.quantity import amount_of
from magecluster.gateway.payload import Json, RefusedError

TYPE = "k8s"
_OWNER = 1
"""Mage's word for the access of whoever may see this at all."""
_STATUS = {
    "Active": "RUNNING",
    "Starting": "PENDING",
    "Stopping": "STOPPING",
    "Stopped": "STOPPED",
    "Degraded": "UNAVAILABLE",
}
"""Mage's own words, which its pages know."""
_ACTIONS = ("stop", "resume", "patch", "add_to_ingress")
_RETENTION = ("Retain", "Delete")
_ACCESS = ("ReadWriteOnce", "ReadWriteMany")

_BOTH = {"cluster_type", "namespace", "container_config", "lifecycle_config", "service_account_name", "ingress_name"}
_STORAGE = {"pvc_retention_policy", "storage_access_mode", "storage_class_name", "storage_request_size"}
_CREATE = {"name", *_BOTH, *_STORAGE}
_CHANGE = {"action", "name", "update_workspace_settings", *_BOTH}
_REFUSED = {
    "lifecycle_config": "runs scripts in other containers and stops workspaces by itself, which is not offered",
    "service_account_name": "gives the rights of another account; a workspace has one of its own, without rights",
}

_IMAGE = re.compile(f"(?P<repository>{REPOSITORY})(?::(?P<tag>{TAG}))?(?:@(?P<digest>{DIGEST}))?")


def creation_of(wanted: Json) -> Json:
    """`NewWorkspace` of the Cloud API's wire. Raises `RefusedError`."""
    _check(wanted, _CREATE)
    name = wanted.get("name")
    if not isinstance(name, str) or not name:
        raise RefusedError('"name" is missing; it is lower-case letters, digits and "-", as in "anna"')
    size = wanted.get("storage_request_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise RefusedError('"storage_request_size" is to be a number of GiB, as in 2')
    storage = {
        "size": f"{size}Gi" if size else None,
        "storage_class_name": _text(wanted, "storage_class_name"),
        "access_mode": _one_of(wanted, "storage_access_mode", _ACCESS),
        "retention": _one_of(wanted, "pvc_retention_policy", _RETENTION),
    }
    return {"name": name, "storage": storage, "ingress": bool(wanted.get("ingress_name")), **_common(wanted)}


def change_of(wanted: Json) -> Json:
    """`WorkspaceChange` of the same. Raises `RefusedError`."""
    _check(wanted, _CHANGE)
    action = _one_of(wanted, "action", _ACTIONS)
    renew = wanted.get("update_workspace_settings") or False
    if action != "patch" and (wanted.get("container_config") or renew):
        raise RefusedError('"container_config" and "update_workspace_settings" are for the action "patch"')
    match action:
        case "stop" | "resume":
            return {"status": "Stopped" if action == "stop" else "Active"}
        case "patch":
            if not isinstance(renew, bool):
                raise RefusedError('"update_workspace_settings" is to be true or false')
            return {**_common(wanted), "renew": renew}
        case "add_to_ingress":
            return {**_common(wanted), "ingress": True}
        case _:
            raise RefusedError(f'"action" is missing; it is one of {", ".join(_ACTIONS)}')


def shown(workspace: Json, request: web.Request) -> Json:
    """Mage's fields of a workspace, and with them its real state and why it is so."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("X-Forwarded-Host", request.host)
    storage, state = workspace["storage"], workspace["state"]
    container = {"image": workspace["image"], "resources": workspace["resources"]}
    return {
        "access": _OWNER,
        "cluster_type": TYPE,
        "container_config": yaml.safe_dump(container, sort_keys=False),
        "ingress_name": workspace["cluster"] if workspace["ingress"] else None,
        "instance": {"ip": None, "name": workspace["cluster"], "status": _STATUS[state], "type": "MageCluster"},
        "lifecycle_config": None,
        "message": workspace["message"],
        "name": workspace["name"],
        "namespace": workspace["namespace"],
        "project_uuid": workspace["uuid"],
        "pvc_retention_policy": storage["retention"],
        "repo_path": None,
        "service_account_name": None,
        "state": state,
        "storage_access_mode": storage["access_mode"],
        "storage_class_name": storage["storage_class_name"],
        "storage_request_size": _gibibytes(storage["size"]),
        "success": True,
        "url": f"{scheme}://{host}{workspace['path']}",
    }


def _gibibytes(size: str) -> float:
    """The number that a request has for it; a whole one unless somebody has chosen another unit."""
    number = amount_of(size) / 2**30
    return number.numerator if number.denominator == 1 else float(number)


def _common(wanted: Json) -> Json:
    return {
        "namespace": _text(wanted, "namespace"),
        "ingress_name": _text(wanted, "ingress_name"),
        **_container(wanted.get("container_config")),
    }


def _check(wanted: Json, known: set[str]) -> None:
    if unknown := sorted(wanted.keys() - known):
        raise RefusedError(f"unknown keys {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    _one_of(wanted, "cluster_type", (TYPE,))
    for name, reason in _REFUSED.items():
        if wanted.get(name):
            raise RefusedError(f'"{name}" is refused: it {reason}')


def _container(text: Any) -> Json:
    if not text:
        return {}
    try:
        found = yaml.safe_load(text) if isinstance(text, str) else text
    except yaml.YAMLError as error:
        where = (
            f" in line {error.problem_mark.line + 1}"
            if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark
            else ""
        )
        raise RefusedError(f'"container_config" is no YAML{where}; correct it') from error
    if not isinstance(found, dict):
        raise RefusedError('"container_config" is to be YAML such as "image: mageai/mageai:0.9.80"')
    if unknown := sorted(map(str, found.keys() - {"image", "image_tag", "resources", "env"})):
        raise RefusedError(
            f'"container_config" has {", ".join(unknown)}; a workspace may name image, image_tag, resources and env'
        )
    return {
        **_image(found),
        **({"resources": found["resources"]} if found.get("resources") else {}),
        "variables": _variables(found.get("env") or []),
    }


def _image(found: Json) -> Json:
    tag = found.get("image_tag")
    if tag is not None and (not isinstance(tag, str) or not re.fullmatch(TAG, tag)):
        raise RefusedError('"image_tag" is to be a text such as "0.9.80"')
    if (image := found.get("image")) is None:
        return {"image_tag": tag}
    parts = _IMAGE.fullmatch(image) if isinstance(image, str) else None
    if parts is None:
        raise RefusedError('"image" is to be a reference such as "mageai/mageai:0.9.80"')
    return {"image": parts.groupdict(), "image_tag": tag}


def _variables(found: Any) -> Json:
    result: Json = {}
    for each in found if isinstance(found, list) else [found]:
        if not isinstance(each, dict) or each.keys() != {"name", "value"} or not isinstance(each["name"], str):
            raise RefusedError('"env" is to be a list such as [{"name": "A", "value": "1"}]; references are refused')
        if not isinstance(each["value"], str):
            raise RefusedError(f"the value of {each['name']} is to be a text: put it into quotes")
        result[each["name"]] = each["value"]
    return result


def _text(wanted: Json, name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(f'"{name}" is to be a text')
    return value or None


def _one_of(wanted: Json, name: str, words: tuple[str, ...]) -> str | None:
    value = wanted.get(name)
    if value is not None and value not in words:
        raise RefusedError(f'"{name}" is to be one of {", ".join(words)}')
    return value
