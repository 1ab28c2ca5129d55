"""The floor: a block called in one process that does nothing else. Run with Mage's own Python.

Arguments: folder of the project, pipeline, block, how often, and whether outputs are stored (yes or no). Prints the
seconds that each call took, as JSON: of the block alone, and of reading the pipeline first, as everybody has to who
does not want to run code of yesterday.
"""

import json
import sys
import time
import uuid

from mage_ai.settings.repo import set_repo_path

PROJECT, PIPELINE, BLOCK, ROUNDS, STORED = sys.argv[1:]
set_repo_path(PROJECT)

from mage_ai.data_preparation.models.pipeline import Pipeline  # noqa: E402  it opens the database of the project


def call(read: bool) -> float:  # noqa: FBT001  the one thing it is about
    began = time.perf_counter()
    pipeline = Pipeline.get(PIPELINE) if read else KNOWN
    pipeline.get_block(BLOCK).execute_sync(
        global_vars={},
        execution_partition=f"bench/{uuid.uuid4().hex}",
        run_all_blocks=True,
        update_status=False,
        store_variables=STORED == "yes",
        verify_output=False,
        override_outputs=False,
    )
    return time.perf_counter() - began


KNOWN = Pipeline.get(PIPELINE)
call(read=True)
print(json.dumps({"block": [call(read=False) for _ in range(int(ROUNDS))],
                  "pipeline": [call(read=True) for _ in range(int(ROUNDS))]}), file=sys.__stdout__)  # fmt: skip
