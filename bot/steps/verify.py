"""Verify: a candidate is put on disk in a fresh container, the suite is run from the start, and the checks judge.

Nothing of the warm search is trusted here: another container, another process, the file on disk, the whole suite.
In the same container, afterwards, the poisoned control: the function raising at once, which its tests must notice.
What passes all that is raced against what it replaces, in fresh containers again.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import measuring, racing, trial, wire
from bot.checks import Check, Trialled
from bot.domain import (
    Candidate,
    Category,
    Evidence,
    Finding,
    Function,
    Judgement,
    MatrixRow,
    Outcome,
    Rejected,
    Replacement,
    Rewrite,
    SuiteRun,
    Verdict,
)
from bot.errors import SandboxError
from bot.kinds import Measured
from bot.languages import Unparsable
from bot.measuring import LEAST_GAIN, PRICE, WORTH, Curve, curves, much_slower
from bot.progress import Progress
from bot.sandboxes import Sandbox

MOST_ROWS = 40
"""Rows of the verdict matrix; further tests are counted."""
CONTROLLED = 60
"""Tests that the poisoned control runs at most: the witness's and the quickest that execute the function."""
TIMED = frozenset({"not-slower", "witness-gone"})
"""Checks that look at times: these are only taken of what all the others let pass."""
OFFERED = "performance/faster"
"""The rule of a gain that nobody asked for: its witness is the rewrite itself."""
PROCESSES = 2
"""Fresh processes that have to agree on what a witness of times or a refusal rests on."""


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


def verify(
    lab: trial.Lab,
    case: Case,
    candidate: Candidate,
    checks: Sequence[Check],
    settings: Settings,
    progress: Progress,
) -> Rewrite | Rejected:
    """The cold proof of one candidate. Raises SandboxError when the engine fails."""
    place = case.place
    policy = refusals(case, candidate)
    if policy:
        # Not worth a container: code that reaches for the judge is never run cold, where the verdict is made.
        judged = (Judgement("policy", False, "; ".join(policy[:3])),)
        return Rejected(candidate, Verdict(judged, (), 0, 0, "not run", 0.0))
    with lab.open(case.head) as box:
        candidate = styled(lab, box, case, candidate)
        module = place.module(candidate.source, candidate.imports)
        selection, words = chosen(case, settings)
        put(box, case, module)
        progress.tick(f"cold run of {words}")
        run = trial.run_suite(lab, box, cold_job(lab, case, settings, selection))
        control = controlled(lab, box, case, settings)
    trialled = Trialled(
        candidate=candidate,
        finding=case.finding,
        head_text=place.text,
        new_text=module,
        policy=policy,
        head=case.evidence.head if selection is None else cut(case.evidence.head, selection),
        run=run,
        control=control,
        executing=under_control(case),
        flaky=case.evidence.flaky,
        expected=candidate.expected,
        least_gain=settings.least_gain,
    )
    judgements = tuple(check.judge(trialled) for check in checks)
    if all(judgement.ok or judgement.check in TIMED for judgement in judgements) and settings.race_seconds > 0:
        progress.tick("timing it against what it replaces")
        trialled = raced(lab, case, trialled, settings)
        judgements = tuple(check.judge(trialled) for check in checks)
    verdict = Verdict(
        judgements=judgements,
        matrix=matrix(case, run),
        tests_run=sum(test.outcome.good for test in run.tests),
        tests_executing=len(set(case.executing) & {test.id for test in run.tests if test.outcome.good}),
        selection=words,
        seconds=run.seconds,
        measured=trialled.measured,
    )
    if not verdict.accepted:
        return Rejected(candidate, verdict)
    suggestion, also = hunks(place, module)
    return Rewrite.of(candidate, verdict, suggestion, also, obstacle_to(place.text, suggestion, also))


