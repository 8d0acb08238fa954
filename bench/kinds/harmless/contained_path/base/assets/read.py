"""Assets of a theme."""

import re
from pathlib import Path


def read_asset(root, name):
    """Text of an asset; its name is one plain word with a suffix."""
    if not re.fullmatch(r"[a-z0-9_-]+\.[a-z]+", name):
        raise ValueError(f"no asset: {name!r}")
    return (Path(root) / name).read_text()
