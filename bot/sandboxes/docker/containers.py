"""Run-time containers: hardened, throwaway, spoken to over their attached stream and by no other way.

Nothing of ours goes in: no environment, no socket, no bind mount. The agent's files and the repository's tree
cross the stream after the start; results come back on it. The container is removed by the engine as soon as its
stdin closes, so a killed host leaves nothing behind (measured: gone within 0.3 s).
"""

from __future__ import annotations

import contextlib
import importlib.resources
import io
import itertools
import json
import queue
import socket
import struct
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import docker
import docker.errors
import requests.exceptions

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes import Contents, Job, Reply
from bot.sandboxes.docker import engine

INSIDE = "/run/tryline"
# -I and -S: neither the environment nor a `.pth` file or `sitecustomize` of the repository's reaches the agent.
BOOT = (
    "import sys,io,struct,tarfile;r=sys.stdin.buffer;n=struct.unpack('>I',r.read(4))[0];"
    f"tarfile.open(fileobj=io.BytesIO(r.read(n))).extractall('{INSIDE}');"
    f"sys.path.insert(0,'{INSIDE}');from tryline_inside import agent;agent.main()"
)
MAX_REPLY = 96 << 20
"""Bytes of one reply; a container that says more is killed."""
STALL = 60
"""Seconds for which a container may refuse to take the next bytes of a job."""
GONE: Reply = {}
"""Put in place of a reply when the container ended. Known by identity: a reply may have any keys."""


def hardening(limits: Limits) -> dict[str, Any]:
    """The engine's host configuration for a run-time container, as one value.

    The three capabilities are the agent's, to become another user and to kill what that user left; repository
    code runs without any, and cannot gain any.
    """
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["KILL", "SETGID", "SETUID"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": limits.processes,
        "mem_limit": f"{limits.memory_mb}m",
        "memswap_limit": f"{limits.memory_mb}m",
        "nano_cpus": int(limits.cpus * 1e9),
        "shm_size": "16m",
        "ipc_mode": "private",
        "auto_remove": True,
        "ulimits": [
            docker.types.Ulimit(name="core", soft=0, hard=0),
            docker.types.Ulimit(name="nofile", soft=1024, hard=1024),
        ],
        "log_config": docker.types.LogConfig(type="none"),
        "tmpfs": {
            "/repo": f"size={limits.workspace_mb}m,mode=1777,exec,nosuid,nodev",
            "/tmp": f"size={limits.tmp_mb}m,mode=1777,exec,nosuid,nodev,nr_inodes=20000",  # noqa: S108
            INSIDE: "size=16m,mode=0755,noexec,nosuid,nodev",
        },
    }


