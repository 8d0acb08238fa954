"""Line by line with a model: every next statement is sampled, run, and chosen by what running it showed.

After EG-CFG (Lavon, Katz and Wolf, 2025), with three differences. The rest of the original completes a prefix,
so most candidates are whole functions with whole outcomes; candidates are committed by what they did beside how
likely they are; and a line that leads nowhere is taken back to the last branch point (after ROCODE). Guidance is
classifier-free at the level of lines: each candidate line is scored under the prompt with the traces and under
the one without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import signal, trial
from bot.domain import LineStep, Proposal, Shown, Status, Trace, Trial, TrialResult, Turn
from bot.guarding import REDACTED
from bot.languages import Unparsable
from bot.steps.propose.judging import NOTHING, State
from bot.steps.propose.mixing import line_score
from bot.steps.propose.searching import Searcher
from bot.steps.propose.text import line_count
from bot.steps.propose.writing import Draft, Scored, Writer

MORE_SAMPLES = 2
"""Continuations sampled from the prompt that holds the traces."""
MOST_SCORED = 6
"""Different statements that are scored at one line."""
MOST_SHOWN = 6
"""Candidates that are traced for the signal."""
ROLL_BACKS = 3
FALLING = 2
"""Lines in a row at which every survivor may be worse than before."""
TRACED = 400
"""Statements of one candidate's trace."""
KEPT = 60
"""Entries of a trace that the record keeps."""
RESYNC = 8
"""Lines of the original in which a continuation may meet it again."""

REWARD = {
    Status.SYNTAX: -1.0,
    Status.BROKEN: -1.0,
    Status.CRASHED: -1.0,
    Status.TIMEOUT: -0.9,
    Status.WORSE: -0.6,
    Status.SAME: -0.1,
    Status.OTHER: 0.1,
    Status.BETTER: 0.6,
    Status.PASSED: 1.0,
}
"""What an outcome is worth, from -1 to 1 (E in eg-cfg.md, section 6.5); a prefix that reached its end is worth
0."""


@dataclass(frozen=True)
class Option:
    """One next statement, and the text in which it was run."""

    lines: tuple[str, ...]
    """The statement; () ends the function."""
    text: str
    """The whole function that was run for it."""
    rest: tuple[str, ...]
    """What is left of the original behind it."""
    synced: bool
    """Whether the original's rest goes on from there; otherwise it is only where the text may meet it again."""
    whole: bool
    """Whether `text` is a finished function, not a prefix that was cut."""
    proposer: str
    operator: str
    imports: tuple[str, ...] = ()
    votes: int = 1

    @property
    def key(self) -> str:
        """What makes a statement the same as another."""
        return "\n".join(line.strip() for line in self.lines if line.strip())


@dataclass(frozen=True)
class Run:
    """An option and what it did."""

    option: Option
    result: TrialResult
    reward: float


@dataclass(frozen=True)
class Branch:
    """A place to come back to: the lines before it, and what was not taken there."""

    accepted: tuple[str, ...]
    run: Run
    score: float
    imports: tuple[str, ...]


