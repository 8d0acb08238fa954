"""Gives the package beyond the wall the name that it has inside, for tests in this process and in others."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

INSIDE = Path(bot.__file__).parent / "inside"


def load() -> None:
    """Makes `tryline_inside` importable; nothing on the host has this name otherwise."""
    spec = importlib.util.spec_from_file_location(
        "tryline_inside", INSIDE / "__init__.py", submodule_search_locations=[str(INSIDE)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tryline_inside"] = module
    spec.loader.exec_module(module)


load()


@pytest.fixture
def clean_builtins() -> Iterator[None]:
    """Takes away what `instrument.publish` puts into `builtins`."""
    yield
    for name in [name for name in vars(builtins) if name.startswith("__tryline_")]:
        delattr(builtins, name)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as the agent unpacks it."""
    place = tmp_path_factory.mktemp("beyond")
    (place / "tryline_inside").symlink_to(INSIDE)
    return place
