"""Git's smart HTTP protocol by `git http-backend`, on the double's port."""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROUTE = re.compile(
    r"/([\w.-]+)/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.+)"
)


@dataclass(frozen=True)
class GitRoute:
    """A path of git's protocol."""

    full_name: str
    rest: str


@dataclass(frozen=True)
class GitAnswer:
    """What goes back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def route(path: str) -> GitRoute | None:
    """The repository and the rest, where the path is git's."""
    found = _ROUTE.fullmatch(path)
    return GitRoute(f"{found[1]}/{found[2]}", found[3]) if found else None


def credentials(header: str) -> tuple[str, str]:
    """Scheme and token of an Authorization header; empty without one. A user name is of no account."""
    scheme, _, value = header.partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme != "basic":
        return (scheme, value) if scheme in ("bearer", "token") else ("", "")
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "basic", ""
    return "basic", password if password not in ("", "x-oauth-basic") else user


def refused(status: int, message: str) -> GitAnswer:
    """An answer that git shows to its user."""
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="GitHub"'))
    return GitAnswer(status, tuple(headers), message.encode())


def serve(
    root: Path, folder: str, rest: str, method: str, query: str, headers: Mapping[str, str], body: bytes, user: str
) -> GitAnswer:
    """Runs the backend; with a user, it takes pushes."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PATH_INFO": f"/{folder}/{rest}",
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
    }
    for name, variable in (("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")):
        if name in headers:
            environment[variable] = headers[name]
    if user:
        environment |= {
            "REMOTE_USER": user,
            "GIT_COMMITTER_NAME": user,
            "GIT_COMMITTER_EMAIL": f"{user}@localhost",
        }
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "http-backend"],
        input=body,
        capture_output=True,
        env=environment,
        check=False,
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    status, kept = 200, []
    for line in head.decode(errors="replace").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif name:
            kept.append((name, value))
    if not head:
        return refused(500, done.stderr.decode(errors="replace"))
    return GitAnswer(status, tuple(kept), content)
