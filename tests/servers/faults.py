"""A proxy on loopback that spoils chosen answers of any server: errors, half bodies, resets, slowness."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of being served, or to its answer."""

    kind: Literal["status", "truncated", "reset", "reset-late", "slow", "dribble", "garbled", "closed"] = "status"
    """`status`: that status, the server is not asked; `truncated`: half of the real body, then the end, with the
    whole length promised; `reset`: the connection is reset before anything comes, `reset-late`: after half of the
    body; `closed`: the connection ends without an answer; `slow`: the real answer after `seconds`; `dribble`: the
    real body byte by byte over `seconds`; `garbled`: status 200 with `body` instead of the real one."""
    status: int = 500
    body: Any = None
    """JSON, or text as it is; by default an error in words."""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def refusal(status: int, message: str = "", *, retry_after: str | None = None) -> Fault:
    """A status with an error body in the usual form, and `Retry-After` where given."""
    error = {
        "error": {"message": message or f"planted {status}", "type": "planted", "param": None, "code": status}
    }
    return Fault("status", status, error, {} if retry_after is None else {"Retry-After": retry_after})


Choose = Callable[[int, str, Any], Fault | None]
"""(number of the request from 0, path, JSON body) -> what is to happen to it."""


class FaultyProxy:
    """A proxy in front of a server's root or base URL, as a context manager; `.url` is the spoiled base URL.

    `choose` decides for every request; `.requests` holds (path, body, fault) of each, in order of arrival.
    """

    def __init__(self, upstream: str, choose: Choose | Mapping[int, Fault]) -> None:
        self._upstream = urlsplit(upstream)
        self._choose: Choose = choose if callable(choose) else (lambda number, path, body: choose.get(number))
        self._lock = threading.Lock()
        self.requests: list[tuple[str, Any, Fault | None]] = []
        self._server = _Listener(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return self.root + (self._upstream.path.rstrip("/") or "/v1")

    def fault(self, path: str, body: Any) -> Fault | None:
        """Decides, and remembers."""
        with self._lock:
            fault = self._choose(len(self.requests), path, body)
            self.requests.append((path, body, fault))
        return fault

    def forward(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The real server's answer."""
        connection = http.client.HTTPConnection(
            self._upstream.hostname or "", self._upstream.port or 80, timeout=60
        )
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
            connection.request(method, path, raw or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaultyProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        fault = self.server.proxy.fault(self.path, body)
        if fault is not None and fault.kind == "status":
            self._say(fault.status, dict(fault.headers), _bytes(fault.body))
            return
        if fault is not None and fault.kind in ("reset", "closed"):
            self._end(reset=fault.kind == "reset")
            return
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        status, headers, content = self.server.proxy.forward(self.command, self.path, self.headers, raw)
        kept = {
            name: value
            for name, value in headers
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")
        }
        if fault is None or fault.kind == "slow":
            self._say(status, kept, content)
        elif fault.kind == "garbled":
            self._say(200, kept | dict(fault.headers), _bytes(fault.body))
        elif fault.kind == "dribble":
            self._begin(status, kept, len(content))
            for index in range(len(content)):
                self.wfile.write(content[index : index + 1])
                time.sleep(fault.seconds / len(content))
        else:
            self._begin(status, kept, len(content))
            self.wfile.write(content[: len(content) // 2])
            self._end(reset=fault.kind == "reset-late")

    def _begin(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _say(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self._begin(status, {"Content-Type": "application/json", **headers}, len(content))
        self.wfile.write(content)

    def _end(self, *, reset: bool) -> None:
        """Ends the connection, by a reset or in order."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
