"""The execution signal: what candidates did when they ran, as text for a prompt, within a budget of tokens.

Each candidate has its outcome, its new lines, its tests, and some of its calls: arguments, result, and the values
that each executed line found. The values of a line stand in one row (after the inline comments of NExT, Ni et al.,
2024), so that a loop takes a row for each of its lines and not one for each round:

    call(items=[3, 4]) returned 4; the reference here returned 7
      2| for item in items: # total=0
      3| total = item # item=3; 4, total=3
      4| return total # total=4 <- the reference here: total=7

Measured on three functions with a byte-pair vocabulary of 8,000 trained on Python's own library, a row for each
line takes this share of the tokens of a row for each executed statement, loops folded there, too: 0.52 (a loop of
20 rounds), 0.80 (a short loop that ends in an exception), 0.99 (a recursion).
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot import guarding
from bot.domain import Shown
from bot.endpoints import Endpoint, Request
from bot.errors import EndpointError

Item = TypeVar("Item")

LABEL = "execution"
"""Of the block. `guarding.data` leaves a block of its own label as it is, so a template may guard it again."""
MAX_VALUE = 80
"""Characters of a value, an argument list apart."""
MAX_REMEMBERED = 4096
"""Counted texts that are remembered."""
MARGIN = 1.2
"""How much denser than what the server has billed so far a text may be."""
UNKNOWN_DENSITY = 0.5
"""Tokens per byte before anything is known: code has about 0.3 with the vocabularies of 2024."""


@dataclass(frozen=True)
class Block:
    """The signal as it goes into a prompt."""

    text: str
    """One block of `guarding.data`; '' where nothing is to be shown or nothing fits."""
    tokens: int
    """What `count` says of the text: the budget at most."""
    shown: int
    """Candidates in it."""
    left_out: int
    """Candidates for which there was no room."""


# ---------------------------------------------------------------------------------------------------- counting


class Counter:
    """How many tokens a text takes at an endpoint; may be called from several threads. Raises nothing.

    Exact, and remembered per text, where the server counts for us (`tokenize`). Elsewhere from above: bytes times
    the tokens per byte that the server has billed so far (`learn`) times MARGIN; one token for two bytes before.
    """

    def __init__(self, endpoint: Endpoint | None) -> None:
        self._endpoint = endpoint
        self._known: dict[str, int] = {}
        self._bytes = 0
        self._tokens = 0
        self._lock = threading.Lock()

    def __call__(self, text: str) -> int:
        if not text:
            return 0
        with self._lock:
            known = self._known.get(text)
        if known is not None:
            return known
        exact = self._ask(text)
        if exact is None:
            return self._estimate(text)
        with self._lock:
            if len(self._known) >= MAX_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[text] = exact
        return exact

    def learn(self, text: str, tokens: int) -> None:
        """Takes what the server billed for a text."""
        if text and tokens > 0:
            with self._lock:
                self._bytes += _size(text)
                self._tokens += tokens

    def _ask(self, text: str) -> int | None:
        """The server's own count; None where it does not count, or not now."""
        if self._endpoint is None:
            return None
        try:
            if not self._endpoint.capabilities.tokenize:
                return None
            request = Request("tokenize", prompts=(text,), special=False, purpose="count")
            choices = self._endpoint.send(request).choices
        except EndpointError as error:
            if error.dead:
                self._endpoint = None
            return None
        return len(choices[0].ids) if choices and choices[0].ids else None

    def _estimate(self, text: str) -> int:
        with self._lock:
            density = self._tokens / self._bytes * MARGIN if self._bytes else UNKNOWN_DENSITY
        return max(1, math.ceil(_size(text) * density))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


# --------------------------------------------------------------------------------------------------- the trace


@dataclass
class Execution:
    """One call of the function, folded from the entries of a trace; mutable while it is read."""

    arguments: str
    ending: tuple[str, str, str] | None = None
    """(`return` or `raise`, class name, value or message); None where the trace ends before the call does."""
    yields: list[str] = field(default_factory=list)
    lines: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    """Line -> name -> the values that it found changed there, in order; lines by their first execution."""
    events: list[tuple[int, str, str]] = field(default_factory=list)
    """(line, name, value) in order."""