def refusals(case: Case, candidate: Candidate) -> tuple[str, ...]:
    """What the language's policy says against the candidate, and whether it can be put into the file at all.

    What the function did at base is no news: only what neither head nor base did counts.
    """
    place = case.place
    try:
        place.module(candidate.source, candidate.imports)
    except Unparsable as problem:
        return (f"it does not fit into the file: {problem.message}",)
    if candidate.is_revert:
        return ()

    def against(original: str) -> tuple[str, ...]:
        return place.language.policy(original, candidate.source, candidate.imports, place.text)

    found = against(place.function.source)
    if found and case.base is not None:
        known = set(against(case.base.source))
        found = tuple(violation for violation in found if violation in known)
    return found


def chosen(case: Case, settings: Settings) -> tuple[tuple[str, ...] | None, str]:
    """(tests to run or None for all, in words)."""
    head = case.evidence.head
    if head.problem is None and head.seconds <= settings.seconds * 0.6:
        return None, "the whole suite"
    witness = case.finding.witness.tests if case.finding is not None else ()
    must = tuple(dict.fromkeys((*witness, *case.executing)))
    others = [t.id for t in head.tests if t.id not in set(must) and t.outcome is not Outcome.TIMEOUT]
    sample = random.Random(settings.seed).sample(others, min(settings.sample, len(others)))  # noqa: S311
    order = {test.id: index for index, test in enumerate(head.tests)}
    tests = tuple(sorted((*must, *sample), key=lambda test: order.get(test, 0)))
    return (
        tests,
        f"{len(must)} tests that execute the function and a sample of {len(sample)} of {len(others)} others",
    )


def cut(run: SuiteRun, selection: tuple[str, ...]) -> SuiteRun:
    """The part of a run that a selection would have given."""
    wanted = set(selection)
    return replace(
        run,
        collected=tuple(test for test in run.collected if test in wanted),
        tests=tuple(test for test in run.tests if test.id in wanted),
        problem=None,
    )


def put(box: Sandbox, case: Case, module: str) -> None:
    """Writes the file in the container. Raises SandboxError when it cannot be written."""
    place = case.place
    path = place.function.path
    data = place.language.encode(module, case.head.files.read(path))
    reply = box.ask({"kind": "put", "files": {path: base64.b64encode(data).decode()}}, seconds=30)
    if "error" in reply:
        raise SandboxError(f"cannot write {path} in the container: {reply['error']}", slug="put")


def cold_job(lab: trial.Lab, case: Case, settings: Settings, selection: tuple[str, ...] | None) -> wire.SuiteJob:
    """The proof's run: ten times what a test took at base or head, and two seconds, is its limit."""
    limits: dict[str, float] = {}
    for test in (*case.evidence.base.tests, *case.evidence.head.tests):
        if test.outcome.good:
            known = limits.get(test.id, 0.0)
            limits[test.id] = max(known, min(settings.test_seconds, 2 + 10 * test.seconds))
    return trial.suite_job(
        case.head.plan,
        lab.limits,
        seconds=settings.seconds,
        select=selection,
        test_seconds=settings.test_seconds,
        test_limits=limits,
    )


def under_control(case: Case) -> tuple[str, ...]:
    """The tests that the poisoned control runs."""
    witness = case.finding.witness.tests if case.finding is not None else ()
    seconds = {test.id: test.seconds for test in case.evidence.head.tests}
    # A witness that crashed or hung has no coverage, and one that was not collected only a file's name: both
    # must notice the poison all the same.
    first = list(witness)
    rest = sorted((t for t in case.executing if t not in witness), key=lambda t: (seconds.get(t, 0.0), t))
    return tuple((first + rest)[:CONTROLLED])


def controlled(lab: trial.Lab, box: Sandbox, case: Case, settings: Settings) -> SuiteRun:
    """The poisoned control, in the container that has just run the candidate."""
    tests = under_control(case)
    if not tests:
        return SuiteRun((), (), 0, 0.0)
    put(box, case, case.place.module(case.place.language.poison(case.place.function)))
    return trial.run_suite(lab, box, cold_job(lab, case, settings, tests))


