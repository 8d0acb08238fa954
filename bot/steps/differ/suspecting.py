"""Which differences are worth a witness: crashes and hangs on inputs that callers may really give.

Most differences are what a change is for. A new exception or an endless loop where base answered is not, unless
the input is one that nobody gives, the branch says that it is meant, or the contract changed together with its
callers. Each of these is asked here; in doubt the difference is told, and nothing is suspected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import Category, ChangedFunction, Evidence, Probe, Severity, Suspicion
from bot.generating import Shape, says
from bot.languages import Files, Language, Parameter, Unparsable
from bot.steps.differ.pairs import Demanded, Pair, ended, is_changed
from bot.wire import clean
from bot.wire_calls import Called

CRASHES = frozenset(
    [
        "AttributeError",
        "IndexError",
        "KeyError",
        "NameError",
        "RecursionError",
        "StopIteration",
        "TypeError",
        "UnboundLocalError",
        "ZeroDivisionError",
    ]
)
"""What the interpreter raises of itself where code did not think of a case."""
INTERPRETERS_WORDS = re.compile(
    r"not enough values to unpack|too many values to unpack|\b(?:min|max)\(\) (?:arg|iterable argument)"
    r"|invalid literal for int\(\)|could not convert string to float|is not in (?:list|deque|tuple)"
    r"|list\.remove\(x\)|substring not found|math domain error|empty separator|empty range"
    r"|dictionary update sequence|cannot convert float (?:NaN|infinity)|chr\(\) arg not in range"
    r"|dictionary changed size|Set changed size|generator raised StopIteration|negative shift count"
)
"""How the interpreter words a ValueError or RuntimeError of its own: a person's refusal reads otherwise."""
NEVER_MEANT = frozenset({"NameError", "UnboundLocalError"})
DOUBLES = re.compile(r"fake|mock|stub|dummy", re.IGNORECASE)
MOST = 2
"""Suspicions of one function."""
SCORE = 0.6
SUSPICIOUS = 0.5


