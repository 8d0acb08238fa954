"""The walk: each line decided by what its candidates did, prefixes kept in a beam, runners-up for roll-back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import trial
from bot.domain import (
    Category,
    ChangedFunction,
    Finding,
    LineStep,
    Observed,
    Outcome,
    Proposal,
    Situation,
    Status,
    Trial,
    Turn,
)
from bot.endpoints import Proposer
from bot.languages import Unparsable
from bot.progress import Progress
from bot.steps.propose.choosing import Referee
from bot.steps.propose.judging import NOTHING, RANK, Judge, OutOfBudget, State
from bot.steps.propose.text import apply, hunks_between, line_count, normal_ends

ELSEWHERE = 0.1
"""How suspicious a line is that nothing blames, where the finding is about security: what a sink is given was made
before, and a statement over several lines begins on one that was not blamed. Few edits are proposed there."""
NEARER = 0.05
"""Tests by which a prefix must have come nearer to green for the search to go on from it."""
FURTHER = 400
"""Trials that may be spent on finding something better than a passing version that does not convince."""


class Searcher:
    """One search. Mutable while it runs; `search` is its only user."""

    def __init__(
        self,
        judge: Judge,
        referee: Referee,
        function: ChangedFunction,
        finding: Finding | None,
        proposers: Sequence[Proposer],
        progress: Progress,
    ) -> None:
        self.judge = judge
        self.referee = referee
        self.place = judge.stage.place
        self.function = function
        self.finding = finding
        self.proposers = proposers
        self.progress = progress
        self.settings = judge.settings
        guarded = finding is not None and finding.category is Category.SECURITY
        self.least = ELSEWHERE if guarded else 0.0
        self.original = normal_ends(function.head.source)
        self.tried: set[str] = {self.normalised(self.original)}
        self.steps: list[LineStep] = []
        self.runners: list[State] = []
        self.plausible: list[tuple[State, dict[str, Outcome]]] = []
        self.observed: dict[int, Observed] = {}
        self.refused: list[str] = []
        """What the policy said against versions that pass."""
        self.turn = Turn.LINE
        """What the walk in hand is about, for the record."""
        self.versions: dict[str, trial.Version] = {}
        """What was run, by its text: what the report shows is run once more."""
        self.objections: dict[str, str] = {}
        """Why versions that pass the guide are no candidates, by their text, in words of ours."""

    def normalised(self, source: str) -> str:
        return self.place.language.normalise(source)

    # -- where to look

    def suspicion(self, after: int) -> float:
        """How suspicious the line is that has `after` lines behind it in the original, 0 to 1."""
        if not self.judge.guide.suspicious:
            return 1.0
        line = self.function.head.start_line + line_count(self.original) - 1 - after
        return self.judge.guide.suspicious.get(line, self.least)

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
        self.versions |= {version.source: version for version in versions}
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
                proposer=proposal.source,
                rung=proposal.rung,
            )
            if result.status is Status.PASSED:
                self.accept(made)
            elif merged == len(trials) - 1:
                states.append(made)
        chosen = max(range(len(trials)), key=lambda i: trials[i].score)
        better = self.leads(trials[chosen])
        text = state.source.split("\n")[line - 1]
        self.steps.append(
            LineStep(
                line,
                text,
                self.suspicion(after),
                tuple(trials),
                chosen if better else None,
                len(state.edits),
                self.turn,
                self.reason(trials[chosen]) if better else "Nothing came nearer to green: the line is kept.",
                state.edits,
            )
        )
        return [keep, *states]

    def leads(self, trial: Trial) -> bool:
        """Whether the search goes on from a trial, or has found with it."""
        near = trial.result.status in (Status.BETTER, Status.OTHER) and trial.result.gain > NEARER
        return near or trial.result.status is Status.PASSED

    def reason(self, trial: Trial) -> str:
        """Why a trial was chosen, for the record."""
        result = trial.result
        if trial.source in self.objections:
            return f"It passes the guide tests, and is no candidate: {self.objections[trial.source]}."
        if result.status is Status.PASSED:
            return "It passes every test that executes the function: a candidate."
        return "It comes nearer to green than the line as it stands: the search goes on from it as well."

    def accept(self, state: State) -> bool:
        """Whether a version that passes the guide passes all tests that execute the function, too.

        What the policy would refuse is no candidate, whoever wrote it: it would only be refused after the cold
        run.
        """
        refused = self.place.language.policy(self.original, state.source, state.imports, self.place.text)
        if refused:
            self.refused.append(refused[0])
            self.objections[state.source] = "the policy refuses it"
            return False
        version = trial.Version(state.source, state.imports)
        good, outcomes = self.judge.survives_rest(version)
        if good:
            self.plausible.append((state, {**state.result.outcomes, **outcomes}))
            self.progress.tick(f"{len(self.plausible)} versions pass after {self.judge.trials} trials")
        else:
            self.objections[state.source] = "it breaks another test that executes the function"
        return good

    def record_whole(self, trials: tuple[Trial, ...]) -> None:
        """Whole versions that were tried at once, as one step of the record."""
        best = max(range(len(trials)), key=lambda i: trials[i].score)
        good = self.leads(trials[best])
        text = self.original.split("\n")[0]
        why = self.reason(trials[best]) if good else "None came nearer to green."
        self.steps.append(LineStep(1, text, 1.0, trials, best if good else None, 0, Turn.WHOLE, why))

    # -- one walk from the top to the bottom

    def walk(self, root: State, skip: int = 0, most: int = 0) -> None:
        """Decides every line once, top to bottom, with a beam of prefixes; runners-up are kept for roll-back.

        `most` bounds the proposals of a line.
        """
        depth = len(root.edits)
        self.turn = Turn.WIDER if skip else Turn.BRANCH if depth else Turn.LINE
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
                narrow = len(state.edits) > depth and self.has_rewrite()
                own = line + line_count(state.source) - line_count(root.source)
                width = 1 if narrow else min(most or 64, self.width(after, len(state.edits)))
                grown += self.decide(state, own, after, width, skip if state is beam[0] else 0)
            beam = self.survivors(grown, root)

    def survivors(self, states: list[State], root: State) -> list[State]:
        """The beam for the next line: the undisturbed prefix, and those whose run came nearer to green."""
        first = [s for s in states if s.source == root.source][:1]
        others = [s for s in states if s.source != root.source]
        others.sort(key=lambda s: -(s.logprob + RANK[s.result.status] + s.result.gain))
        promising = [
            s for s in others if s.result.status in (Status.BETTER, Status.OTHER) and s.result.gain > NEARER
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
                self.settle(root)
                return "found"
            self.restore_hunks(alone=False)
            if self.plausible:
                return "found"
            for turn in range(1, 7):
                for state in self.roll_back(4 if turn < 3 else 12):
                    self.went_back(state)
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

    def settle(self, root: State) -> None:
        """Something passes. Is it convincing? If not, a bounded look for something that is.

        Without a reference nothing but the tests says what is right: the next proposals of each line are tried,
        too, so that rivals are known before one is chosen. With one, a version that still answers unlike it, or
        changes answers that nobody complained of, may be half of what is needed: it is tried as a prefix.
        """
        if self.referee.votes:
            self.walk(root, skip=self.settings.width)
            return
        if self.convinced():
            return
        self.judge.allow(FURTHER)
        partial = [state for state, _ in self.plausible if not self.referee.is_revert(state)]
        for state in sorted(partial, key=lambda s: -(s.logprob + self.referee.worth(s)))[:2]:
            self.walk(state, most=8)
            if self.convinced():
                return
        self.restore_hunks(alone=False)
        if not self.convinced():
            self.walk(root, skip=self.settings.width)

    def has_rewrite(self) -> bool:
        """Whether something passes that is not just base again."""
        return any(not self.referee.is_revert(state) for state, _ in self.plausible)

    def convinced(self) -> bool:
        """Whether a passing version heals all that the change broke, alters nothing else, and is not base again.

        Undoing a small change in one place is as good as any other repair of that place.
        """
        return any(
            self.referee.convincing(state) and (self.referee.one_place or not self.referee.is_revert(state))
            for state, _ in self.plausible
        )

    def last_resort(self) -> None:
        """Undoing the branch's only hunk in this function, outside the budget: a few trials, and labelled so."""
        if not self.plausible:
            self.judge.began = self.judge.started = self.judge.clock()
            self.judge.most = self.judge.trials + 10
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
            self.versions[source] = trial.Version(source)
            if result.status is Status.PASSED:
                self.accept(State(source, ("restore-hunk",), (), -6.0, result, 0))
            proposal = Proposal(edit, -6.0, "restore-hunk", "edits")
            self.record_whole((Trial(proposal, source, result, -6.0 + RANK[result.status] + result.gain),))

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

    def went_back(self, state: State) -> None:
        """Writes down that the search goes on from a branch that it had passed over."""
        why = "No prefix led to green: the search went back to the best branch that was passed over."
        line = next(
            (
                n
                for n, pair in enumerate(zip(state.source.split("\n"), self.original.split("\n"), strict=False), 1)
                if pair[0] != pair[1]
            ),
            1,
        )
        text = state.source.split("\n")[line - 1]
        self.steps.append(LineStep(line, text, 0.0, (), None, len(state.edits), Turn.BACK, why, state.edits))

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
            if not line:  # the function is entered or left
                continue
            for name, kind, shown in changes:
                types[name] = kind
                values[name] = shown
            own = line - self.function.head.start_line + 1
            known = self.observed.get(own)
            merged = {**(known.types if known is not None else {}), **types}
            self.observed[own] = Observed(merged, dict(values))