def executions(trace: Sequence[tuple[int, Sequence[tuple[str, str, str]]]]) -> list[Execution]:
    """The calls of a trace in the order in which they were entered; what stands before any is a call of its own.

    What a generator does after another call was entered counts to that call: a trace does not tell them apart.
    """
    found: list[Execution] = []
    open_: list[Execution] = []
    for line, changes in trace:
        if line <= 0:  # below 0 where lines were counted from the function's first
            for word, kind, value in changes[:1]:
                if word == "call":
                    open_.append(Execution(value))
                    found.append(open_[-1])
                elif word == "yield" and open_:
                    open_[-1].yields.append(value)
                elif word in ("return", "raise") and open_:
                    open_.pop().ending = (word, kind, value)
            continue
        if not open_:
            open_.append(Execution(""))
            found.append(open_[-1])
        call = open_[-1]
        first = not call.lines
        row = call.lines.setdefault(line, {})
        for name, _, value in changes:
            call.events.append((line, name, value))
            if not first or not call.arguments:  # else an argument as it came in: said already
                row.setdefault(name, []).append(value)
    return found


def parting(call: Execution, other: Execution) -> tuple[int, str, str] | None:
    """(line, name, the other's value) where a variable first has another value than in the other's same turn.

    Turns are counted per variable: lines may have moved, loops may run longer. None where all values agree as
    far as both go.
    """
    theirs: dict[str, list[str]] = {}
    for _, name, value in other.events:
        theirs.setdefault(name, []).append(value)
    turns: dict[str, int] = {}
    for line, name, value in call.events:
        turn = turns.get(name, 0)
        turns[name] = turn + 1
        values = theirs.get(name, [])
        if turn < len(values) and values[turn] != value:
            return line, name, values[turn]
    return None


# ------------------------------------------------------------------------------------------------------ levels


@dataclass(frozen=True)
class Detail:
    """How much of one candidate is told."""

    calls: int
    rounds: int
    """Values of one variable at one line that are shown from the beginning, and as many from the end."""
    rows: int
    """Lines of a call that have a row; 0: only how it was entered and left."""
    source: bool
    """Whether a row holds its line's text."""
    value: int
    """Characters of a value."""
    lines: int
    """Characters of the candidate's lines."""
    message: int
    """Characters of its failure."""


DETAILS = (
    Detail(3, 2, 40, True, MAX_VALUE, 2400, 300),
    Detail(2, 2, 24, True, MAX_VALUE, 1600, 200),
    Detail(2, 2, 16, False, 60, 1200, 200),
    Detail(1, 1, 10, False, 48, 800, 160),
    Detail(1, 1, 5, False, 32, 600, 120),
    Detail(1, 1, 0, False, 32, 400, 100),
    Detail(0, 0, 0, False, 0, 240, 0),
)
"""From all to next to nothing; each step is shorter than the one before."""


# --------------------------------------------------------------------------------------------------- rendering


def render(
    shown: Sequence[Shown],
    reference: Shown | None,
    *,
    budget: int,
    count: Callable[[str], int],
    cut: str = "",
) -> Block:
    """The signal of candidates: as much as `count` allows within `budget` tokens; never more.

    Those that did something of their own come first, then those that did as another one did; within each kind the
    given order holds. What does not fit is shortened step by step, then left out, which is said. `reference` is
    the version to compare with, traced on the same tests: where a call with equal arguments went another way
    there, the candidate's text names its result and the first value that differs. `cut` is the class name of the
    exception that ends a text which is only the beginning of a function.
    """
    told = Telling(shown, reference, cut)
    if not shown or budget <= 0:
        return Block("", 0, 0, len(shown))
    room = math.inf
    text = told.text(told.plan(room))
    for _ in range(64):
        tokens = count(text)
        if tokens <= budget:
            return Block(text, tokens, told.included, len(shown) - told.included)
        # How long it may be is guessed from how long it is; what comes out is counted again.
        room = min(room, len(text)) * min(budget / tokens, 0.95)
        plan = told.plan(room)
        if not plan:
            break
        text = told.text(plan)
    return Block("", 0, 0, len(shown))