@dataclass(frozen=True)
class Subject:
    """One changed function, and what is known of its contract."""

    function: ChangedFunction
    language: Language
    text: str
    """Head's file."""
    files: Files
    evidence: Evidence
    parameters: Sequence[Parameter]
    before: Sequence[Parameter]
    coupled: bool
    """Whether callers of it were changed in the same change."""
    shape: Shape
    from_head: frozenset[str]
    """Digests of calls that head was seen to make."""

    @property
    def name(self) -> str:
        """As a reader knows it."""
        return self.function.head.qualname

    # ------------------------------------------------------------------------------------------ what counts

    def counts(self, pair: Pair, demanded: Demanded) -> bool:
        """Whether a difference is worth a witness."""
        if pair.kind not in ("crash", "hang") or not pair.source or demanded.by(pair):
            return False
        if self.coupled or DOUBLES.search(self.function.id) or not self.still_taken(pair.source):
            return False
        if pair.kind == "crash" and (not unmeant(pair.head) or not pair.head.line or self.refused(pair.head)):
            return False
        return self.seen(pair)

    def refused(self, called: Called) -> bool:
        """Whether a function of the same file that the line calls raises such an exception in so many words."""
        lines = self.text.split("\n")
        line = lines[called.line - 1] if 0 < called.line <= len(lines) else ""
        names = set(re.findall(r"(\w+)\s*\(", line))
        try:
            known = self.language.functions(self.function.head.path, self.text)
        except Unparsable:
            return False
        raising = re.compile(rf"\braise\s+(?:\w+\.)*{called.raised}\b")
        helpers = [f for f in known if f.id != self.function.id and not names.isdisjoint(f.qualname.split("."))]
        return any(raising.search(helper.source) for helper in helpers)

    def seen(self, pair: Pair) -> bool:
        """Whether callers give such an input."""
        if pair.origin == "recorded" and pair.digest:
            return self.given_still(pair.digest)
        return self.shape.fits(pair.source)

    def given_still(self, digest: str) -> bool:
        """Whether a recorded call is one that head gets, too: made at head, or by a test that did not run there.

        One that base alone got, while its test passes at head, is one that callers do not make any more.
        """
        if digest in self.from_head:
            return True
        results = self.evidence.head.by_id()
        makers = [c.test for c in self.evidence.base.calls.get(self.function.id, ()) if c.digest == digest]
        return any(test not in results and not is_changed(test, self.evidence) for test in makers)

    def still_taken(self, source: str) -> bool:
        """Whether arguments are what the signature says, where the change rewrote it."""
        values = Shape.of(self.parameters, [source], self.shape.read).seen
        for parameter, old, value in zip(self.parameters, self.before, values, strict=False):
            narrowed = parameter.annotation and parameter.annotation != old.annotation
            if narrowed and not (value and says(parameter.annotation, value[0], strict=False)):
                return False
        return True

    def undefined(self, called: Called) -> bool:
        """Whether head stumbles over a name that is nowhere defined, whatever it was given; or over one that is
        not bound yet, with an input that callers give."""
        if called.raised not in NEVER_MEANT or called.explicit or not called.line or not called.source:
            return False
        if called.raised == "NameError":
            name = re.search(r"name '(\w+)' is not defined", called.result)
            # One that some function binds (`global x`) may be there by the time that callers call.
            late = rf"\bglobal\b.*\b{name[1]}\b|^{name[1]}\b *[:=]" if name is not None else ""
            return bool(late) and not re.search(late, self.text, re.MULTILINE)
        return called.origin == "recorded" or self.shape.fits(called.source)

    # ------------------------------------------------------------------------------------------- suspicions

    def of_pair(self, pair: Pair) -> Suspicion | None:
        """The suspicion of a crash or hang, with its test; None where no test can be made of it."""
        call = f"`{self.name}({short(pair.base.arguments)})`"
        if pair.kind == "hang":
            rule, raises = "behaviour/new-hang", "TimeoutError"
            title = f"`{self.name}` no longer ends on an input that base answers"
            answered = short(ended(pair.base))
            claim = f"{call} does not end in time at head; at base it {answered}. Who calls it so waits for it."
        else:
            rule, raises = "behaviour/new-crash", pair.head.raised
            title = f"`{self.name}` now raises {raises} on an input that base answers"
            claim = (
                f"{call} raises `{short(pair.head.result)}` at head; at base it {short(ended(pair.base))}. "
                f"No `raise` says that this is meant, and {self.why(pair)}."
            )
        if raises in NEVER_MEANT:
            rule = "behaviour/undefined-name"
        return self.suspicion(pair.head, pair.base.answer, pair.base.needs, rule, raises, title, claim)

    def of_name(self, called: Called) -> Suspicion | None:
        """The suspicion of a name that is not defined."""
        title = f"`{self.name}` raises {called.raised}"
        claim = (
            f"`{self.name}({short(called.arguments)})` raises `{short(called.result)}`. "
            "A name that is not bound is never meant: whatever takes this path fails."
        )
        return self.suspicion(called, "", called.needs, "behaviour/undefined-name", called.raised, title, claim)

    def why(self, pair: Pair) -> str:
        """Why the input is no idle one."""
        if pair.origin == "recorded":
            return "tests make this call"
        if self.shape.known:
            return "tests give it arguments of this kind"
        return "its signature allows these arguments"

    def suspicion(
        self, head: Called, answer: str, needs: Sequence[str], rule: str, raises: str, title: str, claim: str
    ) -> Suspicion | None:
        """The suspicion with a probe of an input."""
        function = self.function.head
        wanted = tuple(dict.fromkeys([*head.needs, *needs]))
        try:
            code = self.language.regression_test(function, self.text, self.files, head.source, answer, wanted)
        except Unparsable:
            return None
        lines = dict.fromkeys(self.function.changed_lines, SUSPICIOUS)
        inside = function.start_line <= head.line <= function.end_line
        if inside:
            lines[head.line] = 1.0
        probe = Probe(
            kind="input",
            code=code,
            test="",
            claim=claim,
            raises=raises,
            severity=Severity.HIGH if head.origin == "recorded" else Severity.MEDIUM,
            line=head.line - function.start_line + 1 if inside else 0,
            title=title,
        )
        return Suspicion(rule, Category.CORRECTNESS, self.function, claim, (), lines, SCORE, probe)


def unmeant(called: Called) -> bool:
    """Whether an exception is the interpreter's own, and no refusal of some helper's."""
    if called.raised in CRASHES:
        return True
    return called.raised in ("ValueError", "RuntimeError") and bool(INTERPRETERS_WORDS.search(called.result))


def short(text: str) -> str:
    """Foreign text within a sentence."""
    return clean(" ".join(text.replace("`", "'").split()), 120)


def suspicions(
    subject: Subject,
    pairs: Sequence[Pair],
    compared: Sequence[Pair],
    heads: Sequence[Called],
    demanded: Demanded,
) -> tuple[Suspicion, ...]:
    """At most a few, one for each exception, of the smallest input each. `pairs` are differences, `compared` all
    inputs that both versions answered, `heads` everything that head did."""
    found: dict[str, Suspicion] = {}
    for pair in sorted(pairs, key=lambda pair: pair.size):
        key = pair.head.raised or "hang"
        if key not in found and subject.counts(pair, demanded) and (made := subject.of_pair(pair)) is not None:
            found[key] = made
    known = {pair.source for pair in compared if pair.base.how == "raised" and pair.base.raised in NEVER_MEANT}
    for called in sorted(heads, key=lambda called: len(called.source)):
        new = called.raised not in found and called.source not in known
        if new and subject.undefined(called) and (made := subject.of_name(called)) is not None:
            found[called.raised] = made
    return tuple(found.values())[:MOST]


def coupled(function: ChangedFunction, others: Sequence[ChangedFunction]) -> bool:
    """Whether other functions that the same change touched call it: what it may be given changed with them."""
    name = function.head.qualname.rpartition(".")[2].partition("@")[0]
    if name.startswith("__") and name.endswith("__"):
        return False
    call = re.compile(rf"\b{re.escape(name)}\s*\(")
    return any(
        call.search(version.source)
        for other in others
        if other.id != function.id and other.changed_lines
        for version in (other.head, other.base)
        if version is not None
    )
