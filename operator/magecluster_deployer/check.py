"""`python -m magecluster_deployer.check PROJECT`: whether the pipelines of a project load.

Prints a JSON list of what is wrong, a text for each. Mage loads each pipeline as it would to run it; blocks in Python
are compiled, and none is executed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """In a process of its own, which has Mage's environment but for its database."""
    project = Path(sys.argv[1]).resolve()
    from mage_ai.settings.repo import set_repo_path  # noqa: PLC0415  Mage reads its environment when it is imported

    set_repo_path(str(project))
    wrong = [problem for file in sorted(project.glob("pipelines/*/metadata.yaml")) for problem in _wrong(project, file)]
    sys.stdout.write("\n" + json.dumps(wrong) + "\n")


def _wrong(project: Path, file: Path) -> list[str]:
    from mage_ai.data_preparation.models.constants import BlockLanguage  # noqa: PLC0415  as above
    from mage_ai.data_preparation.models.pipeline import Pipeline  # noqa: PLC0415  as above

    name = file.parent.name
    try:
        pipeline = Pipeline.get(name, repo_path=str(project), use_repo_path=True)
        pipeline.validate()
        blocks = {**pipeline.callbacks_by_uuid, **pipeline.conditionals_by_uuid, **pipeline.blocks_by_uuid}
    except Exception as failure:  # noqa: BLE001  whatever Mage raises for a file that it cannot use
        return [f"Pipeline {name} does not load: {type(failure).__name__}: {failure}"]
    wrong = []
    for block in blocks.values():
        try:
            place = Path(block.file_path)
            if block.replicated_block or not place.suffix:
                continue
            content = place.read_text()
            if block.language == BlockLanguage.PYTHON:
                compile(content, str(place.relative_to(project)), "exec")
        except OSError:
            wrong.append(f"Pipeline {name}: block {block.uuid} has no file {place.name}")
        except (SyntaxError, ValueError) as failure:
            wrong.append(f"Pipeline {name}: block {block.uuid} is no Python: {failure}")
    return wrong


if __name__ == "__main__":
    main()
