"""Delivers a review to files on this machine, each whole or not at all: Markdown, HTML, JSON, SARIF, GitLab's
reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bot.code_quality import code_quality
from bot.domain import Review
from bot.errors import UsageError
from bot.forges import Format
from bot.record import dumps, write_atomically
from bot.render import Caps, counted, markdown
from bot.report import page
from bot.sarif import sarif
from bot.sast import sast

__all__ = ["Format", "Local", "text"]


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def text(review: Review, form: Format, caps: Caps, clock: Callable[[], datetime] = now) -> str:
    """The whole text of a file of this form; the clock says when the review ended, where a form asks for it."""
    forms: Mapping[Format, Callable[[], str]] = {
        "markdown": lambda: markdown(review, caps),
        "json": lambda: dumps(review),
        "sarif": lambda: sarif(review),
        "html": lambda: page(review, when=clock().isoformat(timespec="seconds")),
        "codequality": lambda: code_quality(review),
        "sast": lambda: sast(review, ended=clock()),
    }
    return forms[form]()


class Local:
    """Writes one review to each of several files."""

    name = "local"

    def __init__(self, files: Mapping[Path, Format], caps: Caps, clock: Callable[[], datetime] = now) -> None:
        self._files = files
        self._caps = caps
        self._clock = clock

    def publish(self, review: Review) -> str:
        """Writes the files and says which. Raises UsageError when one cannot be written."""
        for path, form in self._files.items():
            content = text(review, form, self._caps, self._clock)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be written: {error.strerror or error}",
                    hint="Give `--output` a file in a folder that you may write to.",
                    slug="output",
                ) from None
        return f"wrote {counted(len(self._files), 'file')}: {', '.join(map(str, self._files))}"
