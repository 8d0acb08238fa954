"""The policy refuses every forgery that a tree can show, and no honest rewrite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.languages.python.policy import violations

SAMPLES = Path(__file__).parents[1] / "samples"

DYNAMIC = {
    "cold_literal_by_arithmetic": "overfitted arithmetic: held-out tests and inputs of base differ",
    "cold_wasted_time": "depends on a helper's behaviour: warm and cold outcomes differ",
    "cold_hash_seed": "depends on the process: warm and cold outcomes differ",
    "cold_state_between_calls": "depends on the order of tests: the whole suite from the start differs",
    "cold_printed_report": "printed text is no report: outcomes come from the runner, and the test stays red",
    "cold_mutated_argument": "an honest mistake in form: the repository's tests judge the value",
}
"""Forgeries that look like code, and what catches them when they run."""


@dataclass(frozen=True)
class Sample:
    """One original and one candidate, read from a sample file."""

    name: str
    imports: tuple[str, ...]
    module: str
    original: str
    candidate: str


def sample(path: Path) -> Sample:
    """Reads the sections of a sample file."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("# --- module\n")
    module, _, rest = rest.partition("# --- original\n")
    original, _, candidate = rest.partition("# --- candidate\n")
    lines = [line.removeprefix("# imports: ") for line in head.splitlines() if line.startswith("# imports: ")]
    imports = tuple(part for line in lines for part in line.split("; "))
    return Sample(path.stem, imports, module + original, original, candidate)


def samples(folder: str) -> list[Sample]:
    return [sample(path) for path in sorted((SAMPLES / folder).glob("*.py"))]


def judged(one: Sample) -> tuple[str, ...]:
    return violations(one.original, one.candidate, one.imports, one.module)


FORGERIES = samples("forgeries")
HONEST = samples("honest")


def test_the_corpora_are_there() -> None:
    assert len(FORGERIES) >= 30
    assert len(HONEST) >= 30
    assert set(DYNAMIC) <= {one.name for one in FORGERIES}


@pytest.mark.parametrize("one", [s for s in FORGERIES if s.name not in DYNAMIC], ids=lambda s: s.name)
def test_a_forgery_is_refused(one: Sample) -> None:
    assert judged(one), one.candidate


@pytest.mark.parametrize("one", HONEST, ids=lambda s: s.name)
def test_an_honest_rewrite_is_not_refused(one: Sample) -> None:
    assert judged(one) == ()


@pytest.mark.parametrize("one", [s for s in FORGERIES if s.name in DYNAMIC], ids=lambda s: s.name)
def test_what_only_running_can_show_is_not_guessed_at(one: Sample) -> None:
    assert judged(one) == ()


@pytest.mark.parametrize("one", HONEST + FORGERIES, ids=lambda s: s.name)
def test_only_what_is_new_counts(one: Sample) -> None:
    try:
        compile(one.candidate if one.candidate[0] != " " else "if 1:\n" + one.candidate, one.name, "exec")
    except SyntaxError:
        pytest.fail("a sample must be valid Python")
    if one.name != "two_functions":
        assert violations(one.candidate, one.candidate, (), one.module) == ()
