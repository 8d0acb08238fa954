"""Which of the versions that pass: compared with base and head on further inputs, or put to a vote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import trial, wire
from bot.domain import Candidate, Category, ChangedFunction, Finding, Outcome
from bot.steps.propose.judging import Judge, State
from bot.steps.propose.text import changed_lines, hunks_between

DERIVED = 14
"""Derived variants of each recorded input."""
MOST_INPUTS = 24
ALIKE = 0.95
"""Share of base's recorded calls that a version must answer alike."""
SMALL = 3
"""Lines of a hunk that may be undone like any other edit: the branch did little more there than the slip."""
UNDONE = 2.0
"""What it costs, in nats, to undo a small change where head is the reference: its answers were wanted."""
CONVINCED = 6.0
"""What it is worth, in nats, that nothing speaks against a version on any input."""

REFUSED = 0.5
"""Share of derived inputs that a version may refuse where head answers, and still be believed: a guard against an
attack refuses strange inputs, but not most of all inputs."""
OTHER_ANSWERS = frozenset({326, 327, 328, 330, 331, 335, 337, 338, 340, 341, 377, 379, 759, 760, 916})
"""Weaknesses (CWE) that only another answer mends: a digest by another function, a value that was foreseeable."""
MARKUP = frozenset({79, 80, 116})
"""Weaknesses that are mended by answering otherwise wherever a value holds a character of markup."""
_SPECIAL = frozenset('<>&"')

Passing = tuple[State, Mapping[str, Outcome]]
"""A version that passes, and what its warm runs showed by test."""


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
    differ: int = 0
    """How many of the inputs show what the change did; with none of them nothing can be healed."""
    refused: float = 0.0
    """Where head is the reference: share of derived inputs that head answers and it raises on."""
    left: float = 0.0
    """Share of the inputs that base answers and head crashes on as the finding says, on which it raises, too."""

    @property
    def value(self) -> float:
        """One number, in nats, to be added to a log-probability."""
        return 8 * self.heals - 16 * self.strays - 4 * self.odd - 12 * self.refused - 8 * self.left


def merit(
    base: Sequence[wire.Replayed],
    head: Sequence[wire.Replayed],
    candidate: Sequence[wire.Replayed],
    group: int,
    crash: str = "",
) -> Merit:
    """Compares three runs over the same inputs; `group` variants belong to each recorded input, it first.

    `crash` is the class of the exception that a finding is about, where head raises it and base does not.
    """
    same = differ = heals = strays = odd = crashes = left = 0
    for index, (b, h, c) in enumerate(zip(base, head, candidate, strict=False)):
        # A derived input that base refuses is outside what callers may pass: it says nothing.
        if b.how not in ("returned", "raised") or (b.how == "raised" and index % group):
            continue
        if crash and b.how == "returned" and h.how == "raised" and h.shown.endswith(f" raises {crash}"):
            crashes += 1
            left += c.how != "returned"
        if b.digest == h.digest:
            same += 1
            strays += c.digest != b.digest
        else:
            differ += 1
            heals += c.digest == b.digest
            odd += c.digest not in (b.digest, h.digest)
    return Merit(
        heals / max(1, differ),
        strays / max(1, same),
        odd / max(1, differ),
        same + differ,
        differ,
        left=left / max(1, crashes),
    )


def loyalty(
    head: Sequence[wire.Replayed],
    candidate: Sequence[wire.Replayed],
    group: int,
    *,
    other_answers: bool = False,
    markup: bool = False,
) -> Merit:
    """How far a version answers as head does, whose answers are right where nothing attacks and nothing is slow.

    With `other_answers`, only whether it answers is compared; with `markup`, that is so for derived inputs that
    hold a character of markup.
    """
    inputs = strays = refused = 0
    for index, (h, c) in enumerate(zip(head, candidate, strict=False)):
        derived = index % group != 0
        # What head refuses of derived inputs is outside what callers may pass: it says nothing.
        if h.how not in ("returned", "raised") or (h.how == "raised" and derived):
            continue
        inputs += 1
        free = other_answers or (markup and derived and special(h))
        if h.how == "returned" and c.how != "returned" and derived:
            refused += 1
        elif h.how != c.how or (not free and c.digest != h.digest):
            strays += 1
    return Merit(strays=strays / max(1, inputs), inputs=inputs, refused=refused / max(1, inputs))


def special(row: wire.Replayed) -> bool:
    """Whether the arguments of a call hold a character of markup, as far as they are shown."""
    return bool(_SPECIAL & set(row.shown.rpartition(" -> ")[0]))


