"""What probes found out, kept on disk for a day: a probe asks a server a dozen questions."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from bot.endpoints import Capabilities

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
        data = json.loads(place(folder, url, model).read_text("utf-8"))
        if data["version"] != VERSION or data["url"] != url or not 0 <= now - data["made"] < SECONDS:
            return None
        found = _capabilities(data["capabilities"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if found.model == model else None


def save(folder: Path | None, url: str, found: Capabilities, *, now: float) -> None:
    """Keeps it, whole or not at all. A folder that cannot be written to only costs the next run a probe."""
    if folder is None:
        return
    data = {"version": VERSION, "url": url, "made": now, "capabilities": asdict(found)}
    target = place(folder, url, found.model)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".probe-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=1)
            Path(name).replace(target)
        except OSError:
            Path(name).unlink()


_CHOICES: dict[str, tuple[str, ...]] = {
    "scoring": ("", "echo", "prompt_logprobs"),
    "prefix": ("", "continue_final_message", "prefix"),
    "schema": ("", "json_schema", "json_object"),
}


def _capabilities(data: dict[str, Any]) -> Capabilities:
    """Capabilities out of JSON. Raises KeyError, TypeError or ValueError for another shape."""
    values = {field.name: data[field.name] for field in fields(Capabilities)}
    plain = Capabilities()
    for name, value in values.items():
        if name in _CHOICES:
            good = value in _CHOICES[name]
        elif name == "template":
            good = value is None or (_texts(value) and len(value) == 2)
        elif name == "context":
            good = value is None or type(value) is int
        elif name == "notes":
            good = _texts(value)
        else:
            good = type(value) is type(getattr(plain, name))
        if not good:
            raise ValueError(name)
    values["notes"] = tuple(values["notes"])
    values["template"] = values["template"] and tuple(values["template"])
    return Capabilities(**values)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