class LineGuided:
    """One walk from the signature to the end of the function. `Ladder` is its only user."""

    def __init__(self, searcher: Searcher, writer: Writer, rung: str = "line-guided") -> None:
        self.searcher = searcher
        self.rung = rung
        self.judge = searcher.judge
        self.writer = writer
        self.guidance = writer.guidance
        self.language = searcher.place.language
        self.results: dict[str, TrialResult] = {}
        self.branches: list[Branch] = []
        self.reference: Shown | None = None
        self.prefix: tuple[str, ...] = ()
        """The accepted lines at the line in hand."""
        self.ahead: tuple[Draft, ...] = ()
        """What the last samples say of the lines to come, while they agree."""
        self.candidates = 0
        self.passed = 0
        self.swayed = 0
        """Lines at which the traces changed the choice."""
        self.contested = 0
        self.traced: dict[str, Trace] = {}
        """What was seen of texts that were traced for the signal."""
        self.turn = Turn.LINE

    # -- the walk

    def write(self) -> None:
        """Walks until something passes and convinces, or no branch is left.

        Raises EndpointError, OutOfBudget.
        """
        self.results[self.searcher.normalised(self.searcher.original)] = NOTHING
        self.reference = self.traced_reference()
        accepted, rest = self.beginning()
        synced, imports = True, tuple[str, ...]()
        falling, back = 0, 0
        longest = 2 * line_count(self.searcher.original) + 12
        while True:
            lost = falling >= FALLING or len(accepted) >= longest
            chosen = None if lost else self.next_line(accepted, rest, imports, synced=synced)
            if self.over():
                return
            if chosen is not None and chosen.option.lines:
                bad = chosen.reward < 0 and chosen.option.operator != "keep"
                falling = falling + 1 if bad else 0
            else:
                # The function ended, or nothing leads on: back to the best branch that was not taken.
                open_ends = [branch for branch in self.branches if branch.run.option.lines]
                if back >= ROLL_BACKS or not open_ends:
                    return
                why = "The prefix led nowhere" if lost else "The function ended and does not pass"
                back, falling, self.ahead = back + 1, 0, ()
                best = max(open_ends, key=lambda b: b.score)
                self.branches.remove(best)
                self.went_back(best, why)
                accepted, imports, chosen = best.accepted, best.imports, best.run
            option = chosen.option
            accepted, rest, synced = (*accepted, *option.lines), option.rest, option.synced
            imports = (*imports, *option.imports)

    def over(self) -> bool:
        """Whether something passes and convinces: the walk ends, and nothing more is asked about its lines."""
        return self.passed > 0 and self.searcher.convinced()

    def beginning(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(the lines up to the first statement of the body, the lines from there on)."""
        lines = tuple(self.searcher.original.rstrip("\n").split("\n"))
        starts = self.language.statements(self.searcher.original)
        body = next((line for line in starts if not self.is_docstring(lines, line)), len(lines) + 1)
        return lines[: body - 1], lines[body - 1 :]

    def is_docstring(self, lines: Sequence[str], line: int) -> bool:
        """Whether the statement at a line is a lone string."""
        return lines[line - 1].lstrip().lstrip("rRbBuU").startswith(('"""', "'''", '"', "'"))

    # -- one line

    def next_line(
        self, accepted: tuple[str, ...], rest: tuple[str, ...], imports: tuple[str, ...], *, synced: bool
    ) -> Run | None:
        """The next statement. None when nothing can be run. Candidates that pass are accepted on the way."""
        keep = self.kept(accepted, rest) if synced else None
        ahead, self.ahead = self.ahead, ()
        self.prefix = accepted
        if keep is not None and self.unsuspected(rest):
            return Run(keep, NOTHING, 0.0)  # no failing run goes there: one candidate, and nothing is asked
        start = "\n".join(accepted) + "\n"
        drafts = ahead or self.writer.continuations(start, "", self.guidance.samples, self.guidance.temperature)
        options = [option for draft in drafts for option in self.options(draft, accepted, rest, synced=synced)]
        edited = self.edited(accepted, rest) if synced else []
        runs = self.run([*options, *edited], imports)
        agreed = {option.key for option in options}
        if len(agreed) == 1 and len(drafts) > 1 and not any(run.reward >= REWARD[Status.BETTER] for run in runs):
            run = next((run for run in runs if run.option.key in agreed), None)
            if run is not None and run.reward > REWARD[Status.TIMEOUT]:
                # They all say the same: committed without a signal, and what they say behind it stands.
                self.ahead = self.behind(drafts)
                self.record(accepted, [run], [(0.0, 0.0, 0.0)], 0, "All samples of the model say the same.")
                return run
        self.contested += 1
        block = "" if self.over() else self.signal(runs)
        if block:
            more = self.writer.continuations(start, block, MORE_SAMPLES, self.guidance.temperature)
            fresh = [option for draft in more for option in self.options(draft, accepted, rest, synced=synced)]
            runs = merged(runs, self.run(fresh, imports))
        if keep is not None:
            runs = merged(runs, [Run(keep, NOTHING, REWARD[Status.SAME])])
        return self.choose(accepted, imports, runs, block)

    def behind(self, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
        """What drafts say after their first statement; nothing when one of them has no whole statement left."""
        left = []
        for draft in drafts:
            lines = draft.text.split("\n")
            later = lines[self.language.first_statement(lines) :]
            if not draft.ended and not self.language.first_statement(later):
                return ()
            left.append(replace(draft, text="\n".join(later), logprob=None))
        return tuple(left)

    def choose(
        self, accepted: tuple[str, ...], imports: tuple[str, ...], runs: Sequence[Run], block: str
    ) -> Run | None:
        """The best of the runs; the others are kept to come back to."""
        runs = sorted(runs, key=lambda r: (-r.reward, -r.option.votes))[:MOST_SCORED]
        if not runs:
            return None
        if len(runs) == 1 or self.over():
            # Scores could change nothing, and cost more than all else at a line: servers read no cache for them.
            why = "It passes, and convinces." if self.over() else "Nothing else could be run."
            self.record(accepted, runs, [(self.guidance.reward * run.reward, 0.0, 0.0) for run in runs], 0, why)
            return runs[0]
        scored = self.scored(accepted, runs, block)
        order = sorted(range(len(runs)), key=lambda i: -scored[i][0])
        plain = max(range(len(runs)), key=lambda i: scored[i][1])
        self.swayed += order[0] != plain
        best = order[0]
        why = "The likeliest, and nothing that ran spoke against it."
        if best != plain:
            why = "Less likely at first; what it did when it ran decided for it."
        self.record(accepted, runs, scored, best, why)
        for index in order[1:]:
            if runs[index].reward > -0.9 and runs[index].option.operator != "keep":
                self.branches.append(Branch(accepted, runs[index], scored[index][0], imports))
        return runs[best]

    def scored(
        self, accepted: tuple[str, ...], runs: Sequence[Run], block: str
    ) -> list[tuple[float, float, float]]:
        """(mixed score, score without the signal, how likely it was before it ran) of each run's statement.

        Where the server scores text: line-level classifier-free guidance. Elsewhere how often a statement was
        sampled stands for how likely it is: execution-conditioned sampling.
        """
        settings = self.guidance
        if not self.writer.can.scoring or self.writer.shape() != "complete":
            total = sum(run.option.votes for run in runs) + len(runs)
            rows = []
            for run in runs:
                share = math.log((run.option.votes + 1) / total)
                rows.append((share + settings.reward * run.reward, share, share))
            return rows
        start = "\n".join(accepted) + "\n"
        texts = ["\n".join(run.option.lines) + "\n" if run.option.lines else "" for run in runs]
        found = self.writer.scores(start, block, texts)
        return [
            (
                self.mixed(row, run.reward, settings.gamma),
                self.mixed(row, run.reward, 0.0),
                self.mixed(row, 0.0, 0.0),
            )
            for row, run in zip(found, runs, strict=True)
        ]

    def mixed(self, row: Scored, reward: float, gamma: float) -> float:
        """One statement's score."""
        return line_score(
            row.plain,
            row.conditional,
            row.tokens,
            reward,
            gamma=gamma,
            clip=self.guidance.clip,
            weight=self.guidance.reward,
        )

    # -- candidates

    def kept(self, accepted: tuple[str, ...], rest: tuple[str, ...]) -> Option | None:
        """The original's own next statement."""
        if not rest:
            return None
        count = self.language.first_statement(rest) or 1
        text = "\n".join((*accepted, *rest)) + "\n"
        return Option(rest[:count], text, rest[count:], True, True, "edits", "keep", votes=0)

    def unsuspected(self, rest: tuple[str, ...]) -> bool:
        """Whether no failing run executes the original's next statement."""
        if not rest or not self.judge.guide.suspicious:
            return False
        count = self.language.first_statement(rest) or 1
        return all(self.searcher.suspicion(len(rest) - 1 - index) <= 0 for index in range(count))

    def options(
        self, draft: Draft, accepted: tuple[str, ...], rest: tuple[str, ...], *, synced: bool
    ) -> list[Option]:
        """The ways in which a continuation can be run: completed by the original where they meet again or where it
        replaces one statement, as a whole where it ends the function, else as a prefix."""
        lines = tuple(draft.text.split("\n")) if draft.text.strip() else ()
        if not lines:
            return self.whole((), accepted, (), (), synced=False) if draft.ended else []
        count = self.language.first_statement(lines)
        if count == 0:
            return []
        first = lines[:count]
        found: list[Option] = []
        met = meeting(lines, rest, count)
        if met is not None:
            mine, theirs = met
            behind = (*lines[:mine], *rest[theirs:])
            found += self.whole(first, accepted, behind, rest[theirs:], synced=mine == count)
        if draft.ended:
            found += self.whole(first, accepted, lines, (), synced=False)
        own = self.language.first_statement(rest) or 1 if synced else 0
        if found:
            return found
        if synced and rest:
            found += self.whole(first, accepted, (*first, *rest[own:]), rest[own:], synced=True)
        try:
            text = self.language.cut((*accepted, *lines))
        except Unparsable:
            return found
        return [*found, Option(first, text, rest[own:], False, False, self.writer.name, "sample")]

    def whole(
        self,
        first: tuple[str, ...],
        accepted: tuple[str, ...],
        behind: tuple[str, ...],
        rest: tuple[str, ...],
        *,
        synced: bool,
    ) -> list[Option]:
        """An option that is a finished function, where it is one."""
        text = "\n".join((*accepted, *behind)) + "\n"
        try:
            self.searcher.normalised(text)
        except Unparsable:
            return []
        return [Option(first, text, rest, synced, True, self.writer.name, "sample")]

    def edited(self, accepted: tuple[str, ...], rest: tuple[str, ...]) -> list[Option]:
        """The built-in edits of the original's next statement."""
        skip = next((i for i, line in enumerate(rest) if line.strip() and not line.strip().startswith("#")), 0)
        source = "\n".join((*accepted, *rest)) + "\n"
        line, after = len(accepted) + skip + 1, len(rest) - 1 - skip
        if not rest or line not in self.language.statements(source):
            return []
        state = State(source, (), (), 0.0, NOTHING, 0)
        width = self.searcher.width(after, 0)
        found = []
        for proposal in self.searcher.proposals(state, line, after, width, 0) if width > 1 else ():
            edit = proposal.edit
            if edit is None or edit.start != line:
                continue
            # The statement behind a deletion is the next one then.
            behind = (*rest[:skip], *edit.lines, *rest[edit.end - 1 - len(accepted) :])
            count = self.language.first_statement(behind) or 1
            text = "\n".join((*accepted, *behind)) + "\n"
            found.append(
                Option(
                    behind[:count],
                    text,
                    behind[count:],
                    True,
                    True,
                    proposal.source,
                    proposal.operator,
                    proposal.imports,
                    votes=0,
                )
            )
        return found

    # -- running

    def run(self, options: Sequence[Option], imports: tuple[str, ...]) -> list[Run]:
        """What the options do. Equal texts run once; equal statements are one; those that pass are accepted."""
        by_text: dict[str, Option] = {}
        for option in options:
            try:
                key = self.searcher.normalised(option.text)
            except Unparsable:
                continue
            known = by_text.get(key)
            by_text[key] = option if known is None else replace(known, votes=known.votes + option.votes)
        unknown = {key: option for key, option in by_text.items() if key not in self.results}
        versions = [trial.Version(o.text, (*imports, *o.imports)) for o in unknown.values()]
        if versions:
            results = self.judge.judge(versions)
            self.searcher.versions |= {version.source: version for version in versions}
            self.candidates += len(versions)
            for (key, option), result in zip(unknown.items(), results, strict=True):
                self.results[key] = result
                if result.status is Status.PASSED and option.whole:
                    self.accept(option, result, imports)
        rows: dict[str, Run] = {}
        for key, option in by_text.items():
            run = Run(option, self.results[key], self.reward(option, self.results[key]))
            known_run = rows.get(option.key)
            if known_run is None:
                rows[option.key] = run
                continue
            best = run if run.reward > known_run.reward else known_run
            votes = run.option.votes + known_run.option.votes
            rows[option.key] = replace(best, option=replace(best.option, votes=votes))
        return list(rows.values())

    def accept(self, option: Option, result: TrialResult, imports: tuple[str, ...]) -> None:
        """A whole function that passes the guide."""
        key = self.searcher.normalised(option.text)
        if key in self.searcher.tried or REDACTED.search(option.text):
            return
        self.searcher.tried.add(key)
        # A built-in edit behind lines of the model's is the model's version, not the edit's.
        original = self.searcher.original.split("\n")[: len(self.prefix)]
        proposer = option.proposer if list(self.prefix) == original else self.writer.name
        state = State(
            option.text,
            (option.operator if option.proposer != self.writer.name else self.rung,),
            (*imports, *option.imports),
            -1.0,
            result,
            0,
            proposer=proposer,
            rung=self.rung,
        )
        self.passed += self.searcher.accept(state)

    def reward(self, option: Option, result: TrialResult) -> float:
        """From -1 to 1; a cut prefix is not blamed for what is not written yet."""
        if not option.whole:
            if result.status is Status.PASSED:
                return 0.0  # the tests do not reach the cut: they say nothing of it
            if result.exception.rpartition(".")[2] == self.language.sentinel:
                return 0.0
            return REWARD[result.status] if result.status is not Status.SAME else -0.6
        return REWARD[result.status]

    # -- the signal

    def signal(self, runs: Sequence[Run]) -> str:
        """What the candidates did, for the conditional prompt; '' where it is to hold nothing.

        A placebo stands in the place of what the candidates did, and is the one that is about as long.
        """
        how = self.guidance.evidence
        if how == "none" or (how == "placebo" and not self.guidance.placebo):
            return ""
        chosen = distinct(runs)[:MOST_SHOWN]
        if how == "candidates":
            return self.rendered([Shown(lines=said(run.option.lines), outcome="") for run in chosen], None)
        texts = [run.option.text for run in chosen]
        traces = self.traces(texts)
        self.traced |= {text: trace[:KEPT] for text, trace in zip(texts, traces, strict=True)}
        shown = [self.as_shown(run, trace) for run, trace in zip(chosen, traces, strict=True)]
        block = self.rendered(shown, self.reference)
        if how == "placebo" and block:
            long = self.writer.count(block)
            return min(self.guidance.placebo, key=lambda other: abs(self.writer.count(other) - long))
        return block

    def rendered(self, shown: Sequence[Shown], reference: Shown | None) -> str:
        """The signal's text, within its budget of tokens."""
        budget, cut = self.guidance.signal_tokens, self.language.sentinel
        return signal.render(shown, reference, budget=budget, count=self.writer.count, cut=cut).text

    def block_of(self, text: str, result: TrialResult) -> str:
        """What one whole version did, for self-debug; '' where prompts hold no traces."""
        if self.guidance.evidence != "traces":
            return ""
        lines = tuple(text.rstrip("\n").split("\n"))
        run = Run(Option(lines, text, (), False, True, self.writer.name, "sample"), result, 0.0)
        shown = self.as_shown(run, self.traces([text])[0])
        budget = self.guidance.signal_tokens
        cut = self.language.sentinel
        return signal.render(
            [shown], self.traced_reference(), budget=budget, count=self.writer.count, cut=cut
        ).text

    def as_shown(self, run: Run, trace: Trace) -> Shown:
        """One candidate for the signal."""
        return Shown(
            lines=said(run.option.lines),
            source=run.option.text,
            outcome=self.outcome(run),
            message=run.result.message if run.result.status is not Status.PASSED else "",
            trace=trace,
            tests={test: str(outcome) for test, outcome in run.result.outcomes.items()},
        )

    def outcome(self, run: Run) -> str:
        """What a candidate came to, in words."""
        result = run.result
        if not run.option.whole and result.exception.rpartition(".")[2] == self.language.sentinel:
            return "runs without an exception up to where it is written"
        words = {
            Status.PASSED: "passes all guide tests",
            Status.BETTER: "more tests pass, not all",
            Status.SAME: "fails as the original does",
            Status.TIMEOUT: "does not end",
            Status.CRASHED: "kills the process",
            Status.SYNTAX: "is no valid code",
            Status.BROKEN: "cannot be put in place",
        }
        if result.status in words:
            return words[result.status]
        at = f" at line {result.line}" if result.line else ""
        return f"raises {result.exception}{at}" if result.exception else "fails in another way"

    def traces(self, texts: Sequence[str]) -> list[Trace]:
        """Traces of versions on the failing tests, in lines of their own text; () where none can be had."""
        if not self.judge.stage.warm or not texts:
            return [()] * len(texts)
        replies = self.judge.run(
            [trial.Version(text) for text in texts],
            self.judge.guide.failing[:2],
            trace=TRACED,
            step_limit=20_000,
        )
        first = self.searcher.function.head.start_line - 1
        return [
            tuple((line - first if line else 0, changes) for line, changes in reply.trace) for reply in replies
        ]

    def traced_reference(self) -> Shown | None:
        """Base's run, where base passes the tests: the values to come back to."""
        base = self.searcher.referee.base if self.judge.base_green else None
        if base is None or self.guidance.evidence != "traces":
            return None  # what the failing original returned is nothing to go by
        return Shown(
            lines=base,
            source=base,
            outcome="the version before the change",
            trace=self.traces([base])[0],
        )

    # -- the record

    def went_back(self, branch: Branch, why: str) -> None:
        """Writes down that the walk goes on from a branch that it had passed over."""
        self.turn = Turn.BRANCH
        text = "\n".join(branch.run.option.lines)
        why = f"{why}: back to the best statement that was passed over."
        self.searcher.steps.append(LineStep(len(branch.accepted) + 1, text, 0.0, (), None, 0, Turn.BACK, why))

    def record(
        self,
        accepted: tuple[str, ...],
        runs: Sequence[Run],
        scores: Sequence[tuple[float, float, float]],
        chosen: int,
        why: str,
    ) -> None:
        """One decided line, for the report; scores as `scored` gives them."""
        trials = tuple(
            Trial(
                Proposal(
                    None,
                    min(0.0, before),
                    run.option.operator,
                    run.option.proposer,
                    run.option.imports,
                    self.rung,
                ),
                run.option.text,
                run.result,
                score,
                said=said(run.option.lines),
                votes=run.option.votes,
                trace=self.traced.get(run.option.text, ()),
            )
            for run, (score, _, before) in zip(runs, scores, strict=True)
        )
        text = "\n".join(runs[chosen].option.lines)
        self.searcher.steps.append(LineStep(len(accepted) + 1, text, 1.0, trials, chosen, 0, self.turn, why))


def said(lines: Sequence[str]) -> str:
    """A statement as the signal shows it."""
    return "\n".join(lines) or "(the function ends here)"


def meeting(lines: Sequence[str], rest: Sequence[str], count: int) -> tuple[int, int] | None:
    """Where a continuation and the original's rest are the same again: (index in `lines`, from `count` on; index
    in `rest`) of the first such line that is not blank. None when they do not meet."""
    for mine in range(count, len(lines)):
        if not lines[mine].strip():
            continue
        for theirs in range(min(len(rest), RESYNC)):
            if rest[theirs].rstrip() == lines[mine].rstrip():
                return mine, theirs
    return None


def merged(first: Sequence[Run], second: Sequence[Run]) -> list[Run]:
    """Both, equal statements as one with the better outcome and all votes."""
    rows = {run.option.key: run for run in first}
    for run in second:
        known = rows.get(run.option.key)
        if known is None:
            rows[run.option.key] = run
            continue
        best = run if run.reward > known.reward else known
        votes = known.option.votes + run.option.votes
        rows[run.option.key] = replace(best, option=replace(best.option, votes=votes))
    return list(rows.values())


def distinct(runs: Sequence[Run]) -> list[Run]:
    """Runs that behave differently, the likeliest and best first: one of each signature.

    Of a prefix that was cut the outcome says no more than that: all of them are told, by their traces.
    """
    seen: set[str] = set()
    rows = []
    for run in sorted(runs, key=lambda r: (-r.reward, -r.option.votes)):
        key = run.result.signature if run.option.whole else run.option.text
        if key not in seen:
            seen.add(key)
            rows.append(run)
    return rows
