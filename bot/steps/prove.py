"""Prove: a suspicion becomes a finding when running shows which function's change turns its tests red.

Coverage only says which functions a failing test runs through. Where several changed functions are tied to the
same tests, each is put back to its base version alone, and the tests are run: the function whose old version
turns a test green is the one that broke it (a one-step delta debugging, after Zeller's "Yesterday, my program
worked").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import trial
from bot.domain import (
    Call,
    Category,
    ChangedFunction,
    Evidence,
    Finding,
    Outcome,
    Severity,
    SuiteRun,
    Suspicion,
    TestResult,
    Witness,
    pace,
)
from bot.languages import Language, Unparsable
from bot.progress import Progress
from bot.sandboxes import Sandbox

WEAK = 0.2
"""A suspicion of at most this score stands near the failing test and was not seen to run."""
NOBODY = ""
MOST_REVERTS = 6
MOST_TESTS = 40


@dataclass(frozen=True)
class Proven:
    """What came of the suspicions."""

    findings: tuple[Finding, ...]
    unproven: tuple[Suspicion, ...]


@dataclass(frozen=True)
class Texts:
    """The head files of the changed functions, decoded, and the language of each."""

    text: Mapping[str, str]
    language: Mapping[str, Language]


def prove(
    lab: trial.Lab,
    head: trial.Side,
    texts: Texts,
    suspicions: Sequence[Suspicion],
    evidence: Evidence,
    seconds: float,
    progress: Progress,
    others: bool = False,
) -> Proven:
    """Findings, worst first, and what stays a suspicion. Raises SandboxError when the engine fails.

    `others` says that more changed than these functions (a constant, a file of data): then a function is also
    innocent when the test fails without its change just as it does with it.
    """
    solid = [s for s in suspicions if is_confirmed(s, evidence)]
    culprits = attributed(lab, head, texts, solid, evidence, seconds, progress, others=others)
    findings, unproven = [], [s for s in suspicions if s not in solid]
    claimed: dict[str, str] = {}
    for suspicion in solid:
        tests = tuple(t for t in suspicion.tests if evidence_for(t, suspicion, evidence))
        mine = tuple(t for t in tests if culprits.get(t, suspicion.function.id) == suspicion.function.id)
        # Two rules may speak of one test: the stronger one, which comes first, has it.
        mine = tuple(t for t in mine if claimed.setdefault(t, suspicion.rule) == suspicion.rule)
        if mine:
            findings.append(finding_of(suspicion, mine, evidence))
        elif not any(culprits.get(t) not in (None, NOBODY, suspicion.function.id) for t in tests):
            unproven.append(suspicion)
    findings.sort(key=lambda f: (-f.severity.rank, f.function.head.path, f.start_line))
    return Proven(tuple(findings), tuple(unproven))


def evidence_for(test: str, suspicion: Suspicion, evidence: Evidence) -> bool:
    """Whether a test may carry this suspicion: repeated with the same outcome, never flaky."""
    if test in evidence.flaky:
        return False
    if suspicion.rule.startswith("calls/"):
        # A call that raises inside a red test is that test's story, told by the rule for red tests.
        result = evidence.head.by_id().get(test)
        return result is not None and result.outcome.good
    return test in evidence.confirmed


def is_confirmed(suspicion: Suspicion, evidence: Evidence) -> bool:
    """Whether any of its tests may carry it."""
    return any(evidence_for(test, suspicion, evidence) for test in suspicion.tests)


def attributed(
    lab: trial.Lab,
    head: trial.Side,
    texts: Texts,
    suspicions: Sequence[Suspicion],
    evidence: Evidence,
    seconds: float,
    progress: Progress,
    *,
    others: bool,
) -> dict[str, str]:
    """Test -> id of the function whose change breaks it, for tests that more than one change may break."""
    tied: dict[str, list[ChangedFunction]] = {}
    running: dict[str, list[str]] = {}
    for suspicion in suspicions:
        for test in suspicion.tests:
            row = tied.setdefault(test, [])
            if suspicion.function not in row:
                row.append(suspicion.function)
            if seen_to_run(test, suspicion, evidence.head):
                running.setdefault(test, []).append(suspicion.function.id)
    weak = {t for t in tied if t not in running}
    contested = {test: fs for test, fs in tied.items() if len(fs) > 1 or test in weak or others}
    if not contested:
        return {}
    suspects: list[ChangedFunction] = []
    for functions in contested.values():
        suspects += [f for f in functions if f.base is not None and f not in suspects]
    culprits: dict[str, str] = {}
    innocent: set[tuple[str, str]] = set()
    before, now = evidence.base.by_id(), evidence.head.by_id()
    with lab.open(head) as box:
        for function in suspects[:MOST_REVERTS]:
            open_tests = tuple(t for t, fs in contested.items() if function in fs and t not in culprits)[
                :MOST_TESTS
            ]
            if not open_tests:
                continue
            progress.tick(f"running {len(open_tests)} tests with {function.head.qualname} as it was at base")
            results = reverted(lab, box, head, texts, function, open_tests, seconds)
            for test in open_tests:
                if test in results and results[test].outcome is Outcome.PASSED:
                    culprits[test] = function.id
                elif test in before and test in results and alike(results[test], now.get(test)):
                    # Only for a test that base has: a new one may ask for what the change fails to bring.
                    innocent.add((test, function.id))
    for test in contested:
        # Nothing heals it alone: the changes interact. The best-ranked function that runs and without whose
        # change the test fails otherwise stands for it; one that is only tied by standing near is not accused.
        ran = running.get(test, [])
        guilty = [name for name in ran if (test, name) not in innocent] or ([] if others else ran)
        culprits.setdefault(test, guilty[0] if guilty else NOBODY)
    return culprits


def alike(result: TestResult, at_head: TestResult | None) -> bool:
    """Whether a test failed as it does at head."""
    return at_head is not None and (result.outcome, result.exception, result.message) == (
        at_head.outcome,
        at_head.exception,
        at_head.message,
    )


def seen_to_run(test: str, suspicion: Suspicion, head: SuiteRun) -> bool:
    """Whether the test was seen to execute the function, by its lines or by its traceback.

    A suspicion's score is that of all its tests together: one of them may be tied by its file alone.
    """
    function = suspicion.function.head
    if test not in head.covered:
        return suspicion.score > WEAK
    lines = range(function.start_line, function.end_line + 1)
    own = head.by_id()[test].frames if test in head.by_id() else ()
    return any(line in lines for line in head.covered[test].get(function.path, ())) or any(
        frame.path == function.path and frame.line in lines for frame in own
    )


def reverted(
    lab: trial.Lab,
    box: Sandbox,
    head: trial.Side,
    texts: Texts,
    function: ChangedFunction,
    tests: tuple[str, ...],
    seconds: float,
) -> dict[str, TestResult]:
    """What the tests do at head with this one function as it was at base; empty when it cannot be put back."""
    path = function.head.path
    if function.base is None:
        return {}
    try:
        language = texts.language[path]
        before = language.standing(function.base.source, function.head)
        module = language.splice(texts.text[path], function.head, before)
    except Unparsable:
        return {}
    job = trial.suite_job(
        head.plan, lab.limits, seconds=seconds, select=tests, test_seconds=20, replaced={path: module}
    )
    return trial.run_suite(lab, box, job).by_id()


# ------------------------------------------------------------------------------------------------ findings


SEVERITIES = {
    "tests/regression": Severity.HIGH,
    "tests/crash": Severity.HIGH,
    "tests/new-test-fails": Severity.MEDIUM,
    "tests/failing": Severity.HIGH,
    "calls/crash": Severity.MEDIUM,
}


def finding_of(suspicion: Suspicion, tests: tuple[str, ...], evidence: Evidence) -> Finding:
    """The finding that a suspicion becomes with these tests as its witness."""
    function = suspicion.function
    results = evidence.head.by_id()
    ordered = tuple(sorted(tests, key=lambda t: (pace(results[t].seconds) if t in results else 0, t)))
    first = next((results[t] for t in ordered if t in results), None)
    start, end = place_of(suspicion)
    call = raising_call(suspicion, ordered, evidence) if suspicion.rule == "calls/crash" else None
    if not evidence.base.collected and suspicion.rule == "tests/new-test-fails":
        suspicion = replace(suspicion, rule="tests/failing")  # one version was run: nothing is new in it
    return Finding(
        rule=suspicion.rule,
        category=Category.CORRECTNESS,
        severity=SEVERITIES.get(suspicion.rule, Severity.MEDIUM),
        function=function,
        start_line=start,
        end_line=end,
        title=title_of(suspicion, ordered, first),
        message=message_of(suspicion, ordered, first, evidence.head),
        witness=Witness(
            kind="call" if call is not None else "test",
            call=call,
            tests=ordered,
            command="python -m pytest " + " ".join(quoted(test) for test in ordered[:3]),
            failure=first.message if first is not None else "",
            repeats=evidence.repeats,
        ),
        suspicious_lines=dict(suspicion.suspicious_lines),
    )


def raising_call(suspicion: Suspicion, tests: tuple[str, ...], evidence: Evidence) -> Call | None:
    """The recorded call at head that raises where base returned."""
    calls = evidence.head.calls.get(suspicion.function.id, ())
    return next((call for call in calls if call.raised and call.test in tests), None)


def place_of(suspicion: Suspicion) -> tuple[int, int]:
    """The lines that the finding points at: the run of changed lines around the most suspicious one."""
    function = suspicion.function
    changed = sorted(function.changed_lines)
    if not changed:
        return function.head.def_line, function.head.def_line
    worst = max(changed, key=lambda line: (suspicion.suspicious_lines.get(line, 0.0), -line))
    start = end = worst
    while start - 1 in changed:
        start -= 1
    while end + 1 in changed:
        end += 1
    return start, end


def title_of(suspicion: Suspicion, tests: tuple[str, ...], first: TestResult | None) -> str:
    """A heading: what happens, in the fewest words."""
    name = suspicion.function.head.qualname
    if suspicion.rule == "tests/new-test-fails":
        return f"`{name}` fails a test that this change brings"
    if suspicion.rule.endswith("crash") and first is not None and first.exception:
        return f"`{name}` now raises {first.exception}"
    count = "a test" if len(tests) == 1 else f"{len(tests)} tests"
    if suspicion.rule == "tests/failing":
        return f"`{name}` fails {count}"
    return f"This change to `{name}` breaks {count}"


def message_of(suspicion: Suspicion, tests: tuple[str, ...], first: TestResult | None, head: SuiteRun) -> str:
    """What happens, with which input, and on which evidence; three sentences at most."""
    parts = []
    name = suspicion.function.head.qualname
    others = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    if suspicion.rule == "calls/crash":
        parts.append(suspicion.message)
    elif suspicion.rule == "tests/new-test-fails":
        verb = "fail" if len(tests) > 1 else "fails"
        parts.append(f"`{tests[0]}`{others} {verb} at head, and is new or changed here: either may be wrong.")
    elif suspicion.rule == "tests/failing":
        parts.append(f"`{tests[0]}`{others} {'fail' if len(tests) > 1 else 'fails'}, each time they ran.")
    else:
        verbs = ("pass", "fail") if len(tests) > 1 else ("passes", "fails")
        parts.append(f"`{tests[0]}`{others} {verbs[0]} at base and {verbs[1]} at head, each time they ran.")
    if first is not None and first.message and suspicion.rule != "calls/crash":
        said = first.message.splitlines()[0][:300]
        parts.append(f"The failure: `{said}`." if "`" not in said else f"The failure: {said}.")
    call = next(
        (c for c in head.calls.get(suspicion.function.id, ()) if first is not None and c.test == first.id), None
    )
    if call is not None:
        what = f"raises {call.raised}" if call.raised else f"returns {call.result}"
        parts.append(f"There `{name}({call.arguments})` {what}.".replace("``", "`"))
    return " ".join(parts)


def quoted(test: str) -> str:
    """A test id for a shell."""
    return test if all(c.isalnum() or c in "/._:-" for c in test) else "'" + test.replace("'", "'\\''") + "'"
