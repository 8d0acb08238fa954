"""Propose: a function is rewritten line by line, each line decided by what its candidates did when they ran.

After Lavon, Katz and Wolf, *Execution Guided Line-by-Line Code Generation* (EG-CFG, NeurIPS 2025), for rewriting
instead of generating: the original supplies the rest of the body, so every prefix is runnable, and the version at
base, where there is one, is an executable reference. Unlike the paper's, candidates are committed, ranked by what
they did, and rolled back to runners-up when a prefix leads nowhere.
"""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import trial, wire
from bot.domain import (
    Candidate,
    ChangedFunction,
    Edit,
    Finding,
    LineStep,
    Observed,
    Outcome,
    Proposal,
    Search,
    Situation,
    Status,
    Trial,
    TrialResult,
)
from bot.endpoints import Proposer
from bot.languages import Unparsable
from bot.progress import Progress


@dataclass(frozen=True)
class Settings:
    """How far the search goes."""

    width: int = 12
    beam: int = 4
    depth: int = 2
    plausible: int = 8
    candidates: int = 1200
    """Trials in all."""
    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True)
class Guide:
    """What guides the search: which tests, what the reference answers, under what limits."""

    failing: tuple[str, ...]
    """Tests to be healed, quick ones first."""
    passing: tuple[str, ...]
    """Some tests that execute the function and must stay green."""
    rest: tuple[str, ...]
    """All the others that execute it: run for what passes the guide."""
    reference: Mapping[str, str] = field(default_factory=dict)
    """Digest of arguments -> digest of outcome, as base answered."""
    inputs: tuple[str, ...] = ()
    """Replayable arguments."""
    suspicious: Mapping[int, float] = field(default_factory=dict)
    """Line of the head file -> 0 to 1; empty when no coverage tells."""
    deadly: bool = False
    """Whether a failing test hung or killed its process in the cold run: a preview may then die as well."""


@dataclass(frozen=True)
class State:
    """A prefix of accepted lines, with the rest of the original behind it."""

    source: str
    edits: tuple[str, ...]
    imports: tuple[str, ...]
    logprob: float
    result: TrialResult
    after: int
    """How many lines of `source` are still to be decided, counted from its end."""


RANK = {
    Status.SYNTAX: -8.0,
    Status.BROKEN: -8.0,
    Status.CRASHED: -6.0,
    Status.TIMEOUT: -5.0,
    Status.WORSE: -3.0,
    Status.SAME: 0.0,
    Status.OTHER: 1.0,
    Status.BETTER: 4.0,
    Status.PASSED: 10.0,
}
"""How outcomes are ordered; the reward of DESIGN's `R`, in nats of log-probability."""


def apply(source: str, edit: Edit) -> str:
    """The source with an edit applied; always ends in a line feed."""
    lines = source.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    lines[edit.start - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines) + "\n"


def line_count(source: str) -> int:
    """Lines of a text that ends in a line feed."""
    return source.count("\n")


class OutOfBudget(Exception):
    """The trials or the seconds are used up; the search ends with what it has."""

    def __init__(self, which: str) -> None:
        super().__init__(which)
        self.which = which


