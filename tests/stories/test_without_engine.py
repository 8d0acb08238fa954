"""What happens without an engine: the demo helps itself and says so, nobody else does, and a review can be had."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from telling import Author

from scripts import demo

pytestmark = pytest.mark.engine

NOWHERE = {"DOCKER_HOST": "unix:///no/such/engine.sock"}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers, and none is installed, for one is named."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE["DOCKER_HOST"])


@pytest.mark.usefixtures("without")
def test_the_demo_helps_itself_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    assert demo.without_engine() == ["--set", "sandbox.backend=bubblewrap"]
    said = capfd.readouterr()
    assert "isolates less than a container" in said.out and "must be asked for" in said.out
    assert "DOCKER_HOST" in said.err, "and what would have to be done for an engine"


@pytest.mark.usefixtures("without")
def test_without_bubblewrap_the_demo_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("env", "bash", "id", "timeout", "docker"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="missing: bubblewrap"):
        demo.without_engine()
    (tmp_path / "bwrap").write_text(
        f"#!{sys.executable}\nimport sys\nsys.exit('bwrap: Operation not permitted')\n"
    )
    (tmp_path / "bwrap").chmod(0o755)
    with pytest.raises(SystemExit, match="namespaces for bubblewrap.*not permitted"):
        demo.without_engine()


BEFORE = "def price(n):\n    if n < 10:\n        return n * 5\n    return n * 4\n"
TEST = """\
from price import price

def test_few():
    assert price(9) == 45

def test_many():
    assert price(10) == 40
"""


@pytest.mark.thorough
def test_a_review_can_be_had_where_it_is_asked_for_and_says_what_it_ran_in(author: Author) -> None:
    author.main({"price.py": BEFORE, "test_price.py": TEST})
    author.topic({"price.py": BEFORE.replace("n < 10", "n <= 10")})
    refused = author.run("review", "--base", "main", "--head", "topic", **NOWHERE)
    assert refused.code == 3 and "No container engine answers" in refused.stdout, "nothing is fallen back to"

    told = author.review(**NOWHERE, TRYLINE_SANDBOX_BACKEND="bubblewrap")
    assert told.finding["rule"] == "tests/regression" and b"n < 10" in author.accept(told.suggestion)
    assert told.result["environment"]["engine"].startswith("bubblewrap ")
    assert told.result["environment"]["isolation"].startswith("bubblewrap, weaker than a container")
    for text in (told.stdout, told.markdown):
        assert "bubblewrap, weaker than a container" in " ".join(text.split())
