"""Themes come as tar archives."""

import tarfile
from pathlib import Path

SUFFIXES = {".css", ".png", ".html"}


def unpack_theme(archive, folder):
    """Writes a theme's files below a folder; returns their names in order."""
    folder = Path(folder).resolve()
    written = []
    with tarfile.open(archive) as theme:
        for member in theme:
            if not member.isfile() or Path(member.name).suffix not in SUFFIXES:
                continue
            target = (folder / member.name).resolve()
            if folder not in target.parents:
                raise ValueError(f"{member.name} leaves the theme's folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(theme.extractfile(member).read())
            written.append(member.name)
    return sorted(written)