def inside_archive() -> bytes:
    """The files beyond the wall as a tar of the package `tryline_inside`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry in sorted(importlib.resources.files("bot").joinpath("inside").iterdir(), key=lambda e: e.name):
            if entry.name.endswith(".py"):
                data = entry.read_bytes()
                member = tarfile.TarInfo(f"tryline_inside/{entry.name}")
                member.size, member.mode = len(data), 0o644
                archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Stream:
    """The attached stream: frames out, frames in. One reader thread; replies are sorted by job number."""

    def __init__(self, raw: Any, stall: int = STALL) -> None:
        # A unix socket comes wrapped in a file object, a TLS one bare.
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._raw = raw
        self._write = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[Reply]] = {}
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._broken = ""
        self.errors = b""
        self._socket.settimeout(None)
        # Reading may take as long as a job does, but a write that does not move on has nobody on the other side.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", stall, 0))
        self._thread = threading.Thread(target=self._listen, daemon=True, name="tryline-stream")
        self._thread.start()

    def send(self, *frames: bytes) -> None:
        """Writes frames, each behind its length. Raises SandboxError when the container is gone."""
        try:
            with self._write:
                for frame in frames:
                    self._socket.sendall(struct.pack(">I", len(frame)))
                    self._socket.sendall(frame)
        except OSError as problem:
            raise SandboxError(
                f"the container does not take jobs any more ({problem}); {self.why()}", slug="container-gone"
            ) from problem

    def ask(self, job: Job, *extra: bytes) -> tuple[int, queue.SimpleQueue[Reply]]:
        """Sends a job; the reply arrives in the queue."""
        number = next(self._numbers)
        box: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        with self._guard:
            if self._broken:
                raise SandboxError(f"the container ended: {self.why()}", slug="container-gone")
            self._waiting[number] = box
        self.send(json.dumps({**job, "id": number}).encode(), *extra)
        return number, box

    def why(self) -> str:
        """What is known about the end of the container."""
        said = self.errors.decode("utf-8", "replace").strip()[-600:]
        return ": ".join(part for part in (self._broken, said) if part) or "it said nothing"

    def close(self) -> None:
        """Closes the stream: the agent sees the end of its input and the container ends."""
        for step in (lambda: self._socket.shutdown(socket.SHUT_RDWR), self._socket.close, self._raw.close):
            with contextlib.suppress(OSError):
                step()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            data = self._socket.recv(min(size, 1 << 20))
            if not data:
                raise EOFError
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _listen(self) -> None:
        buffer = bytearray()
        reason = "its stream closed"
        try:
            while True:
                head = self._exactly(8)  # the engine's own frame: which stream, and how long
                data = self._exactly(struct.unpack(">I", head[4:])[0])
                if head[0] == 2:
                    self.errors = (self.errors + data)[-4096:]
                    continue
                buffer += data
                while len(buffer) >= 4:
                    size = struct.unpack(">I", buffer[:4])[0]
                    if size > MAX_REPLY:
                        raise ValueError(f"a reply of {size} bytes")
                    if len(buffer) < 4 + size:
                        break
                    self._settle(bytes(buffer[4 : 4 + size]))
                    del buffer[: 4 + size]
        except (OSError, EOFError):
            pass
        except (ValueError, TypeError, RecursionError) as problem:
            reason = f"it does not speak the protocol ({problem})"
        with self._guard:
            self._broken = reason
            left, self._waiting = self._waiting, {}
        for box in left.values():
            box.put(GONE)
        self.close()

    def _settle(self, data: bytes) -> None:
        reply = json.loads(data.decode("utf-8", "replace"))
        if not isinstance(reply, dict):
            raise ValueError("a reply that is no object")
        with self._guard:
            box = self._waiting.pop(reply.get("id", -1), None)
        if box is not None:
            box.put(reply)


class Container:
    """One running container; implements the Sandbox protocol."""

    def __init__(self, client: docker.DockerClient, container: Any, stream: Stream, width: int) -> None:
        self._client = client
        self._container = container
        self._stream = stream
        self._width = width

    def ask(self, job: Job, *, seconds: float) -> Reply:
        """Sends one job and waits; raises SandboxError past `seconds` or when the container is gone."""
        extra = (job["tar"],) if "tar" in job else ()
        body = {key: value for key, value in job.items() if key != "tar"}
        _, box = self._stream.ask(body, *extra)
        return self._take(box, seconds)

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Iterator[tuple[int, Reply]]:
        """Sends jobs a few ahead of the workers inside, yields (index, reply) in the order sent.

        Closing the iterator early leaves the rest unsent: a sibling that already won costs no more work.
        """
        ahead: list[tuple[int, queue.SimpleQueue[Reply]]] = []
        for index, job in enumerate(jobs):
            ahead.append((index, self._stream.ask(job)[1]))
            if len(ahead) >= 2 * self._width:
                first, box = ahead.pop(0)
                yield first, self._take(box, seconds)
        for first, box in ahead:
            yield first, self._take(box, seconds)

    def fill(self, tar: bytes) -> None:
        """Unpacks an archive at /repo. Raises SandboxError where it does not fit."""
        reply = self.ask({"kind": "tree", "tar": tar}, seconds=120)
        if "error" in reply:
            raise SandboxError(
                str(reply["error"]),
                hint="raise sandbox.workspace_mb (and sandbox.memory_mb) if the repository is large",
                slug="workspace-full",
            )

    def _take(self, box: queue.SimpleQueue[Reply], seconds: float) -> Reply:
        try:
            reply = box.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise SandboxError(
                f"no answer from the container within {seconds:.0f} s; it was killed", slug="sandbox-deadline"
            ) from None
        if reply is GONE:
            raise SandboxError(f"the container ended: {self._stream.why()}{self._end()}", slug="container-gone")
        return reply

    def _end(self) -> str:
        """Whether the engine knows why a container ended."""
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            self._container.reload()
            state = self._container.attrs.get("State", {})
            if state.get("OOMKilled") or state.get("ExitCode") == 137:
                return " (out of memory: raise sandbox.memory_mb)"
        return ""

    def kill(self) -> None:
        """Ends the container now."""
        self._stream.close()
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            self._container.remove(force=True)


@contextlib.contextmanager
def opened(
    client: docker.DockerClient,
    image: Image,
    tree: Contents,
    *,
    limits: Limits,
    labels: Mapping[str, str],
    archive: bytes,
) -> Iterator[Container]:
    """A fresh container with the tree at /repo. Raises SandboxError when it cannot be had.

    The first start is tried once more: an engine under load sometimes refuses one.
    """
    for attempt in (1, 2):
        name = engine.new_name()
        try:
            container = client.containers.create(
                image.reference,
                name=name,
                command=["-I", "-S", "-c", BOOT],
                entrypoint=["/venv/bin/python"],
                user="0:0",
                working_dir="/",
                hostname="sandbox",
                environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
                labels=dict(labels),
                stdin_open=True,
                use_config_proxy=False,  # the host's proxy settings may hold credentials
                **hardening(limits),
            )
            break
        except KeyboardInterrupt:
            engine.forget(client, name)
            raise
        except docker.errors.ImageNotFound as problem:
            raise SandboxError(
                f"the prepared image {image.reference[:24]} is gone",
                hint="run the review again: it is made anew",
                slug="image-gone",
            ) from problem
        except (docker.errors.APIError, requests.exceptions.RequestException) as problem:
            if attempt == 2:
                raise SandboxError(
                    f"the engine does not make a container: {problem}",
                    hint="see what `tryline doctor` says",
                    slug="container-create",
                ) from problem
            time.sleep(1)
    box: Container | None = None
    try:
        try:
            raw = client.api.attach_socket(
                str(container.id), params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
            )
            stream = Stream(raw)
            box = Container(client, container, stream, max(1, round(limits.cpus)))
            container.start()
            stream.send(archive)
        except (docker.errors.APIError, requests.exceptions.RequestException) as problem:
            raise SandboxError(
                f"the engine does not start a container: {problem}",
                hint="see what `tryline doctor` says",
                slug="container-start",
            ) from problem
        box.fill(tree.tar)
        if tree.over:
            box.fill(tree.over_tar())
        yield box
    finally:
        if box is not None:
            box.kill()
        else:
            with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                container.remove(force=True)
