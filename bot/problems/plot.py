"""Where the experiment's picture is written; it is drawn by `drawing.py`, which is loaded when it is wanted."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from bot.errors import UsageError
from bot.problems.report import Figures

SUFFIXES = (".svg", ".png")


def check(path: Path) -> None:
    """Raises UsageError where a plot cannot be drawn there: before an experiment, not after it.

    Slugs: `plot-missing` without matplotlib, `plot-suffix` for another kind of file.
    """
    if not installed():
        raise UsageError(
            "a plot needs matplotlib, which is not installed",
            hint="pip install 'tryline[bench]'",
            slug="plot-missing",
        )
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"a plot is written as {' or '.join(SUFFIXES)}, not as `{path.suffix}`",
            hint="Name the file with one of these endings.",
            slug="plot-suffix",
        )


def draw(found: Figures, path: Path) -> None:
    """Writes the plot, SVG or PNG by the file's ending. Equal figures give equal files.

    Raises UsageError as `check` does, and `output` when the file cannot be written.
    """
    check(path)
    # Matplotlib takes a second to load and is an extra: commands that draw nothing do without.
    drawing = importlib.import_module("bot.problems.drawing")
    data: bytes = drawing.picture(found, path.suffix.lower().removeprefix("."))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", slug="output") from None


def installed() -> bool:
    """Whether the extra `bench` is there."""
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"] is not None
    return importlib.util.find_spec("matplotlib") is not None
