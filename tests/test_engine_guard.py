"""Tests that need an engine where none works: they fail at once, all with the reason, and nothing of them runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import engine_guard
import pytest

TESTS = """
import time
from pathlib import Path

import pytest

@pytest.fixture
def needs():
    Path("ran").touch()

@pytest.mark.engine
@pytest.mark.parametrize("number", range(5))
def test_engine(needs, number):
    time.sleep(60)

def test_other():
    pass
"""


@contextmanager
def dead() -> Iterator[str]:
    """The address of an engine that takes connections and closes each."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"


def ran(folder: Path, text: str, *options: str, **environ: str) -> str:
    """What pytest prints of tests with this guard."""
    (folder / "test_here.py").write_text(text)
    (folder / "conftest.py").write_text(
        "from engine_guard import pytest_runtest_makereport, pytest_runtest_setup\n"
        "import engine_guard\n"
        "if __import__('os').environ.get('WORKS'):\n"
        "    engine_guard.trouble = lambda environ: ''\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = engine\n")
    environ = {**os.environ, "PYTHONPATH": str(Path(engine_guard.__file__).parent), **environ}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False).stdout


@pytest.mark.thorough
def test_all_fail_at_once_with_the_reason(tmp_path: Path) -> None:
    with dead() as address:
        told = ran(tmp_path, TESTS, DOCKER_HOST=address)
    assert "1 passed, 5 errors" in told, told
    assert told.count("no engine works (") >= 5 and "run `make engine`" in told
    assert not (tmp_path / "ran").exists()


@pytest.mark.thorough
def test_tests_in_a_row_that_do_not_end_are_the_last(tmp_path: Path) -> None:
    told = ran(tmp_path, TESTS, "--timeout=0.05", WORKS="yes")
    assert "3 failed, 1 passed, 2 errors" in told, told
    assert "not run: 3 tests in a row failed after long waits (test_here.py::test_engine[0], " in told


def test_a_fixture_that_tests_share_fails_once() -> None:
    guard = engine_guard.Guard()
    late = RuntimeError("Timeout (>9s) from pytest-timeout.")
    for name in "abcde":
        guard.after(name, late, 0.0)
    assert (guard.late, guard.trouble) == (["a"], "")
    guard.after("f", AssertionError("late, and a matter of its own"), 500.0)
    assert guard.late == []
    for name in "ghi":
        guard.after(name, OSError("no answer"), 70.0)
    assert "(g, h, i)" in guard.trouble


@pytest.mark.engine
def test_an_engine_that_works_is_no_trouble() -> None:
    assert engine_guard.trouble(os.environ) == ""
