import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between two signs of life: a terminal's line is rewritten, a log gets a new line.
TERMINAL, LOG = 1.0, 30.0


def elapsed(seconds: float) -> str:
    """A duration for people: 4 s, 2 min 05 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"


def say(line: str) -> None:
    """Print one line for the person who waits; standard output stays free for results."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(title: str, expect: str | None = None, detail: Callable[[], str] | None = None) -> Iterator[None]:
    """Tell that a step began, now and then that it goes on, and how long it took or that it failed.

    `expect` is how long it usually takes ("6 min"); `detail` is asked for how far it has come at each sign of life.
    """
    begun, over = time.monotonic(), threading.Event()
    live = sys.stderr.isatty()
    say(f"==> {title}" + (f" (usually {expect})" if expect else ""))

    def signs_of_life() -> None:
        while not over.wait(TERMINAL if live else LOG):
            line = " ".join(filter(None, ("   ", detail and detail(), elapsed(time.monotonic() - begun))))
            print(f"\r\033[K{line}" if live else line, file=sys.stderr, end="" if live else "\n", flush=True)

    thread = threading.Thread(target=signs_of_life, daemon=True)
    thread.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        over.set()
        thread.join()
        say(("\r\033[K" if live else "") + f"    {outcome} after {elapsed(time.monotonic() - begun)}")
