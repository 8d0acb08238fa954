"""The record of a search: why each line went as it did, roll-backs included, and the values of what decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sample_reviews
from rewriting import EDITS, SETTINGS, Case, Workbench, workbench
from sample_reports import FULL, page

from bot.domain import LineStep, Review, Search, Status, Turn
from bot.record import dumps, from_json, to_json
from bot.result import MOST_SEEN
from bot.steps.propose.watching import telling
from bot.steps.propose.writing import Guidance

TOTAL = Case(
    "summed",
    "def summed(items):\n    result = 0\n    for item in items:\n        result -= item\n    return result\n",
    "def test_some():\n    assert summed([1, 2]) == 3\n\n\ndef test_one():\n    assert summed([4]) == 4\n",
)
# Two lines are wrong, and one test is about each: the search comes nearer, then is done, or goes back.
TWO = Case(
    "span",
    "def span(items):\n    low = items[1]\n    high = items[0]\n    return low, high\n",
    "def test_low():\n    assert span([3, 5, 9])[0] == 3\n\n\n"
    "def test_high():\n    assert span([3, 5, 9])[1] == 9\n",
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with workbench(TOTAL, TWO) as made:
        yield made


def search(bench: Workbench, case: Case, watched: int = 18) -> Search:
    return bench.search(case, None, Guidance(), edits=EDITS, settings=replace(SETTINGS, watched=watched))


@pytest.mark.engine
def test_what_passes_says_why_and_what_it_changed(bench: Workbench) -> None:
    found = search(bench, TOTAL)
    decided = next(step for step in found.steps if step.chosen is not None)
    chosen = decided.trials[decided.chosen or 0]
    assert chosen.result.status is Status.PASSED and decided.turn is Turn.LINE
    assert decided.why == "It passes every test that executes the function: a candidate."
    assert (0, (("return", "int", "3"),)) in chosen.trace
    # A value is seen at the statement that comes next.
    assert (4, (("result", "int", "1"), ("item", "int", "2"))) in chosen.trace
    traced = [trial for step in found.steps for trial in step.trials if trial.trace]
    assert 1 < len(traced) <= 18
    # What is watched decides nothing, and is no part of the search's budget.
    alone = search(bench, TOTAL, watched=0)
    assert not any(trial.trace for step in alone.steps for trial in step.trials)
    assert (alone.executions, [c.source for c in alone.candidates]) == (
        found.executions,
        [c.source for c in found.candidates],
    )


@pytest.mark.engine
def test_a_line_that_leads_nearer_and_what_was_built_on_it(bench: Workbench) -> None:
    found = search(bench, TWO)
    assert found.candidates and len(found.candidates[0].edits) == 2
    nearer = [step for step in found.steps if step.chosen is not None and "nearer to green" in step.why]
    built = [step for step in found.steps if step.prefix and step.chosen is not None]
    assert nearer and built and built[0].depth == len(built[0].prefix) == 1
    assert all(step.why for step in found.steps)
    kept = [step for step in found.steps if step.chosen is None and step.trials]
    assert all(step.why == "Nothing came nearer to green: the line is kept." for step in kept)


def test_the_chosen_and_its_rivals_are_told_first() -> None:
    line = sample_reviews.SEARCH.steps[0]
    trials = tuple(replace(trial, source=f"{n}") for n, trial in enumerate(line.trials))
    line = replace(line, trials=trials)
    undecided = replace(line, chosen=None, trials=tuple(replace(t, source=f"u{t.source}") for t in trials))
    back = LineStep(1, "", 0.0, (), None, 0, Turn.BACK)
    # What is no code cannot be run again; the second trial was chosen.
    assert telling([undecided, back, line], 3) == [(2, 1), (2, 0), (0, 1)]
    merged = replace(line, trials=(replace(trials[0], merged_into=1), *trials[1:]))
    assert telling([merged], 9) == [(0, 1)]


def test_the_whole_record_is_saved_and_read() -> None:
    assert from_json(to_json(FULL)) == replace(FULL, change=from_json(to_json(FULL)).change)
    step = FULL.findings[0].search.steps[0]
    long = replace(step.trials[0], trace=((1, (("x", "int", "1"),)),) * (MOST_SEEN + 50))
    review = with_steps((replace(step, trials=(long,), chosen=0),))
    back = from_json(to_json(review)).findings[0].search
    assert len(back.steps[0].trials[0].trace) == MOST_SEEN


def test_a_record_of_before_has_no_values_and_is_read() -> None:
    data = to_json(FULL)
    for finding in data["findings"]:
        for step in finding["search"]["steps"]:
            for name in ("turn", "why", "prefix"):
                del step[name]
            for trial in step["trials"]:
                del trial["said"], trial["votes"], trial["trace"], trial["result"]["gain"]
    data["schema"] = "tryline/result/1.4"
    search = from_json(data).findings[0].search
    assert search.steps[0].turn is Turn.LINE and search.steps[0].trials[0].trace == ()
    assert "The best score after it ran." in page(from_json(data))


def with_steps(steps: tuple[LineStep, ...]) -> Review:
    first, *others = FULL.findings
    return replace(FULL, findings=(replace(first, search=replace(first.search, steps=steps)), *others))


def test_results_stay_within_bounds() -> None:
    step = FULL.findings[0].search.steps[1]
    review = with_steps((step,) * 3000)
    assert len(dumps(review, limit=1_000_000)) < 1_000_000
