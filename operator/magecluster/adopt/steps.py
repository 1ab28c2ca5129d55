"""The takeover: steps in their order, each with its way back; the first that fails sends all of it back."""

import asyncio
from collections.abc import Callable

from magecluster.adopt import move, new, old, service
from magecluster.adopt.context import AnotherError, Context, Step, StepError
from magecluster.adopt.facts import Takeover
from magecluster.kube.apply import NameTakenError
from magecluster.kube.errors import KubeError, UnavailableError

_ATTEMPTS, _PAUSE_SECONDS = 20, 3.0
"""How long the way back waits for an API server that is away."""

FAILURES = (KubeError, StepError, NameTakenError)


class TakeoverError(Exception):
    """It did not succeed; the message says what happened, and where everything is now."""


def _copies(takeover: Takeover) -> bool:
    return takeover.claim is not None


STEPS = (
    Step("Writing down what there is", new.record, "", new.forget_record),
    Step("Making Secrets", new.make_secrets, "", new.remove_secrets),
    Step("Making the new volume", new.make_volume, "", new.remove_volume, _copies),
    Step("Making the MageCluster, stopped", new.make_cluster, "Removing the MageCluster", new.remove_cluster),
    Step("Stopping Mage at the release", old.stop, "Starting Mage at the release", old.start_again),
    Step("Copying the files", move.copy, "Ending the copy", move.end_copy, _copies),
    Step("Removing the old Deployments", old.retire, "Making the old Deployments again", old.make_again),
    Step("Handing over the Service", service.hand_over, "Handing back the Service", service.hand_back),
    Step("Starting Mage at the MageCluster", move.start, "Stopping Mage at the MageCluster", move.stop_new),
    Step("Asking Mage for its project", move.compare, "", move.nothing),
    Step("Hiding the release from Helm", service.hide_release, "Giving the release back to Helm", service.show_release),
    Step("Writing down that all is done", new.finish, "", new.unfinish),
)

Announce = Callable[[int, int, str], None]
"""Told the number of a step, of how many, and its title."""


def steps_of(takeover: Takeover) -> list[Step]:
    """Those that this takeover needs."""
    return [step for step in STEPS if step.needed is bool or step.needed(takeover)]


def _nothing() -> None: ...


async def take_over(context: Context, announce: Announce, returning: Callable[[], None] = _nothing) -> None:
    """Raises `TakeoverError` after everything was given back; `returning` is called before that begins."""
    steps = steps_of(context.takeover)
    for number, step in enumerate(steps, start=1):
        announce(number, len(steps), step.title)
        try:
            await step.do(context)
        except AnotherError as error:
            raise TakeoverError(f"{error}; nothing was done") from error
        except (Exception, asyncio.CancelledError) as error:  # a fault of ours must not leave Mage stopped either
            returning()
            await give_back(context, announce, steps[:number])
            if not isinstance(error, FAILURES):
                raise
            raise TakeoverError(
                f"{step.title} failed: {_sentence(error)}. Release {context.takeover.release} is back as it was, and "
                "nothing is lost"
            ) from error


async def give_back(context: Context, announce: Announce, steps: list[Step] | None = None) -> None:
    """The way back, from the last step to the first. Raises `TakeoverError` where it does not get on."""
    done = steps_of(context.takeover) if steps is None else steps
    for number, step in enumerate(reversed(done), start=1):
        if step.back:
            announce(number, len(done), step.back)
        try:
            await _patiently(step, context)
        except Exception as error:
            raise TakeoverError(
                f"{step.back or step.title} failed: {_sentence(error)}. Release {context.takeover.release} may not "
                "run: mend the cause, then try again with --undo"
            ) from error


async def _patiently(step: Step, context: Context) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            await step.undo(context)
        except UnavailableError as error:
            if attempt == _ATTEMPTS - 1:
                raise
            context.tell(f"{_sentence(error)}: trying again")
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


def _sentence(error: Exception) -> str:
    text = str(error) if isinstance(error, FAILURES) else repr(error)
    return " ".join(text.split()).rstrip(".")
