"""Every change to Mage's own code, each with its reason and a check that Mage is the one it was made for.

Syntax of Python 3.8 and the standard library only. `startup/sitecustomize.py` calls `install` in each Python process
that imports Mage; whoever imports Mage without it calls `install` himself.

Where Mage's code is not known, the change is left out and a line on standard error says so. To end Mage instead would
take the editor and every other run with it, for one variable of some.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SEEN_ON = "0.9.80"
"""Versions of Mage on which the changes were seen to work."""

SCHEDULES = "mage_ai.orchestration.db.models.schedules"

METRICS = "mage_ai.orchestration.metrics.pipeline_run"

LOGS = "mage_ai.api.resources.LogResource"

KNOWN: dict[str, str] = {
    "get_variables": "a0959ce338122217013ef63f8bdd9e764d968d334559cd778e23c6ba6f9372ab",
    "get_variables_project_platform": "243944047513b7287f7bf675bf0fd68911d6c623c99c8d7c672d64918089ec2b",
    "LogResource": "6707e6dcaf02d96737a8efb29cb86fe89510e115e2bf4d94839fc00885a42dfe",
    "calculate_pipeline_run_metrics": "1c8ff06cf89bc5bb433ca89a678775ca4de312c751aeffb50ad6de1455e72425",
}
"""Functions that a change relies on, with the fingerprint of their source."""

KEPT = ("idempotency_key", "idempotency_body")
"""What the gateway writes into the metrics of a run."""


class UnknownMageError(Exception):
    """Mage's code is not the one that a change was made for."""


class Change(NamedTuple):
    """What is done to one module as soon as it has been imported."""

    apply: Callable[[ModuleType], None]
    """Raises `UnknownMageError`."""
    without: str
    """What people will notice where it is left out."""


def run_variables_win(module: ModuleType) -> None:
    """Let `env` be what a run, its trigger or its pipeline says, and Mage's 'prod' only where none of them says it.

    Mage documents that blocks see the variables of the request by which a run was triggered, with `env` as the example,
    but it sets `env` to 'prod' after it has put them together. Everything else stays as Mage makes it.
    """
    cls = module.PipelineRun
    original = cls.get_variables
    if getattr(original, "magecluster", False):
        return
    _must_be_known(cls, "get_variables", "get_variables_project_platform")

    @functools.wraps(original)
    def get_variables(
        self: Any, extra_variables: dict[str, Any] | None = None, pipeline_uuid: str | None = None
    ) -> dict[str, Any]:
        variables: dict[str, Any] = original(self, extra_variables=extra_variables, pipeline_uuid=pipeline_uuid)
        if "env" not in (extra_variables or {}):  # those Mage itself lets win over everything
            found, value = _env(module, self, pipeline_uuid or self.pipeline_uuid)
            if found:
                variables["env"] = value
        return variables

    get_variables.magecluster = True  # type: ignore[attr-defined]
    cls.get_variables = get_variables


def keys_survive(module: ModuleType) -> None:
    """Let a run of a data integration pipeline keep the key by which it was started, for calls that are repeated later.

    When it ends, Mage writes what it measured over everything that stood there.
    """
    original = module.calculate_pipeline_run_metrics
    if getattr(original, "magecluster", False):
        return
    _must_be_known(module, "calculate_pipeline_run_metrics")

    @functools.wraps(original)
    def calculate_pipeline_run_metrics(pipeline_run: Any, *args: Any, **options: Any) -> Any:
        before = (pipeline_run.metrics if pipeline_run else None) or {}
        kept = {name: before[name] for name in KEPT if name in before}
        found = original(pipeline_run, *args, **options)
        if kept:
            pipeline_run.update(metrics={**(pipeline_run.metrics or {}), **kept})
        return found

    calculate_pipeline_run_metrics.magecluster = True  # type: ignore[attr-defined]
    module.calculate_pipeline_run_metrics = calculate_pipeline_run_metrics  # type: ignore[attr-defined]


def logs_are_of_the_pipeline_that_ran(module: ModuleType) -> None:
    """Let the page of a pipeline's logs show all of its runs.

    Mage shows those of the pipeline's own triggers, but `POST /api/runs` takes the token of any trigger. Two conditions
    in the middle of a function decide it, so its class is compiled again with the other ones.
    """
    cls, name = module.LogResource, "_LogResource__pipeline_logs"
    if getattr(cls, "magecluster", False):
        return
    _must_be_known(module, "LogResource")
    source = inspect.getsource(cls).replace("b.pipeline_uuid == pipeline_uuid", "a.pipeline_uuid == pipeline_uuid")
    made: dict[str, Any] = {}
    exec(compile(source, module.__file__ or "", "exec"), vars(module), made)  # noqa: S102  it is Mage's own
    setattr(cls, name, vars(made["LogResource"])[name])
    cls.magecluster = True


def _must_be_known(owner: Any, *names: str) -> None:
    for name in names:
        if fingerprint_of(getattr(owner, name, None)) != KNOWN[name]:
            raise UnknownMageError(f"{owner.__name__}.{name} is other code")


def _env(module: ModuleType, run: Any, pipeline_uuid: str) -> tuple[bool, Any]:
    """Whether anybody says what `env` is, and what. `event_variables` are the bare keys of a request, or an event."""
    for said in (run.variables, run.event_variables, run.pipeline_schedule.variables):
        if said and "env" in said:
            return True, said["env"]
    # Last, as it reads the pipeline's files.
    chosen = {"pipeline": run.pipeline} if module.project_platform_activated() else {}
    said = module.get_global_variables(pipeline_uuid, **chosen) or {}
    return "env" in said, said.get("env")


CHANGES: dict[str, Change] = {
    SCHEDULES: Change(run_variables_win, "a variable env of a run, its trigger or its pipeline is 'prod' in blocks"),
    METRICS: Change(keys_survive, "a run of a data integration pipeline forgets its Idempotency-Key when it ends"),
    LOGS: Change(logs_are_of_the_pipeline_that_ran, "logs of runs by another pipeline's token are in files only"),
}
"""By the name of the module."""


def install() -> None:
    """Apply the changes: at once to modules that are there, to others when they have been imported."""
    for name, change in CHANGES.items():
        if name in sys.modules:
            _apply(change, sys.modules[name])
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


class Finder:
    """Finds nothing itself; has the modules that others find changed once they have been executed."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        """The spec that the next finder gives, for the modules of `CHANGES`."""
        change = CHANGES.get(name)
        if change is None:
            return None
        # Those behind it, as there may be two of its kind: one of a start-up, one of whoever called `install`.
        behind = sys.meta_path[sys.meta_path.index(self) + 1 :]
        asked = (finder.find_spec(name, path, target) for finder in behind if hasattr(finder, "find_spec"))
        spec = next(filter(None, asked), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _apply(change, module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one loader
        return spec


def _apply(change: Change, module: ModuleType) -> None:
    """Never raises: a process that could do without the change goes on without it."""
    try:
        change.apply(module)
    except Exception as error:  # noqa: BLE001  whatever is unexpected in Mage's code
        _tell(f"{error} ({type(error).__name__} in {module.__name__})", change.without)


def _tell(what: str, without: str) -> None:
    sys.stderr.write(
        f"magecluster: NOT CHANGED: this Mage is not {SEEN_ON}, for which the change was made: {what}. So {without}. "
        "Run that version of Mage, or an operator that knows yours.\n"
    )


def fingerprint_of(function: Any) -> str:
    """Digest of a function's source without comments and empty lines; empty when there is no source."""
    try:
        lines = inspect.getsource(function).splitlines()
    except (OSError, TypeError):
        return ""
    kept = [line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()
