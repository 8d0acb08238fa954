"""Rewrites for speed: edits of a performance table, each run on the tests, compared in its answers, then raced.

Nothing here has a failing test to heal. What leads is the clock, and what holds it in check is everything else:
the tests stay green, every recorded and derived input is answered as head answers it, and a version that merely
remembers answers from call to call is no gain: the clock runs on equal inputs, callers' are not equal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import measuring, racing, trial, wire
from bot.domain import (
    Candidate,
    ChangedFunction,
    Finding,
    LineStep,
    Outcome,
    Proposal,
    Search,
    Situation,
    Status,
    Trial,
    TrialResult,
    Turn,
)
from bot.endpoints import Proposer
from bot.kinds import Measured
from bot.languages import Unparsable
from bot.measuring import LEAST_GAIN, Curve, curves
from bot.progress import Progress
from bot.steps.propose.judging import NOTHING, Guide, Judge, OutOfBudget, Settings
from bot.steps.propose.text import apply, changed_lines, normal_ends
from bot.wire_calls import Called, Input

WIDTH = 120
"""Proposals that are asked for at a line: those for speed are the first of them."""
DERIVED = 14
"""Variants of each recorded input on which answers are compared."""
COMPARED = 24
"""Recorded inputs on which they are."""
CALL_SECONDS = 4.0
LEAST_COMPARED = 3
"""Steady answers without which nothing says that a version answers alike."""
TOGETHER = 5
"""Versions in one race."""
RACE_SECONDS = 1.5
"""For each version in it."""
PAIRED = 2
"""The best single edits that further edits are added to."""
CLOSE = 1.25
"""How much slower than base's version a rewrite may be and still be preferred: it keeps what the branch wanted."""
MEMOS = re.compile(
    r"\blru_cache\b|\bglobal\b|\bfunctools\.cache\b|@cache\b|\bcached_property\b|__dict__|\bsetattr\b"
)


@dataclass(frozen=True)
class Found:
    """A search for speed, and what its candidates were measured at."""

    search: Search
    measured: Mapping[str, Measured] = field(default_factory=dict)
    """Source of a candidate -> it against head, quickly: not a proof."""


@dataclass(frozen=True)
class Tried:
    """One version that passes and answers alike."""

    source: str
    imports: tuple[str, ...]
    edits: tuple[str, ...]
    logprob: float
    outcomes: Mapping[str, Outcome]
    proposer: str
    revert: bool = False
    measured: Measured | None = None


def faster(
    stage: trial.Stage,
    function: ChangedFunction,
    finding: Finding,
    guide: Guide,
    proposers: Sequence[Proposer],
    settings: Settings,
    progress: Progress,
    *,
    base: trial.Version | None = None,
    lines: Collection[int] | None = None,
) -> Found:
    """Versions of a function that answer as head does and take less time, best first.

    `guide` has no failing tests; `base` is the version that stood there, where it may be put back; `lines`, of the
    head file, are those at which edits are tried, all where they are None. Raises SandboxError when the container
    breaks.
    """
    if not guide.passing:
        return Found(Search((), (), 0, 0.0, "not-runnable", notes=("no passing test executes it",)))
    judge = Judge(stage, replace(guide, failing=()), settings)
    head = normal_ends(function.head.source)
    why = judge.calibrate(head, None, stage.place.language.poison(function.head))
    runner = Runner(judge, function, finding, proposers, progress, lines)
    stopped = "exhausted"
    if not why:
        why = runner.listen()
    if why:
        return Found(Search((), (), judge.trials, judge.clock() - judge.opened, "not-runnable", notes=(why,)))
    try:
        runner.go(base)
    except OutOfBudget as spent:
        stopped = spent.which
    ranked = runner.ranked()
    candidates = tuple(runner.candidate(tried) for tried in ranked)
    search = Search(
        tuple(runner.steps),
        candidates,
        judge.trials,
        judge.clock() - judge.opened,
        "found" if candidates else stopped,
        notes=tuple(dict.fromkeys(runner.notes)),
    )
    return Found(search, {tried.source: tried.measured for tried in ranked if tried.measured is not None})


