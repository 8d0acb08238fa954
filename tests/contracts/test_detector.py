"""What every detector promises: pure, about the change, each function and rule once, the strongest first."""

from __future__ import annotations

from typing import Any

import pytest
from sample_trials import OTHER, PATH, WITNESS, changed, function, result, run

from bot.detectors import Detector
from bot.detectors.tests import FailingTests
from bot.domain import Evidence, Outcome, SuiteRun

DETECTORS: tuple[Detector, ...] = (FailingTests(),)
FUNCTIONS = (changed(), changed(function("dump", 11, 13), (12,)))
COVERED = {WITNESS: {PATH: (5, 6, 7)}, OTHER: {PATH: (5, 7, 12)}}
EVIDENCE = Evidence(
    base=run(result(WITNESS), result(OTHER)),
    head=run(result(WITNESS, Outcome.FAILED), result(OTHER, Outcome.FAILED), covered=COVERED),
    confirmed=frozenset({WITNESS, OTHER}),
)


@pytest.fixture(params=DETECTORS, ids=lambda detector: detector.name)
def detector(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_suspicions_are_about_the_change_and_its_tests(detector: Detector) -> None:
    found = detector.suspect(FUNCTIONS, EVIDENCE)
    assert found
    for suspicion in found:
        assert suspicion.function in FUNCTIONS
        assert suspicion.tests
        assert set(suspicion.tests) <= {WITNESS, OTHER}
        assert suspicion.message
        assert 0 <= suspicion.score <= 1
        body = range(suspicion.function.head.start_line, suspicion.function.head.end_line + 1)
        assert all(line in body and 0 < score <= 1 for line, score in suspicion.suspicious_lines.items())


def test_the_strongest_come_first_and_each_once(detector: Detector) -> None:
    found = detector.suspect(FUNCTIONS, EVIDENCE)
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    keys = [(s.function.id, s.rule) for s in found]
    assert len(keys) == len(set(keys))


def test_it_is_pure(detector: Detector) -> None:
    assert detector.suspect(FUNCTIONS, EVIDENCE) == detector.suspect(FUNCTIONS, EVIDENCE)


def test_without_evidence_or_functions_there_is_nothing(detector: Detector) -> None:
    empty = SuiteRun((), (), 0, 0.0)
    assert detector.suspect(FUNCTIONS, Evidence(empty, empty)) == ()
    assert detector.suspect((), EVIDENCE) == ()
