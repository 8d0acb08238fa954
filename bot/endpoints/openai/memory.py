"""What probes found out, kept on disk for a day: a probe asks a server some fifteen questions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from bot.endpoints import Capabilities
from bot.endpoints.wire_form import FormError, dumps, from_form, loads, to_form

VERSION = 1
"""Counted up when a probe asks for more, or judges otherwise: older files are then not believed."""
SECONDS = 24 * 3600.0
"""How long a file is believed: servers are updated, and models behind a name replaced."""


def place(folder: Path, url: str, model: str) -> Path:
    """The file for a model at a base URL."""
    name = hashlib.sha256(f"{url}\n{model}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return folder / f"{name}.json"


def load(folder: Path | None, url: str, model: str, *, now: float) -> Capabilities | None:
    """What was found out within the last day; None where nothing was, or the file is not as it was written."""
    if folder is None:
        return None
    try:
        data = loads(place(folder, url, model).read_text("utf-8"))
        if data["version"] != VERSION or data["url"] != url or not 0 <= now - data["made"] < SECONDS:
            return None
        found = from_form(Capabilities, data["capabilities"])
    except (OSError, UnicodeDecodeError, FormError, KeyError, TypeError):
        return None
    return found if found.model == model else None


def save(folder: Path | None, url: str, found: Capabilities, *, now: float) -> None:
    """Keeps it, whole or not at all. A folder that cannot be written to only costs the next run a probe."""
    if folder is None:
        return
    text = dumps({"version": VERSION, "url": url, "made": now, "capabilities": to_form(found)})
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".probe-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(place(folder, url, found.model))
        except OSError:
            Path(name).unlink()
