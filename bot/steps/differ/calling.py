"""The calls themselves: both versions on all inputs, again for what is not steady, and on smaller inputs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import generating
from bot.steps.differ.given import Given, NotComparable
from bot.steps.differ.pairs import ENDED, Demanded, Pair
from bot.steps.differ.suspecting import Subject
from bot.trial import Stage, Version
from bot.wire_calls import Called, Input

UNSTEADY = 0.5
"""Share of inputs on which base does not answer alike twice: with more, the function is left alone."""
STEPS = 200_000
SLOW = 50
"""How many times the statements of one version make a call of the other endless rather than slow."""
FEW_STEPS = 5_000
SHRUNK = 4
"""Sorts of differences of one function of which an input is made smaller."""
LARGE = 25
"""Parts of a recorded input from which on a smaller one is looked for: a recorded one says more."""
SHARE = 0.25
"""Of a function's seconds: what one round of calls may take."""
LEAST = 0.5
"""Seconds without which nothing is called any more."""


@dataclass(frozen=True)
class Asked:
    """One input as it can be given again."""

    input: Input
    digest: str = ""
    """Of a recorded call: the digest of its arguments."""


class Calls:
    """Calls of one function within its seconds: both versions in one process, or base `apart` in a tree of its
    own, where what it relies on changed as well. `owned` says that the function is a method."""

    def __init__(
        self,
        stage: Stage,
        head: Version,
        base: Version | None,
        inputs: Given,
        seconds: float,
        seed: int,
        apart: Stage | None = None,
        owned: bool = False,
    ) -> None:
        self.stage = stage
        self.apart = apart
        self.owned = owned
        self.head = head
        self.base = base
        self.inputs = inputs
        self.seconds = seconds
        self.seed = seed
        self.until = time.monotonic() + seconds

    def made(self) -> list[tuple[Asked, Called]]:
        """Every input with what the first version that can be asked did: base, where there is one."""
        first = self.base or self.head
        count = self.inputs.recorded
        rows = self.call(first, self.inputs.inputs[:count], self.inputs.derive)
        rows_of_made = self.call(first, self.inputs.inputs[count:])
        found: dict[tuple[str, str], tuple[Asked, Called]] = {}
        for called in rows:
            number, variant = divmod(called.place, self.inputs.derive + 1)
            if number >= count or (variant and not called.source) or not self.inputs.fair(called.source):
                continue
            digest = "" if variant else self.inputs.digests[number]
            asked = Asked(again(self.inputs.inputs[number], called), digest)
            found.setdefault((called.source, digest if not called.source else ""), (asked, called))
        for called in rows_of_made:
            number = count + called.place
            if called.source and number < len(self.inputs.inputs) and self.inputs.fair(called.source):
                asked = Asked(again(self.inputs.inputs[number], called))
                found.setdefault((called.source, ""), (asked, called))
        if not found and (rows or rows_of_made):
            raise NotComparable("its arguments could not be made again")
        if not found:
            raise NotComparable("it cannot be called with other arguments here")
        return list(found.values())

    def paired(self, rows: Sequence[tuple[Asked, Called]]) -> tuple[list[tuple[Asked, Pair]], list[Called]]:
        """(pairs of steady answers, everything that head did). Raises NotComparable for what is unsteady."""
        if self.base is None:
            return [], [called for _, called in rows]
        inputs = [asked.input for asked, _ in rows]
        # In the other order: what an earlier call left behind, and a random number, are then not the same.
        again_ = self.placed(self.base, inputs[::-1])
        at_head = self.placed(self.head, inputs)
        pairs: list[tuple[Asked, Pair]] = []
        tried = unsteady = 0
        for number, (asked, before) in enumerate(rows):
            after, head = again_.get(len(rows) - 1 - number), at_head.get(number)
            if before.how not in ENDED or after is None:
                continue
            tried += 1
            if not same(before, after):
                unsteady += 1
            elif head is not None and head.how in ENDED and not self.estranged(before, head):
                pairs.append((asked, Pair(before, head, asked.digest)))
        if tried and unsteady / tried > UNSTEADY:
            raise NotComparable("its answers differ from run to run")
        if not pairs:
            raise NotComparable("no answer of it could be compared")
        return pairs, list(at_head.values())

    def estranged(self, base: Called, head: Called) -> bool:
        """Whether base stumbles over an object that head's classes made: that says nothing of its answers."""
        if base.how != "raised" or base.explicit or head.how != "returned":
            return False
        return base.raised in ("AttributeError", "TypeError") and (self.owned or self.apart is not None)

    def confirmed(self, different: Sequence[tuple[Asked, Pair]]) -> list[tuple[Asked, Pair]]:
        """Those that differ in the same way once more, in the other order."""
        if not different or self.base is None:
            return []
        turned = list(different)[::-1]
        inputs = [asked.input for asked, _ in turned]
        base, head = self.placed(self.base, inputs), self.placed(self.head, inputs)
        kept = []
        for number, (asked, pair) in enumerate(turned):
            one, other = base.get(number), head.get(number)
            if one is None or other is None or not same(one, pair.base) or not same(other, pair.head):
                continue
            if not (slow_alone(pair.base, pair.head) or slow_alone(one, other)):
                kept.append((asked, pair))
        return kept[::-1]

    def smaller(
        self,
        different: Sequence[tuple[Asked, Pair]],
        demanded: Demanded,
        subject: Subject,
        defaults: Sequence[str | None],
    ) -> tuple[list[Pair], list[Pair]]:
        """(all differences, the smallest ones found before them; those that are worth a witness)."""
        groups: dict[tuple[str, str], list[tuple[Asked, Pair]]] = {}
        for asked, pair in sorted(different, key=lambda item: item[1].size):
            groups.setdefault(pair.sort, []).append((asked, pair))
        worth = {sort: [i for i in items if subject.counts(i[1], demanded)] for sort, items in groups.items()}
        found: list[tuple[Asked, Pair]] = []
        # What may become a finding first: time may run out.
        for sort in sorted(groups, key=lambda sort: not worth[sort])[:SHRUNK]:
            recorded = [item for item in worth[sort] if item[1].digest and item[1].size[0] <= LARGE]
            if recorded:
                found.append(recorded[0])
            elif worth[sort]:
                found.append(self.shrunk(worth[sort][0], defaults, subject, demanded))
            elif groups[sort][0][1].source:
                found.append(self.shrunk(groups[sort][0], defaults, None, demanded))
        smallest = [pair for _, pair in self.confirmed(found)]
        counting = [pair for pair in smallest if subject.counts(pair, demanded)]
        return [*smallest, *(pair for _, pair in different)], counting

    def shrunk(
        self,
        item: tuple[Asked, Pair],
        defaults: Sequence[str | None],
        subject: Subject | None,
        demanded: Demanded,
    ) -> tuple[Asked, Pair]:
        """A smaller input on which the versions differ in the same way, with what they did."""
        asked, pair = item
        known: dict[str, tuple[Asked, Pair]] = {}
        origin = "derived" if asked.input.origin == "recorded" else asked.input.origin

        def holds(sources: Sequence[str]) -> list[bool]:
            inputs = [Input(source=one, needs=pair.base.needs, origin=origin) for one in sources]
            base, head = self.placed(self.base, inputs), self.placed(self.head, inputs)
            done = []
            for number, source in enumerate(sources):
                if number not in base or number not in head:
                    done.append(False)
                    continue
                made = Pair(base[number], head[number])
                known[source] = (Asked(inputs[number]), made)
                done.append(made.sort == pair.sort and (subject is None or subject.counts(made, demanded)))
            return done

        best = generating.shrink(pair.source, holds, defaults=defaults)
        return known.get(best, item)

    # -------------------------------------------------------------------------------------------- one round

    def call(self, version: Version | None, inputs: Sequence[Input], derive: int = 0) -> tuple[Called, ...]:
        """What a version does on inputs, as far as the time suffices."""
        left = min(self.until - time.monotonic(), SHARE * self.seconds)
        if not inputs or left < min(LEAST, SHARE * self.seconds):
            return ()
        stage = self.apart if self.apart is not None and version is self.base else self.stage
        rows = stage.call(version, inputs, derive=derive, seed=self.seed, seconds=left, steps=STEPS)
        return rows or ()

    def placed(self, version: Version | None, inputs: Sequence[Input]) -> dict[int, Called]:
        """The same, by the place of the input."""
        return {called.place: called for called in self.call(version, inputs)}


def again(one: Input, called: Called) -> Input:
    """An input as a call of it showed it: by its source where it has one, else as it was."""
    if not called.source:
        return replace(one, origin=called.origin)
    return Input(source=called.source, needs=called.needs, origin=called.origin)


def slow_alone(base: Called, head: Called) -> bool:
    """Whether one of them may have been cut by the clock alone: on a busy machine, a call takes long that needs
    few statements more than the other."""
    for one, other in ((base, head), (head, base)):
        if one.how == "endless" and one.steps <= max(FEW_STEPS, SLOW * other.steps):
            return True
    return False


def same(one: Called, other: Called) -> bool:
    """Whether two calls of one version ended alike."""
    return (one.how, one.digest, one.raised) == (other.how, other.digest, other.raised)
