"""One function: guide the search by its tests, rewrite it, prove the best candidates cold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import racing, trial, wire
from bot.brief import brief_of
from bot.checks import Check
from bot.domain import (
    Candidate,
    Category,
    ChangedFunction,
    Evidence,
    Finding,
    Judgement,
    Outcome,
    Rejected,
    Reviewed,
    Rewrite,
    Search,
    SuiteRun,
    pace,
)
from bot.endpoints import Model, Proposer
from bot.errors import SandboxError
from bot.identity import is_witness
from bot.languages import Language, Unparsable
from bot.plan import Known
from bot.progress import Progress
from bot.signal import Counter
from bot.steps import mutate, propose, symbolic, verify
from bot.steps.propose.text import normal_ends

FAILING = 4
PASSING = 8
REST = 300
PROVED = 3
"""Candidates that are proven cold at most, best first; the next only if the one before was refused."""
CONFIDENT = 0.5
"""Below this share of agreement among the passing versions none is suggested: a guess is not a proof."""


MOST_NAME = 100
MOST_EDITS = 50
"""Characters of a name, and how many edits, that a memory may give."""
BROKEN = "could not "
"""How the reason for no rewrite begins where an engine failed: the next review tries again."""
SEARCHED = "an earlier review of the function as it stands found no rewrite, and none was searched for again"


def nobody() -> Model | None:
    """No model."""
    return None


@dataclass(frozen=True)
class Bench:
    """What is needed to work on the functions of one head."""

    lab: trial.Lab
    head: trial.Side
    texts: Mapping[str, str]
    """Path -> decoded head file."""
    languages: Mapping[str, Language]
    """Path -> its language."""
    evidence: Evidence
    proposers: Sequence[Proposer]
    checks: Sequence[Check]
    search: propose.Settings
    verify: verify.Settings
    seconds_left: Callable[[], float]
    wake: Callable[[], Model | None] = nobody
    """The model, asked for when it is first needed: a review that searches for nothing makes no request."""
    guidance: propose.Guidance = field(default_factory=propose.Guidance)
    mutants: int = 0
    """Altered versions of a rewrite's lines that its tests are asked to notice."""
    symbolic: float = 0.0
    """CPU seconds for comparing a rewrite with what it replaces symbolically; 0: not compared."""


def examine(bench: Bench, finding: Finding, progress: Progress, known: Known | None = None) -> Reviewed:
    """What becomes of one finding: a proven rewrite, or why there is none; a broken engine costs only that.

    `known` is what an earlier review of the same function, as it stands, made of the finding: its rewrite is
    proven anew instead of searched for, and where it had none, none is searched for again.
    """
    function = finding.function
    place = place_of(bench, function)
    if place is None:
        return Reviewed(finding, None, None, why_no_rewrite="the function cannot be replaced by itself")
    if finding.witness.call is not None:
        return Reviewed(finding, None, None, why_no_rewrite="no test is red, so nothing says what would be right")
    if known is not None and not known.source:
        return Reviewed(finding, None, None, why_no_rewrite=SEARCHED)
    refused: tuple[Rejected, ...] = ()
    if known is not None:
        progress.stage("verify", f"the rewrite of {function.head.qualname} that an earlier review proved")
        renewed = proved(bench, place, finding, None, (candidate_of(place, finding, known),), progress)
        if renewed.rewrite is not None:
            return renewed
        refused = renewed.rejected
    progress.stage("propose", f"rewriting {function.head.qualname} line by line")
    model = bench.wake()
    account = model.accounts.function(function.id) if model is not None else contextlib.nullcontext()
    try:
        with account:
            search = rewrite(bench, place, finding, guide_of(finding, bench.evidence), model, progress)
    except SandboxError as problem:
        return Reviewed(finding, None, None, refused, f"{BROKEN}search: {problem.message}")
    if why := unconvincing(search):
        return Reviewed(finding, None, search, refused, why)
    progress.stage("verify", f"{len(search.candidates)} candidates for {function.head.qualname}")
    found = proved(bench, place, finding, search, search.candidates[:PROVED], progress)
    return replace(found, rejected=(*refused, *found.rejected))


