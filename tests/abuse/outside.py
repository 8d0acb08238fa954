"""What stands outside while hostile code runs: listeners on the host, and what engine and kernel report."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests

from bot.sandboxes.docker import engine

NAME = re.compile(r"inet6? ([0-9a-f.:]+)")


@dataclass
class Listeners:
    """Real sockets of the host that hear whoever reaches it, by any address and protocol that it has."""

    folder: Path
    tcp: int = 0
    udp: int = 0
    vsock: int = 0
    abstract: str = ""
    path: str = ""
    heard: list[str] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)

    def start(self) -> threading.Thread:
        """Opens them all, dual-stack where the host has IPv6."""
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        for kind, name in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
            made = socket.socket(family, kind)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.bind(("", 0))
            setattr(self, name, made.getsockname()[1])
            self._open.append(made)
        self.abstract = "tryline-abuse-" + secrets.token_hex(8)
        self.path = str(self.folder / "host.sock")
        for address in ("\0" + self.abstract, self.path):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.bind(address)
            self._open.append(made)
        with contextlib.suppress(OSError):  # a host without the module has no such door
            made = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
            made.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
            self.vsock = made.getsockname()[1]
            self._open.append(made)
        for made in self._open:
            if made.type != socket.SOCK_DGRAM:
                made.listen()
        thread = threading.Thread(target=self._listen, daemon=True)
        thread.start()
        return thread

    def _listen(self) -> None:
        while not self._done.is_set():
            for ready in select.select(self._open, [], [], 0.2)[0]:
                if ready.type == socket.SOCK_DGRAM:
                    self.heard.append(f"udp {ready.recvfrom(100)}")
                else:
                    peer, _ = ready.accept()
                    peer.settimeout(1)
                    said = b""
                    with contextlib.suppress(OSError):
                        while data := peer.recv(1 << 16):
                            said += data
                    peer.close()
                    self.heard.append(f"{ready.family.name} {said.decode(errors='replace')}")

    def close(self, thread: threading.Thread) -> None:
        """Closes them all."""
        self._done.set()
        thread.join(5)
        for made in self._open:
            made.close()

    def addresses(self) -> list[str]:
        """Every address of this host: of its bridges, its cards, and loopback."""
        said = subprocess.run(["ip", "addr"], capture_output=True, text=True, check=True).stdout
        return sorted(set(NAME.findall(said)))

    def touch(self) -> None:
        """What an attacker would do, from the host itself: shows that they hear."""
        for address in self.addresses():
            if address.startswith("fe80"):
                continue
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as made:
                made.settimeout(5)
                made.connect((address, self.tcp))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.sendto(b"x", ("127.0.0.1", self.udp))
        for name in ("\0" + self.abstract, self.path):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
                made.connect(name)


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[Listeners]:
    """Listeners for a while."""
    made = Listeners(folder)
    thread = made.start()
    try:
        yield made
    finally:
        made.close(thread)


def until(check: Callable[[], object], seconds: float = 30) -> bool:
    """Whether something becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.1)
    return bool(check())


def ours(owner: str = "") -> list[str]:
    """Ids of the containers that this process, or another that is named, has at the engine."""
    client = docker.from_env()
    try:
        label = f"{engine.OWNER}={owner or engine.owner()}"
        return [str(row["Id"]) for row in client.api.containers(all=True, filters={"label": label})]
    finally:
        client.close()


def of_process(pid: int) -> list[str]:
    """Ids of the containers and names of the unfinished images that a process, alive or not, has at the engine."""
    client = docker.from_env()
    try:
        rows = client.api.containers(all=True, filters={"label": engine.RUN})
        rows += client.api.images(filters={"label": engine.RUN})
        mark = f"{platform.node()}:{pid}:"
        found = []
        for row in rows:
            marks = row["Labels"] or {}
            if marks.get(engine.ROLE) not in engine.CACHED_ROLES and str(marks.get(engine.OWNER)).startswith(mark):
                found.append(str(row["Id"]))
        return found
    finally:
        client.close()


def inspected(container: str) -> dict[str, Any]:
    """What the engine says of a container."""
    client = docker.from_env()
    try:
        return dict(client.api.inspect_container(container))
    finally:
        client.close()


def changed(container: str) -> list[str]:
    """Paths of a container's image that were changed, as the engine sees them."""
    client = docker.from_env()
    try:
        return [str(row["Path"]) for row in client.api.diff(container) or ()]
    finally:
        client.close()


def descendants() -> set[int]:
    """The host's ids of the processes that this process started, and of those that these did."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def processes(container: str) -> list[int]:
    """The host's ids of a container's processes: the kernel's own list of its control group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if container in (entry / "cgroup").read_text():
                    found.append(int(entry.name))
    return found


@dataclass
class Watched:
    """The most that a container used while it was looked at, as the host sees it."""

    container: str
    processes: int = 0
    memory: int = 0
    cpu: float = 0.0
    seconds: float = 0.0


@contextlib.contextmanager
def watched(container: str) -> Iterator[Watched]:
    """Looks at a container from outside for a while."""
    seen = Watched(container)
    done = threading.Event()
    client = docker.from_env()

    def usage() -> float:
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException, KeyError):
            said = client.api.stats(container, stream=False, one_shot=True)
            seen.processes = max(seen.processes, said["pids_stats"].get("current", 0))
            memory = said["memory_stats"]
            seen.memory = max(seen.memory, memory.get("max_usage", memory.get("usage", 0)))
            return float(said["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
        return 0.0

    def look() -> None:
        first, began = usage(), time.monotonic()
        while not done.wait(0.1):
            last = usage()
            if last:
                seen.cpu, seen.seconds = last - first, time.monotonic() - began

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join(20)
        client.close()
