"""A real PostgreSQL beside the cluster: a process of this machine that pods can reach, gone without a trace after."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.eventually import eventually

from devkit import debian, shell

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
"""Where Debian's package keeps what is not on PATH."""


class PostgreSQL(NamedTuple):
    """A server with one superuser."""

    host: str
    port: int
    password: str

    def url(self, database: str, driver: str = "") -> str:
        return f"postgresql{driver}://mage:{self.password}@{self.host}:{self.port}/{database}"

    def query(self, database: str, statement: str) -> str:
        """The answer, a line for each row."""
        command = (PROGRAMS / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname", self.url(database))
        return shell.run(*command, "--command", statement).strip()


@contextmanager
def postgresql(peer: str) -> Iterator[PostgreSQL]:
    """Listens only on the address by which this machine is known to `peer`, an address of the cluster's node."""
    debian.require({str(PROGRAMS / "postgres"): "postgresql-15"})
    folder = Path(tempfile.mkdtemp(prefix="mage-postgresql-"))
    try:
        server = PostgreSQL(*_free_door(peer), secrets.token_hex(16))
        secret = folder / "password"
        secret.write_text(server.password)
        if user := _user():
            for path in (folder, secret):
                shutil.chown(path, user)
        data = folder / "data"
        access = ("--username=mage", "--auth=scram-sha-256", f"--pwfile={secret}")
        subprocess.run(
            (PROGRAMS / "initdb", *access, "--no-sync", "--pgdata", data),
            user=_user(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (data / "pg_hba.conf").write_text("host all all 0.0.0.0/0 scram-sha-256\n")
        with _running(server, data):
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(server: PostgreSQL, data: Path) -> Iterator[None]:
    settings = {"listen_addresses": server.host, "unix_socket_directories": "", "fsync": "off", "max_connections": 300}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(PROGRAMS / "postgres"), "-D", str(data), "-p", str(server.port), *words]
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, user=_user(), cwd=data, stdout=log, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: _answers(server, process), what="PostgreSQL answers")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # with SIGTERM it would wait for its clients
        process.wait(20)


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _answers(server: PostgreSQL, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "PostgreSQL ended"
    try:
        return server.query("postgres", "select 1") == "1"
    except shell.Failed:
        return False


def _free_door(peer: str) -> tuple[str, int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))  # a datagram socket only asks the routing table
        host = str(probe.getsockname()[0])
    with socket.socket() as probe:
        probe.bind((host, 0))
        return host, int(probe.getsockname()[1])
