"""Witness: what is suspected is run on base and head; only what really fails, as was said, is found.

Every proposed witness is put beside the repository's own tests, in a tree of its own, and has to pass one gate
after the other: it asks for the function's answer by the ways that callers have; it runs; it fails at head,
because of the function, for the stated reason, each time; it passes at base, each time. Where base cannot tell
(the function is new, or base fails otherwise), it must pass with a version that is believed right, and the
function's green tests must, too. What falls at a gate is counted by its reason and goes no further.

Some witnesses are our own: made of an input that base answers, or of payloads that must not land. They pass the
same gates, but for those that ask whether their author can be believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import trial
from bot.domain import Evidence, Finding, Suspicion
from bot.progress import Progress
from bot.steps.witness.evidence import with_results
from bot.steps.witness.gates import TEST_SECONDS, Work
from bot.steps.witness.seen import Dropped, Placed, Proof, Seen
from bot.steps.witness.telling import finding_of

__all__ = ["Dropped", "Placed", "Proof", "Seen", "Witnessed", "finding_of", "run_witnesses"]


@dataclass(frozen=True)
class Witnessed:
    """What came of the suspicions."""

    findings: tuple[Finding, ...]
    """Worst first."""
    left: tuple[Dropped, ...]
    """The others, in the order in which they were named."""
    evidence: Evidence
    """The evidence with the findings' witnesses among the tests of head, and of base where it can run them."""
    files: Mapping[str, str]
    """Path -> text of the test modules that findings rest on: what `trial.with_files` adds to a side."""

    @property
    def unproven(self) -> tuple[Suspicion, ...]:
        """The suspicions that are no findings."""
        return tuple(item.suspicion for item in self.left)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Reason -> how many."""
        return dict(Counter(item.reason for item in self.left))


def run_witnesses(
    lab: trial.Lab,
    sides: trial.Sides,
    suspicions: Sequence[Suspicion],
    evidence: Evidence,
    texts: trial.Texts,
    *,
    seconds: float,
    repeats: int,
    progress: Progress,
    test_seconds: float = TEST_SECONDS,
) -> Witnessed:
    """Findings of those suspicions whose probe proves them by running; suspicions without a probe are left alone.

    `seconds` bounds one run of pytest, `test_seconds` (of CPU) one witness; `repeats` is how often head and base
    are run at least (twice in any case).
    Raises SandboxError when the engine fails.
    """
    named = [suspicion for suspicion in suspicions if suspicion.probe is not None]
    work = Work(lab, sides, evidence, texts, seconds, test_seconds, max(2, repeats))
    proven: dict[str, tuple[Finding, Proof]] = {}
    for proof in work.through(named, progress):
        # What points at the same code under the same rule is one problem to a reader, and one over pushes.
        found = finding_of(proof, evidence, work.repeats)
        first, _ = proven.setdefault(found.id, (found, proof))
        if first is not found:
            work.drop(proof.placed.suspicion, "said-already", f"it shows what {first.witness.tests[0]} shows")
    proofs = [proof for _, proof in proven.values()]
    findings = [finding for finding, _ in proven.values()]
    findings.sort(key=lambda f: (-f.severity.rank, f.function.head.path, f.start_line))
    if named:
        progress.note(f"witnesses that were proposed: {len(named)}; findings proven: {len(findings)}")
    order = {id(suspicion): index for index, suspicion in enumerate(named)}
    left = tuple(sorted(work.left, key=lambda item: order[id(item.suspicion)]))
    files = {proof.placed.path: proof.placed.probe.code for proof in proofs}
    return Witnessed(tuple(findings), left, with_results(evidence, proofs), files)
