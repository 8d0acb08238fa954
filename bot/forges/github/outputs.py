"""What a job tells GitHub's runner: outputs, the summary, annotations, masks, and a log that commands nothing.

The runner reads commands from every line that a step prints (`::error::...`), on stdout and stderr alike. So
whatever foreign text is printed goes through `Job.quietly` or `Job.say`.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bot.errors import CouldNot
from bot.plan import Annotation, Level
from bot.render import counted, one_line, plain

MAX_SUMMARY = 1024 * 1024
"""Bytes of a step's summary; of a longer one GitHub shows nothing."""
MAX_ANNOTATIONS = 10
"""Of each level that GitHub shows for a step."""
MAX_MESSAGE = 4096
"""UTF-16 units of an annotation's message, where the runner cuts."""
MAX_LOG = 1_000_000
"""Characters of foreign text that are printed at once."""
_SHORTEST_SECRET = 4
"""Shorter ones are not masked: they would blacken half of the log."""

_WORDS = {Level.FAILURE: "error", Level.WARNING: "warning", Level.NOTICE: "notice"}
_COMMAND = re.compile(r"(?m)^\s*::|##\[")
"""What the runner could take for a command."""


def random_word() -> str:
    """A word that nobody can guess."""
    return secrets.token_hex(16)


class Job:
    """The runner of one step. Where there is none (plain `docker run`), only text for people is printed."""

    def __init__(
        self, environ: Mapping[str, str], stdout: TextIO, *, word: Callable[[], str] = random_word
    ) -> None:
        """`word` gives a new random word each time: delimiters are made of it."""
        self.active = environ.get("GITHUB_ACTIONS") == "true"
        """Whether a runner reads what is printed."""
        self._output = environ.get("GITHUB_OUTPUT", "")
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self._stdout = stdout
        self._word = word
        self._annotated: Counter[Level] = Counter()

    # ------------------------------------------------------------------------------------------------ files

    def output(self, name: str, value: object) -> None:
        """Sets an output of the step, exactly this text. Raises ValueError for a bad name, CouldNot `job-file`."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
            raise ValueError(f"no name for an output: {name!r}")
        if not self._output:
            return
        text = str(value)
        if re.search(r"[\r\n]", text):
            delimiter = self._unlike(text)
            entry = f"{name}<<{delimiter}\n{text}\n{delimiter}\n"
        else:
            entry = f"{name}={text}\n"
        try:
            _append(Path(self._output), _bytes(entry))
        except (OSError, ValueError) as error:
            raise CouldNot(
                f"the output `{name}` cannot be written to GITHUB_OUTPUT: {_reason(error)}",
                hint="In a container of your own, mount the file or leave the variable out.",
                slug="job-file",
            ) from None

    def summarise(self, pieces: Iterable[str]) -> bool:
        """Appends Markdown to the job's summary, each piece whole or not at all, in order, and says so if one is.

        A summary that cannot be written is no failure: False is returned, and a notice printed.
        """
        if not self._summary:
            return True
        path, parts = Path(self._summary), [f"{piece.strip(chr(10))}\n\n" for piece in pieces if piece.strip()]
        try:
            room = MAX_SUMMARY - (path.stat().st_size if path.exists() else 0)
            _append(path, _fitting([_bytes(part) for part in parts], room))
        except (OSError, ValueError) as error:
            self.say(f"The job's summary could not be written: {_reason(error)}")
            return False
        return True

    # ---------------------------------------------------------------------------------------------- the log

    def say(self, text: object) -> None:
        """Prints a line or more for people. Whatever it holds, it is no command."""
        shown = plain(text, MAX_LOG)
        if self.active and _COMMAND.search(shown):
            self.quietly(shown)
        else:
            self._print(shown)

    @contextmanager
    def commandless(self) -> Iterator[None]:
        """What others print meanwhile commands nothing; lines may begin where a terminal's width breaks them."""
        if not self.active:
            yield
            return
        word = self._word()
        self._print(f"::stop-commands::{word}")
        try:
            yield
        finally:
            self._print(f"::{word}::")

    def quietly(self, text: object) -> None:
        """Prints foreign text, such as what tests printed, with the runner's commands switched off meanwhile."""
        shown = plain(text, MAX_LOG).rstrip("\n")
        if not self.active:
            self._print(shown)
            return
        word = self._unlike(shown)
        self._print(f"::stop-commands::{word}")
        try:
            self._print(shown)
        finally:
            self._print(f"::{word}::")

    @contextmanager
    def group(self, title: object) -> Iterator[None]:
        """What is printed meanwhile is folded under a title."""
        if self.active:
            self._print(f"::group::{_data(one_line(title, 200))}")
        else:
            self.say(one_line(title, 200))
        try:
            yield
        finally:
            if self.active:
                self._print("::endgroup::")

    def mask(self, *values: str) -> None:
        """Has the runner blacken these secrets, and what is made of them, in all that is printed from now on."""
        if not self.active:
            return
        for value in dict.fromkeys(values):
            if len(value) < _SHORTEST_SECRET:
                continue
            for form in (value, _basic(value)):
                self._print(f"::add-mask::{_data(form)}")

    # ------------------------------------------------------------------------------------------ annotations

    def annotate(self, annotation: Annotation) -> bool:
        """Shows a finding beside its line. False where GitHub would show no more of its level: it is counted."""
        properties = {
            "file": annotation.path,
            "line": str(annotation.start_line),
            "endLine": str(max(annotation.start_line, annotation.end_line)),
            "title": one_line(annotation.title, 250),
        }
        return self._command(annotation.level, properties, annotation.message)

    def report(self, level: Level, message: str, title: str = "") -> bool:
        """Shows something that has no place in a file, with the same limits."""
        return self._command(level, {"title": one_line(title, 250)} if title else {}, message)

    def left_out(self) -> Mapping[Level, int]:
        """How many annotations of each level were not shown, for levels that have any."""
        return {
            level: count - MAX_ANNOTATIONS for level, count in self._annotated.items() if count > MAX_ANNOTATIONS
        }

    def close(self) -> None:
        """Says how many annotations are not shown, if any."""
        rest = [counted(count, f"more {_WORDS[level]}") for level, count in self.left_out().items()]
        if rest and self.active:
            self.say(f"GitHub shows {MAX_ANNOTATIONS} annotations of a kind; not shown: {', '.join(rest)}.")

    def _command(self, level: Level, properties: Mapping[str, str], message: str) -> bool:
        self._annotated[level] += 1
        if self._annotated[level] > MAX_ANNOTATIONS:
            return False
        if self.active:
            given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
            text = _data(_cut(plain(message).strip() or "(no message)", MAX_MESSAGE))
            self._print(f"::{_WORDS[level]}{' ' if given else ''}{given}::{text}")
        return True

    # ------------------------------------------------------------------------------------------------ parts

    def _print(self, text: str) -> None:
        self._stdout.write(f"{text}\n")
        self._stdout.flush()

    def _unlike(self, text: str) -> str:
        """A random word that the text does not hold."""
        word = self._word()
        while word in text:
            word = self._word()
        return word


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _reason(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or error, 200)


def _fitting(pieces: list[bytes], room: int) -> bytes:
    """The first pieces that fit together, and a note of how many do not."""
    if sum(map(len, pieces)) <= room:
        return b"".join(pieces)
    kept: list[bytes] = []
    room -= len(_left_out(len(pieces)))
    for piece in pieces:
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    note = _left_out(len(pieces) - len(kept)) if room >= 0 else b""
    return b"".join(kept) + note


def _left_out(count: int) -> bytes:
    return f"*{counted(count, 'part')} left out: a summary has room for 1 MiB.*\n\n".encode()


def _basic(token: str) -> str:
    """The token as git sends it."""
    return base64.b64encode(_bytes(f"x-access-token:{token}")).decode("ascii")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(plain(text)).replace(":", "%3A").replace(",", "%2C")


def _cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, which is how the runner counts, and no half of a character."""
    if len(text.encode("utf-16-le", "replace")) <= 2 * limit:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "…"
