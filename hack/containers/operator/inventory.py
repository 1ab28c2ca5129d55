"""Completes the list of what is in the image (CycloneDX): what came from Debian packages, and the interpreter.

`inventory.py PACKAGES.json ROOTFS VERSION` prints it. PACKAGES.json is what cyclonedx-py tells of the Python packages.
For scanners that read the image itself, each Debian package is also noted in ROOTFS/var/lib/dpkg/status.d.
"""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TITLE = "magecluster"


def main() -> None:
    packages, root, version = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    bom = json.loads(packages.read_text())
    components = [*bom.get("components", []), interpreter(), *(debian(name, root) for name in owners(root))]
    bom["components"] = sorted(components, key=lambda one: str(one["bom-ref"]))
    subject = {"type": "application", "bom-ref": TITLE, "name": TITLE, "version": version}
    bom.setdefault("metadata", {})["component"] = subject | {"licenses": [{"license": {"id": "Apache-2.0"}}]}
    direct = [{"ref": TITLE, "dependsOn": sorted(str(one["bom-ref"]) for one in components)}]
    bom["dependencies"] = direct + [one for one in bom.get("dependencies", []) if one["ref"] != "root-component"]
    json.dump(bom, sys.stdout, indent=1, sort_keys=True)


def interpreter() -> dict[str, Any]:
    purl = f"pkg:generic/cpython@{platform.python_version()}"
    return {
        "type": "application",
        "bom-ref": purl,
        "purl": purl,
        "name": "cpython",
        "version": platform.python_version(),
    }


def owners(root: Path) -> list[str]:
    """Debian packages that files of the root file system came from; none where the base is not Debian's."""
    if not shutil.which("dpkg-query"):
        return []
    paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file() and "magecluster" not in path.parts]
    # Which of the merged folders a package names differs from package to package.
    names = {f"/{path}" for path in paths} | {f"/{path.relative_to('usr')}" for path in paths if path.parts[0] == "usr"}
    told = subprocess.run(
        ["dpkg-query", "--search", *sorted(names)], capture_output=True, text=True, check=False
    ).stdout
    owned = [line.rpartition(": ")[0] for line in told.splitlines() if not line.startswith("diversion ")]
    return sorted({package for line in owned for package in line.split(", ")})


def debian(name: str, root: Path) -> dict[str, Any]:
    """Note a package, with its licences, and return its component."""
    fields = ("Package", "Version", "Architecture")
    query = ("dpkg-query", "--show", f"--showformat={' '.join(f'${{{field}}}' for field in fields)}", name)
    package, version, architecture = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
    noted = root / "var/lib/dpkg/status.d" / package
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.write_text(
        subprocess.run(["dpkg-query", "--status", name], capture_output=True, text=True, check=True).stdout
    )
    licences = Path("/usr/share/doc", package, "copyright")
    if licences.exists():
        place = root / licences.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(licences, place)
    purl = f"pkg:deb/{platform.freedesktop_os_release()['ID']}/{package}@{version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "purl": purl, "name": package, "version": version}


if __name__ == "__main__":
    main()
