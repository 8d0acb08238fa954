"""The ladder: ways to have a function rewritten by a model, cheapest first, one gate for all of them.

A plain rewrite; the best of several; self-debug with what the tests said; line by line, led by execution; token
by token, when asked for by name. The built-in edits are the last rung, and the only one where no model is there.
Every version that passes the guide tests is a candidate, wherever it came from, and the referee chooses among
all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot import trial
from bot.domain import Proposal, RungRun, Status, Trial, TrialResult
from bot.errors import BudgetSpent, EndpointError
from bot.guarding import REDACTED
from bot.languages import Unparsable
from bot.steps.propose.judging import RANK, OutOfBudget, State
from bot.steps.propose.lines import LineGuided
from bot.steps.propose.searching import Searcher
from bot.steps.propose.token_guided import TokenGuided
from bot.steps.propose.writing import Draft, Writer

MODEL_LOGPROB = -1.0
"""What a model's version counts in votes and ranking, in nats; a single built-in edit has about -3."""
MODEL_SHARE = 0.7
"""Of a function's trials and seconds: what the model's rungs may use; the rest is kept for the built-in edits."""
ORDER = ("plain", "best-of-n", "self-debug", "line-guided", "token-cfg")


@dataclass(frozen=True)
class Attempt:
    """One whole version that was run."""

    source: str
    imports: tuple[str, ...]
    result: TrialResult

    @property
    def worth(self) -> float:
        """How near it came."""
        return RANK[self.result.status] + self.result.gain