class Telling:
    """The candidates in every length, best first. `render` is its only user."""

    def __init__(self, shown: Sequence[Shown], reference: Shown | None, cut: str) -> None:
        self.cut = cut
        self.reference = executions(reference.trace) if reference is not None else []
        self.about = _flat(reference.outcome, 120) if reference is not None and self.reference else ""
        self.total = len(shown)
        self.included = 0
        self.candidates: list[tuple[Shown, int]] = []
        """Each with the number of the one that did the same, 0 for none."""
        self.memo: dict[tuple[int, int], str] = {}
        first: dict[object, int] = {}
        repeats: list[tuple[Shown, int]] = []
        for candidate in shown:
            behaviour = (candidate.outcome, candidate.message, candidate.trace, tuple(candidate.tests.items()))
            if behaviour in first and (candidate.trace or candidate.outcome):
                repeats.append((candidate, first[behaviour]))
                continue
            self.candidates.append((candidate, 0))
            first[behaviour] = len(self.candidates)
        self.candidates += repeats
        self.pairs = [self.paired(executions(row.trace)) if not same else [] for row, same in self.candidates]

    def plan(self, room: float) -> list[int]:
        """For each candidate that is told, from the first: at which step of DETAILS, for so many characters."""
        if room == math.inf:
            return [0] * len(self.candidates)
        room -= len(self.frame([]))
        steps: list[int] = []
        last = len(DETAILS) - 1
        for index in range(len(self.candidates)):
            room -= len(self.entry(index, last)) + 16
            if room < 0:
                break
            steps.append(last)
        for step in reversed(range(last)):
            for index, now in enumerate(steps):
                more = len(self.entry(index, step)) - len(self.entry(index, now)) if now == step + 1 else math.inf
                if more <= room:
                    steps[index] = step
                    room -= more
        return steps

    def text(self, steps: Sequence[int]) -> str:
        """The block for a plan."""
        self.included = len(steps)
        return self.frame([self.entry(index, step) for index, step in enumerate(steps)])

    def frame(self, entries: Sequence[str]) -> str:
        """Entries with their numbers, between the sentences that say how to read them."""
        parts = []
        if self.reference:
            parts.append(f"The reference is {self.about or 'the original'}.")
        if any(self.pairs):
            parts.append("A line's values are those that it found new when it was reached.")
        parts += [f"candidate {number}: {entry}" for number, entry in enumerate(entries, 1)]
        if len(entries) < self.total:
            parts.append(f"({self.total - len(entries)} more candidates left out: no room)")
        return guarding.data("\n\n".join(parts), LABEL)

    def entry(self, index: int, step: int) -> str:
        """One candidate at one length; made when it is first asked for."""
        if (index, step) not in self.memo:
            candidate, same = self.candidates[index]
            detail = DETAILS[step]
            if same:
                self.memo[index, step] = f"did as candidate {same}\n{_code(candidate.lines, detail.lines)}"
            else:
                self.memo[index, step] = self.whole(candidate, self.pairs[index], detail)
        return self.memo[index, step]

    def whole(self, candidate: Shown, pairs: Sequence[tuple[Execution, Execution | None]], detail: Detail) -> str:
        """What there is to tell of a candidate."""
        rows = [_flat(candidate.outcome, 120)] if candidate.outcome else []
        rows.append(_code(candidate.lines, detail.lines))
        if candidate.message and detail.message:
            rows.append(f"failure: {_flat(candidate.message, detail.message)}")
        if candidate.tests and detail.message:
            rows.append(_tests(candidate))
        source = candidate.source.split("\n") if detail.source and candidate.source else []
        chosen = self.choose(pairs, detail.calls)
        for index in chosen:
            rows += self.call(*pairs[index], source, detail)
        if detail.calls and len(chosen) < len(pairs):
            rows.append(f"... {len(pairs) - len(chosen)} more calls")
        return "\n".join(rows)

    def paired(self, calls: Sequence[Execution]) -> list[tuple[Execution, Execution | None]]:
        """Each call with the reference's call on equal arguments, the first with the first and so on."""
        left: dict[str, list[Execution]] = {}
        for call in self.reference:
            left.setdefault(call.arguments, []).append(call)
        return [(call, left[call.arguments].pop(0) if left.get(call.arguments) else None) for call in calls]

    def choose(self, pairs: Sequence[tuple[Execution, Execution | None]], most: int) -> list[int]:
        """Which calls are told, in their own order: those unlike the reference's, those that raise, the first."""

        def rank(index: int) -> tuple[bool, bool, int]:
            call, other = pairs[index]
            raised = call.ending is not None and call.ending[0] == "raise" and not self.is_cut(call)
            return not self.differs(call, other), not raised, index

        return sorted(sorted(range(len(pairs)), key=rank)[:most])

    def differs(self, call: Execution, other: Execution | None) -> bool:
        """Whether a call is known to have gone another way than the reference's."""
        if other is None:
            return False
        return self.unlike_end(call, other) or parting(call, other) is not None

    def unlike_end(self, call: Execution, other: Execution) -> bool:
        """Whether both came to an end, and not to the same."""
        if call.ending is None or other.ending is None or self.is_cut(call):
            return False
        return (call.ending, call.yields) != (other.ending, other.yields)

    def is_cut(self, call: Execution) -> bool:
        """Whether a call came to the end of a text that is only a beginning."""
        return bool(self.cut) and call.ending is not None and call.ending[:2] == ("raise", self.cut)

    def call(
        self, call: Execution, other: Execution | None, source: Sequence[str], detail: Detail
    ) -> Iterator[str]:
        """A call's own line, then its rows."""
        head = f"call({_flat(call.arguments, 2 * detail.value)}) {self.end(call, detail)}"
        if other is not None and self.unlike_end(call, other):
            head += f"; the reference here {self.end(other, detail)}"
        yield head
        apart = parting(call, other) if other is not None else None
        lines = sorted(call.lines)
        wanted = _ends(lines, detail.rows // 2 + detail.rows % 2, detail.rows // 2)
        if apart is not None and detail.rows and apart[0] not in wanted:
            wanted[-1] = apart[0]
        left_out = 0
        for line in lines:
            if line not in wanted:
                left_out += 1
                continue
            if left_out:
                yield f"  ... {left_out} more lines"
                left_out = 0
            yield self.row(line, call.lines[line], source, detail, apart)
        if left_out and detail.rows:
            yield f"  ... {left_out} more lines"

    def row(
        self,
        line: int,
        found: dict[str, list[str]],
        source: Sequence[str],
        detail: Detail,
        apart: tuple[int, str, str] | None,
    ) -> str:
        """One line: its number, its text where that is to be shown, the values that it found, in order."""
        code = f" {_flat(source[line - 1].strip(), 60)}" if 0 < line <= len(source) else ""
        values = ", ".join(_folded(name, values, detail) for name, values in found.items())
        mark = " #" if code and values else ""
        row = f"  {line}|{code}{mark}{' ' if values else ''}{values}"
        if apart is not None and apart[0] == line:
            row += f" <- the reference here: {_pair(apart[1], apart[2], detail.value)}"
        return row

    def end(self, call: Execution, detail: Detail) -> str:
        """How a call was left, in words."""
        values = [_flat(value, detail.value) for value in _ends(call.yields, detail.rounds, detail.rounds)]
        items = "; ".join(_marked(values, len(call.yields), detail.rounds))
        items = f"yielded {items}, then " if items else ""
        if call.ending is None:
            return items + "did not end within the trace"
        if self.is_cut(call):
            return items + "came to where the text ends"
        word, kind, value = call.ending
        if word == "raise":
            return f"{items}raised {_flat(kind, 60)}" + (f": {_flat(value, detail.value)}" if value else "")
        return f"{items}returned {_flat(value, detail.value)}"


def _tests(candidate: Shown) -> str:
    """Outcomes of the tests: those that did not pass by name, three at most of each kind, the others by number."""
    by_word: dict[str, list[str]] = {}
    for test, word in candidate.tests.items():
        by_word.setdefault(_flat(word, 20), []).append(test)
    parts = []
    for word in sorted(by_word, key=lambda word: word == "passed"):
        tests = by_word[word]
        if word == "passed":
            parts.append(f"{len(tests)} passed")
            continue
        names = ", ".join(_flat(test.rpartition("::")[2], 60) for test in tests[:3])
        parts.append(f"{word} {names}" + (f" and {len(tests) - 3} more" if len(tests) > 3 else ""))
    return "tests: " + "; ".join(parts)


def _folded(name: str, values: Sequence[str], detail: Detail) -> str:
    """`total=0; 3; ... 16 more; 171; 190`."""
    name = _flat(name, 60)
    # The name claims a secret in each of its values, not only in the first.
    pairs = [_pair(name, value, detail.value) for value in _ends(values, detail.rounds, detail.rounds)]
    bare = [pairs[0], *(pair.removeprefix(f"{name}=") for pair in pairs[1:])]
    return "; ".join(_marked(bare, len(values), detail.rounds))


def _ends(values: Sequence[Item], first: int, last: int) -> list[Item]:
    """So many from the beginning and so many from the end; all of them where nothing lies between."""
    if len(values) <= first + last:
        return list(values)
    return [*values[:first], *values[len(values) - last :]]


def _marked(values: list[str], total: int, rounds: int) -> list[str]:
    """What `_ends` took, with the number of those left out in their place."""
    if total <= len(values):
        return values
    return [*values[:rounds], f"... {total - len(values)} more", *values[rounds:]]


def _pair(name: str, value: str, limit: int) -> str:
    return guarding.redact(f"{name}={_flat(value, limit)}")


def _code(lines: str, limit: int) -> str:
    """The candidate's lines as they stand; the block around them is guarded."""
    return guarding.clip(guarding.redact(guarding.clean(lines)).strip("\n"), limit)


def _flat(text: str, limit: int) -> str:
    """On one line, so that no value can look like a row of ours; secrets gone before anything is cut through."""
    return guarding.clip(re.sub(r"\s*[\n\t]\s*", " ", guarding.redact(guarding.clean(text))), limit)
