"""The proof of a saved finding once more, in fresh containers: base, head, and the saved rewrite."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from bot import examine, trial, wiring
from bot.config import Config
from bot.domain import Evidence, Finding, Found, Review, Rewrite, Verdict
from bot.draft import Draft, Ground
from bot.errors import UsageError
from bot.progress import Progress
from bot.review import bench_of, observed, prepare, texts_of
from bot.steps import observe, verify
from bot.workspace import Workspace


def replay(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    *,
    review: Review,
    finding_id: str,
) -> Verdict:
    """Repeats the proof of a saved finding in fresh containers: base, head, and the saved rewrite.

    Raises UsageError when the review has no such finding, or the finding no suggestion.
    """
    saved = next((item for item in review.findings if item.finding.id == finding_id), None)
    if saved is None:
        raise UsageError(f"the review {review.id} has no finding {finding_id}", slug="no-finding")
    if saved.rewrite is None:
        raise UsageError(
            f"finding {finding_id} has no suggestion to prove again",
            hint=f"its witness can be run by hand: {saved.finding.witness.command}",
            slug="no-suggestion",
        )
    change = review.change
    ground = Ground(
        change, workspace.tree(change.base), workspace.tree(change.head), config, parts, time.monotonic()
    )
    with contextlib.closing(parts.backend):
        return proved(ground, saved.finding, saved.rewrite, review, progress)


def proved(ground: Ground, finding: Finding, rewrite: Rewrite, review: Review, progress: Progress) -> Verdict:
    """The verdict on a finding's rewrite, from two trees on. Raises UsageError."""
    parts, config, change = ground.parts, ground.config, ground.change
    lab = trial.Lab(parts.backend, config.limits())
    found = Found((finding.function,), ())
    draft = Draft(ground, lab, found)
    progress.stage("prepare", "an image with the repository's dependencies")
    sides = prepare(ground, draft, progress)
    sides = with_witnesses(sides, review)
    progress.stage("observe", "running the tests of base and head")
    alone = change.base.tree == change.head.tree
    evidence = observed(ground, lab, sides, found, (), progress, alone=alone)
    progress.stage("verify", finding.title)
    bench = bench_of(ground, lab, sides.head, texts_of(ground, found.functions), evidence)
    place = examine.place_of(bench, finding.function)
    if place is None:
        raise UsageError("the function's file is not in the saved tree", slug="no-finding")
    case = verify.Case(
        sides.head,
        place,
        evidence,
        still_red(finding, evidence),
        examine.executing_of(finding.function, evidence),
        finding.function.base,
    )
    candidate = replace(rewrite.candidate, function=finding.function.head)
    outcome = verify.verify(lab, case, candidate, parts.checks, bench.verify, progress)
    return outcome.verdict


def with_witnesses(sides: observe.Sides, review: Review) -> observe.Sides:
    """Both sides with the tests that a model wrote and the review's findings rest on."""
    witnesses = [item.finding.witness for item in review.findings]
    files = {shown.path: shown.code for shown in witnesses if shown.code}
    return observe.Sides(trial.with_files(sides.base, files), trial.with_files(sides.head, files))


def still_red(finding: Finding, evidence: Evidence) -> Finding:
    """The finding, when its witness is red at head again. Raises UsageError when it no longer reproduces."""
    results = evidence.head.by_id()
    gone = [t for t in finding.witness.tests if t in results and not results[t].outcome.bad]
    if gone:
        raise UsageError(
            f"the witness does not reproduce: {gone[0]} passes at head now",
            hint="it may be flaky, or the environment has changed since the review",
            slug="not-reproduced",
        )
    return finding
