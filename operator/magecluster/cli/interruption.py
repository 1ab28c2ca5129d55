"""What signals do to a takeover: they end the way there, and never the way back."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Cancels the work at a signal, and knows what is to be said of it."""

    def __init__(self) -> None:
        self.word = "interrupted: nothing was changed"
        """What is true if the work ends now."""
        self._tell: Callable[[str], None] | None = None

    def listen(self) -> None:
        """From now on, for the running task. What whoever started us ignores (nohup) stays ignored."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._asked, number, task)

    def returns(self, tell: Callable[[str], None]) -> None:
        """From now on signals are only answered: before its end Mage may run nowhere."""
        self._tell = tell

    def _asked(self, number: signal.Signals, task: asyncio.Task[Any] | None) -> None:
        if self._tell:
            self._tell(f"{number.name} waits: the release is being given back, and Mage may not run yet")
        elif task:
            task.cancel()
