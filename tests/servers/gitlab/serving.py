"""The double's HTTP port, with TLS where it is asked for, by a certificate authority of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from servers.gitlab.operations import Reply


class Served(Protocol):
    """What answers."""

    contract_errors: list[str]

    def handle(self, handler: Handler, method: str, target: str, headers: dict[str, str], raw: bytes) -> None:
        """Answers one request on its connection."""


class Listener(ThreadingHTTPServer):
    """The socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, double: Served, host: str, tls: bool) -> None:
        super().__init__((host, 0), Handler)
        self.double = double
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate, key, _ = certificates()
            context.load_cert_chain(certificate, key)
            # Shaken hands on the connection's own thread: who does not answer holds up nobody else.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away; anything else is the double's own mistake."""
        wrong = sys.exc_info()[1]
        if not isinstance(wrong, OSError):
            self.double.contract_errors.append(f"the double failed: {traceback.format_exc()}")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self._chunks() if "chunked" in headers.get("transfer-encoding", "") else self._plain()
        self.server.double.handle(self, self.command, self.path, headers, raw)

    def _plain(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        whole = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(whole)

    def hang_up(self) -> None:
        """Closes the connection without a word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, reply: Reply, *, cut: bool = False) -> None:
        """Sends a reply; `cut` breaks off in the middle of its body."""
        body = reply.body
        if body is None:
            content = b""
        elif isinstance(body, bytes):
            content = body
        elif isinstance(body, str) and reply.content_type != "application/json":
            content = body.encode()
        else:
            content = json.dumps(body).encode()
        self.send_response(reply.status)
        if body is not None:
            self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not cut:
            if self.command != "HEAD":
                self.wfile.write(content)
            return
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.hang_up()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


_FOLDER: list[tempfile.TemporaryDirectory[str]] = []
"""Kept for as long as this process runs."""


@cache
def certificates() -> tuple[Path, Path, Path]:
    """A server's certificate for localhost, its key, and the authority that no machine knows: PEM files."""
    _FOLDER.append(tempfile.TemporaryDirectory(prefix="gitlab-double-tls-"))
    folder = Path(_FOLDER[0].name)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    openssl("req", "-x509", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.pem",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext", "extendedKeyUsage=serverAuth")  # fmt: skip
    return folder / "server.pem", folder / "server.key", folder / "ca.pem"
