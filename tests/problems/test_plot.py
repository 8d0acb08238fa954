"""The plot: a real picture, the same each time, refused before anything runs where it cannot be drawn."""

from __future__ import annotations

import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from matplotlib.image import imread

from bot.errors import UsageError
from bot.problems import plot
from bot.problems.journal import Cell, Header, Record
from bot.problems.report import Figures, figures


def found() -> Figures:
    """Three arms on ten problems."""
    cells = [
        Cell(f"p{i}", arm, 0, visible=True, hidden=i < right, submitted=True, tokens_in=tokens)
        for arm, right, tokens in (("best-of-n", 4, 9000), ("cfg-1.5", 7, 12000), ("edits", 0, 0))
        for i in range(10)
    ]
    return figures(Record(Header({"arms": {c.arm: {} for c in cells}, "seeds": [0]}, {}), tuple(cells), {}))


@pytest.mark.thorough
def test_png_and_svg_are_drawn_and_equal_each_time(tmp_path: Path) -> None:
    for suffix in (".png", ".svg"):
        plot.draw(found(), tmp_path / f"a{suffix}")
        plot.draw(found(), tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    data = (tmp_path / "a.png").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG") and width > 1000 and height > 300
    pixels = imread(tmp_path / "a.png")
    assert len({tuple(pixel) for row in pixels[::7] for pixel in row[::7]}) > 4, "it is not empty"
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.tag.endswith("svg")


def test_the_svg_names_every_arm(tmp_path: Path) -> None:
    plot.draw(found(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for word in ("best-of-n", "cfg-1.5", "edits", "70%", "12,000"):
        assert f"<!-- {word} -->" in text, word


def test_another_ending_and_a_place_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plot.check(tmp_path / "a.jpg")
    assert caught.value.slug == "plot-suffix"
    with pytest.raises(UsageError) as caught:
        plot.draw(found(), tmp_path / "nowhere" / "a.svg")
    assert caught.value.slug == "output"


def test_without_matplotlib_only_the_plot_is_refused(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from pathlib import Path\n"
        "from bot.problems import command, plot\n"
        "from bot.errors import UsageError\n"
        "try:\n    plot.check(Path('a.svg'))\n"
        "except UsageError as error:\n    print(error.slug, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "plot-missing pip install 'tryline[bench]'"