def unconvincing(search: Search) -> str:
    """Why nothing that a search found is worth a proof, or ''."""
    candidates = search.candidates
    if not candidates:
        return why_none(search)
    if candidates[0].confidence >= CONFIDENT:
        return ""
    many = (
        "which of the passing rewrites is right" if len(candidates) > 1 else "whether the passing rewrite is right"
    )
    notes = "; ".join(search.notes) or "on further inputs it answers otherwise than what it is held against"
    return f"no test says {many}: {notes}"


def proved(
    bench: Bench,
    place: trial.Place,
    finding: Finding,
    search: Search | None,
    candidates: Sequence[Candidate],
    progress: Progress,
) -> Reviewed:
    """The first of the candidates that its cold proof accepts, or why none is. There is one at least."""
    function = finding.function
    rejected: list[Rejected] = []
    executing = executing_of(function, bench.evidence)
    case = verify.Case(bench.head, place, bench.evidence, finding, executing, function.base)
    for candidate in candidates:
        try:
            verdict = verify.verify(bench.lab, case, candidate, bench.checks, bench.verify, progress)
        except SandboxError as problem:
            why = f"{BROKEN}prove it cold: {problem.message}"
            return Reviewed(finding, None, search, tuple(rejected), why)
        if isinstance(verdict, Rewrite):
            verdict = compared(bench, place, finding, verdict, progress)
        if isinstance(verdict, Rewrite):
            progress.note(f"{function.head.qualname}: {verdict.label} proven on {verdict.verdict.tests_run} tests")
            verdict = weighed(bench, place, finding, verdict, progress)
            # The lines that the repair changes are a better place for the comment than the most suspicious ones.
            lines = verdict.suggestion
            placed = replace(finding, start_line=lines.start_line, end_line=max(lines.start_line, lines.end_line))
            return Reviewed(placed, verdict, search, tuple(rejected))
        rejected.append(verdict)
        progress.note(f"{function.head.qualname}: refused: {verdict.reason}")
        if bench.seconds_left() <= 0:
            break
    return Reviewed(finding, None, search, tuple(rejected), f"refused: {rejected[0].reason}")


def weighed(bench: Bench, place: trial.Place, finding: Finding, rewrite_: Rewrite, progress: Progress) -> Rewrite:
    """The rewrite with how well the tests watch its lines; one that is base again was watched as well as base was.

    What cannot be had is left out: it takes nothing from the proof.
    """
    candidate = rewrite_.candidate
    if not bench.mutants or candidate.is_revert or candidate.imports or bench.seconds_left() <= 0:
        return rewrite_
    tests = (*finding.witness.tests, *executing_of(finding.function, bench.evidence))
    progress.tick(f"altering the new lines of {finding.function.head.qualname}: do its tests notice?")
    try:
        with bench.lab.open(bench.head) as box:
            stage = trial.Stage(bench.lab, box, place, bench.head)
            stage.start(tests)
            if not stage.warm:
                return rewrite_
            found = mutate.mutate(stage, finding.function, candidate.source, bench.proposers, tests, bench.mutants)
    except SandboxError:
        return rewrite_
    verdict = replace(rewrite_.verdict, mutants=found.mutants, noticed=found.noticed)
    return replace(rewrite_, verdict=verdict)


def compared(
    bench: Bench, place: trial.Place, finding: Finding, rewrite_: Rewrite, progress: Progress
) -> Rewrite | Rejected:
    """The rewrite with what a symbolic comparison with its reference says; what cannot be had is left out.

    One for speed has to answer as head does: an input on which, run for real, it does not refuses it. A repair
    differs from head by intention, and may differ from base where the change means to: that is told.
    """
    name, reference = reference_of(bench, place, finding, rewrite_.candidate)
    if reference is None:
        return rewrite_
    function, candidate = finding.function, rewrite_.candidate
    progress.tick(f"comparing {function.head.qualname} with {name} symbolically")
    green = finding.witness.tests if name == "base" else ()
    tests = tuple(dict.fromkeys((*green, *racing.executing(function.head, bench.evidence))))
    versions = (reference, trial.Version(candidate.source, candidate.imports))
    try:
        found = symbolic.compare(
            bench.lab, bench.head, place, versions, name, tests, bench.symbolic, green, sources(bench, function)
        )
    except SandboxError as problem:
        found = symbolic.Compared(why=problem.message)
    if found.why:
        progress.note(f"{function.head.qualname}: not compared symbolically: {found.why}")
    verdict = replace(rewrite_.verdict, symbolic=found.words)
    if found.differs and name == "head":
        refusal = Judgement("symbolic", False, found.words)
        return Rejected(candidate, replace(verdict, judgements=(*verdict.judgements, refusal)))
    return replace(rewrite_, verdict=verdict)


