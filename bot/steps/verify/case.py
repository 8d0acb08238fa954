"""What a cold proof is made of: how much is run, what a candidate is judged against, the file that is written."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from bot import racing, trial
from bot.domain import Evidence, Finding, Function
from bot.errors import SandboxError
from bot.languages import Unparsable
from bot.measuring import LEAST_GAIN
from bot.sandboxes import Sandbox

RACE_SECONDS = 5.0


@dataclass(frozen=True)
class Settings:
    """How much a cold proof runs."""

    seconds: float = 300.0
    """Budget of one cold run; a suite that took longer at head is sampled."""
    sample: int = 50
    """Tests that do not execute the function, run beside those that do when the suite is too long."""
    seed: int = 0
    test_seconds: float = 20.0
    race_seconds: float = RACE_SECONDS
    """For one race against what the candidate replaces; 0: none."""
    least_gain: float = LEAST_GAIN


@dataclass(frozen=True)
class Case:
    """What a candidate is judged against."""

    head: trial.Side
    place: trial.Place
    evidence: Evidence
    finding: Finding | None
    executing: tuple[str, ...]
    """Tests that execute the function at head."""
    base: Function | None = None
    """The function at base, where there is one."""
    base_text: str = ""
    """Base's file, for the imports that its version needs; empty where it is not at hand."""


def put(box: Sandbox, case: Case, module: str) -> None:
    """Writes the file in the container. Raises SandboxError when it cannot be written."""
    place = case.place
    path = place.function.path
    data = place.language.encode(module, case.head.files.read(path))
    reply = box.ask({"kind": "put", "files": {path: base64.b64encode(data).decode()}}, seconds=30)
    if "error" in reply:
        raise SandboxError(f"cannot write {path} in the container: {reply['error']}", slug="put")


def base_of(case: Case) -> tuple[trial.Version, ...]:
    """Base's version of the function, where there is one that can stand in its place."""
    if case.base is None:
        return ()
    place = case.place
    try:
        return (racing.base_version(place.language, place.text, place.function, case.base, case.base_text),)
    except Unparsable:
        return ()
