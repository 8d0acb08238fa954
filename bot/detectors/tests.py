"""Detector `tests`: names what the repository's own tests show, and the changed functions that may be the cause.

A test is tied to the changed functions that it executes. Where several are, spectrum-based ranking orders them
(Ochiai, as in Abreu et al., "On the accuracy of spectrum-based fault localization", 2007): a line that failing
tests execute and passing ones don't is suspicious.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain import (
    Call,
    Category,
    ChangedFunction,
    Evidence,
    Frame,
    Outcome,
    SuiteRun,
    Suspicion,
    TestChange,
    TestResult,
)

REGRESSION = "tests/regression"
CRASH = "tests/crash"
NEW_TEST_FAILS = "tests/new-test-fails"
CALL_CRASH = "calls/crash"

CHANGED_BOOST = 0.3
"""Share of the way to 1 by which a changed line's score rises: what was green before, a change broke."""
FRAME_SCORE = 0.8
"""Score of a line that a traceback names where no coverage is known (the process died, collection failed)."""
WEAK_SCORE = 0.2
"""Score of a changed line that is tied to a test by its file alone."""
OUR_OWN = frozenset({"TestTimeout", "StepLimit"})
"""Exceptions that the harness raises to stop a run: no behaviour of the function."""
CALL_SCORE = 0.6
"""Score of a function that raises where it returned, in a test that stays green: it may be meant."""
MESSAGE_LENGTH = 160

_NOT_OWN_FAILURE = ("AssertionError", "Failed", "")
"""Exceptions that a test raises by itself; `Failed` is pytest's own."""


@dataclass(frozen=True)
class _Tie:
    function: ChangedFunction
    rule: str
    test: TestResult
    lines: Mapping[int, float]
    """Scores that this tie alone gives, where there is no spectrum."""


class FailingTests:
    """Suspicions out of red tests, and out of recorded calls that raise where they returned."""

    name = "tests"

    def suspect(self, functions: tuple[ChangedFunction, ...], evidence: Evidence) -> tuple[Suspicion, ...]:
        """One suspicion for a function and rule, with all its tests; the strongest first.

        - `tests/regression`: green at base, red at head every time.
        - `tests/crash`: the same, and an exception that is no failed assertion escapes from the function.
        - `tests/new-test-fails`: a test that the branch adds or changes is red and executes the function.
        - `calls/crash`: a recorded call returned at base and raises at head, in tests that stay green.
        """
        ties = _ties(functions, evidence)
        failed = {tie.test.id for tie in ties}
        grouped: dict[tuple[str, str], list[_Tie]] = {}
        for tie in ties:
            grouped.setdefault((tie.function.id, tie.rule), []).append(tie)
        found = [_of_tests(group, failed, evidence) for group in grouped.values()]
        found += [s for function in functions for s in _of_calls(function, failed, evidence)]
        order = {function.id: place for place, function in enumerate(functions)}
        strength = (CRASH, REGRESSION, NEW_TEST_FAILS, CALL_CRASH)
        return tuple(sorted(found, key=lambda s: (-s.score, strength.index(s.rule), order[s.function.id])))


# ------------------------------------------------------------------------------------------ red tests


def _ties(functions: tuple[ChangedFunction, ...], evidence: Evidence) -> list[_Tie]:
    ties = []
    for test, is_new in _red(evidence):
        whole_tie = _by_execution(functions, test, evidence.head)
        if not whole_tie and not is_new:
            whole_tie = _by_neighbours(functions, test, evidence.head)
        for function, lines in whole_tie:
            rule = NEW_TEST_FAILS if is_new else CRASH if _crashes_in(function, functions, test) else REGRESSION
            ties.append(_Tie(function, rule, test, lines))
    return ties


def _red(evidence: Evidence) -> list[tuple[TestResult, bool]]:
    """Red tests of head that are evidence, and whether the branch added or changed them."""
    base = evidence.base.by_id()
    red: list[tuple[TestResult, bool]] = []
    for test in evidence.head.tests:
        if not test.outcome.bad or test.id in evidence.flaky:
            continue
        if any(_is_change_of(change, test.id) for change in evidence.test_changes):
            red.append((test, True))
        elif test.id in base:
            if base[test.id].outcome.good and test.id in evidence.confirmed:
                red.append((test, False))
        elif test.id not in evidence.base.collected:
            # A file that can't be collected any more is one error, where base has its tests.
            red.append((test, not _lost(evidence, test)))
    return red


