"""The Dockerfile: what it copies is let in, every engine builds it, and what builds the wheel is in the lock."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).split("\n")
OPTIONAL = {"ca.pem"}


def copied() -> set[str]:
    """What is copied from the context; a pattern for one file as that file."""
    lines = [shlex.split(line)[1:-1] for line in INSTRUCTIONS if line.startswith(("COPY ", "ADD "))]
    return {re.sub(r"\[(.)\]", r"\1", name) for words in lines if "--from=build" not in words for name in words}


def test_what_is_copied_is_let_into_the_context_and_nothing_else() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert "*" in rules
    assert let_in == copied()
    for name in let_in - OPTIONAL:
        assert (ROOT / name).exists(), name


def test_the_script_sends_the_same_context() -> None:
    script = (ROOT / "scripts/image.sh").read_text("utf-8").replace("\\\n", " ")
    (line,) = [line for line in script.split("\n") if line.startswith("tar -C ")]
    names = line.partition(" -cf - ")[2].partition(' "${')[0].split()
    assert set(names) == (copied() - OPTIONAL) | {"Dockerfile", ".dockerignore"}


def test_nothing_of_it_is_buildkits_alone() -> None:
    assert not DOCKERFILE.startswith("# syntax")
    for line in INSTRUCTIONS:
        assert not re.search(r"<<|--mount|--link|--chmod|--parents|--network|--security|--exclude", line), line


def test_the_stage_that_ships_is_as_github_wants_it() -> None:
    last = INSTRUCTIONS[max(number for number, line in enumerate(INSTRUCTIONS) if line.startswith("FROM ")) :]
    words = [line.split(" ", 1)[0] for line in last]
    assert "USER" not in words
    assert "WORKDIR" not in words
    assert 'ENTRYPOINT ["tryline"]' in last
    assert not [line for line in last if "INDEX" in line or "ca.pem" in line]


def test_what_builds_the_wheel_is_installed_by_hash() -> None:
    wanted = re.search(r"wanted = /\^\(([^)]*)\)==/", DOCKERFILE)
    assert wanted is not None
    closure: set[str] = set()
    waiting = ["hatchling"]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in closure:
            closure.add(name)
            needs = [Requirement(text) for text in metadata.requires(name) or ()]
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    assert set(wanted[1].split("|")) == closure
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    for name in closure:
        assert re.search(rf"^{name}==\S+ .*\\\n +--hash=sha256:", lock, re.MULTILINE), name
