"""Where the project's files are, and how the MageCluster gets them: the same claim, or copies in a new volume."""

from collections.abc import Iterator
from typing import NamedTuple

from magecluster.adopt.facts import Choices, Copy, Findings, Live
from magecluster.api.model import Manifest
from magecluster.api.quantity import amount_of
from magecluster.resources.environment import HOME

_KEPT = ("persistentVolumeClaim", "hostPath", "nfs", "csi", "iscsi", "fc", "cephfs", "glusterfs", "azureFile")
"""Kinds of volumes that hold files which outlive a pod."""

_PRO = "/etc/mage"
"""Where the chart mounts what is for Mage Pro."""

LEAST = "10Gi"
"""Size of a new volume, unless the claims of the release ask for more."""


class Mount(NamedTuple):
    """One mount with its volume."""

    volume: Manifest
    mount: Manifest

    @property
    def name(self) -> str:
        """Of the volume in the pod."""
        name: str = self.volume["name"]
        return name

    @property
    def path(self) -> str:
        """Where it is mounted."""
        path: str = self.mount["mountPath"]
        return path.rstrip("/") or "/"

    @property
    def kind(self) -> str:
        """As the pod calls it, such as `hostPath`."""
        return next((key for key in self.volume if key != "name"), "emptyDir")

    @property
    def claim(self) -> str | None:
        """The claim, if all of it is mounted at home and can be written: it can be mounted so again."""
        whole = self.path == HOME and not self.mount.get("subPath") and not self.mount.get("readOnly")
        source = self.volume.get("persistentVolumeClaim") or {}
        return source.get("claimName") if whole and not source.get("readOnly") else None


class Storage(NamedTuple):
    """What becomes of the files."""

    fields: Manifest
    """Of spec.storage, without the project."""
    copies: tuple[Copy, ...] = ()


def storage(pod: Manifest, container: Manifest, live: Live, choices: Choices, findings: Findings) -> Storage:
    """Keeps the claim where Mage has exactly one volume, a claim at home; else the files are copied."""
    data = [mount for mount in _mounts(pod, container) if _holds_files(mount, choices, findings)]
    if not data:
        findings.stops(
            f"Mage has no volume at {HOME}, so its files end with its pod: mount one, copy them, and helm upgrade"
        )
        return Storage({})
    claims = [live.claims.get(name) for name in map(_claim_of, data) if name]
    for mount in data:
        _check(mount, live, findings)
    if len(data) == 1 and (name := data[0].claim):
        _refuse_choices(name, choices, findings)
        return Storage({"existingClaim": name, **(_fields_of(claims[0]) if claims[0] else {})})
    return _copied(data, [claim for claim in claims if claim], choices, findings)


def _mounts(pod: Manifest, container: Manifest) -> Iterator[Mount]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes") or ()}
    for mount in container.get("volumeMounts") or ():
        yield Mount(volumes[mount["name"]], mount)


def _holds_files(mount: Mount, choices: Choices, findings: Findings) -> bool:
    """Whether it is part of the project's files; what is not, and cannot be left out, is an obstacle."""
    inside = mount.path == HOME or mount.path.startswith(f"{HOME}/")
    if mount.name in choices.leave_out:
        findings.differs("Volume", f"{mount.name} at {mount.path} is left out, as you say")
    elif mount.kind == "emptyDir":
        findings.differs("Volume", f"the empty volume {mount.name} at {mount.path} is not there any more")
    elif mount.path == _PRO or mount.path.startswith(f"{_PRO}/"):
        findings.differs("Volume", f"{mount.name} at {mount.path} is left out: it is for Mage Pro, and Mage ignores it")
    elif inside and mount.kind in _KEPT:
        return True
    else:
        remedy = "copy the files to the project" if inside else f"put what is in it below {HOME}, or into extraEnvs"
        findings.stops(
            f"a MageCluster cannot mount volume {mount.name} ({mount.kind}) at {mount.path}: {remedy}, or do without "
            f"it by --leave-out {mount.name}"
        )
    return False


def _check(mount: Mount, live: Live, findings: Findings) -> None:
    if mount.mount.get("subPathExpr"):
        findings.stops(f"volume {mount.name} is mounted with subPathExpr: use subPath, and helm upgrade")
    name = _claim_of(mount)
    if name is None:
        return
    claim = live.claims.get(name)
    phase = ((claim or {}).get("status") or {}).get("phase")
    if phase != "Bound":
        findings.stops(f"claim {name} is {phase or 'not there'}: Mage cannot have its files there; mend it first")


def _claim_of(mount: Mount) -> str | None:
    name: str | None = (mount.volume.get("persistentVolumeClaim") or {}).get("claimName")
    return name


def _refuse_choices(name: str, choices: Choices, findings: Findings) -> None:
    if choices.size or choices.storage_class:
        findings.stops(f"--size and --storage-class are for a new volume, and claim {name} is used as it is: omit them")


def _fields_of(claim: Manifest) -> Manifest:
    spec = claim["spec"]
    modes = spec.get("accessModes") or ()
    name = spec.get("storageClassName")
    return {
        "size": spec["resources"]["requests"]["storage"],
        **({"storageClassName": name} if name else {}),
        **({"accessMode": "ReadWriteMany"} if "ReadWriteMany" in modes else {}),
    }


def _copied(data: list[Mount], claims: list[Manifest], choices: Choices, findings: Findings) -> Storage:
    sizes = [claim["spec"]["resources"]["requests"]["storage"] for claim in claims]
    size = choices.size or max([LEAST, *sizes], key=amount_of)
    shared = claims and len(claims) == len(data) and all(_fields_of(claim).get("accessMode") for claim in claims)
    fields = {
        "size": size,
        **({"storageClassName": choices.storage_class} if choices.storage_class else {}),
        **({"accessMode": "ReadWriteMany"} if shared else {}),
    }
    copies = []
    for mount in sorted(data, key=lambda mount: mount.path):
        where = mount.path.removeprefix(HOME).lstrip("/")
        copies.append(Copy(mount.volume, mount.mount.get("subPath") or "", where))
        findings.differs(
            "Volume",
            f"{_told(mount)} at {mount.path} is copied into a new volume of {size} (--size, --storage-class) while "
            "Mage is stopped; the files stay where they are, too",
        )
    return Storage(fields, tuple(copies))


def _told(mount: Mount) -> str:
    match mount.volume:
        case {"hostPath": {"path": path}}:
            return f"hostPath {path}"
        case {"persistentVolumeClaim": {"claimName": name}}:
            return f"claim {name}"
        case _:
            return f"{mount.kind} {mount.name}"
