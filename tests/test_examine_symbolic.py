"""What a symbolic comparison does to a rewrite that was proven: words for the reader, or, for speed, a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_trials import HEAD_TEXT, NEW_SOURCE, OTHER, PATH, WITNESS, changed, finding, function, result, run

from bot import trial
from bot.domain import (
    Call,
    Candidate,
    Category,
    Evidence,
    Finding,
    Judgement,
    Outcome,
    Rejected,
    Replacement,
    Rewrite,
    Verdict,
)
from bot.errors import SandboxError
from bot.examine import Bench, compared, reference_of
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import symbolic

SOURCE = HEAD_TEXT.split("\n\n\n")[1] + "\n"
BASE = SOURCE.replace("result -= price", "result = result + price")
FUNCTION = changed(function(source=SOURCE))
FOUND = replace(finding(WITNESS), function=replace(FUNCTION, base=replace(FUNCTION.head, source=BASE)))
PLACE = trial.Place(Python(), HEAD_TEXT, FUNCTION.head, Python().unit(HEAD_TEXT, FUNCTION.head))
CALL = Call(OTHER, "[1]", "1", "", "d", source="([1],)")
WORDS = "differs from X on `total([1])`: gives `1` there, gives `2` here"


def of(category: Category) -> Finding:
    return replace(FOUND, category=category)


def bench(seconds: float = 10.0, left: float = 60.0, base: Outcome = Outcome.PASSED) -> Bench:
    evidence = Evidence(
        run(result(WITNESS, base)),
        replace(
            run(result(WITNESS, Outcome.FAILED), result(OTHER)),
            covered={OTHER: {PATH: (5,)}, WITNESS: {PATH: (5,)}},
            calls={FUNCTION.id: (CALL, CALL, replace(CALL, source=""))},
        ),
    )
    nothing: Any = None
    return Bench(
        lab=nothing,
        head=nothing,
        texts={PATH: HEAD_TEXT},
        languages={PATH: PLACE.language},
        evidence=evidence,
        proposers=(),
        checks=(),
        search=nothing,
        verify=nothing,
        seconds_left=lambda: left,
        symbolic=seconds,
    )


def rewrite(*, revert: bool = False) -> Rewrite:
    candidate = Candidate(FUNCTION.head, NEW_SOURCE, (), (), 0.0, 1.0, 0.0, is_revert=revert)
    verdict = Verdict((Judgement("tests-pass", True, "all"),), (), 2, 1, "the whole suite", 1.0)
    return Rewrite.of(candidate, verdict, Replacement(PATH, 7, 7, "        result += price\n"))


class Asked:
    """Stands in for the comparison, and remembers what it was asked."""

    def __init__(self, answer: symbolic.Compared | SandboxError) -> None:
        self.answer = answer
        self.name, self.old, self.tests, self.green = "", "", (), ()

    def __call__(
        self,
        lab: Any,
        side: Any,
        place: Any,
        versions: Any,
        name: str,
        tests: Any,
        seconds: float,
        green: Any,
        calls: Any,
    ) -> symbolic.Compared:
        del lab, side, place
        assert calls == ("([1],)",)
        assert seconds == 10.0
        assert versions[1].source == NEW_SOURCE
        self.name, self.old, self.tests, self.green = name, versions[0].source, tests, green
        if isinstance(self.answer, SandboxError):
            raise self.answer
        return self.answer


def asked(monkeypatch: pytest.MonkeyPatch, answer: symbolic.Compared | SandboxError) -> Asked:
    made = Asked(answer)
    monkeypatch.setattr(symbolic, "compare", made)
    return made


def test_a_rewrite_for_speed_that_answers_otherwise_than_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asked(monkeypatch, symbolic.Compared(WORDS, True))
    found = compared(bench(), PLACE, of(Category.PERFORMANCE), rewrite(), Silent())
    assert isinstance(found, Rejected)
    assert found.reason == f"symbolic: {WORDS}"
    assert (seen.name, seen.old, seen.green) == ("head", SOURCE, ())
    assert seen.tests == (OTHER,), "what passes at head stands for the modules"


def test_a_repair_that_answers_otherwise_than_base_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asked(monkeypatch, symbolic.Compared(WORDS, True))
    found = compared(bench(), PLACE, FOUND, rewrite(), Silent())
    assert isinstance(found, Rewrite)
    assert found.verdict.symbolic == WORDS
    assert found.verdict.judgements == rewrite().verdict.judgements
    assert (seen.name, seen.old, seen.green) == ("base", BASE, (WITNESS,))
    assert WITNESS in seen.tests


@pytest.mark.parametrize("answer", [symbolic.Compared(why="no types"), SandboxError("gone", slug="gone")])
def test_what_cannot_be_had_takes_nothing_from_the_proof(
    monkeypatch: pytest.MonkeyPatch, answer: symbolic.Compared | SandboxError
) -> None:
    asked(monkeypatch, answer)
    for category in (Category.PERFORMANCE, Category.CORRECTNESS):
        assert compared(bench(), PLACE, of(category), rewrite(), Silent()) == rewrite()


def test_nothing_is_compared_without_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asked(monkeypatch, symbolic.Compared(WORDS, True))
    slow = of(Category.PERFORMANCE)
    for one, what, made in (
        (bench(seconds=0), slow, rewrite()),
        (bench(left=0), slow, rewrite()),
        (bench(), slow, rewrite(revert=True)),
        (bench(), of(Category.SECURITY), rewrite()),
        (bench(base=Outcome.FAILED), FOUND, rewrite()),
        (bench(), replace(FOUND, function=changed(FUNCTION.head, added=True)), rewrite()),
    ):
        assert compared(one, PLACE, what, made, Silent()) == made
    assert not seen.name
    assert reference_of(bench(), PLACE, slow, rewrite().candidate)[0] == "head"