def for_speed(
    proposers: Sequence[Proposer], function: ChangedFunction, finding: Finding, source: str, module: str, line: int
) -> list[Proposal]:
    """What is proposed at a line because times are the matter: operators that are silent otherwise."""
    situation = Situation(
        function=function.head,
        source=source,
        line=line,
        module=module,
        base=None,  # what the branch added is not dropped for speed; base as a whole is tried where it was faster
        finding=finding,
        suspiciousness=1.0,
        observed=None,
        width=WIDTH,
    )
    found: list[Proposal] = []
    for proposer in proposers:
        proposals = proposer.propose(situation)
        usual = {proposal.operator for proposal in proposer.propose(replace(situation, finding=None))}
        found += [p for p in proposals if p.edit is not None and p.operator not in usual]
    return found


class Runner:
    """One search for speed. Mutable while it runs; `faster` is its only user."""

    def __init__(
        self,
        judge: Judge,
        function: ChangedFunction,
        finding: Finding,
        proposers: Sequence[Proposer],
        progress: Progress,
        lines: Collection[int] | None,
    ) -> None:
        self.judge = judge
        self.place = judge.stage.place
        self.function = function
        self.finding = finding
        self.proposers = proposers
        self.progress = progress
        self.lines = lines
        self.head = normal_ends(function.head.source)
        self.seen = {self.place.language.normalise(self.head)}
        self.inputs = tuple(Input(pickled=text) for text in judge.guide.inputs[:COMPARED])
        self.steady: dict[int, str] = {}
        self.tried: list[Tried] = []
        self.steps: list[LineStep] = []
        self.notes: list[str] = []

    # -- what head answers

    def listen(self) -> str:
        """Head's answers, those that change from run to run left out; why nothing can be compared, or ''."""
        first, second = (self.answers(trial.Version(self.head)) for _ in range(2))
        if first is None or second is None:
            return "the function cannot be called apart from its tests"
        again = {row.place: row.digest for row in second}
        self.steady = {
            row.place: row.digest
            for row in first
            if row.how in ("returned", "raised") and again.get(row.place) == row.digest
        }
        many = sum(row.how == "returned" and row.place in self.steady for row in first)
        return "" if many >= LEAST_COMPARED else "too few of its answers are the same from run to run"

    def answers(self, version: trial.Version) -> tuple[Called, ...] | None:
        """What a version answers."""
        return self.judge.stage.call(
            version,
            self.inputs,
            derive=DERIVED,
            seed=self.judge.settings.seed,
            seconds=CALL_SECONDS,
            steps=2_000_000,
        )

    def loosen(self, base: trial.Version) -> None:
        """Leaves out derived inputs that base answers otherwise: nobody asked for what head gives there."""
        given = {row.place: row for row in self.answers(base) or ()}
        self.steady = {
            place: digest
            for place, digest in self.steady.items()
            if place not in given or given[place].origin == "recorded" or given[place].digest == digest
        }

    def alike(self, version: trial.Version) -> bool:
        """Whether a version answers every steady input as head does."""
        rows = self.answers(version)
        if rows is None:
            return False
        given = {row.place: row.digest for row in rows}
        return all(given.get(place) == digest for place, digest in self.steady.items())

    # -- versions

    def go(self, base: trial.Version | None) -> None:
        """Base's version, every single edit, then the best of them with a second one. Raises OutOfBudget."""
        if base is not None:
            self.loosen(base)
            self.put_back(base)
        singles = self.round(Tried(self.head, (), (), 0.0, {}, ""))
        self.race(singles)
        best = sorted((t for t in self.tried if t.measured is not None and not t.revert), key=merit)[:PAIRED]
        for tried in best:
            self.race(self.round(tried))

    def put_back(self, base: trial.Version) -> None:
        """The version at base, as any other."""
        source = normal_ends(base.source)
        key = self.place.language.normalise(source)
        if key in self.seen:
            return
        self.seen.add(key)
        (reply,) = self.judge.run([trial.Version(source, base.imports)], self.judge.guide.passing)
        result = self.weigh(reply)
        version = trial.Version(source, base.imports)
        if result.status is Status.PASSED and (outcomes := self.holds(version, result)) is not None:
            self.race([Tried(source, base.imports, ("restore-base",), -6.0, outcomes, "edits", revert=True)])

    def round(self, parent: Tried) -> list[Tried]:
        """Versions with one edit more than the parent that pass and answer alike. Raises OutOfBudget."""
        out: list[Tried] = []
        lines = parent.source.split("\n")
        for line in self.place.language.statements(parent.source):
            if not parent.edits and not self.wanted(line):
                continue
            rows = self.fresh(parent, line)
            if not rows:
                continue
            self.judge.check_budget(len(rows))
            versions = [trial.Version(source, (*parent.imports, *p.imports)) for p, source in rows]
            results = [self.weigh(reply) for reply in self.judge.run(versions, self.judge.guide.passing)]
            trials = [
                Trial(proposal, source, result, proposal.logprob)
                for (proposal, source), result in zip(rows, results, strict=True)
            ]
            passed = sum(1 for result in results if result.status is Status.PASSED)
            why = f"{passed} of {len(results)} pass; those that answer alike are timed against the original."
            turn = Turn.BRANCH if parent.edits else Turn.LINE
            self.steps.append(
                LineStep(
                    line,
                    lines[line - 1],
                    1.0,
                    tuple(trials),
                    None,
                    len(parent.edits),
                    turn,
                    why,
                    tuple(parent.edits),
                )
            )
            for one, version in zip(trials, versions, strict=True):
                if one.result.status is not Status.PASSED:
                    continue
                outcomes = self.holds(version, one.result)
                if outcomes is None:
                    continue
                edits = (*parent.edits, one.proposal.operator)
                logprob = parent.logprob + one.proposal.logprob
                out.append(Tried(one.source, version.imports, edits, logprob, outcomes, one.proposal.source))
        return out

    def wanted(self, line: int) -> bool:
        """Whether edits are tried at a line of the original text."""
        return self.lines is None or self.function.head.start_line + line - 1 in self.lines

    def fresh(self, parent: Tried, line: int) -> list[tuple[Proposal, str]]:
        """Proposals for speed at a line, with the texts that they make: new ones that the policy lets pass."""
        out = []
        module = self.place.text
        for proposal in for_speed(self.proposers, self.function, self.finding, parent.source, module, line):
            if proposal.edit is None:
                continue
            source = apply(parent.source, proposal.edit)
            imports = (*parent.imports, *proposal.imports)
            try:
                key = self.place.language.normalise(source)
                refused = self.place.language.policy(self.head, source, imports, module)
            except Unparsable:
                continue
            if key in self.seen:
                continue
            self.seen.add(key)
            if remembers(self.head, source):
                self.notes.append("a version that keeps answers from call to call was not taken for a gain")
            elif refused:
                self.notes.append(f"versions were refused by the policy: {refused[0]}")
            else:
                out.append((proposal, source))
        return out

    def weigh(self, reply: wire.TrialReply) -> TrialResult:
        """What the tests say of a version."""
        if reply.status != "ran":
            return self.judge.weigh(reply)
        passed = replace(NOTHING, status=Status.PASSED, steps=reply.steps, memory_kb=reply.memory_kb)
        return self.judge.with_others(passed, reply)

    def holds(self, version: trial.Version, result: TrialResult) -> dict[str, Outcome] | None:
        """Outcomes of every test that was run, where a version answers as head does and passes all of them."""
        if not self.alike(version):
            return None
        passes, rest = self.judge.survives_rest(version)
        return {**result.outcomes, **rest} if passes else None

    # -- times

    def race(self, versions: Sequence[Tried]) -> None:
        """Races versions against head, a few at a time; those that are better are kept."""
        inputs = racing.largest(self.judge.guide.inputs)[:2]
        for start in range(0, len(versions), TOGETHER):
            group = versions[start : start + TOGETHER]
            texts = [trial.Version(self.head), *(trial.Version(t.source, t.imports) for t in group)]
            seconds = RACE_SECONDS * (len(group) + 1)
            self.progress.tick(f"racing {len(group)} versions of {self.function.head.qualname}")
            raced = racing.race(self.judge.stage, texts, inputs, racing.Length(seconds, self.judge.settings.seed))
            if not raced.timings:
                self.notes.append(f"not raced: {raced.why}")
                return
            for index, tried in enumerate(group, 1):
                rows = curves(raced.timings, 0, index, self.judge.settings.seed)
                found = better(rows, self.finding)
                if found is not None:
                    self.tried.append(replace(tried, measured=found))

    def ranked(self) -> list[Tried]:
        """What is better than head, best first. Base's version comes behind rewrites that are about as fast."""
        rows = sorted(self.tried, key=lambda tried: (*merit(tried), changed_lines(self.head, tried.source)))
        bases = [t for t in rows if t.revert]
        if not bases:
            return rows
        own = [t for t in rows if not t.revert]
        close = [t for t in own if ratio(t) <= CLOSE * ratio(bases[0])]
        return [*close, *bases, *(t for t in own if t not in close)]

    def candidate(self, tried: Tried) -> Candidate:
        """A version for the cold proof."""
        return Candidate(
            function=self.function.head,
            source=tried.source,
            imports=tried.imports,
            edits=tried.edits,
            logprob=tried.logprob,
            agreement=1.0,
            seconds=tried.measured.seconds_new if tried.measured is not None else 0.0,
            is_revert=tried.revert,
            proposer=tried.proposer,
            expected=tried.outcomes,
        )


