"""An API server that is a dictionary, for steps of a takeover where the real one would take minutes."""

import base64
import copy
import itertools
from typing import Any, cast

from magecluster.adopt.context import Context
from magecluster.adopt.facts import Takeover
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, KubeError, NotFoundError
from magecluster.kube.kinds import Kind


class PretendedServer:
    """Objects by path. A dry run keeps nothing; `refuse` makes requests fail."""

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.requests: list[tuple[str, str]] = []
        """Verb and path of everything that was asked."""
        self.dry_runs: list[tuple[str, str, Manifest]] = []
        self.denied: set[tuple[str, str]] = set()
        """Verb and resource of the rights that are missing."""
        self._refusals: list[tuple[str, str, KubeError]] = []
        self._numbers = itertools.count(1)

    def put(self, kind: Kind, manifest: Manifest) -> Manifest:
        """An object that is there."""
        metadata = {"namespace": "team", "uid": f"u{next(self._numbers)}", **manifest["metadata"]}
        made = {**copy.deepcopy(manifest), "metadata": {**metadata, "resourceVersion": str(next(self._numbers))}}
        if texts := made.pop("stringData", None):
            made["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        return copy.deepcopy(self.objects.setdefault(kind.path(metadata["namespace"], metadata["name"]), made))

    def refuse(self, verb: str, path: str, error: KubeError) -> None:
        """Once, for a path that ends so."""
        self._refusals.append((verb, path, error))

    def read(self, kind: Kind, name: str) -> Manifest | None:
        """`None` if it is not there."""
        return self.objects.get(kind.path("team", name))

    async def get(self, path: str, **params: str) -> Manifest:
        self._ask("get", path)
        if path in self.objects:
            return copy.deepcopy(self.objects[path])
        if not path.endswith("s") or path.rpartition("/")[0].rpartition("/")[2] != "team":
            raise NotFoundError(f"{path} not found", status=404)
        wanted = [each.split("=") for each in params.get("labelSelector", "").split(",") if each]
        items = [
            copy.deepcopy(live)
            for place, live in self.objects.items()
            if place.rpartition("/")[0] == path
            and all((live["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
        ]
        return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {}}

    async def create(self, path: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        if path.endswith("/selfsubjectaccessreviews"):
            asked = manifest["spec"]["resourceAttributes"]
            return {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.denied}}
        self._ask("create", path, manifest if dry_run else None)
        name = manifest["metadata"].get("name", "generated")
        if f"{path}/{name}" in self.objects:
            raise ConflictError(f"{path}/{name} is there", status=409)
        if dry_run:
            return manifest
        *_, plural = path.split("/")
        return self.put(cast(Kind, _At(path, plural)), manifest)

    async def replace(self, path: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        self._ask("update", path, manifest if dry_run else None)
        if not dry_run:
            version = str(next(self._numbers))
            self.objects[path] = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}}
        return manifest

    async def merge(self, path: str, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        self._ask("patch", path, patch if dry_run else None)
        if path not in self.objects:
            raise NotFoundError(f"{path} not found", status=404)
        if not dry_run:
            self.objects[path] = _merged(self.objects[path], patch)
        return self.objects[path]

    async def delete(self, path: str, *, uid: str, resource_version: str | None, dry_run: bool = False) -> None:
        del uid, resource_version
        self._ask("delete", path, {} if dry_run else None)
        if not dry_run:
            self.objects.pop(path, None)

    def _ask(self, verb: str, path: str, dry: Manifest | None = None) -> None:
        if dry is None:
            self.requests.append((verb, path))
        else:
            self.dry_runs.append((verb, path, dry))
        for refusal in self._refusals:
            if refusal[0] == verb and path.endswith(refusal[1]):
                self._refusals.remove(refusal)
                raise refusal[2]

    @property
    def connection(self) -> Connection:
        """For what talks to an API server."""
        return cast(Connection, self)

    def context(self, takeover: Takeover, **more: Any) -> Context:
        """For the steps."""
        return Context(connection=self.connection, takeover=takeover, tell=lambda _: None, timeout=1, **more)


class _At:
    """A collection by its path."""

    def __init__(self, path: str, plural: str) -> None:
        self._path, self.plural = path, plural

    def path(self, _: str | None, name: str) -> str:
        return f"{self._path}/{name}"


def _merged(live: Manifest, patch: Manifest) -> Manifest:
    """JSON merge patch."""
    made = dict(live)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = _merged(made.get(key) or {}, value)
        else:
            made[key] = value
    return made
