"""What a job tells GitLab: a log whose parts fold, values for later jobs, a summary as a file.

GitLab's log has no commands but one: a line that begins or ends a section
(`section_start:TIME:NAME` and `section_end:TIME:NAME`, each before a carriage return and `ESC [ 0 K`). Foreign
text is printed without carriage returns and escapes, so it can be neither. GitLab masks the variables that were
declared masked; what else is secret, and what is made of it, is blackened here, before it is printed.
"""

from __future__ import annotations

import base64
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bot.errors import CouldNot
from bot.plan import Annotation, Level
from bot.record import write_atomically
from bot.render import counted, one_line, plain

DOTENV = "tryline.env"
"""The file of values for later jobs, which the job hands to GitLab as its dotenv report."""
MAX_DOTENV = 5 * 1024
"""Bytes of it. GitLab refuses a larger one whole."""
MAX_VALUE = 500
"""Characters of one value."""
SUMMARY = "tryline.md"
"""The job's summary, an artifact."""
MAX_SUMMARY = 1024 * 1024
"""Bytes of it: a page that nobody can open helps nobody."""
MAX_SHOWN = 50
"""Annotations of a level that the log shows: it ends at some megabytes."""
MAX_LOG = 1_000_000
"""Characters of foreign text that are printed at once."""
MASKED = "[MASKED]"
_SHORTEST_SECRET = 4
"""Shorter ones are not masked: they would blacken half of the log."""

_CLEAR = "\r\x1b[0K"
_WORDS = {
    Level.FAILURE: ("ERROR", "\x1b[31;1m"),
    Level.WARNING: ("WARNING", "\x1b[33;1m"),
    Level.NOTICE: ("NOTE", "\x1b[36;1m"),
}


