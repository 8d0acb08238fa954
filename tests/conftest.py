"""Fixtures that several test files share. Lies here also so that tests in subfolders can import its neighbours."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from engine_guard import pytest_runtest_makereport, pytest_runtest_setup
from hypothesis import settings
from repositories import Repository

__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]

# No deadlines: a loaded machine is no defect. Continuous integration judges a change, so it tries equal examples
# each time; everybody else explores.
settings.register_profile("exploring", deadline=None)
settings.register_profile("judging", deadline=None, derandomize=True, database=None)
settings.load_profile("judging" if os.environ.get("CI") else "exploring")

# A run that a shell has put into the background ignores ^C, and so would every program that a test starts, and
# sends it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """An empty repository in a folder of its own."""
    return Repository(tmp_path / "repo")
