"""Pages for the tests of the report: reviews and audits made by hand, and those with an attack in every text."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import sample_proofs
import sample_reviews

from bot import report
from bot.audited import (
    Attention,
    Audit,
    AuditedFinding,
    AuditedFunction,
    FixedFinding,
    Risk,
    Standing,
)
from bot.domain import LineStep, Review, Revision, RungRun, Turn, Usage

SEEN = (
    (0, (("call", "", "[3, 4]"),)),
    (2, (("net", "int", "0"),)),
    (4, (("net", "int", "4"),)),
    (4, (("net", "int", "7"),)),
)


def _watched() -> Any:
    """The sample's search with all that a search may record."""
    step = sample_reviews.SEARCH.steps[0]
    first, second, third = step.trials
    trials = (replace(first, trace=SEEN), replace(second, trace=SEEN, votes=3), replace(third, merged_into=0))
    line = replace(step, trials=trials, why="It passes every test that executes the function: a candidate.")
    whole = replace(line, turn=Turn.WHOLE, trials=tuple(replace(t, said="") for t in trials))
    sampled = replace(line, turn=Turn.WIDER, chosen=None, trials=(replace(first, said="    return net", votes=2),))
    back = LineStep(3, "    net = 0", 0.0, (), None, 1, Turn.BACK, "Nothing led on.", ("swap",))
    rung = RungRun(
        "plain", 1, 0, Usage(requests=2, tokens_in=900, tokens_out=80, tokens_cached=300), 1.5, "no luck"
    )
    return replace(sample_reviews.SEARCH, steps=(whole, line, back, sampled), rungs=(rung,))


FULL: Review = replace(
    sample_proofs.KINDS,
    findings=tuple(
        replace(item, search=_watched())
        for item in (*sample_proofs.KINDS.findings, sample_reviews.WITHOUT_REWRITE)
    ),
    not_reviewed=sample_reviews.FOUND.not_reviewed,
    test_changes=sample_reviews.FOUND_WITHOUT.test_changes,
    problems=sample_reviews.NEUTRAL.problems,
    flaky=sample_reviews.FOUND_WITHOUT.flaky,
    notes=("The model was not there.",),
    costs=replace(sample_proofs.KINDS.costs, usage=Usage(requests=4, tokens_in=2000, tokens_out=200)),
)
"""A review that has something in every part of the page."""


def audit(review: Review = FULL, many: int = 1) -> Audit:
    """An audit with the findings of a review, `many` times."""
    items = []
    for turn in range(many):
        for item in review.findings:
            finding = replace(item.finding, anchor=f"{item.finding.anchor}{turn}")
            items.append(replace(item, finding=finding))
    findings = tuple(
        AuditedFinding(item, Standing.NEW if at % 2 else Standing.STILL, "2026-11-20T02:00:00Z")
        for at, item in enumerate(items)
    )
    risk = Risk(0.61, {"complexity": 0.9, "churn": 0.4, "uncovered": 0.2}, {"complexity": 14, "churn": 9})
    head = review.findings[0].finding.function.head if review.findings else sample_reviews.function()
    functions = tuple(
        AuditedFunction(
            replace(head, start_line=at * 10 + 1),
            f"key{at}",
            risk,
            list(Attention)[at % 4],
            "2026-11-27T02:00:00Z",
            at % 3,
            9,
            1.5,
            20,
            "The suite did not collect." if at % 4 == 3 else "",
        )
        for at in range(24)
    )
    fixed = (
        FixedFinding("0f" * 6, "`merge` lost a key", "a.py::merge", "tests/x", "high", "2026-10-02", "2026-11-27"),
    )
    return Audit(
        "audit-1",
        Revision("main", "c" * 40, "d" * 40),
        "2026-11-27T02:00:00Z",
        functions,
        findings,
        fixed,
        replace(review, findings=tuple(items)),
        ("src",),
        "2026-11-20T02:00:00Z",
    )


def poisoned(value: Any, text: str) -> Any:
    """A noun with every text in it replaced, however deep it lies; what is no free text stays."""
    if isinstance(value, enum.Enum) or value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if isinstance(value, frozenset):
        return frozenset(poisoned(item, text) for item in value)
    if isinstance(value, Mapping):
        return {key if isinstance(key, int) else text: poisoned(item, text) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: poisoned(getattr(value, field.name), text)
            # These are words of ours, on which the page's form depends.
            for field in fields(value)
            if field.init and field.name not in ("kind", "label", "rule", "slug", "how", "attention", "suite")
        }
        return replace(value, **changed)
    raise TypeError(type(value))


ATTACKS = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror="window.pwned=1">',
    "'><svg/onload=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "</style><style>*{display:none}</style>",
    "</title><body onload=window.pwned=1>",
    "--><script>window.pwned=1</script><!--",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<base href='http://evil.invalid/'><meta http-equiv=refresh content='0;url=http://evil.invalid/'>",
    "<link rel=stylesheet href=http://evil.invalid/x.css><a href='javascript:window.pwned=1'>click</a>",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;&#60;script&#62;",
    "</template></table></details></article><form action=http://evil.invalid><button>x",
    "\u202e\u2066gnp.exe\u200b\x00\x1b[31mred\x07",
    "\x22 onfocus=window.pwned=1 autofocus tabindex=1 x=\x22",
    "]]><![CDATA[<script>window.pwned=1</script>",
    "`<b>`</code><script>window.pwned=1</script>`",
    "\ud800<script\n>window.pwned=1</script\n>",
    "url(http://evil.invalid/x);}*{background:url(http://evil.invalid/y)}",
)
"""What somebody might call a function, print in a test, or have a model say."""


def page(review: Review = FULL, of: Audit | None = None, **more: Any) -> str:
    """The page of a review, or of an audit."""
    return report.page(of.review if of is not None else review, of, **more)