class Job:
    """The runner of one job. Where there is none, only text for people is printed."""

    def __init__(
        self, environ: Mapping[str, str], stdout: TextIO, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.active = environ.get("GITLAB_CI") == "true"
        """Whether GitLab reads what is printed."""
        self._folder = Path(environ["CI_PROJECT_DIR"]) if environ.get("CI_PROJECT_DIR") else None
        self._stdout = stdout
        self._clock = clock
        self._outputs: dict[str, str] = {}
        self._summary: list[str] = []
        self._secrets: tuple[str, ...] = ()
        self._shown: Counter[Level] = Counter()
        self._sections = 0

    # ------------------------------------------------------------------------------------------------ files

    def output(self, name: str, value: object) -> None:
        """A value for later jobs: `conclusion` is their variable TRYLINE_CONCLUSION. One line, cut where it is
        long.

        The file is written anew each time: one that the repository holds under this name says nothing. Raises
        ValueError for a bad name, CouldNot `job-file`.
        """
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"no name for an output: {name!r}")
        if self._folder is None:
            return
        # GitLab takes printable text after `=` as it stands; what is longer, or breaks the line, it would refuse.
        text = re.sub(r"[^ -~]", "?", one_line(value, MAX_VALUE))
        self._outputs[f"TRYLINE_{name.upper()}"] = text
        content = "".join(f"{key}={text}\n" for key, text in self._outputs.items())
        if len(content) > MAX_DOTENV:
            raise CouldNot(
                f"the output `{name}` does not fit into {DOTENV}",
                hint=f"GitLab takes {MAX_DOTENV} bytes of it.",
                slug="job-file",
            )
        try:
            write_atomically(self._folder / DOTENV, content)
        except OSError as error:
            raise CouldNot(
                f"the output `{name}` cannot be written to {DOTENV}: {_reason(error)}",
                hint="The job must be able to write to CI_PROJECT_DIR.",
                slug="job-file",
            ) from None

    def summarise(self, pieces: Iterable[str]) -> bool:
        """Adds Markdown to the job's summary file, in order, each piece whole or not at all, which is then said.

        A summary that cannot be written is no failure: False is returned, and a line printed.
        """
        if self._folder is None:
            return True
        self._summary += [f"{self._black(piece).strip(chr(10))}\n\n" for piece in pieces if piece.strip()]
        try:
            write_atomically(self._folder / SUMMARY, _fitting(self._summary, MAX_SUMMARY))
        except OSError as error:
            self.say(f"The job's summary {SUMMARY} could not be written: {_reason(error)}")
            return False
        return True

    # ---------------------------------------------------------------------------------------------- the log

    def say(self, text: object) -> None:
        """Prints a line or more for people. Whatever it holds, it opens and closes no section."""
        self._print(plain(text, MAX_LOG))

    @contextmanager
    def commandless(self) -> Iterator[None]:
        """Nothing has to be switched off: whoever prints for people takes escapes and carriage returns out, and
        without them no line is a command."""
        yield

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """What is printed meanwhile is folded under a title."""
        shown = one_line(title, 200)
        if not self.active:
            self.say(shown)
            yield
            return
        self._sections += 1
        name = f"tryline_{self._sections}"
        self._print(f"\x1b[0Ksection_start:{self._now()}:{name}[collapsed=true]{_CLEAR}\x1b[1m{shown}\x1b[0m")
        try:
            yield
        finally:
            self._print(f"\x1b[0Ksection_end:{self._now()}:{name}{_CLEAR}")

    def mask(self, *values: str) -> None:
        """Blackens these secrets, and what git and HTTP make of them, in all that is printed from now on."""
        found = set(self._secrets)
        for value in values:
            if len(value.strip()) >= _SHORTEST_SECRET:
                found |= {value, value.strip(), *(_basic(user, value) for user in ("oauth2", "gitlab-ci-token"))}
        self._secrets = tuple(sorted(found, key=len, reverse=True))

    # ------------------------------------------------------------------------------------------ annotations

    def annotate(self, annotation: Annotation) -> bool:
        """Prints a finding with its place: GitLab's log has no other. False where it is one too many."""
        last = max(annotation.start_line, annotation.end_line)
        lines = f"{annotation.start_line}" if last == annotation.start_line else f"{annotation.start_line}-{last}"
        place = one_line(f"{annotation.path}:{lines}", 300)
        return self._tell(annotation.level, f"{place}: {one_line(annotation.title, 250)}", annotation.message)

    def report(self, level: Level, message: str, title: str = "") -> bool:
        """Prints something that has no place in a file, with the same limits."""
        return self._tell(level, one_line(title, 250), message)

    def close(self) -> None:
        """Says how many were not shown, if any."""
        rest = [
            counted(count - MAX_SHOWN, f"more {_WORDS[level][0].lower()}")
            for level, count in self._shown.items()
            if count > MAX_SHOWN
        ]
        if rest:
            self.say(f"Not shown here: {', '.join(rest)}; the report has them.")

    def _tell(self, level: Level, head: str, message: str) -> bool:
        self._shown[level] += 1
        if self._shown[level] > MAX_SHOWN:
            return False
        word, colour = _WORDS[level]
        shown = f"{colour}{word}\x1b[0m" if self.active else word
        text = plain(message, 4096).strip()
        self._print(f"{shown}: {': '.join(filter(None, (head, text))) or '(no message)'}")
        return True

    # ------------------------------------------------------------------------------------------------ parts

    def _print(self, text: str) -> None:
        self._stdout.write(f"{self._black(text)}\n")
        self._stdout.flush()

    def _black(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASKED)
        return text

    def _now(self) -> int:
        return int(self._clock())


def _basic(user: str, token: str) -> str:
    """The token as git sends it."""
    return base64.b64encode(f"{user}:{token}".encode("utf-8", "replace")).decode("ascii")


def _reason(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or error, 200)


def _fitting(pieces: list[str], room: int) -> str:
    """The first pieces that fit together, and a note of how many do not."""
    kept: list[str] = []
    room -= 100  # for the note
    for piece in pieces:
        room -= len(piece.encode("utf-8", "replace"))
        if room < 0:
            break
        kept.append(piece)
    left = len(pieces) - len(kept)
    note = f"*{counted(left, 'part')} left out: a summary has room for 1 MiB.*\n" if left else ""
    return "".join(kept) + note