class Ladder:
    """One climb. Mutable while it runs; `search` is its only user."""

    def __init__(self, searcher: Searcher, writer: Writer) -> None:
        self.searcher = searcher
        self.judge = searcher.judge
        self.writer = writer
        self.guidance = writer.guidance
        self.language = searcher.place.language
        self.runs: list[RungRun] = []
        self.attempts: list[Attempt] = []
        self.unusable = 0
        """Answers that hold no version of the function."""
        self.candidates = 0
        self.passed = 0
        self.note = ""
        self.answered = False
        """Whether the model answered at all."""

    def climb(self) -> str:
        """Rung after rung until something convinces; then, or when the model cannot go on, the built-in edits.

        Returns why it stopped. A failing endpoint ends the model's rungs, never the search.
        """
        rungs: dict[str, Callable[[], None]] = {
            "plain": self.plain,
            "best-of-n": self.best_of_n,
            "self-debug": self.self_debug,
            "line-guided": self.line_guided,
            "token-cfg": self.token_cfg,
        }
        chosen = [name for name in ORDER if name in self.guidance.rungs]
        settings = self.judge.settings
        share = MODEL_SHARE if self.searcher.proposers else 1.0
        self.judge.most = int(share * settings.candidates)
        self.judge.seconds_allowed = share * settings.seconds
        self.writer.waited = self.wait
        for name in chosen:
            try:
                go_on = self.step_on(name, rungs[name])
            except OutOfBudget as end:
                if not self.searcher.proposers:
                    return "found" if self.searcher.plausible else end.which
                break
            if self.enough(name, chosen):
                return "found"
            if not go_on:
                break
        self.judge.most, self.judge.seconds_allowed = settings.candidates, settings.seconds
        if self.searcher.plausible and self.searcher.convinced():
            return "found"
        return self.searcher.go()

    def wait(self, seconds: float) -> None:
        """Waiting for answers has a budget of its own: the search's time is for running."""
        self.judge.began += seconds

    def step_on(self, name: str, rung: Callable[[], None]) -> bool:
        """Climbs one rung and writes it down. Returns whether the model can be asked for more. Raises
        OutOfBudget."""
        self.searcher.progress.tick(f"{self.searcher.function.head.qualname}: {name}")
        began, used = self.judge.clock(), self.writer.usage
        self.candidates = self.passed = 0
        self.note = ""
        go_on = True
        try:
            rung()
        except BudgetSpent as spent:
            self.note, go_on = f"{spent.public} ({spent.which})", False
        except EndpointError as error:
            self.note, go_on = error.public, not error.dead
        finally:
            usage = self.writer.usage.minus(used)
            self.answered = self.answered or usage.requests + usage.from_cache > 0
            seconds = self.judge.clock() - began
            self.runs.append(RungRun(name, self.candidates, self.passed, usage, seconds, self.note))
        return go_on

    def enough(self, name: str, chosen: Sequence[str]) -> bool:
        """Whether to stop after a rung. Where nothing but tests says what is right, one passing version is put
        to a vote with others before it is believed."""
        if not self.searcher.plausible:
            return False
        alone = self.searcher.referee.votes
        if alone and name == "plain" and "best-of-n" in chosen:
            return False
        return self.searcher.convinced()

    # -- whole functions

    def plain(self) -> None:
        """One greedy answer."""
        self.tried(self.writer.rewrites(1, 0.0), "plain")

    def best_of_n(self) -> None:
        """Several sampled answers."""
        drafts = self.writer.rewrites(self.guidance.best_of, self.guidance.temperature or 0.7)
        self.tried(drafts, "best-of-n")

    def self_debug(self) -> None:
        """The best attempt so far, with what its tests said and how it ran, answered again (Self-Debug, 2023)."""
        for round_ in range(self.guidance.debug_rounds):
            attempt = max(self.attempts, key=lambda a: a.worth, default=None)
            if attempt is None:
                self.note = "no attempt could be run"
                return
            if attempt.result.status is Status.PASSED:
                self.note = "nothing fails any more"
                return
            self.attempts.remove(attempt)
            failures = [(self.first_red(attempt.result), attempt.result.message)]
            block = LineGuided(self.searcher, self.writer).block_of(attempt.source, attempt.result)
            drafts = self.writer.repaired(
                attempt.source, failures, block, self.guidance.temperature if round_ else 0.0
            )
            before = self.passed
            self.tried(drafts, "self-debug")
            if self.passed > before:
                return

    def first_red(self, result: TrialResult) -> str:
        """The id of the first test that is not green."""
        return next((test for test, outcome in result.outcomes.items() if not outcome.good), "")

    def tried(self, drafts: Sequence[Draft], rung: str) -> None:
        """Runs what answers hold; versions that pass become candidates, the others attempts to go on from."""
        found: list[tuple[str, tuple[str, ...], Draft]] = []
        for draft in drafts:
            try:
                version = self.language.answered(draft.text, self.searcher.function.head)
                if REDACTED.search(version.source):
                    raise Unparsable("it holds what stood for a secret")
                key = self.searcher.normalised(version.source)
            except Unparsable as error:
                self.unusable += 1
                self.note = self.note or f"an answer could not be used: {error.message}"
                continue
            if key not in self.searcher.tried:
                self.searcher.tried.add(key)
                found.append((version.source, version.imports, draft))
        if not found:
            self.note = self.note or "nothing new was written"
            return
        versions = [trial.Version(source, imports) for source, imports, _ in found]
        results = self.judge.judge(versions)
        self.searcher.versions |= {version.source: version for version in versions}
        self.candidates += len(found)
        trials = []
        for (source, imports, _), result in zip(found, results, strict=True):
            proposal = Proposal(None, MODEL_LOGPROB, rung, self.writer.name, imports, rung)
            trials.append(Trial(proposal, source, result, MODEL_LOGPROB + RANK[result.status] + result.gain))
            if result.status is not Status.PASSED:
                self.attempts.append(Attempt(source, imports, result))
                continue
            state = State(source, (rung,), imports, MODEL_LOGPROB, result, 0, proposer=self.writer.name, rung=rung)
            self.passed += self.searcher.accept(state)
        self.searcher.record_whole(tuple(trials))

    # -- line by line, token by token

    def line_guided(self) -> None:
        """See `LineGuided`."""
        walk = LineGuided(self.searcher, self.writer)
        try:
            walk.write()
        finally:
            self.candidates, self.passed = walk.candidates, walk.passed
            self.note = f"{walk.contested} contested lines, at {walk.swayed} the signal changed the choice"

    def token_cfg(self) -> None:
        """See `TokenGuided`."""
        walk = TokenGuided(self.searcher, self.writer)
        if why := walk.unable():
            self.note = why
            return
        try:
            drafts = walk.write()
        finally:
            self.candidates, self.passed = walk.candidates, walk.passed
            self.note = f"{walk.tokens} tokens, {walk.swayed} swayed by the signal"
        self.tried([replace(draft, ended=True) for draft in drafts], "token-cfg")
