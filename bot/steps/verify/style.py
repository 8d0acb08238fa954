"""The candidate in the repository's own style, where it configures a formatter."""

from __future__ import annotations

import base64
from dataclasses import replace

from bot import trial, wire
from bot.domain import Candidate
from bot.languages import Unparsable
from bot.sandboxes import Sandbox
from bot.steps.verify.case import Case


def styled(lab: trial.Lab, box: Sandbox, case: Case, candidate: Candidate) -> Candidate:
    """The candidate in the repository's own style, where it configures a formatter that head's file follows.

    The formatter runs in the container, on a copy beside the file (so that it finds its configuration); what it
    gives back is only taken when it means the same.
    """
    place = case.place
    formatter = place.language.formatter(case.head.files)
    if formatter is None:
        return candidate
    if formatted(lab, box, case, formatter, place.text) != place.text:
        return candidate
    text = formatted(lab, box, case, formatter, place.module(candidate.source, candidate.imports))
    if text is None:
        return candidate
    try:
        functions = place.language.functions(place.function.path, text)
        own = next((f for f in functions if f.qualname == place.function.qualname), None)
        if own is None or place.language.normalise(own.source) != place.language.normalise(candidate.source):
            return candidate
    except Unparsable:
        return candidate
    return replace(candidate, source=own.source.replace("\r\n", "\n"))


def formatted(lab: trial.Lab, box: Sandbox, case: Case, formatter: tuple[str, ...], text: str) -> str | None:
    """A text as the formatter leaves it, None when it fails."""
    place = case.place
    folder, _, name = place.function.path.rpartition("/")
    copy = f"{folder}/tryline_{name}" if folder else f"tryline_{name}"
    data = place.language.encode(text, case.head.files.read(place.function.path))
    reply = box.ask(
        {"kind": "put", "files": {copy: base64.b64encode(data).decode()}, "writable": True}, seconds=30
    )
    if "error" in reply:
        return None
    lab.count()
    reply = box.ask(wire.command_job([*formatter, copy], 30), seconds=60)
    done = box.ask({"kind": "get", "path": copy, "remove": True}, seconds=30)
    if reply.get("code") != 0 or not isinstance(done.get("content"), str):
        return None
    try:
        return place.language.decode(base64.b64decode(done["content"]))
    except (Unparsable, ValueError):
        return None
