"""Audits made by hand, for the tests of whatever is made of one: issues, drafts, documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sample_reviews import CLEAN, FINDING, WITH_REWRITE, WITHOUT_REWRITE, function

from bot.audited import Attention, Audit, AuditedFinding, AuditedFunction, FixedFinding, Risk, Standing
from bot.domain import Change, Conclusion, Problem, Reviewed, Revision

COMMIT = "c" * 40
WHEN = "2026-11-16T03:17:09.000+00:00"
BEFORE = "2026-11-09T03:17:00.000+00:00"
HEAD = Revision("HEAD", COMMIT, "d" * 40)
RISK = Risk(0.62, {"complexity": 0.7, "churn": 0.9, "uncovered": 0.0}, {"branches": 9, "commits": 12})
AUDITED = AuditedFunction(function(), "f" * 64, RISK, Attention.AUDITED, WHEN, tests=4, calls=9, seconds=1.5)


def finding(name: str, *, rewrite: bool = True) -> Reviewed:
    """A finding that differs from others by its name."""
    base = WITH_REWRITE if rewrite else WITHOUT_REWRITE
    return replace(base, finding=replace(FINDING, rule=f"tests/{name}", title=f"`total` is wrong: {name}"))


def fixed(item: Reviewed, when: str = WHEN) -> FixedFinding:
    """The same once it is gone."""
    found = item.finding
    return FixedFinding(found.id, found.title, found.function.id, found.rule, found.severity.value, BEFORE, when)


def audit(
    *items: Reviewed,
    gone: Sequence[Reviewed] = (),
    old: Sequence[Reviewed] = (),
    when: str = WHEN,
    functions: Sequence[AuditedFunction] = (AUDITED,),
    **review: object,
) -> Audit:
    """An audit with these findings; those that are `old` as well were found a week before."""
    conclusion = Conclusion.FINDINGS if items else Conclusion.CLEAN
    known = {item.finding.id for item in old}
    change = Change(HEAD, HEAD, ())
    made = replace(CLEAN, change=change, findings=tuple(items), **{"conclusion": conclusion, **review})  # type: ignore[arg-type]
    return Audit(
        id="0123456789ab",
        revision=HEAD,
        when=when,
        functions=tuple(functions),
        findings=tuple(
            AuditedFinding(item, Standing.STILL, BEFORE)
            if item.finding.id in known
            else AuditedFinding(item, Standing.NEW, when)
            for item in items
        ),
        fixed=tuple(fixed(item, when) for item in gone),
        review=made,
        previous=BEFORE,
    )


OVER_BUDGET = replace(AUDITED, attention=Attention.OVER_BUDGET, when="", why="the audit's time was spent")
NEUTRAL = replace(
    audit(functions=()),
    review=replace(
        CLEAN,
        conclusion=Conclusion.NEUTRAL,
        problems=(Problem("engine-missing", "No container engine answers.", ""),),
    ),
)