def crash_of(finding: Finding | None) -> str:
    """The class of the exception that a finding is about which was made of an input; empty for others."""
    if finding is None or finding.witness.kind != "input":
        return ""
    return finding.witness.failure.partition(":")[0].strip()


def reference_for(finding: Finding | None) -> str:
    """Whose answers are right apart from what a finding is about: `head` or `base`.

    What is slow or can be attacked answers rightly otherwise; what is wrong does not.
    """
    known = finding is not None and finding.category in (Category.SECURITY, Category.PERFORMANCE)
    return "head" if known else "base"


@dataclass(frozen=True)
class Played:
    """What the passing versions answered on the same inputs."""

    steady: tuple[wire.Replayed, ...] | None
    """The reference's answers."""
    versions: tuple[tuple[wire.Replayed, ...] | None, ...]

    def usable(self) -> list[int]:
        """Inputs on which every version can be compared."""
        rows = [version for version in self.versions if version is not None]
        steady = self.steady
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


class Referee:
    """Compares passing versions by what they answer. Replays each text once."""

    def __init__(
        self,
        judge: Judge,
        function: ChangedFunction,
        original: str,
        base: str | None,
        reference: str = "base",
        *,
        other_answers: bool = False,
        crash: str = "",
        markup: bool = False,
    ) -> None:
        """`reference` says whose answers are right: those of `base`, where there is one, or those of `head`.

        `other_answers`: of head's, only that there is one is compared (see `OTHER_ANSWERS`). `crash`: see `merit`;
        `markup`: see `loyalty`.
        """
        self.markup = markup
        self.crash = crash
        self.by_head = reference == "head"
        self.other_answers = other_answers
        self.stage = judge.stage
        self.judge = judge
        self.function = function
        self.original = original
        self.base = base
        self.language = judge.stage.place.language
        self.inputs = judge.guide.inputs[:MOST_INPUTS]
        self.base_key = self.language.normalise(base) if base is not None else None
        self.one_place = base is not None and self.small(original, base)
        self.known: dict[tuple[str, tuple[str, ...]], tuple[wire.Replayed, ...] | None] = {}
        self.reference: tuple[wire.Replayed, ...] | None = None
        self.began = False

    @property
    def votes(self) -> bool:
        """Whether nothing but the tests says what is right, so that passing versions vote."""
        return self.base is None and not self.by_head

    def small(self, original: str, base: str) -> bool:
        """Whether the branch changed one small place of the function, layout and comments apart."""
        head, before = (self.language.normalise(text) + "\n" for text in (original, base))
        return len(hunks_between(head, before)) == 1 and changed_lines(head, before) <= SMALL

    def play(self, source: str, imports: tuple[str, ...] = ()) -> tuple[wire.Replayed, ...] | None:
        """What a text answers on every input; None where replays are not to be had."""
        key = (source, imports)
        if key not in self.known:
            self.known[key] = self.replay(source, imports)
        return self.known[key]

    def replay(self, source: str, imports: tuple[str, ...]) -> tuple[wire.Replayed, ...] | None:
        """One replay in a child of its own."""
        steps = 20 * max(self.judge.step_limits.values(), default=10_000)
        return self.stage.replay(
            trial.Version(source, imports),
            self.inputs,
            derive=DERIVED,
            seed=self.judge.settings.seed,
            seconds=3.0,
            steps=steps,
        )

    def steady(self) -> tuple[wire.Replayed, ...] | None:
        """The reference's answers (base's, or head's), unsteady inputs marked unusable.

        What differs between two runs of the same code is not the function's doing: such inputs say nothing.
        """
        if not self.began:
            self.began = True
            source = self.base if self.base is not None and not self.by_head else self.original
            first = self.play(source)
            recorded = first[:: DERIVED + 1] if first is not None else ()
            if self.by_head and self.other_answers:
                self.reference = first  # what is drawn at random differs from run to run, and is an answer
                return first
            if (
                source == self.base
                and not self.by_head
                and 2 * sum(row.how == "raised" for row in recorded) > len(recorded)
            ):
                return None  # base takes other arguments than head's callers give
            again = self.replay(source, ()) if first is not None else None
            if first is not None and again is not None:
                self.reference = tuple(
                    row
                    if index < len(again) and again[index].digest == row.digest
                    else replace(row, how="unusable")
                    for index, row in enumerate(first)
                )
        return self.reference

    def merit(self, state: State) -> Merit | None:
        """How a version compares with base and head; None where that cannot be told."""
        if self.by_head:
            head = self.steady() if self.inputs else None
            version = self.play(state.source, state.imports) if head is not None else None
            if head is None or version is None:
                return None
            return loyalty(head, version, DERIVED + 1, other_answers=self.other_answers, markup=self.markup)
        if self.base is None or not self.inputs:
            return None
        base, head, version = self.steady(), self.play(self.original), self.play(state.source, state.imports)
        if base is None or head is None or version is None:
            return None
        return merit(base, head, version, DERIVED + 1, self.crash)

    def worth(self, state: State) -> float:
        """What the comparison adds to a version's log-probability; 0 where there is none.

        Where head's tests ask for something that base does not do, base is no measure of it, and counts little.
        """
        found = self.merit(state)
        if self.by_head:
            return found.value if found is not None else 0.0
        if found is None:
            return 8 * (state.result.agreement - 1) if self.calls_tell() else 0.0
        return found.value if self.judge.base_green else 0.2 * found.value

    def convincing(self, state: State) -> bool:
        """Whether nothing speaks against a version: it heals all that the change broke, alters nothing else."""
        found = self.merit(state)
        if self.by_head:
            return found is None or (found.strays <= 0.02 and found.refused <= 0.02)
        if (found is None or not found.differ) and self.calls_tell():
            return state.result.agreement >= ALIKE
        if found is None or found.inputs == 0 or not self.judge.base_green:
            return True
        return (found.heals >= 0.98 or not found.differ) and found.strays <= 0.02

    def calls_tell(self) -> bool:
        """Whether the calls of the failing tests themselves are a measure, where none can be replayed: base passes
        these tests, and answers its recorded calls (results and what became of the arguments) alike every time."""
        return self.judge.base_green and self.judge.base_agreement >= 0.99

    def is_revert(self, state: State) -> bool:
        """Whether a version is base again, apart from layout and comments."""
        return self.base_key is not None and self.language.normalise(state.source) == self.base_key

    def suspect(self, state: State) -> bool:
        """Whether a version answers as neither base nor head does, or alters what both agree on."""
        found = self.merit(state)
        if self.by_head:
            return found is not None and (found.strays > 0.1 or found.refused > REFUSED)
        if found is None and self.calls_tell():
            return state.result.agreement < ALIKE
        if found is not None and found.left > 0.05:
            return True  # it answers the one input that was shown, and crashes on others like it
        if found is None or found.inputs < 10 or not self.judge.base_green:
            return False
        return found.odd > 0.1 or found.strays > 0.1

    def agreement(self, worth: Merit | None) -> float:
        """The share of inputs on which a version answers as the reference does."""
        if worth is None:
            return 1.0
        return 1 - worth.strays - worth.refused if self.by_head else worth.heals * (1 - worth.strays)

    def rank(self, plausible: Sequence[Passing]) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
        """(the passing versions as candidates, best first; notes).

        Where base is there to compare with, the one goes first that heals what the change broke and alters nothing
        else. Without it, versions that answer alike on recorded and derived inputs vote together, with their
        probabilities (after the clustering of AlphaCode); `confidence` is their share. A version equal to base
        comes last, unless the branch changed only one small place; more edits and a larger diff cost. Where head
        is the reference, the one goes first that answers as head does.
        """
        if not plausible:
            return (), ()
        played = Played(
            self.steady() if self.inputs else None,
            tuple(self.play(state.source, state.imports) if self.inputs else None for state, _ in plausible),
        )
        shares = played.shares([state.logprob for state, _ in plausible])
        rows = []
        for index, (state, outcomes) in enumerate(plausible):
            revert = self.is_revert(state)
            worth = self.merit(state)
            candidate = Candidate(
                function=self.function.head,
                source=state.source,
                imports=state.imports,
                edits=state.edits,
                logprob=state.logprob,
                agreement=self.agreement(worth),
                seconds=state.result.seconds,
                is_revert=revert,
                proposer=state.proposer,
                rung=state.rung,
                expected=outcomes,
                confidence=shares[index] if self.votes else (0.0 if self.suspect(state) else 1.0),
            )
            value = state.logprob + self.worth(state)
            value += math.log(max(shares[index], 1e-6)) if worth is None and not self.by_head else 0.0
            value -= 2.0 * (len(state.edits) - 1) + 0.3 * changed_lines(self.original, state.source)
            legitimate = not revert or self.one_place
            value += CONVINCED if worth is not None and legitimate and self.convincing(state) else 0.0
            # Undoing more than one small hunk throws away what the branch wanted: only where nothing else passes.
            value -= 0.0 if legitimate else 100.0
            value -= UNDONE if revert and self.by_head else 0.0
            value -= 200.0 if candidate.confidence == 0.0 else 0.0
            rows.append((value, index, candidate))
        rows.sort(key=lambda row: (-row[0], row[2].source))
        rival = played.rival([index for _, index, _ in rows])
        return tuple(candidate for _, _, candidate in rows), (rival,) if rival else ()
