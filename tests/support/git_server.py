"""Real Git servers on the loopback: Git's own HTTP backend behind a token, and OpenSSH's server."""

import base64
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from tests.support.eventually import eventually
from tests.support.needs import needs
from typing_extensions import override

from devkit import shell

IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
IDENTITY |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}


class Origin:
    """A repository, and the files of its next commit."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder / "origin.git", folder / "files"
        shell.run("git", "init", "--quiet", "--bare", "--initial-branch=main", self.folder)
        self.files.mkdir()

    def commit(self, files: dict[str, str | bytes | None], branch: str = "main", message: str = "A change") -> str:
        """Change files, None removes one; returns the commit's name."""
        for name, content in files.items():
            path = self.files / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self._run("add", "--all", ".")
        tree = self._run("write-tree")
        try:
            parent = ["-p", self._run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")]
        except shell.Failed:
            parent = []
        made = self._run("commit-tree", tree, *parent, "-m", message)
        self._run("update-ref", f"refs/heads/{branch}", made)
        return made

    def _run(self, *command: str) -> str:
        there = {"GIT_DIR": str(self.folder), "GIT_WORK_TREE": str(self.files), **IDENTITY}
        return shell.run("git", *command, env=there, cwd=self.files).strip()


class HttpServer:
    """Serves below `folder` to whoever has the token."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_urlsafe(16)
        self.cut_after: int | None = None
        """How many bytes of an answer are sent before the connection is cut."""
        self.hold = threading.Event()
        """Answers wait for it."""
        self.hold.set()
        self.moved_to: str | None = None
        """Where whoever asks is sent instead."""
        self.asked = 0
        self.credentials: list[str] = []
        """That were shown."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, folder))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/origin.git"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(server: HttpServer, folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked += 1
            if shown := self.headers.get("Authorization"):
                server.credentials.append(shown)
            if server.moved_to:
                self.send_response(302)
                self.send_header("Location", server.moved_to + self.path.partition("/origin.git")[2])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            wanted = base64.b64encode(f"git:{server.token}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            server.hold.wait(60)
            self._send(self._backend())

        do_POST = do_GET  # noqa: N815  as the base class asks for it

        def _backend(self) -> bytes:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            environment = {
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROJECT_ROOT": str(folder),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "git",
                "REMOTE_ADDR": "127.0.0.1",
                "PATH": os.environ["PATH"],
            }
            return subprocess.run(
                ("/usr/bin/env", "git", "http-backend"), env=environment, input=body, capture_output=True, check=True
            ).stdout

        def _send(self, answer: bytes) -> None:
            head, _, body = answer.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if server.cut_after is not None and self.command == "POST":
                body = body[: server.cut_after]
                self.close_connection = True
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None: ...

    return Handler


@contextmanager
def ssh_server(folder: Path, origin: Origin) -> Iterator[tuple[str, Path]]:
    """The address of the repository, and a folder with what a client needs: a key, and the server's in known_hosts."""
    needs({"sshd": "openssh-server", "ssh-keygen": "openssh-client"})
    client = folder / "client"
    client.mkdir()
    for key in (folder / "host", client / "ssh-privatekey"):
        shell.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    port = _free_port()
    host = (folder / "host.pub").read_text().split()
    (client / "known_hosts").write_text(f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
    authorized = folder / "authorized"
    authorized.write_text((client / "ssh-privatekey.pub").read_text())
    settings = (
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}", f"AuthorizedKeysFile {authorized}",
        "StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no", f"PidFile {folder / 'pid'}",
    )  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(settings) + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "sshd.log").open("w") as log:
        server = subprocess.Popen(("/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"), stdout=log, stderr=log)
    try:
        eventually((folder / "pid").exists, what=(folder / "sshd.log").read_text())
        user = os.environ.get("USER", "root")
        yield f"ssh://{user}@127.0.0.1:{port}{origin.folder}", client
    finally:
        server.terminate()
        server.wait(10)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
