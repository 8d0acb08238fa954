"""Fixtures of what is shipped: the image, and a machine that runs it as GitHub's would."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runner import Runner, built


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the action, built once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    return built((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "image.lock")


@pytest.fixture
def runner(image: str, tmp_path: Path) -> Runner:
    """A machine of GitHub's with nothing on it."""
    return Runner(image, tmp_path / "_temp")
