"""Fixtures that several test files share. Lies here also so that tests in subfolders can import its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """An empty repository in a folder of its own."""
    return Repository(tmp_path / "repo")
