"""The evidence of a review with the witnesses of proofs among its tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import Evidence, SuiteRun
from bot.steps.witness.seen import Placed, Proof, Seen


def with_results(evidence: Evidence, proofs: Sequence[Proof]) -> Evidence:
    """The evidence with the witnesses of these proofs among the tests of both sides, confirmed."""
    head, base = evidence.head, evidence.base
    for proof in proofs:
        head = with_result(head, proof.placed, proof.head)
        if proof.base is not None:
            base = with_result(base, proof.placed, proof.base)
    confirmed = evidence.confirmed | {proof.placed.test for proof in proofs}
    return replace(evidence, base=base, head=head, confirmed=confirmed)


def with_result(run: SuiteRun, item: Placed, seen: Seen) -> SuiteRun:
    """A run as it would have been with the witness in it."""
    if seen.result is None:
        return run
    calls = {**run.calls, item.function.id: (*run.calls.get(item.function.id, ()), *seen.calls)}
    return replace(
        run,
        collected=(*run.collected, item.test),
        tests=(*run.tests, seen.result),
        exit_code=1 if run.exit_code == 0 and seen.result.outcome.bad else run.exit_code,
        seconds=run.seconds + seen.result.seconds,
        covered={**run.covered, item.test: dict(seen.covered)},
        calls=calls,
    )