def matrix(case: Case, run: SuiteRun) -> tuple[MatrixRow, ...]:
    """Base, head and candidate for the tests that matter: the witness's, those that differ, the executing ones."""
    base, head, new = case.evidence.base.by_id(), case.evidence.head.by_id(), run.by_id()
    witness = case.finding.witness.tests if case.finding is not None else ()
    names = list(
        dict.fromkeys((*witness, *(t for t in new if t in head and new[t].outcome is not head[t].outcome)))
    )
    names += [test for test in case.executing if test not in names]
    return tuple(
        MatrixRow(
            name,
            base[name].outcome if name in base else None,
            head[name].outcome if name in head else None,
            new[name].outcome if name in new else None,
        )
        for name in names[:MOST_ROWS]
    )


# --------------------------------------------------------------------------------------------------- times


def raced(lab: trial.Lab, case: Case, trialled: Trialled, settings: Settings) -> Trialled:
    """The candidate with its times against head's, or base's where head answers otherwise than it.

    One race has to do where it is about not being slower; a witness of times, and a refusal, take two. A race that
    breaks is no judgement: it says only that nothing was measured.
    """
    candidate, function = trialled.candidate, case.place.function
    versions = [
        trial.Version(function.source.replace("\r\n", "\n")),
        trial.Version(candidate.source, candidate.imports),
        *base_of(case),
    ]
    known = (run.calls.get(function.id, ()) for run in (case.evidence.head, case.evidence.base))
    inputs, tests = racing.inputs_of(*known), racing.quickest(case.executing, case.evidence.head)
    # What was raced twice already against this very rewrite is raced once more; other times are from base.
    twice = case.finding is not None and case.finding.witness.kind == "measure" and case.finding.rule != OFFERED
    guarded = case.finding is not None and case.finding.category is Category.SECURITY
    worth = PRICE if guarded else WORTH
    against, races = "head", list[tuple[Curve, ...]]()
    for process in range(PROCESSES):
        length = racing.Length(settings.race_seconds, settings.seed, process)
        try:
            race = racing.fresh(lab, case.head, case.place, tests, versions, inputs, length)
        except SandboxError as problem:
            return replace(trialled, unmeasured=f"the race broke: {problem.message}")
        rows = curves(race.timings, 0 if against == "head" else 2, 1, settings.seed)
        if not rows and not races and len(versions) > 2:
            against, rows = "base", curves(race.timings, 2, 1, settings.seed)
        if not rows:
            return replace(trialled, unmeasured=race.why or "it answers otherwise than what it replaces")
        races.append(rows)
        if not twice and much_slower(rows, worth=worth) is None:
            break
    slow = [found for rows in races if (found := much_slower(rows, worth=worth)) is not None]
    return replace(
        trialled,
        measured=deciding(races, case.finding),
        slower=slow[-1] if len(slow) == PROCESSES else None,
        against=against,
    )


def base_of(case: Case) -> tuple[trial.Version, ...]:
    """Base's version of the function, where there is one that can stand in its place."""
    if case.base is None:
        return ()
    place = case.place
    try:
        return (racing.base_version(place.language, place.text, place.function, case.base, case.base_text),)
    except Unparsable:
        return ()


def deciding(races: Sequence[Sequence[Curve]], finding: Finding | None) -> Measured | None:
    """The comparison that counts, of all races: on the finding's own input where times are its witness, else on
    the largest; None where the races have no input in common."""
    common = set.intersection(*({curve.input for curve in rows} for rows in races))
    if not common:
        return None
    shown = finding.witness.measured if finding is not None else None
    named = {curve.input for rows in races for curve in rows if shown is not None and is_about(curve, shown)}
    at = min(named & common, default=None)
    if at is None:
        at = max((curve.last.sizes, -curve.input, curve.input) for curve in races[0] if curve.input in common)[2]
    told = measuring.aligned([next(curve for curve in rows if curve.input == at) for rows in races])
    return measuring.joined(told, len(common)) if told else None


