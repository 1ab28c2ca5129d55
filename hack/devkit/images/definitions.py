"""Which images there are, what goes into each of them, and what they are called."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import magecluster

ROOT = Path(__file__).resolve().parents[3]
CONTAINERS = ROOT / "hack/containers"

MAGE_VERSION = "0.9.80"
"""The one place for the version of Mage; `hack/images lock` carries it into hack/containers/mage/requirements.lock."""

MAGE_REQUIREMENTS = (
    f"mage-ai=={MAGE_VERSION}",
    # Extra "postgres", without psycopg2, which needs a compiler; the 2.9.3 pinned there has no wheel for Python 3.11.
    "psycopg2-binary>=2.9.5",
    "sshtunnel==0.4.0",
    # From extra "all": the Kubernetes executor, and what ENABLE_PROMETHEUS and OTEL_EXPORTER_OTLP_ENDPOINT import.
    "kubernetes==33.1.0",
    "opentelemetry-api>=1.40.0",
    "opentelemetry-exporter-otlp>=1.40.0",
    "opentelemetry-exporter-prometheus>=0.61b0",
    "opentelemetry-instrumentation-sqlalchemy>=0.61b0",
    "opentelemetry-instrumentation-tornado>=0.61b0",
    # Left out: ai, azure, bigquery, chroma, clickhouse, dbt, google-cloud-storage, hdf5, mysql, oracle, qdrant,
    # redshift, s3, snowflake, spark, streaming. A project that needs one names it in its requirements.txt.
)

INVENTORY_REQUIREMENTS = ("cyclonedx-bom>=7.5",)
"""What tells, in the build of our image, which packages it has; `hack/images lock` writes tools.lock from it."""

PYTHON = "3.11"
"""Python of both bases; the wheels are chosen for it."""

REGISTRY_BASE = f"docker.io/library/python:{PYTHON}-slim-bookworm"


@dataclass(frozen=True)
class Image:
    """One image: `files` maps a name in the build context to the file or folder copied there.

    `lock` names the Python packages in it, `tools` those that only its build needs.
    """

    name: str
    reference: str
    version: str
    lock: Path
    packages: tuple[str, ...]
    files: Mapping[str, Path]
    expect: str
    tools: Path | None = None

    @property
    def containerfile(self) -> Path:
        return CONTAINERS / self.name / "Containerfile"


IMAGES = {
    "operator": Image(
        name="operator",
        reference=f"localhost/magecluster/magecluster:{magecluster.__version__}",
        version=magecluster.__version__,
        lock=ROOT / "requirements.lock",
        packages=("libstdc++6",),  # extensions of packages link with it; a registry's base has it, for apt
        files={
            "operator": ROOT / "operator",
            **{name: CONTAINERS / "operator" / name for name in ("rootfs.py", "inventory.py")},
        },
        expect="1 min, less when only our source changed",
        tools=CONTAINERS / "operator/tools.lock",
    ),
    "mage": Image(
        name="mage",
        reference=f"localhost/mageai/mageai:{MAGE_VERSION}",
        version=MAGE_VERSION,
        lock=CONTAINERS / "mage/requirements.lock",
        # git: Mage's version control; libstdc++6: pandas, pyarrow and scikit-learn link with it.
        packages=("git", "libstdc++6"),
        files={"run_app.sh": CONTAINERS / "mage/run_app.sh"},
        expect="2 min",
    ),
}


def cache() -> Path:
    """Return the project's cache, outside the checkout; the same folder as in hack/python."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MAGECLUSTER_CACHE") or user / "magecluster")
