"""Verifying by the clock: what a candidate is raced against, how often, and which comparison counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from fake_engine import FakeEngine, side
from sample_trials import candidate, finding, result, run, trialled

from bot import racing, trial
from bot.checks import Trialled
from bot.domain import Call, Category, Evidence, Finding, Witness
from bot.errors import SandboxError
from bot.languages.python.language import Python
from bot.measuring import curves
from bot.racing import Length, Raced
from bot.steps.verify import Case, Settings, deciding, raced
from bot.wire_calls import Input, Timing

TEXT = "def total(prices):\n    return sum(prices)\n"
LANGUAGE = Python()
FUNCTION = LANGUAGE.functions("m.py", TEXT)[0]
PLACE = trial.Place(LANGUAGE, TEXT, FUNCTION, LANGUAGE.unit(TEXT, FUNCTION))
CALL = Call("t", "[1]", "1", "", "d", pickled="p")


def timing(*seconds: float, digests: str = "", scale: int = 1, name: str = "x", input_: int = 0) -> Timing:
    """Times of head, the candidate and, where given, base; a little noise keeps intervals honest."""
    rows = tuple(tuple(one * (1 + 0.001 * (n % 5)) for n in range(40)) for one in seconds)
    marks = tuple(digests or "d" * len(seconds))
    return Timing(input_, scale, 10 * scale, name, rows, marks, ("returned",) * len(seconds))


class Races:
    """Gives races out one after the other, and remembers what was asked."""

    def __init__(self, *races: Raced | SandboxError) -> None:
        self.left = list(races)
        self.asked: list[tuple[int, int]] = []

    def __call__(
        self,
        lab: trial.Lab,
        side_: trial.Side,
        place: trial.Place,
        tests: Sequence[str],
        versions: Sequence[trial.Version],
        inputs: Sequence[Input],
        length: Length,
    ) -> Raced:
        self.asked.append((len(versions), length.process))
        given = self.left.pop(0)
        if isinstance(given, SandboxError):
            raise given
        return given


def judged(
    monkeypatch: pytest.MonkeyPatch, *races: Raced | SandboxError, about: Finding | None = None, base: bool = False
) -> tuple[Trialled, Races]:
    given = Races(*races)
    monkeypatch.setattr(racing, "fresh", given)
    head = run(result("t"), calls={FUNCTION.id: (CALL,)})
    case = Case(side("head"), PLACE, Evidence(head, head), about, ("t",), FUNCTION if base else None)
    mine = replace(trialled(), candidate=replace(candidate(TEXT), function=FUNCTION))
    return raced(FakeEngine(lambda _tree, _spec: {}).lab(), case, mine, Settings()), given


def slow(rule: str = "performance/slower", **more: Any) -> Finding:
    shown = curves([timing(1e-3, 2e-3, **more)])[0].told
    witness = Witness("measure", (), "", "", measured=shown)
    return replace(finding(), rule=rule, category=Category.PERFORMANCE, witness=witness)


def test_one_race_has_to_do_for_a_rewrite_that_is_not_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, races = judged(monkeypatch, Raced((timing(1e-3, 1.1e-3),)))
    assert races.asked == [(2, 0)]
    assert seen.slower is None
    assert seen.measured is not None
    assert seen.measured.ratio == pytest.approx(1.1)


def test_a_refusal_takes_two_races(monkeypatch: pytest.MonkeyPatch) -> None:
    both, races = judged(monkeypatch, Raced((timing(1e-3, 4e-3),)), Raced((timing(1e-3, 4e-3),)))
    assert [process for _, process in races.asked] == [0, 1]
    assert both.slower is not None
    once, _ = judged(monkeypatch, Raced((timing(1e-3, 4e-3),)), Raced((timing(1e-3, 1e-3),)))
    assert once.slower is None


def test_a_witness_of_times_takes_two_races(monkeypatch: pytest.MonkeyPatch) -> None:
    better = Raced((timing(2e-3, 1e-3),))
    seen, races = judged(monkeypatch, better, better, about=slow())
    assert len(races.asked) == 2
    assert seen.measured is not None
    assert seen.measured.repeats == 2
    _, once = judged(monkeypatch, better, about=slow("performance/faster"))
    assert len(once.asked) == 1


def test_where_head_answers_otherwise_base_is_the_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = judged(monkeypatch, Raced((timing(1e-9, 1.2e-3, 1e-3, digests="hbb"),)), base=True)
    assert seen.against == "base"
    assert seen.measured is not None
    assert seen.measured.ratio == pytest.approx(1.2)


def test_what_cannot_be_raced_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = judged(monkeypatch, Raced(why="no passing test executes it"))
    assert (seen.measured, seen.unmeasured) == (None, "no passing test executes it")
    apart, _ = judged(monkeypatch, Raced((timing(1e-3, 1e-3, digests="ab"),)))
    assert "answers otherwise" in apart.unmeasured
    broke, _ = judged(monkeypatch, SandboxError("the engine left", slug="engine"))
    assert "the engine left" in broke.unmeasured


def test_the_comparison_on_the_input_of_the_finding_counts() -> None:
    rows = curves([timing(1e-3, 2e-3, name="small"), timing(1e-3, 5e-3, name="large", input_=1, scale=2)])
    about = deciding([rows], slow(name="small"))
    assert about is not None
    assert about.arguments == "small"
    largest = deciding([rows, rows], None)
    assert largest is not None
    assert (largest.arguments, largest.inputs, largest.repeats) == ("large", 2, 2)
    other = curves([timing(1e-3, 2e-3, input_=7)])
    assert deciding([rows, other], None) is None
