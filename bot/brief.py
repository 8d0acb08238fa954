"""Gathers what a prompt tells of one function: its surroundings, its tests, its observed calls, its failures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from bot.domain import Brief, Call, ChangedFunction, Evidence, Finding, Surroundings, TestResult, pace
from bot.languages import Files, Language, Unparsable

MAX_TESTS = 3
MAX_CALLS = 6
MAX_FAILURES = 3


def brief_of(
    function: ChangedFunction,
    language: Language,
    text: str,
    files: Files,
    finding: Finding | None,
    evidence: Evidence | None,
    tests: Sequence[str],
) -> Brief:
    """What a prompt tells of `function`, whose head file is `text`, in the tree `files`.

    Of `tests` (ids) the sources of at most three: the finding's own first, then quick ones, one of each
    parametrised family. Of the calls recorded at base (at head for a new function) at most six, small and
    different. Of the finding's tests at most three messages from head. What cannot be read
    is left out. Raises nothing.
    """
    try:
        around = language.surroundings(text, function.head)
    except Unparsable:
        around = Surroundings()
    return Brief(
        function=function.head,
        surroundings=around,
        base=function.base,
        finding=finding,
        tests=tuple(itertools.islice(_sources(language, files, _ordered(tests, finding, evidence)), MAX_TESTS)),
        calls=_diverse(_recorded(function, evidence)),
        failures=_failures(language, files, finding, evidence),
    )


def _ordered(tests: Sequence[str], finding: Finding | None, evidence: Evidence | None) -> list[str]:
    """The finding's tests first, then quick ones; those that were not timed last."""
    results = evidence.head.by_id() if evidence else {}
    own = finding.witness.tests if finding else ()
    slow = float("inf")
    seconds = {test: pace(results[test].seconds) if test in results else slow for test in tests}
    return sorted(tests, key=lambda test: (test not in own, seconds[test]))


def _sources(language: Language, files: Files, tests: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for test in tests:
        path, _, name = test.partition("::")
        # Parameters may hold `::` and anything else.
        family = f"{path}::{name.partition('[')[0]}"
        if not name or family in seen:
            continue
        seen.add(family)
        try:
            source = language.test_source(language.decode(files.read(path)), name)
        except (KeyError, Unparsable):
            continue
        if source:
            yield test, source


def _recorded(function: ChangedFunction, evidence: Evidence | None) -> Sequence[Call]:
    """The reference's calls; base's are recorded under the name at head."""
    if evidence is None:
        return ()
    return evidence.base.calls.get(function.id, ()) if function.base else evidence.head.calls.get(function.id, ())


def _diverse(calls: Sequence[Call]) -> tuple[Call, ...]:
    """At most six calls, smallest first: in turn one of each kind of outcome, so that what is raised and every
    kind of result is seen before a second of the same kind."""
    different: dict[str, Call] = {}
    for call in calls:
        different.setdefault(call.arguments, call)
    kinds: dict[str, list[Call]] = {}
    for call in sorted(different.values(), key=_size):
        kinds.setdefault(_kind(call), []).append(call)
    # Interleaved: the smallest of every kind, then the second of every kind ...
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
    chosen = itertools.islice((call for call in rounds if call is not None), MAX_CALLS)
    return tuple(sorted(chosen, key=_size))


def _size(call: Call) -> tuple[int, str]:
    return len(call.arguments) + len(call.result), call.arguments


def _kind(call: Call) -> str:
    """What kind of outcome a call had, from the text of its result: the exception, or how the result begins."""
    if call.raised:
        return f"raises {call.raised}"
    text = call.result.lstrip("-")
    if not text or text[0].isdigit():
        return "number" if text.strip("0.") else "zero"
    if text[0] in "[({'\"<":
        empty = text in ("[]", "()", "{}", "''", '""')
        return f"empty {text[0]}" if empty else text[0]
    return text.partition("(")[0]


def _failures(
    language: Language, files: Files, finding: Finding | None, evidence: Evidence | None
) -> tuple[tuple[str, str], ...]:
    """What the finding's tests say at head, and where; one for each different message."""
    if finding is None:
        return ()
    results = evidence.head.by_id() if evidence else {}
    said: dict[str, tuple[str, str]] = {}
    for test in finding.witness.tests:
        result = results.get(test)
        if result is not None and result.outcome.bad:
            message = result.message.strip() or result.exception or result.outcome.value
            places = _places(language, files, result)
            said.setdefault(message, (test, "\n".join([message, *places])))
        if len(said) == MAX_FAILURES:
            break
    if not said and finding.witness.failure.strip():
        return ((next(iter(finding.witness.tests), ""), finding.witness.failure.strip()),)
    return tuple(said.values())


def _places(language: Language, files: Files, result: TestResult) -> Iterator[str]:
    """The test's own line that failed, and the line that raised: a long test fails at one of many."""
    own = [frame for frame in result.frames if frame.path == result.id.partition("::")[0]]
    for frame in dict.fromkeys((*own[-1:], *result.frames[-1:])):
        try:
            lines = language.decode(files.read(frame.path)).split("\n")
        except (KeyError, Unparsable):
            continue
        if 0 < frame.line <= len(lines):
            yield f"at {frame.path}:{frame.line}: {lines[frame.line - 1].strip()}"