class Judge:
    """Runs versions on the guide tests and says what each came to, against the original as it stands at head."""

    def __init__(
        self, stage: trial.Stage, guide: Guide, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stage = stage
        self.guide = guide
        self.settings = settings
        self.clock = clock
        self.began = clock()
        self.trials = 0
        self.before: dict[str, wire.Row] = {}
        self.before_agreement = 0.0
        self.step_limits: dict[str, int] = {}
        self.seconds = 10.0

    def check_budget(self, more: int) -> None:
        """Raises OutOfBudget when that many trials do not fit any more."""
        if self.trials + more > self.settings.candidates:
            raise OutOfBudget("candidates")
        if self.clock() - self.began > self.settings.seconds:
            raise OutOfBudget("seconds")

    def run(
        self,
        versions: Sequence[trial.Version],
        tests: tuple[str, ...],
        *,
        seconds: float = 0.0,
        step_limit: int = 1_000_000,
        trace: int = 0,
    ) -> list[wire.TrialReply]:
        """Replies for versions, in order, under the step limits known so far."""
        self.trials += len(versions)
        course = trial.Course(
            tests,
            seconds=seconds or self.seconds,
            step_limit=step_limit,
            step_limits=self.step_limits,
            pairs=120,
            trace=trace,
        )
        replies: dict[int, wire.TrialReply] = dict(self.stage.preview(versions, course))
        return [replies[index] for index in range(len(versions))]

    # -- the original, and whether previews can be believed

    def calibrate(self, head: str, base: str | None, poison: str) -> str:
        """Runs the original, the reference and the poisoned control; returns why previews cannot be had, or ''.

        Sets what every trial is compared with, and step limits of ten times what the passing runs took.
        """
        tests = (*self.guide.failing, *self.guide.passing)
        versions = [trial.Version(head), trial.Version(poison)]
        if base is not None:
            versions.append(trial.Version(base))
        limit = 2_000_000
        for attempt in ("warm", "fresh"):
            original, poisoned, *others = self.run(versions, tests, step_limit=limit)
            if self.believable(original, poisoned):
                break
            if attempt == "fresh" or not self.stage.warm:
                return "the failing tests do not fail, or do not notice the function, when they are run apart"
            # What the tests hold is not what a swap changes (results kept from import, say): fresh processes then.
            self.stage.warm = False
            self.stage.why_cold = "swapping the function in a running process does not reach what the tests call"
        reference = others[0] if others else None
        self.before = {row.test: row for row in original.rows}
        self.before_agreement = self.agreement(original)
        for row in (*original.rows, *(reference.rows if reference is not None else ())):
            if row.outcome.good:
                self.step_limits[row.test] = max(self.step_limits.get(row.test, 0), 10 * row.steps + 1000)
        known = max(self.step_limits.values(), default=0)
        for test in tests:
            self.step_limits.setdefault(test, max(known, 20_000))
        slowest = sum(row.seconds for row in original.rows if row.outcome.good)
        self.seconds = min(10.0, max(1.0, 1.0 + 10 * slowest))
        return ""

    def believable(self, original: wire.TrialReply, poisoned: wire.TrialReply) -> bool:
        """Head must fail as it did, and a poisoned function must be noticed; silence is neither."""
        rows = {row.test: row for row in original.rows}
        died = self.guide.deadly and original.status in ("killed", "crashed")
        red = all(died if test not in rows else not rows[test].outcome.good for test in self.guide.failing)
        green = {row.test for row in original.rows if row.outcome.good}
        noticed = all(not row.outcome.good for row in poisoned.rows if row.test in green)
        return (died or original.status == "ran") and red and noticed

    def agreement(self, reply: wire.TrialReply) -> float:
        """Share of the reference's calls that are answered alike, of those that were made."""
        known = [(args, out) for args, out in reply.pairs if args in self.guide.reference]
        if not known:
            return 0.0
        return sum(self.guide.reference[args] == out for args, out in known) / len(known)

    # -- candidates

    def judge(self, versions: Sequence[trial.Version]) -> list[TrialResult]:
        """Results of versions: the failing tests first, the others for those that heal them all."""
        self.check_budget(len(versions))
        first = self.run(versions, self.guide.failing)
        results = [self.weigh(reply) for reply in first]
        healed = [i for i, result in enumerate(results) if result.status is Status.PASSED]
        if healed and self.guide.passing:
            second = self.run([versions[i] for i in healed], self.guide.passing)
            for index, reply in zip(healed, second, strict=True):
                results[index] = self.with_others(results[index], reply)
        return results

    def weigh(self, reply: wire.TrialReply) -> TrialResult:
        """What the failing tests say of a version."""
        outcomes = {row.test: row.outcome for row in reply.rows}
        agreement = self.agreement(reply)
        red = next((row for row in reply.rows if not row.outcome.good), None)
        status, gain = self.status(reply, agreement)
        marks = [(row.test, row.outcome, row.exception, row.message, row.line) for row in reply.rows]
        return TrialResult(
            status=status,
            outcomes=outcomes,
            message=red.message if red is not None else reply.message,
            exception=red.exception if red is not None else "",
            line=self.own_line(red.line if red is not None else 0),
            seconds=reply.cpu,
            steps=reply.steps,
            signature=f"{hash_of((reply.status, marks, reply.pairs))}",
            agreement=agreement,
            memory_kb=reply.memory_kb,
            gain=gain,
        )

    def own_line(self, line: int) -> int:
        """A line of the file as a line of the function's text; 0 outside it."""
        return max(0, line - self.stage.place.function.start_line + 1) if line else 0

    def status(self, reply: wire.TrialReply, agreement: float) -> tuple[Status, float]:
        """(status, how much nearer to green than the original, in tests)."""
        simple = {"syntax": Status.SYNTAX, "unswappable": Status.BROKEN, "crashed": Status.CRASHED}
        if reply.status in simple:
            return simple[reply.status], 0.0
        rows = {row.test: row for row in reply.rows}
        fixed = sum(1 for test in self.guide.failing if test in rows and rows[test].outcome.good)
        if fixed == len(self.guide.failing) and reply.status == "ran":
            return Status.PASSED, float(fixed)
        was_endless = any(row.outcome is Outcome.TIMEOUT for row in self.before.values()) or not self.before
        endless = reply.status == "killed" or any(row.outcome is Outcome.TIMEOUT for row in reply.rows)
        gain = 1.5 * (agreement - self.before_agreement)
        for test, row in rows.items():
            gain += self.nearer(row, self.before.get(test))
        if fixed:
            return Status.BETTER, fixed + gain
        if endless and not was_endless:
            return Status.TIMEOUT, gain
        same = all(
            (row.exception, row.message, row.line, row.progress)
            == ((b := self.before.get(test, row)).exception, b.message, b.line, b.progress)
            for test, row in rows.items()
        )
        if same and abs(gain) < 0.01:
            return Status.SAME, gain
        return (Status.OTHER, gain) if gain >= 0 else (Status.WORSE, gain)

    @staticmethod
    def nearer(row: wire.Row, before: wire.Row | None) -> float:
        """How much nearer to green one red test is: it got further, or fails by a wrong value, not by a crash."""
        if before is None or row.outcome.good:
            return 0.0
        if row.progress != before.progress and row.progress and before.progress:
            return 0.5 if row.progress > before.progress else -0.5
        crash, crashed = row.exception != "AssertionError", before.exception != "AssertionError"
        if crash != crashed:
            return -0.4 if crash else 0.3
        return 0.0

    def with_others(self, result: TrialResult, reply: wire.TrialReply) -> TrialResult:
        """A version that heals everything, after the tests that must stay green."""
        outcomes = {**result.outcomes, **{row.test: row.outcome for row in reply.rows}}
        broken = [row for row in reply.rows if not row.outcome.good and self.was_good(row.test)]
        if reply.status == "ran" and not broken:
            return replace(result, outcomes=outcomes, seconds=result.seconds + reply.cpu)
        first = broken[0] if broken else None
        return replace(
            result,
            status=Status.OTHER,
            outcomes=outcomes,
            message=first.message if first is not None else reply.message,
            exception=first.exception if first is not None else "",
            gain=0.3 * (1 - len(broken) / max(1, len(reply.rows))),
            signature=hash_of((result.signature, [(row.test, row.outcome, row.message) for row in reply.rows])),
        )

    def was_good(self, test: str) -> bool:
        """Whether the original passes a test; unknown ones count as passing."""
        return test not in self.before or self.before[test].outcome.good

    def survives_rest(self, version: trial.Version) -> tuple[bool, dict[str, Outcome]]:
        """Whether a passing version passes all the other tests that execute the function, too."""
        if not self.guide.rest:
            return True, {}
        reply = self.run([version], self.guide.rest, seconds=max(20.0, self.seconds), step_limit=50_000_000)[0]
        outcomes = {row.test: row.outcome for row in reply.rows}
        return reply.status == "ran" and all(row.outcome.good for row in reply.rows), outcomes


def hash_of(value: object) -> str:
    """A short digest of a value's repr."""
    return wire.digest(repr(value))


class Searcher:
    """One search. Mutable while it runs; `search` is its only user."""

    def __init__(
        self,
        judge: Judge,
        function: ChangedFunction,
        finding: Finding | None,
        proposers: Sequence[Proposer],
        progress: Progress,
    ) -> None:
        self.judge = judge
        self.place = judge.stage.place
        self.function = function
        self.finding = finding
        self.proposers = proposers
        self.progress = progress
        self.settings = judge.settings
        self.original = normal_ends(function.head.source)
        self.tried: set[str] = {self.normalised(self.original)}
        self.steps: list[LineStep] = []
        self.runners: list[State] = []
        self.plausible: list[tuple[State, dict[str, Outcome]]] = []
        self.observed: dict[int, Observed] = {}

    def normalised(self, source: str) -> str:
        return self.place.language.normalise(source)

    # -- where to look

    def suspicion(self, after: int) -> float:
        """How suspicious the line is that has `after` lines behind it in the original, 0 to 1."""
        if not self.judge.guide.suspicious:
            return 1.0
        line = self.function.head.start_line + line_count(self.original) - 1 - after
        return self.judge.guide.suspicious.get(line, 0.0)

    def width(self, after: int, depth: int) -> int:
        """How many proposals a line gets: all where it is suspicious, one (`keep`) where no failing run goes."""
        most = max(self.judge.guide.suspicious.values(), default=1.0) or 1.0
        share = self.suspicion(after) / most
        if share <= 0:
            return 1
        wide = self.settings.width if share >= 0.5 else max(4, self.settings.width // 2)
        return wide if depth == 0 else max(4, wide * 2 // 3)

    def positions(self, state: State) -> list[tuple[int, int]]:
        """(line, lines behind it) of every statement of a state's text, from the top."""
        total = line_count(state.source)
        return [(line, total - line) for line in self.place.language.statements(state.source)]

    # -- one line

    def proposals(self, state: State, line: int, after: int, width: int, skip: int) -> list[Proposal]:
        """What all proposers say of one line."""
        total = line_count(self.original)
        situation = Situation(
            function=self.function.head,
            source=state.source,
            line=line,
            module=self.place.text,
            base=self.function.base,
            finding=self.finding,
            suspiciousness=self.suspicion(after),
            observed=self.observed.get(total - after),
            width=width,
            skip=skip,
        )
        return [proposal for proposer in self.proposers for proposal in proposer.propose(situation)]

    def fresh(self, state: State, proposals: Sequence[Proposal]) -> list[tuple[Proposal, str]]:
        """Proposals with the text that each makes, those left out that were tried already or do not parse."""
        out = []
        for proposal in proposals:
            if proposal.edit is None:
                continue
            source = apply(state.source, proposal.edit)
            try:
                key = self.normalised(source)
            except Unparsable:
                continue
            if key not in self.tried:
                self.tried.add(key)
                out.append((proposal, source))
        return out

    def decide(self, state: State, line: int, after: int, width: int, skip: int) -> list[State]:
        """Tries a line's proposals on one state; returns the states that may go on, `keep` first."""
        keep = replace(state, after=after)
        texts = self.fresh(state, self.proposals(state, line, after, width, skip)) if width > 1 else []
        if not texts:
            return [keep]
        versions = [trial.Version(text, (*state.imports, *p.imports)) for p, text in texts]
        results = self.judge.judge(versions)
        seen: dict[str, int] = {}
        trials: list[Trial] = []
        states: list[State] = []
        for (proposal, text), result in zip(texts, results, strict=True):
            score = state.logprob + proposal.logprob + RANK[result.status] + result.gain
            merged = seen.setdefault(result.signature, len(trials))
            trials.append(Trial(proposal, text, result, score, None if merged == len(trials) else merged))
            edit = proposal.edit
            if edit is None:
                continue
            behind = line_count(state.source) - (edit.end - 1)
            made = State(
                text,
                (*state.edits, proposal.operator),
                (*state.imports, *proposal.imports),
                state.logprob + proposal.logprob,
                result,
                min(after, behind + (0 if edit.start != edit.end else 1)),
            )
            if result.status is Status.PASSED:
                self.accept(made)
            elif merged == len(trials) - 1:
                states.append(made)
        chosen = max(range(len(trials)), key=lambda i: trials[i].score)
        better = trials[chosen].result.status in (Status.BETTER, Status.OTHER, Status.PASSED)
        text = state.source.split("\n")[line - 1]
        self.steps.append(
            LineStep(
                line, text, self.suspicion(after), tuple(trials), chosen if better else None, len(state.edits)
            )
        )
        return [keep, *states]

    def accept(self, state: State) -> None:
        """A version that passes the guide is run on all tests that execute the function."""
        version = trial.Version(state.source, state.imports)
        good, outcomes = self.judge.survives_rest(version)
        if good:
            self.plausible.append((state, {**state.result.outcomes, **outcomes}))
            self.progress.tick(f"{len(self.plausible)} versions pass after {self.judge.trials} trials")

    # -- one walk from the top to the bottom

    def walk(self, root: State, skip: int = 0) -> None:
        """Decides every line once, top to bottom, with a beam of prefixes; runners-up are kept for roll-back."""
        depth = len(root.edits)
        beam = [replace(root, after=line_count(root.source))]
        for line, after in self.positions(root):
            if len(self.plausible) >= self.settings.plausible:
                return
            if self.width(after, depth) <= 1 and self.suspicion(after) <= 0:
                continue
            grown: list[State] = []
            for state in beam:
                if state.after <= after or len(state.edits) >= self.settings.depth:
                    grown.append(state)
                    continue
                narrow = self.plausible and len(state.edits) > depth
                own = line + line_count(state.source) - line_count(root.source)
                width = 1 if narrow else self.width(after, len(state.edits))
                grown += self.decide(state, own, after, width, skip if state is beam[0] else 0)
            beam = self.survivors(grown, root)

    def survivors(self, states: list[State], root: State) -> list[State]:
        """The beam for the next line: the undisturbed prefix, and those whose run came nearer to green."""
        first = [s for s in states if s.source == root.source][:1]
        others = [s for s in states if s.source != root.source]
        others.sort(key=lambda s: -(s.logprob + RANK[s.result.status] + s.result.gain))
        promising = [
            s for s in others if s.result.status in (Status.BETTER, Status.OTHER) and s.result.gain > 0.05
        ]
        kept = promising[: self.settings.beam - 1]
        known = {id(state) for state in kept}
        hopeless = (Status.SYNTAX, Status.BROKEN, Status.CRASHED, Status.PASSED)
        self.runners += [s for s in others if id(s) not in known and s.result.status not in hopeless]
        self.runners += kept
        return first + kept

    # -- the whole search

    def go(self) -> str:
        """Walks until something passes and no better is in sight, or the budget ends. Returns why it stopped."""
        root = State(self.original, (), (), 0.0, NOTHING, 0)
        try:
            width = self.settings.width
            self.walk(root)
            if self.plausible:
                if self.function.base is None:
                    # Nothing but the tests says what is right: the rivals are worth knowing before one is chosen.
                    self.walk(root, skip=width)
                return "found"
            self.restore_hunks(alone=False)
            if self.plausible:
                return "found"
            for turn in range(1, 7):
                for state in self.roll_back(4 if turn < 3 else 12):
                    self.walk(state)
                    if self.plausible:
                        return "found"
                self.walk(root, skip=width * turn)
                if self.plausible:
                    return "found"
        except OutOfBudget as end:
            self.last_resort()
            return "found" if self.plausible else end.which
        self.last_resort()
        return "found" if self.plausible else "exhausted"

    def last_resort(self) -> None:
        """Undoing the branch's only hunk in this function, outside the budget: a few trials, and labelled so."""
        if not self.plausible:
            self.judge.began = self.judge.clock()
            self.judge.trials = min(self.judge.trials, self.settings.candidates - 10)
            self.restore_hunks(alone=True)

    def restore_hunks(self, *, alone: bool) -> None:
        """Each hunk of the branch's change put back by itself, the others kept.

        A function of which the branch changed only one hunk is left for the last resort (`alone`): putting that
        back undoes all that the branch did to it.
        """
        if self.function.base is None:
            return
        base = normal_ends(self.function.base.source)
        hunks = hunks_between(self.original, base)
        if (len(hunks) == 1) is not alone:
            return
        for edit in hunks:
            source = apply(self.original, edit)
            try:
                key = self.normalised(source)
            except Unparsable:
                continue
            if key in self.tried:
                continue
            self.tried.add(key)
            result = self.judge.judge([trial.Version(source)])[0]
            if result.status is Status.PASSED:
                self.accept(State(source, ("restore-hunk",), (), -6.0, result, 0))

    def roll_back(self, most: int) -> list[State]:
        """The best branch points that were passed over: taken from the runners-up, each once."""
        known: dict[str, State] = {}
        for state in self.runners:
            if 0 < len(state.edits) < self.settings.depth:
                known.setdefault(state.source, state)
        best = sorted(known.values(), key=lambda s: -(s.logprob + 2 * RANK[s.result.status] + 2 * s.result.gain))[
            :most
        ]
        taken = {state.source for state in best}
        self.runners = [state for state in self.runners if state.source not in taken]
        return best

    def look(self) -> None:
        """One watched run of the original: types and values of the variables at each line."""
        if not self.judge.stage.warm:
            return
        reply = self.judge.run(
            [trial.Version(self.original)], self.judge.guide.failing[:2], trace=600, step_limit=20_000
        )[0]
        types: dict[str, str] = {}
        values: dict[str, str] = {}
        for line, changes in reply.trace:
            for name, kind, shown in changes:
                types[name] = kind
                values[name] = shown
            own = line - self.function.head.start_line + 1
            known = self.observed.get(own)
            merged = {**(known.types if known is not None else {}), **types}
            self.observed[own] = Observed(merged, dict(values))


def changed_lines(one: str, other: str) -> int:
    """How many lines differ, the larger side of each hunk counted: the size of a diff."""
    matcher = difflib.SequenceMatcher(None, one.split("\n"), other.split("\n"), autojunk=False)
    return sum(max(a2 - a1, b2 - b1) for tag, a1, a2, b1, b2 in matcher.get_opcodes() if tag != "equal")


def hunks_between(head: str, base: str) -> tuple[Edit, ...]:
    """The hunks that turn head into base, each as an edit of head on its own."""
    new, old = head.split("\n")[:-1], base.split("\n")[:-1]
    matcher = difflib.SequenceMatcher(None, new, old, autojunk=False)
    return tuple(
        Edit(a1 + 1, a2 + 1, tuple(old[b1:b2])) for tag, a1, a2, b1, b2 in matcher.get_opcodes() if tag != "equal"
    )


NOTHING = TrialResult(Status.SAME, {}, "", "", 0, 0.0, 0, "")


def normal_ends(text: str) -> str:
    """Line feeds only, one at the end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def search(
    stage: trial.Stage,
    function: ChangedFunction,
    finding: Finding | None,
    guide: Guide,
    proposers: Sequence[Proposer],
    settings: Settings,
    progress: Progress,
) -> Search:
    """The guided rewriting of one function. Deterministic for equal inputs, but for the seconds of the budget.

    Raises SandboxError when the container breaks.
    """
    judge = Judge(stage, guide, settings)
    place = stage.place
    base = normal_ends(function.base.source) if function.base is not None else None
    why = judge.calibrate(normal_ends(function.head.source), base, place.language.poison(function.head))
    if why:
        return Search((), (), judge.trials, judge.clock() - judge.began, "not-runnable", notes=(why,))
    searcher = Searcher(judge, function, finding, proposers, progress)
    searcher.look()
    stopped = searcher.go()
    ranked, notes = rank(stage, searcher, base, settings)
    if not stage.warm:
        notes = (*notes, f"previews ran in fresh processes: {stage.why_cold}")
    tier = min((proposer.tier for proposer in proposers), default="E")
    return Search(tuple(searcher.steps), ranked, judge.trials, judge.clock() - judge.began, stopped, tier, notes)


# ------------------------------------------------------------------------------------------ choosing


DERIVED = 14
"""Derived variants of each recorded input."""
MOST_INPUTS = 24


@dataclass(frozen=True)
class Merit:
    """How a passing version compares with base and head on recorded and derived inputs."""

    heals: float = 0.0
    """Share of the inputs on which head differs from base where it answers as base does."""
    strays: float = 0.0
    """Share of the inputs on which head and base agree where it does not."""
    odd: float = 0.0
    """Share of the differing inputs where it answers as neither does."""
    inputs: int = 0

    @property
    def value(self) -> float:
        """One number, in nats, to be added to a log-probability."""
        return 8 * self.heals - 16 * self.strays - 4 * self.odd


def merit(
    base: Sequence[wire.Replayed], head: Sequence[wire.Replayed], candidate: Sequence[wire.Replayed], group: int
) -> Merit:
    """Compares three runs over the same inputs; `group` variants belong to each recorded input, it first."""
    same = differ = heals = strays = odd = 0
    for index, (b, h, c) in enumerate(zip(base, head, candidate, strict=False)):
        # A derived input that base refuses is outside what callers may pass: it says nothing.
        if b.how not in ("returned", "raised") or (b.how == "raised" and index % group):
            continue
        if b.digest == h.digest:
            same += 1
            strays += c.digest != b.digest
        else:
            differ += 1
            heals += c.digest == b.digest
            odd += c.digest not in (b.digest, h.digest)
    return Merit(heals / max(1, differ), strays / max(1, same), odd / max(1, differ), same + differ)


def rank(
    stage: trial.Stage, searcher: Searcher, base: str | None, settings: Settings
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """(the passing versions as candidates, best first, notes).

    Where base is there to compare with, the one goes first that heals what the change broke and alters nothing
    else. Without it, versions that answer alike on recorded and derived inputs vote together, with their
    probabilities (after the clustering of AlphaCode); `confidence` is their share. A version equal to base undoes
    the change, and pays for it; so does a larger diff.
    """
    if not searcher.plausible:
        return (), ()
    place = stage.place
    base_key = place.language.normalise(base) if base is not None else None
    played = play_all(stage, searcher, base, settings)
    shares = played.shares([state.logprob for state, _ in searcher.plausible])
    rows = []
    for index, (state, outcomes) in enumerate(searcher.plausible):
        revert = base_key is not None and place.language.normalise(state.source) == base_key
        worth = played.merit(index)
        candidate = Candidate(
            function=searcher.function.head,
            source=state.source,
            imports=state.imports,
            edits=state.edits,
            logprob=state.logprob,
            agreement=1.0 if worth is None else (worth.heals * (1 - worth.strays)),
            seconds=state.result.seconds,
            is_revert=revert,
            expected=outcomes,
            confidence=1.0 if worth is not None else shares[index],
        )
        value = state.logprob - 2.0 * (len(state.edits) - 1) - 0.3 * changed_lines(searcher.original, state.source)
        value -= 1.5 if revert else 0.0
        value += worth.value if worth is not None else math.log(max(shares[index], 1e-6))
        rows.append((value, index, candidate))
    rows.sort(key=lambda row: (-row[0], row[2].source))
    rival = played.rival([index for _, index, _ in rows])
    return tuple(candidate for _, _, candidate in rows), (rival,) if rival else ()


@dataclass(frozen=True)
class Played:
    """What base, head and the passing versions answered on the same inputs."""

    base: tuple[wire.Replayed, ...] | None
    head: tuple[wire.Replayed, ...] | None
    versions: tuple[tuple[wire.Replayed, ...] | None, ...]

    def merit(self, index: int) -> Merit | None:
        """How one version compares with base and head; None where that cannot be told."""
        version = self.versions[index]
        if self.base is None or self.head is None or version is None:
            return None
        return merit(self.base, self.head, version, DERIVED + 1)

    def usable(self) -> list[int]:
        """Inputs on which every version can be compared."""
        rows = [version for version in self.versions if version is not None]
        steady = self.base or self.head
        if not rows or steady is None:
            return []
        short = min(len(row) for row in (*rows, steady))
        return [i for i in range(short) if steady[i].how != "unusable"]

    def shares(self, logprobs: Sequence[float]) -> list[float]:
        """For each version the share of probability that those hold which answer as it does."""
        inputs = self.usable()
        if not inputs:
            return [1.0] * len(logprobs)  # nothing to disagree on
        keys = [
            tuple(version[i].digest for i in inputs) if version is not None else (str(index),)
            for index, version in enumerate(self.versions)
        ]
        weights = [math.exp(logprob) for logprob in logprobs]
        total = sum(weights) or 1.0
        return [sum(w for k, w in zip(keys, weights, strict=True) if k == key) / total for key in keys]

    def rival(self, order: Sequence[int]) -> str:
        """An input on which the best version and another one differ, in words; '' when there is none."""
        best = self.versions[order[0]]
        for index in order[1:]:
            other = self.versions[index]
            if best is None or other is None:
                continue
            for i in self.usable():
                if best[i].digest != other[i].digest:
                    return f"passing versions differ on other inputs: {best[i].shown} or {other[i].shown}"
        return ""


def play_all(stage: trial.Stage, searcher: Searcher, base: str | None, settings: Settings) -> Played:
    """Runs base, head and every passing version on recorded and derived inputs; what is unsteady is left out."""
    inputs = searcher.judge.guide.inputs[:MOST_INPUTS]
    nothing = Played(None, None, (None,) * len(searcher.plausible))
    if not inputs:
        return nothing
    steps = 20 * max(searcher.judge.step_limits.values(), default=10_000)

    def play(version: trial.Version) -> tuple[wire.Replayed, ...] | None:
        return stage.replay(version, inputs, derive=DERIVED, seed=settings.seed, seconds=3.0, steps=steps)

    reference = trial.Version(base if base is not None else searcher.original)
    first, again = play(reference), play(reference)
    if first is None or again is None:
        return nothing
    # What differs between two runs of the same code is not the function's doing: such inputs say nothing.
    steady = tuple(
        row if index < len(again) and again[index].digest == row.digest else replace(row, how="unusable")
        for index, row in enumerate(first)
    )
    head = play(trial.Version(searcher.original)) if base is not None else steady
    versions = tuple(play(trial.Version(state.source, state.imports)) for state, _ in searcher.plausible)
    return Played(steady if base is not None else None, head, versions)
