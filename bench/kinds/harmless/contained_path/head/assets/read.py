"""Assets of a theme."""

from pathlib import Path


def read_asset(root, name):
    """Text of an asset; it may lie in a folder below the theme's."""
    folder = Path(root).resolve()
    path = (folder / name).resolve()
    if folder not in path.parents:
        raise ValueError(f"no asset: {name!r}")
    return path.read_text()