def is_about(curve: Curve, shown: Measured) -> bool:
    """Whether a comparison was made on the input that a finding was shown on."""
    return any((point.arguments, point.scale) == (shown.arguments, shown.scale) for point in curve.points)


# --------------------------------------------------------------------------------------------------- style


def styled(lab: trial.Lab, box: Sandbox, case: Case, candidate: Candidate) -> Candidate:
    """The candidate in the repository's own style, where it configures a formatter that head's file follows.

    The formatter runs in the container, on a copy beside the file (so that it finds its configuration); what it
    gives back is only taken when it means the same.
    """
    place = case.place
    formatter = place.language.formatter(case.head.files)
    if formatter is None:
        return candidate
    if formatted(lab, box, case, formatter, place.text) != place.text:
        return candidate
    text = formatted(lab, box, case, formatter, place.module(candidate.source, candidate.imports))
    if text is None:
        return candidate
    try:
        functions = place.language.functions(place.function.path, text)
        own = next((f for f in functions if f.qualname == place.function.qualname), None)
        if own is None or place.language.normalise(own.source) != place.language.normalise(candidate.source):
            return candidate
    except Unparsable:
        return candidate
    return replace(candidate, source=own.source.replace("\r\n", "\n"))


def formatted(lab: trial.Lab, box: Sandbox, case: Case, formatter: tuple[str, ...], text: str) -> str | None:
    """A text as the formatter leaves it, None when it fails."""
    place = case.place
    folder, _, name = place.function.path.rpartition("/")
    copy = f"{folder}/tryline_{name}" if folder else f"tryline_{name}"
    data = place.language.encode(text, case.head.files.read(place.function.path))
    reply = box.ask(
        {"kind": "put", "files": {copy: base64.b64encode(data).decode()}, "writable": True}, seconds=30
    )
    if "error" in reply:
        return None
    lab.count()
    reply = box.ask(wire.command_job([*formatter, copy], 30), seconds=60)
    done = box.ask({"kind": "get", "path": copy, "remove": True}, seconds=30)
    if reply.get("code") != 0 or not isinstance(done.get("content"), str):
        return None
    try:
        return place.language.decode(base64.b64decode(done["content"]))
    except (Unparsable, ValueError):
        return None


# ------------------------------------------------------------------------------------------------ suggestion


def hunks(place: trial.Place, module: str) -> tuple[Replacement, tuple[Replacement, ...]]:
    """(the hunk inside the function, further hunks: imports) that turn head's file into the verified one."""
    path = place.function.path
    own: list[Replacement] = []
    also: list[Replacement] = []
    for hunk in place.language.replacements(path, place.text, module):
        inside = place.function.start_line <= hunk.start_line <= place.function.end_line
        (own if inside else also).append(hunk)
    first, *more = own
    for hunk in more:
        first = joined(place.text, first, hunk)
    return first, tuple(also)


def obstacle_to(text: str, suggestion: Replacement, also: tuple[Replacement, ...]) -> str:
    """Why no platform can apply a suggestion to this head file with one click; see `Rewrite.obstacle`."""
    if also:
        return "further-hunks"
    if "\r" in text:
        return "line-ends"
    unfinished = not text.endswith("\n") and suggestion.end_line > text.count("\n")
    return "no-final-newline" if unfinished else ""


def joined(text: str, first: Replacement, second: Replacement) -> Replacement:
    """Two hunks as one, with the lines between them as they stand."""
    lines = text.split("\n")  # not splitlines: a form feed or a Unicode separator ends no line of a diff
    lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    between = "".join(lines[first.end_line : second.start_line - 1])
    return Replacement(
        first.path, first.start_line, second.end_line, first.replacement + between + second.replacement
    )
