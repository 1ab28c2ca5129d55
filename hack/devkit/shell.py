import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

TAIL = 15


class Failed(Exception):
    """An expected failure, told in its message; command lines print it and end with status 1."""


def tail(text: str, lines: int = TAIL) -> str:
    """The last lines of an output: where a program says why it ended."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def run(
    *argv: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    log: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command to its end and return what it wrote to standard output.

    `env` is added to this process's environment, `timeout` counts seconds. With `log`, both outputs are
    appended to that file and the answer is empty. Raises Failed, with the end of the output, when the command
    is missing, ends with a status other than 0 or takes too long.
    """
    command = [str(word) for word in argv]
    start = log.stat().st_size if log and log.exists() else 0
    try:
        with (log or Path(os.devnull)).open("ab") as file:
            done = subprocess.run(
                command,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                stdout=file if log else subprocess.PIPE,
                stderr=subprocess.STDOUT if log else subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
    except FileNotFoundError as error:
        raise Failed(f"{command[0]}: not found") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command[:4])}: not done after {timeout:g} s\n{_end(log, start)}".rstrip()) from error
    if done.returncode:
        output = _end(log, start) if log else tail((done.stdout or "") + (done.stderr or ""))
        raise Failed(f"{' '.join(command[:4])}: exit status {done.returncode}\n{output}".rstrip())
    return done.stdout or ""


def _end(log: Path | None, start: int) -> str:
    if log is None:
        return ""
    return f"{tail(log.read_bytes()[start:].decode(errors='replace'))}\n(all of it: {log})"