def _lost(evidence: Evidence, error: TestResult) -> set[str]:
    if error.outcome is not Outcome.ERROR:
        return set()
    return {test.id for test in evidence.base.tests if test.outcome.good and _is_under(test.id, error.id)}


def _is_under(test: str, collector: str) -> bool:
    return test.startswith((collector + "::", collector + "["))


def _is_change_of(change: TestChange, test: str) -> bool:
    path, _, inner = test.partition("::")
    name = inner.partition("[")[0]
    # A runner that is not pytest names tests with dots and without the file.
    dotted = f"{change.path.removesuffix('.py').replace('/', '.')}.{change.name.replace('::', '.')}"
    return change.how != "deleted" and ((path, name) == (change.path, change.name) or test == dotted)


# ------------------------------------------------------------------------------- tests to functions


def _by_execution(
    functions: tuple[ChangedFunction, ...], test: TestResult, head: SuiteRun
) -> list[tuple[ChangedFunction, Mapping[int, float]]]:
    """The functions that the test executes; by its traceback where no coverage is known."""
    found: list[tuple[ChangedFunction, Mapping[int, float]]] = []
    seen = head.covered.get(test.id, {})
    for function in functions:
        lines = _lines(function)
        frames = {frame.line: FRAME_SCORE for frame in test.frames if _is_of(frame, function)}
        if frames or any(line in lines for line in seen.get(function.head.path, ())):
            found.append((function, frames))
    if found or test.id in head.covered:
        return found
    # Nothing ran in a function: the module broke while it was loaded, perhaps by what a function gave it.
    paths = {frame.path for frame in test.frames}
    return [(f, dict.fromkeys(f.changed_lines, WEAK_SCORE)) for f in functions if f.head.path in paths]


def _by_neighbours(
    functions: tuple[ChangedFunction, ...], test: TestResult, head: SuiteRun
) -> list[tuple[ChangedFunction, Mapping[int, float]]]:
    """Weak ties for a regression that executes no changed function by itself.

    A fixture of a wider scope runs for the first test of a file only, and a process that died leaves no coverage:
    what the file's other tests execute is the next best guess, and every changed function the last one. A file
    that can't be collected is tied by its traceback or not at all: a missing name is no function's doing.
    """
    if test.outcome is Outcome.ERROR and test.id not in head.covered:
        return []
    path = test.id.partition("::")[0]
    files: dict[str, set[int]] = {}
    for other, covered in head.covered.items():
        if other.partition("::")[0] == path:
            for file, lines in covered.items():
                files.setdefault(file, set()).update(lines)
    near = [f for f in functions if files.get(f.head.path, set()) & set(_lines(f))]
    if not near and test.id not in head.covered and test.outcome in (Outcome.CRASHED, Outcome.TIMEOUT):
        near = list(functions)
    return [(function, dict.fromkeys(function.changed_lines, WEAK_SCORE)) for function in near]


def _lines(function: ChangedFunction) -> range:
    # From the body on: the lines of decorators and `def` run when the module is imported, for any test.
    return range(function.head.body_line, function.head.end_line + 1)


def _lies_in(frame: Frame, function: ChangedFunction) -> bool:
    return frame.path == function.head.path and frame.line in _lines(function)


def _is_of(frame: Frame, function: ChangedFunction) -> bool:
    # With the lines before the body: a decorator or a default may be what raises.
    return frame.path == function.head.path and function.head.start_line <= frame.line <= function.head.end_line


def _crashes_in(function: ChangedFunction, functions: tuple[ChangedFunction, ...], test: TestResult) -> bool:
    """Whether what the test died of is no assertion and escaped from the function.

    Frames of libraries are bare file names, so the innermost frame of the repository is the last one with a
    folder, or of a changed file.
    """
    if test.exception.rpartition(".")[2] in _NOT_OWN_FAILURE or test.outcome is Outcome.TIMEOUT:
        return False
    changed = {other.head.path for other in functions}
    own = [frame for frame in test.frames if "/" in frame.path or frame.path in changed]
    return bool(own) and _lies_in(own[-1], function)


# ------------------------------------------------------------------------------------------- spectrum


