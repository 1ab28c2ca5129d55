"""The commands of docs/backup.md, without snapshot and dump; tests/e2e does the like with a real Mage."""

import re
from pathlib import Path

from tests.support.kube import Namespace, a_cluster

from devkit import debian, shell
from devkit.install import ROOT

ADDRESS = "postgresql{}://sales:word@postgresql.databases.svc:5432/sales"


class Document:
    """Its commands by paragraph, in a folder for what they save."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        self._space, self._folder = space, folder
        blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/backup.md").read_text(), re.MULTILINE | re.DOTALL)
        self.back_up, self.restore = (block.split("\n\n") for block in blocks)

    def __call__(self, *commands: str) -> str:
        cluster = self._space.cluster
        kubectl = f"{cluster.binary('kubectl')} --kubeconfig {cluster.kubeconfig} "
        text = "\n".join(commands).replace("NAMESPACE=data", f"NAMESPACE={self._space.name}")
        text = text.replace("$(date +%F)", "2026-07-01").replace("kubectl ", kubectl)
        return shell.run("bash", "-euo", "pipefail", "-c", text, cwd=self._folder)


def test_what_is_saved_can_be_applied_under_another_name(space: Namespace, tmp_path: Path) -> None:
    debian.require({"jq": "jq"})
    document = Document(space, tmp_path)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sales-postgresql"}}
    space.apply(
        {**secret, "stringData": {"url": ADDRESS.format("+psycopg2")}},
        a_cluster("sales", resources={"requests": {"cpu": "10m"}}),
    )
    space.becomes("sales", "Active")
    wish, objects, database, again = document.back_up
    saved = (wish, objects.partition("\n")[0], database.partition("\npg_dump ")[0])
    assert document(*saved, 'echo "$WISHED $DATABASE_URL"').endswith(f"\nActive {ADDRESS.format('')}\n")
    assert space.state("sales") == "Stopped"

    claim = space.get("pvc", "sales-data")
    asked = {key: claim["spec"][key] for key in ("accessModes", "resources")}
    space.apply({**claim, "metadata": {"name": "sales-restored-data"}, "spec": asked, "status": {}})
    names, objects, _, wish = document.restore
    document(names, objects.partition("\nEND\n")[2], wish)
    space.becomes("sales-restored", "Stopped")
    assert space.get("mc", "sales-restored")["spec"]["resources"]["requests"] == {"cpu": "10m"}
    assert space.get("secret", "sales-restored-auth")["data"] == space.get("secret", "sales-auth")["data"]
    space.spec("sales-restored", status="Active")
    space.becomes("sales-restored", "Active")

    document(f"NAME=sales NAMESPACE=data WISHED=Stopped\n{again}")
    assert space.state("sales") == "Stopped", "as it was before"