def sources(bench: Bench, function: ChangedFunction) -> tuple[str, ...]:
    """The arguments of its recorded calls, as source."""
    runs = (bench.evidence.head, bench.evidence.base)
    return tuple(dict.fromkeys(c.source for run in runs for c in run.calls.get(function.id, ()) if c.source))


def reference_of(
    bench: Bench, place: trial.Place, finding: Finding, candidate: Candidate
) -> tuple[str, trial.Version | None]:
    """What a rewrite is compared with symbolically, and its name: head where time is the matter, base where it is
    not what is put back and passes the witness. One that closes a hole answers otherwise by intention."""
    function = finding.function
    if bench.symbolic <= 0 or candidate.is_revert or bench.seconds_left() <= 0:
        return "", None
    if finding.category is Category.PERFORMANCE:
        return "head", trial.Version(normal_ends(function.head.source))
    results, tests = bench.evidence.base.by_id(), finding.witness.tests
    green = bool(tests) and all(test in results and results[test].outcome.good for test in tests)
    if finding.category is not Category.CORRECTNESS or function.base is None or not green:
        return "", None
    with contextlib.suppress(Unparsable):
        return "base", racing.base_version(place.language, place.text, function.head, function.base, "")
    return "", None


def candidate_of(place: trial.Place, finding: Finding, known: Known) -> Candidate:
    """The rewrite of an earlier review, as unproven as any other: it comes from where others can write.

    Whether it takes the function back to base is seen here, and nobody's word: a policy for rewrites lets such
    code pass.
    """
    function, language = finding.function, place.language
    revert = False
    if function.base is not None:
        with contextlib.suppress(Unparsable):
            base = language.standing(function.base.source, function.head)
            revert = not known.imports and language.normalise(known.source) == language.normalise(base)
    return Candidate(
        function=function.head,
        source=known.source,
        imports=known.imports,
        edits=tuple(wire.clean(edit, MOST_NAME) for edit in known.edits[:MOST_EDITS]),
        logprob=0.0,
        agreement=1.0 if revert or function.base is None else 0.0,  # nothing was replayed
        seconds=0.0,
        is_revert=revert,
        proposer=wire.clean(known.proposer, MOST_NAME),
        rung=wire.clean(known.rung, MOST_NAME),
    )


def place_of(bench: Bench, function: ChangedFunction) -> trial.Place | None:
    """Where the function stands; None when its file is not at hand."""
    path = function.head.path
    if path not in bench.texts:
        return None
    language = bench.languages[path]
    return trial.Place(language, bench.texts[path], function.head, language.unit(bench.texts[path], function.head))


def rewrite(
    bench: Bench,
    place: trial.Place,
    finding: Finding,
    guide: propose.Guide,
    model: Model | None,
    progress: Progress,
) -> Search:
    """The guided search in a warm sandbox of its own."""
    with bench.lab.open(bench.head) as box:
        stage = trial.Stage(bench.lab, box, place, bench.head)
        stage.start((*guide.failing, *guide.passing, *guide.rest))
        return propose.search(
            stage,
            finding.function,
            finding,
            guide,
            bench.proposers,
            settings=bench.search,
            progress=progress,
            writer=writer_of(bench, place, finding, guide, model) if model is not None else None,
        )


