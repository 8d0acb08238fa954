"""What a later push needs to know of a review, and what of an earlier one is gone."""

from __future__ import annotations

from dataclasses import replace

from bot import render
from bot.domain import Candidate, Conclusion, Finding, Probe, Review, Reviewed
from bot.plan import Known, Memory, function_digest

_NOT_LOOKED_AT = frozenset({"over-budget", "not-selected"})
"""Reasons for which a changed function is left out although it may be as it was."""


def memory_of(review: Review, before: Memory) -> Memory:
    """What is known after this review of a pull request of which `before` was known.

    A review that could not run is no step: the commit, and what was reviewed, stay those of before. Findings that
    it has, or that it did not look for, are kept, and so are those that are ignored.
    """
    told = {item.finding.id: known_of(item, before) for item in review.findings}
    kept = (
        known
        for known in before.findings
        if known.id not in told and (known.id in before.ignored or stands(known.function, review))
    )
    ran = review.conclusion is not Conclusion.NEUTRAL
    return Memory(
        head=head_of(review) or before.head if ran else before.head,
        functions=_functions(review, before) if ran else before.functions,
        findings=(*told.values(), *kept),
        ignored=before.ignored,
    )


def known_of(item: Reviewed, before: Memory) -> Known:
    """A finding as it is remembered. One that is ignored, and so not rewritten, keeps the rewrite that it had.

    The memory is posted, so what looks like a secret does not get into it.
    """
    finding = item.finding
    old = before.known(finding.id)
    if item.rewrite is None and item.ignored and old is not None:
        return old
    known = Known(
        id=finding.id,
        function=finding.function.id,
        rule=finding.rule,
        title=render.secretless(finding.title),
    )
    probe = _remembered(finding)
    if probe is not None and not _secret(probe):
        known = replace(known, probe=probe)
    if item.rewrite is None or _secret(item.rewrite.candidate):
        return known
    candidate = item.rewrite.candidate
    return replace(
        known,
        source=candidate.source,
        imports=candidate.imports,
        edits=candidate.edits,
        proposer=candidate.proposer,
        rung=candidate.rung,
    )


def _remembered(finding: Finding) -> Probe | None:
    """What a model's witness was made of. What we make of inputs and of payloads is found again at each push."""
    return finding.probe if finding.probe is not None and not finding.probe.ours else None


def _secret(thing: Probe | Candidate) -> bool:
    """Whether something that would be remembered of it looks like a secret."""
    texts = (
        (thing.source, *thing.imports, *thing.edits, thing.proposer)
        if isinstance(thing, Candidate)
        else tuple(str(value) for value in vars(thing).values())
    )
    return any(render.holds_secret(text) for text in texts)


def stands(function: str, review: Review) -> bool:
    """Whether the review says nothing of what was found in a function before: it could not run, or did not look,
    or not as far as it should. An empty id is a function of which nothing is known."""
    if review.conclusion is Conclusion.NEUTRAL:
        return True
    half = {report.function.id for report in review.functions if not report.whole}
    left_out = {
        f"{item.path}::{item.symbol}"
        for item in review.not_reviewed
        if item.symbol is not None and item.slug in _NOT_LOOKED_AT
    }
    return function in half | left_out if function else bool(half | left_out)


def head_of(review: Review) -> str:
    """The commit that was reviewed; empty for a working tree."""
    return review.target.head if review.target is not None else review.change.head.commit or ""


def _functions(review: Review, before: Memory) -> dict[str, str]:
    """What was reviewed as a whole, this time's first: the memory forgets from the end."""
    # Of what cannot be remembered nobody may think that it was not there: the function is reviewed again.
    lost = {item.finding.function.id for item in review.findings if _loses(item)}
    looked_at = {report.function.id for report in review.functions}
    whole = {
        r.function.id: function_digest(r.function)
        for r in review.functions
        if r.whole and r.function.id not in lost
    }
    return whole | {name: digest for name, digest in before.functions.items() if name not in looked_at}


def _loses(item: Reviewed) -> bool:
    """Whether something of the finding has to be left out of the memory."""
    probe, rewrite = _remembered(item.finding), item.rewrite
    return (probe is not None and _secret(probe)) or (rewrite is not None and _secret(rewrite.candidate))
