"""Delivers a review to files on this machine: Markdown, JSON or SARIF, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.domain import Review
from bot.errors import UsageError
from bot.forges import Format
from bot.record import dumps, write_atomically
from bot.render import Caps, counted, markdown
from bot.sarif import sarif

__all__ = ["Format", "Local"]


class Local:
    """Writes one review to each of several files."""

    name = "local"

    def __init__(self, files: Mapping[Path, Format], caps: Caps) -> None:
        self._files = files
        self._caps = caps

    def publish(self, review: Review) -> str:
        """Writes the files and says which. Raises UsageError when one cannot be written."""
        for path, form in self._files.items():
            if form == "sarif":
                text = sarif(review)
            else:
                text = dumps(review) if form == "json" else markdown(review, self._caps)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, text)
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be written: {error.strerror or error}",
                    hint="Give `--output` a file in a folder that you may write to.",
                    slug="output",
                ) from None
        return f"wrote {counted(len(self._files), 'file')}: {', '.join(map(str, self._files))}"