def _ochiai(function: ChangedFunction, failed: set[str], evidence: Evidence) -> dict[int, float]:
    """Score of each executed line of the function: failed(l) / sqrt(all failed * (failed(l) + passed(l)))."""
    path, lines = function.head.path, _lines(function)
    red: dict[int, int] = {}
    green: dict[int, int] = {}
    spectrum = failed & evidence.head.covered.keys()
    for test in evidence.head.tests:
        counts = red if test.id in spectrum else green
        if test.id in evidence.flaky or (counts is green and not test.outcome.good):
            continue
        for line in set(evidence.head.covered.get(test.id, {}).get(path, ())):
            if line in lines:
                counts[line] = counts.get(line, 0) + 1
    return {line: n / math.sqrt(len(spectrum) * (n + green.get(line, 0))) for line, n in red.items()}


def _boosted(scores: Mapping[int, float], function: ChangedFunction) -> dict[int, float]:
    """Scores with changed lines raised. A changed line that starts no statement speaks for the one above it."""
    risen = set()
    for line in function.changed_lines:
        above = [known for known in scores if known <= line]
        if above:
            risen.add(max(above))
    return {
        line: round(score + (1 - score) * CHANGED_BOOST if line in risen else score, 4)
        for line, score in sorted(scores.items())
    }


def _of_tests(group: list[_Tie], failed: set[str], evidence: Evidence) -> Suspicion:
    function, rule = group[0].function, group[0].rule
    lines = _boosted(_ochiai(function, failed, evidence), function)
    for tie in group:
        for line, score in tie.lines.items():
            lines[line] = max(score, lines.get(line, 0.0))
    changed = [lines[line] for line in function.changed_lines if line in lines]
    score = max(changed or lines.values(), default=WEAK_SCORE)
    tests = tuple(dict.fromkeys(tie.test.id for tie in group))
    message = _message(rule, function, [tie.test for tie in group])
    return Suspicion(rule, Category.CORRECTNESS, function, message, tests, lines, score)


def _message(rule: str, function: ChangedFunction, tests: list[TestResult]) -> str:
    name, first = function.head.qualname, tests[0]
    count = len({test.id for test in tests})
    many = f"{count} tests" if count > 1 else first.id
    verb = "pass" if count > 1 else "passes"
    fails = "fail" if count > 1 else "fails"
    if rule == CRASH:
        what = f"{many} {verb} at base; at head `{name}` raises {first.exception}."
    elif rule == NEW_TEST_FAILS:
        what = f"{many} of this branch {fails}, and {'execute' if count > 1 else 'executes'} `{name}`."
    else:
        what = f"{many} {verb} at base and {fails} at head, by way of `{name}`."
    said = _first_line(first)
    return f"{what} {f'{first.id}: ' if count > 1 else ''}{said}" if said else what


def _first_line(test: TestResult) -> str:
    line = next((line.strip() for line in test.message.splitlines() if line.strip()), "")
    if test.exception and not line.startswith(test.exception):
        line = f"{test.exception}: {line}" if line else test.exception
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


# ---------------------------------------------------------------------------------------------- calls


def _of_calls(function: ChangedFunction, failed: set[str], evidence: Evidence) -> list[Suspicion]:
    """A suspicion for calls with equal arguments, in the same green test, that returned at base and raise now."""
    if function.base is None:
        return []
    # Base may know the function by its own id, or by head's, which is how it is watched.
    recorded = evidence.base.calls
    before = _by_arguments(recorded.get(function.id, ()) or recorded.get(function.base.id, ()))
    after = _by_arguments(evidence.head.calls.get(function.head.id, ()))
    results = evidence.head.by_id()
    tests: list[str] = []
    shown: tuple[Call, Call] | None = None
    for key, calls in after.items():
        test = key[0]
        raising = next((call for call in calls if call.raised and call.raised not in OUR_OWN), None)
        returned = before.get(key, [])
        if raising is None or not returned or any(call.raised for call in returned):
            continue
        green = test in results and results[test].outcome.good
        if green and test not in failed and test not in evidence.flaky:
            shown = shown or (returned[0], raising)
            tests.append(test)
    if shown is None:
        return []
    was, now = shown
    message = (
        f"`{function.head.qualname}({now.arguments})` returned {was.result} at base and raises {now.raised} at "
        f"head. {now.test} makes this call and still passes."
    )
    lines = dict.fromkeys(function.changed_lines, CALL_SCORE)
    unique = tuple(dict.fromkeys(tests))
    return [Suspicion(CALL_CRASH, Category.CORRECTNESS, function, message, unique, lines, CALL_SCORE)]


def _by_arguments(calls: Iterable[Call]) -> dict[tuple[str, str], list[Call]]:
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        if call.digest:
            found.setdefault((call.test, call.digest), []).append(call)
    return found
