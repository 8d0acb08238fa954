"""What earlier reviews of a pull request spare this one: asking and searching once more where nothing has changed.

A memory is kept where others can write. What comes of it here is no more than a suspicion, or a candidate: it has
the gates before it that everything else has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot import wire
from bot.domain import ChangedFunction, Finding, Suspicion
from bot.plan import Known, Memory, function_digest
from bot.steps import ask


@dataclass(frozen=True)
class Recall:
    """A memory, held against the functions of this review. Without a memory it spares nothing."""

    memory: Memory = field(default_factory=Memory)
    unchanged: frozenset[str] = frozenset()
    """Ids of the functions whose text, at base and at head, is as it was when they were last reviewed."""

    @staticmethod
    def of(memory: Memory | None, functions: Sequence[ChangedFunction], *, everything: bool = False) -> Recall:
        """`everything` is reviewed as if for the first time; what is ignored and what was told is still known."""
        if memory is None:
            return Recall()
        if everything:
            return Recall(memory)
        # The witness of a finding is what keeps it alive: without it, the model has to be asked again.
        lost = {
            known.function for known in memory.findings if known.rule.startswith(ask.MODEL) and known.probe is None
        }
        same = (f.id for f in functions if memory.functions.get(f.id) == function_digest(f))
        return Recall(memory, frozenset(same) - lost)

    @property
    def since(self) -> str:
        """The commit of the last review, in short; the word for it where none is named."""
        named = re.fullmatch(r"[0-9a-f]{7,64}", self.memory.head)
        return self.memory.head[:7] if named else "the last review"

    def asked(self, function: ChangedFunction) -> bool:
        """Whether the model has said what it says of the function: it is not asked where tests show a problem."""
        shown = {known.function for known in self.memory.findings if known.rule.startswith(("tests/", "calls/"))}
        return function.id in self.unchanged and function.id not in shown

    def quiet(self, function: ChangedFunction) -> bool:
        """Whether nothing was told of the time of a function as it stands: it is not timed again."""
        slow = {known.function for known in self.memory.findings if known.rule.startswith("performance/")}
        return function.id in self.unchanged and function.id not in slow

    def known(self, finding: Finding) -> Known | None:
        """What became of a finding in a function that is as it was; None where that is to be found out."""
        return self.memory.known(finding.id) if finding.function.id in self.unchanged else None

    def ignored_by(self, finding: Finding) -> str:
        """Who asked not to hear of a finding; '' where nobody did."""
        name = self.memory.ignored.get(finding.id)
        return (wire.clean(name, 60).strip() or "somebody") if name is not None else ""

    def suspicions(
        self, functions: Sequence[ChangedFunction], shown: Mapping[str, frozenset[str]], most: int
    ) -> tuple[Suspicion, ...]:
        """What models' witnesses showed before: to be run again, at most `most` for each function.

        The function may have changed: whether its finding is gone is what the witness says. Left out is a witness
        that has become a test of the repository (`shown`: function id -> test files that prove a finding of it).
        """
        found: list[Suspicion] = []
        for function in functions:
            mine = (ask.remembered(known, function) for known in self.memory.findings)
            fresh = [
                suspicion
                for suspicion in mine
                if suspicion is not None
                and suspicion.probe is not None
                and suspicion.probe.code.strip() not in shown.get(function.id, frozenset())
            ]
            found += fresh[:most]
        return tuple(found)
