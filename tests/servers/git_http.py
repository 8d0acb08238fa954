"""A git server over HTTP on loopback: the real `git http-backend`, a door that knows one token, and faults."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, check=True).stdout.decode().strip())


@dataclass
class GitHttp:
    """What a server does, changeable while it runs, and what it was asked."""

    root: Path
    """Every repository below it is served, for reading."""
    header: str = ""
    """The `Authorization` that opens the door; empty: everybody may read."""
    port: int = 0
    scheme: str = "http"
    failing: int = 0
    """So many of the next requests are answered with `status`."""
    status: int = 503
    redirect: str = ""
    """Where every request is sent instead."""
    pace: float = 0.0
    """Seconds between two pieces of an answer."""
    hanging: bool = False
    """Takes requests and never answers them."""
    requests: list[str] = field(default_factory=list)
    """Method and path of each."""
    headers: list[str] = field(default_factory=list)
    """The `Authorization` of each, empty where there was none."""
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        """Address of the server."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """Address of one repository."""
        return f"{self.base}/{name}"


@contextlib.contextmanager
def serving(root: Path, *, header: str = "", certificate: Path | None = None) -> Iterator[GitHttp]:
    """A server for the repositories below `root`, with TLS where a certificate (with its key) is given."""
    state = GitHttp(root, header=header)

    class Handler(_Handler):
        told = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            state.scheme = "https"
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.closing.set()
            server.shutdown()
            thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    """One request, handed to `git http-backend` as a web server would: by CGI."""

    told: GitHttp

    def do_GET(self) -> None:
        """Answers."""
        self.answer(b"")

    def do_POST(self) -> None:
        """Answers."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self.answer(self.chunks())
        else:
            self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def chunks(self) -> bytes:
        """The body of a chunked request."""
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, body: bytes) -> None:
        """One answer, or the fault that is asked for."""
        told = self.told
        # A proxy is asked for a whole address.
        place = urlsplit(self.path)
        told.requests.append(f"{self.command} {place.path}")
        told.headers.append(self.headers.get("Authorization", ""))
        if told.hanging:
            told.closing.wait(30)
            self.close_connection = True
        elif told.failing > 0:
            told.failing -= 1
            self.plain(told.status, "not now")
        elif told.redirect:
            self.plain(302, "", Location=told.redirect + self.path)
        elif told.header and self.headers.get("Authorization") != told.header:
            self.plain(401, "who are you?", **{"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self.backend(place.path, place.query, body)

    def plain(self, status: int, text: str, **headers: str) -> None:
        """A short answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def backend(self, path: str, query: str, body: bytes) -> None:
        """The answer of git itself."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_PROJECT_ROOT": str(self.told.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            [str(BACKEND / "git-http-backend")], input=body, env=environ, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not self.told.pace:
            self.wfile.write(content)
            return
        for start in range(0, len(content), 512):
            self.wfile.write(content[start : start + 512])
            self.wfile.flush()
            time.sleep(self.told.pace)
