"""Answers kept on disk: an identical request to one model at one place is sent once, ever.

One file per answer under its request's key: a line with the digest of what follows, and the answer as JSON. Files
appear whole or not at all, so several processes may share a folder. A folder that cannot be used costs only the
cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Endpoint, Request
from bot.endpoints.wire_form import FormError, dumps, from_form, loads, to_form

VERSION = 1
"""Of the files' form. Another version's files lie in a folder of their own and are left alone."""
MOST_BYTES = 256 * 1024 * 1024
_KEPT = 0.8
"""Share of the limit that remains after old answers were removed, so that this is not done at every request."""
_ABANDONED = 3600.0
"""Age in seconds from which an unfinished file is nobody's."""


class _Flight:
    """A request that is being sent; others with the same key wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer: Answer | None = None


class Cached:
    """An endpoint whose answers are remembered. Safe to use from several threads, and from several processes.

    An answer from disk has `Usage(from_cache=1)` and nothing else. Requests that are random on purpose
    (temperature above 0 and no seed) are always sent.
    """

    def __init__(
        self,
        inner: Endpoint,
        folder: Path,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.inner = inner
        self._folder = folder / f"v{VERSION}"
        self._most_bytes = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}
        self._bytes: int | None = None
        """What the folder holds, as far as we know; None before it was looked at."""
        self._notes: dict[str, None] = {}

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def seat(self) -> str:
        return self.inner.seat

    @property
    def capabilities(self) -> Capabilities:
        """Those of the endpoint inside."""
        return self.inner.capabilities

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the cache does not work, in words; empty while it does."""
        with self._lock:
            return tuple(self._notes)

    def send(self, request: Request) -> Answer:
        """The answer from disk, or the endpoint's. Raises what the endpoint inside raises; errors are not kept."""
        if request.temperature > 0 and request.seed is None:
            return self.inner.send(request)
        key = request.key(self.model, self.seat)
        while True:
            kept = self._read(key)
            if kept is not None:
                return replace(kept, usage=Usage(from_cache=1))
            with self._lock:
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if mine:
                return self._send(request, key, flight)
            flight.done.wait()
            if flight.answer is not None:
                return replace(flight.answer, usage=Usage(from_cache=1))
            # It failed; whoever is first now tries for itself.

    def _send(self, request: Request, key: str, flight: _Flight) -> Answer:
        try:
            # Between our look at the disk and our turn another thread may have finished.
            kept = self._read(key)
            if kept is not None:
                flight.answer = kept
                return replace(kept, usage=Usage(from_cache=1))
            answer = self.inner.send(request)
            if answer.choices:
                self._write(key, answer)
                flight.answer = answer
            return answer
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()

    # -------------------------------------------------------------------------------------------------- on disk

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def _read(self, key: str) -> Answer | None:
        """The kept answer, which becomes the youngest; None where there is none. A broken one is removed."""
        place = self._place(key)
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._note(error)
            return None
        head, _, body = content.partition(b"\n")
        try:
            if head.decode("ascii", "replace") != _digest(key, body):
                raise FormError("digest")
            answer = from_form(Answer, loads(body.decode("ascii", "replace")))
        except FormError:
            self._remove(place)
            return None
        # Removed meanwhile, or a folder that may only be read: its age is all that is lost.
        with suppress(OSError):
            os.utime(place)
        return answer

    def _write(self, key: str, answer: Answer) -> None:
        """Keeps an answer, unless it is larger than all that may be kept."""
        body = dumps(to_form(replace(answer, usage=Usage()))).encode("ascii")
        content = _digest(key, body).encode("ascii") + b"\n" + body
        if len(content) > self._most_bytes:
            return
        place = self._place(key)
        try:
            _private(self._folder.parent)
            _private(self._folder)
            _private(place.parent)
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(content)
                Path(name).replace(place)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room(len(content))
        except OSError as error:
            self._note(error)

    def _make_room(self, added: int) -> None:
        """Removes what was used longest ago once the folder holds more than it may."""
        with self._lock:
            if self._bytes is not None:
                self._bytes += added
                if self._bytes <= self._most_bytes:
                    return
            entries = sorted(self._entries())
            total = sum(size for _, size, _ in entries)
            keep = self._most_bytes if total <= self._most_bytes else self._most_bytes * _KEPT
            for _, size, place in entries:
                if total <= keep:
                    break
                self._remove(place)
                total -= size
            self._bytes = total

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """(nanosecond of the last use, bytes, path) of every answer; unfinished files of the dead are removed."""
        for place in self._folder.glob("??/*"):
            try:
                state = place.stat()
            except FileNotFoundError:
                continue
            if place.suffix == ".json":
                yield state.st_mtime_ns, state.st_size, place
            elif self._clock() - state.st_mtime > _ABANDONED:
                self._remove(place)

    def _remove(self, place: Path) -> None:
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        """Called with the lock held or not: a dictionary takes a key in one step."""
        reason = error.strerror or type(error).__name__
        self._notes[f"answers are not kept on disk: {reason} ({self._folder.parent})"] = None


def _digest(key: str, body: bytes) -> str:
    """Over the key too: a file under another's name is no answer."""
    return hashlib.sha256(key.encode("ascii") + b"\n" + body).hexdigest()


def _private(folder: Path) -> None:
    """Makes a folder that only we may enter. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
