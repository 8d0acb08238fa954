"""Fixtures of the stories."""

from __future__ import annotations

from pathlib import Path

import pytest
from telling import Author


@pytest.fixture
def author(tmp_path: Path) -> Author:
    """Somebody with an empty repository."""
    return Author(tmp_path / "project")