def ratio(tried: Tried) -> float:
    """Its time over head's."""
    return tried.measured.ratio if tried.measured is not None else 1.0


def merit(tried: Tried) -> tuple[float, int]:
    """Order of versions: time first, in steps of a tenth, so that a smaller edit may win; then how many edits."""
    return round(ratio(tried) / 0.1) * 0.1 if ratio(tried) >= 0.1 else ratio(tried), len(tried.edits)


def better(rows: Sequence[Curve], finding: Finding) -> Measured | None:
    """The comparison in which a version is better than head in what the finding is about; None where it is not."""
    if not rows:
        return None
    if finding.rule == "performance/more-queries":
        good = [row for row in rows if fewer(row.last)]
    elif finding.rule == "performance/memory":
        good = [row for row in rows if 0 < 3 * row.last.memory_new_kb <= 2 * row.last.memory_old_kb]
    else:
        good = [row for row in rows if measuring.faster([row.last], LEAST_GAIN)]
    return min((row.told for row in good), key=lambda told: told.ratio) if good else None


def fewer(point: Measured) -> bool:
    """Whether the new version reaches out less often, in one way at least and more often in none."""
    kinds = {*point.events_old, *point.events_new}
    pairs = [(point.events_old.get(kind, 0), point.events_new.get(kind, 0)) for kind in kinds]
    return any(new < old for old, new in pairs) and all(new <= old for old, new in pairs)


def remembers(original: str, source: str) -> bool:
    """Whether a version keeps something from call to call that the original does not: a cache around it, a global.

    Inside the function a cache lasts for one call and is honest work saved.
    """
    outside = margin(source)
    kept = [line for line in source.split("\n") if MEMOS.search(line)]
    known = {line.strip() for line in original.split("\n")}
    return any(
        line.strip() not in known
        and (not line.strip().startswith("@") or margin(line) <= outside)
        and not line.strip().startswith(("import ", "from "))
        for line in kept
    )


def margin(text: str) -> int:
    """Width of the white space before the first line."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return len(first) - len(first.lstrip())
