"""A server that says what a test has written down, and a clock that only sleeping moves: for clients of an API."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


@dataclass(frozen=True)
class Reply:
    """One answer of the scripted server."""

    status: int = 200
    body: str | bytes = '{"login": "octo"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    """Closes the connection instead of answering."""
    promised: int | None = None
    """Content-Length, where it is not the truth."""
    late: float = 0.0
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    chunks: int = 0
    """Transfer in this many chunks; negative: without the last one."""


class Scripted(ThreadingHTTPServer):
    """Answers requests in order; the last reply is repeated."""

    daemon_threads = True

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = list(replies)
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of our business."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers.items())))
        reply = self.server.replies.pop(0) if len(self.server.replies) > 1 else self.server.replies[0]
        if reply.close:
            self.close_connection = True
            return
        time.sleep(reply.late)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-type" not in {name.lower() for name in reply.headers}:
            self.send_header("content-type", "application/json; charset=utf-8")
        if reply.chunks:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            size = len(body) // abs(reply.chunks) + 1
            for at in range(0, len(body), size):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size]))
            self.wfile.write(b"0\r\n\r\n" if reply.chunks > 0 else b"")
            self.close_connection = self.close_connection or reply.chunks < 0
            return
        self.send_header("content-length", str(len(body) if reply.promised is None else reply.promised))
        self.end_headers()
        pieces = [body[at : at + 1] for at in range(len(body))] if reply.drip else [body]
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(reply.drip)
        self.close_connection = self.close_connection or reply.promised is not None

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def log_message(self, *arguments: object) -> None:
        """Nothing to the terminal."""
