"""The conversation with the agent inside, whatever carries it: jobs out, replies in, sorted by job number."""

from __future__ import annotations

import contextlib
import importlib.resources
import io
import itertools
import json
import queue
import struct
import tarfile
import threading
from collections.abc import Collection, Generator, Iterable
from typing import Protocol

from bot.errors import SandboxError
from bot.sandboxes import Job, Reply

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


class Transport(Protocol):
    """What carries bytes between us and the agent. Every method raises OSError when the other side is gone."""

    def write(self, data: bytes) -> None:
        """Sends all of it. An other side that takes nothing for STALL seconds counts as gone."""

    def read(self) -> tuple[bool, bytes]:
        """Waits for what comes: whether on the agent's standard error, and the bytes. EOFError: the end."""

    def close(self) -> None:
        """Ends the agent's input, and a `read` that waits. May be called twice, and from any thread."""


class Stream:
    """Frames out, frames in. One reader thread; replies are sorted by job number."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._write = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[Reply]] = {}
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._broken = ""
        self.errors = b""
        self._thread = threading.Thread(target=self._listen, daemon=True, name="tryline-stream")
        self._thread.start()

    def send(self, *frames: bytes) -> None:
        """Writes frames, each behind its length. Raises SandboxError when the container is gone."""
        try:
            with self._write:
                for frame in frames:
                    self._transport.write(struct.pack(">I", len(frame)))
                    self._transport.write(frame)
        except OSError as problem:
            raise SandboxError(
                f"the container does not take jobs any more ({problem}); {self.why()}", slug="container-gone"
            ) from problem

    def ask(
        self, job: Job, *extra: bytes, box: queue.SimpleQueue[Reply] | None = None
    ) -> tuple[int, queue.SimpleQueue[Reply]]:
        """Sends a job; the reply arrives in the queue, with the job's number as its `id`."""
        number = next(self._numbers)
        box = queue.SimpleQueue() if box is None else box
        with self._guard:
            if self._broken:
                raise SandboxError(f"the container ended: {self.why()}", slug="container-gone")
            self._waiting[number] = box
        self.send(json.dumps({**job, "id": number}).encode(), *extra)
        return number, box

    def cancel(self, numbers: Collection[int]) -> None:
        """Nobody waits for these jobs any more: they are ended inside, and their replies left out."""
        with self._guard:
            waiting = [number for number in numbers if self._waiting.pop(number, None) is not None]
        if waiting:
            with contextlib.suppress(SandboxError):  # whoever asks next is told
                self.send(json.dumps({"kind": "cancel", "jobs": waiting}).encode())

    @property
    def open(self) -> bool:
        """Whether the other side is there, as far as is known."""
        return not self._broken

    def why(self) -> str:
        """What is known about the end of the container."""
        said = self.errors.decode("utf-8", "replace").strip()[-600:]
        return ": ".join(part for part in (self._broken, said) if part) or "it said nothing"

    def close(self) -> None:
        """Closes the stream: the agent sees the end of its input and the sandbox ends."""
        self._transport.close()

    def _listen(self) -> None:
        buffer = bytearray()
        reason = "its stream closed"
        try:
            while True:
                complaint, data = self._transport.read()
                if complaint:
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


class Conversation:
    """A sandbox that is spoken to over a stream; implements the Sandbox protocol but for its end.

    `width` is how many jobs the sandbox runs side by side. Whoever derives from it says how to `kill` it.
    """

    def __init__(self, stream: Stream, width: int) -> None:
        self._stream = stream
        self._width = width

    def ask(self, job: Job, *, seconds: float) -> Reply:
        """Sends one job and waits; raises SandboxError past `seconds` or when the container is gone."""
        extra = (job["tar"],) if "tar" in job else ()
        body = {key: value for key, value in job.items() if key != "tar"}
        _, box = self._stream.ask(body, *extra)
        return self._take(box, seconds)

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Generator[tuple[int, Reply], None, None]:
        """Sends jobs a few ahead of the workers inside, yields (index, reply) as they end.

        At most `seconds` may pass without any reply. Closing the iterator early leaves the rest unsent and ends
        what runs: a sibling that already won costs no more work.
        """
        replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        waiting: dict[int, int] = {}
        try:
            for index, job in enumerate(jobs):
                waiting[self._stream.ask(job, box=replies)[0]] = index
                while len(waiting) >= 2 * self._width:
                    reply = self._take(replies, seconds)
                    yield waiting.pop(reply["id"]), reply
            while waiting:
                reply = self._take(replies, seconds)
                yield waiting.pop(reply["id"]), reply
        finally:
            self._stream.cancel(waiting)

    @property
    def alive(self) -> bool:
        """Whether it can still take jobs, as far as is known without asking it."""
        return self._stream.open

    def close(self) -> None:
        """Ends its input, upon which it ends by itself."""
        self._stream.close()

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
        """What else is known about why the sandbox ended; empty when nothing is."""
        return ""

    def kill(self) -> None:
        """Ends the sandbox now."""
        self._stream.close()
