"""Runs versions of a function on its guide tests and says what each came to, compared with the original."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import trial, wire
from bot.domain import Outcome, Status, TrialResult


@dataclass(frozen=True)
class Settings:
    """How far the search goes."""

    width: int = 12
    beam: int = 4
    depth: int = 2
    plausible: int = 24
    candidates: int = 1200
    """Trials in all."""
    seconds: float = 60.0
    """Of running; waiting for a model is not counted."""
    wall: float = math.inf
    """Seconds in all, waiting included."""
    seed: int = 0
    watched: int = 18
    """Trials that run once more when all is decided, for the values that the report shows."""


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
    green_at_base: bool = False
    """Whether all of base passes the failing tests."""
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
    proposer: str = "edits"
    """Who proposed its last edit."""
    rung: str = "line-guided"


NOTHING = TrialResult(Status.SAME, {}, "", "", 0, 0.0, 0, "")


UNANSWERED = wire.TrialReply("cut", (), 0, (), (), "not run to its end: the time was used up", 0, 0.0)
"""In place of what was not waited for."""

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
        self.opened = self.began = self.started = clock()
        self.trials = 0
        self.most = settings.candidates
        self.seconds_allowed = settings.seconds
        self.before: dict[str, wire.Row] = {}
        self.before_agreement = 0.0
        self.step_limits: dict[str, int] = {}
        self.base_agreement = 0.0
        """How far base agrees with itself from run to run; far below 1 its answers are no measure."""
        self.base_green = False
        """Whether base passes all guide tests: then no test asks for anything that base does not do."""
        self.base_serves = False
        """Whether base passes any guide test: one that passes none (a stub, say) is no version to compare with."""
        self.seconds = 10.0

    def check_budget(self, more: int) -> None:
        """Raises OutOfBudget when that many trials do not fit any more."""
        if self.trials + more > self.most:
            raise OutOfBudget("candidates")
        now = self.clock()
        if now - self.began > self.seconds_allowed or now - self.started > self.settings.wall:
            raise OutOfBudget("seconds")

    def run(
        self,
        versions: Sequence[trial.Version],
        tests: tuple[str, ...],
        *,
        seconds: float = 0.0,
        step_limit: int = 1_000_000,
        trace: int = 0,
        until: float = math.inf,
    ) -> list[wire.TrialReply]:
        """Replies for versions, in order, under the step limits known so far; those that are not there when the
        clock says `until` are ended."""
        self.trials += len(versions)
        course = trial.Course(
            tests,
            seconds=seconds or self.seconds,
            step_limit=step_limit,
            step_limits=self.step_limits,
            pairs=120,
            trace=trace,
        )
        replies: dict[int, wire.TrialReply] = {}
        with contextlib.closing(self.stage.preview(versions, course)) as answers:
            for index, reply in answers:
                replies[index] = reply
                if self.clock() > until:
                    break
        return [replies.get(index, UNANSWERED) for index in range(len(versions))]

    def allow(self, more: int) -> None:
        """Lowers the budget to so many further trials, where it is not lower already."""
        self.most = min(self.most, self.trials + more)

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
        if self.stage.own and not self.guide.deadly:
            self.settle_identity(versions[:1], tests, limit)
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
        self.base_agreement = self.agreement(reference) if reference is not None else 0.0
        self.base_serves = reference is not None and any(row.outcome.good for row in reference.rows)
        self.base_green = reference is not None and {r.test for r in reference.rows if r.outcome.good} >= set(
            tests
        )
        self.before = {row.test: row for row in original.rows}
        if self.guide.green_at_base and reference is not None and self.alike(original, reference):
            return (
                "as it was at base the function fails these tests in the same way: the cause lies elsewhere, too"
            )
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

    def settle_identity(self, original: Sequence[trial.Version], tests: tuple[str, ...], limit: int) -> None:
        """Lets versions share an id where the original behaves otherwise under one of its own: tests may hold
        files, folders or sockets that were made when they were collected, by another user then."""
        own = self.run(original, tests, step_limit=limit)[0]
        self.stage.share(True)
        shared = self.run(original, tests, step_limit=limit)[0]
        one, other = (
            (reply.status, [(row.test, row.outcome, row.exception, row.line) for row in reply.rows])
            for reply in (own, shared)
        )
        if one == other:
            self.stage.share(False)

    def alike(self, one: wire.TrialReply, other: wire.TrialReply) -> bool:
        """Whether two versions fail every failing test with the same words."""
        left, right = ({row.test: row for row in reply.rows} for reply in (one, other))
        return all(
            test in left
            and test in right
            and not right[test].outcome.good
            and (left[test].exception, left[test].message) == (right[test].exception, right[test].message)
            for test in self.guide.failing
        )

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
        # A batch that hangs must not outlast the search, but what it found by then counts.
        until = min(self.began + self.seconds_allowed, self.started + self.settings.wall)
        first = self.run(versions, self.guide.failing, until=until)
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
        if reply is UNANSWERED:
            return Status.BROKEN, 0.0
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