def writer_of(
    bench: Bench, place: trial.Place, finding: Finding, guide: propose.Guide, model: Model
) -> propose.Writer:
    """Who asks the model about this function."""
    brief = brief_of(
        finding.function,
        place.language,
        place.text,
        bench.head.files,
        finding,
        bench.evidence,
        (*guide.failing, *guide.passing),
    )
    return propose.Writer(model.endpoint, brief, bench.guidance, place.language, Counter(model.endpoint))


def executing_of(function: ChangedFunction, evidence: Evidence) -> tuple[str, ...]:
    """Tests that execute the function at head, flaky ones left out."""
    return evidence.executing(function.head)


def guide_of(finding: Finding, evidence: Evidence) -> propose.Guide:
    """Which tests guide the search: failing ones to heal, passing ones that see the most different lines.

    Quick tests first; what is over is run only for what passes these.
    """
    function = finding.function
    results, at_base = evidence.head.by_id(), evidence.base.by_id()
    failing = finding.witness.tests[:FAILING]
    covering = [t for t in executing_of(function, evidence) if t not in finding.witness.tests]
    good = [t for t in covering if results[t].outcome.good]
    passing = diverse(good, function, evidence.head)[:PASSING]
    rest = [t for t in (*finding.witness.tests, *good) if t not in failing and t not in passing]
    # Where no answer is wrong, head's own are what a rewrite has to keep.
    side = evidence.base if finding.category is Category.CORRECTNESS else evidence.head
    calls = side.calls.get(function.id, ())
    reference: dict[str, str] = {}
    for call in calls:
        if call.digest and call.outcome:
            reference.setdefault(call.digest, call.outcome)
    known = (*calls, *evidence.head.calls.get(function.id, ()))
    if finding.category is Category.SECURITY:
        # A payload is no harmless input: what is to be answered otherwise is not to be kept.
        known = tuple(call for call in known if not is_witness(call.test))
    shown = [call for call in known if call.test in finding.witness.tests]
    inputs = tuple(dict.fromkeys(call.pickled for call in (*shown, *known) if call.pickled))
    # A collection error names a file, not tests: the file's tests at base are what must run again.
    names = tuple(n for t in failing for n in (expanded(t, evidence.base) if "::" not in t else (t,)))
    return propose.Guide(
        failing=names[: 3 * FAILING],
        passing=tuple(passing),
        rest=tuple(rest[:REST]),
        reference=reference,
        inputs=inputs,
        suspicious=dict(finding.suspicious_lines),
        green_at_base=all(test in at_base and at_base[test].outcome.good for test in names),
        deadly=any(t in results and results[t].outcome in (Outcome.TIMEOUT, Outcome.CRASHED) for t in failing),
    )


def expanded(name: str, base: SuiteRun) -> tuple[str, ...]:
    """The tests that a file holds at base."""
    return tuple(test.id for test in base.tests if test.id.startswith(name + "::") and test.outcome.good)


def diverse(tests: Sequence[str], function: ChangedFunction, run: SuiteRun) -> list[str]:
    """Tests so that each adds the most unseen lines of the function; quick ones first among equals."""
    seconds = {test.id: pace(test.seconds) for test in run.tests}
    lines = range(function.head.start_line, function.head.end_line + 1)
    sees = {t: {n for n in run.covered.get(t, {}).get(function.head.path, ()) if n in lines} for t in tests}
    left, chosen, seen = sorted(tests, key=lambda t: (seconds.get(t, 0.0), t)), list[str](), set[int]()
    while left and len(chosen) < PASSING:
        best = max(left, key=lambda t: len(sees[t] - seen))
        left.remove(best)
        chosen.append(best)
        seen |= sees[best]
    return chosen


def why_none(search: Search) -> str:
    """Why the search found nothing, in words for a reader."""
    words = {
        "exhausted": (
            "no edit of the built-in table makes the tests pass"
            if not search.rungs
            else "neither the model nor the built-in edits make the tests pass"
        ),
        "candidates": "the budget of trials was used up",
        "seconds": "the time budget was used up",
    }
    if search.stopped == "not-runnable":
        return f"not rewritten: {'; '.join(search.notes)}"
    return f"no rewrite was found in {search.executions} trials: {words.get(search.stopped, search.stopped)}"
