"""The report: a review, or an audit, as one HTML file that needs nothing besides itself.

Whatever a repository, a model or a container said is escaped where it is printed (`templating.html_environment`),
and the page's policy lets nothing run or load but the style and the script that stand in it, by their digests.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot import render, templating, wording
from bot.audited import Attention, Audit, AuditedFinding
from bot.domain import Conclusion, Review, Reviewed
from bot.record import replay_command
from bot.report import plots, texts, views
from bot.templating import Markup

__all__ = ["page"]

ROOM = 24_000_000
"""Characters that findings may take with all their evidence, unpacked; those after that are told in brief."""
IN_FULL = 100
"""Findings whose evidence stands in the page as it is: there without a script, and found by a browser's search."""
PACK = 25
"""Findings that are unpacked together."""
MOST_BRIEF = 10_000
"""Findings that are on the page at all."""
MOST_LISTED = 300
"""Entries of a list besides the findings."""


def page(review: Review, audit: Audit | None = None, *, when: str = "", room: int = ROOM) -> str:
    """The whole report as HTML, ending in a newline. With an `audit`, `review` is the one that it holds.

    `when` is the time of a review in ISO 8601, where it is to be told. Findings beyond `room` characters are told
    without their code and their record, and the page says so.
    """
    ordered = views.ordered(review.findings, audit)[:MOST_BRIEF]
    names = views.anchors([item for item, _ in ordered])
    told = _findings(ordered, names, room)
    places: dict[str, list[tuple[str, int]]] = {}
    for number, (anchor, (item, _)) in enumerate(zip(names, ordered, strict=True), 1):
        places.setdefault(item.finding.function.id, []).append((anchor, number))
    links = {name: f"#{found[0][0]}" for name, found in places.items()}
    items = [item for item, _ in ordered]
    charts = [
        plots.by_kind(items),
        plots.times(review),
        plots.by_function(review, audit, links),
        plots.tokens(review),
    ]
    style, script = templating.text_of("report/page.css"), templating.text_of("report/page.js")
    html = (
        _templates()
        .get_template("report/page.html.j2")
        .render(
            review=review,
            audit=audit,
            when=views.date(audit.when if audit is not None else when),
            verdict=verdict(review, audit),
            mood=mood(review),
            silence=silence(review, audit),
            tiles=tiles(review, audit, items),
            plots=[chart for chart in charts if chart is not None],
            matrix=views.matrix([(anchor, item) for anchor, item in zip(names, items, strict=True)]),
            findings=told.articles,
            parts=told.parts,
            brief=told.brief,
            left_out=len(review.findings) - len(ordered),
            severities=views.severities(items),
            kinds=sorted({item.finding.category.value for item in items}),
            functions=views.functions(audit, places) if audit is not None else (),
            more_functions=max(0, len(audit.functions) - views.MOST_FUNCTIONS) if audit is not None else 0,
            # Our own files, whole: the policy names them by their digests.
            style=Markup(style),
            script=Markup(script),
            style_digest=digest(style),
            script_digest=digest(script),
        )
    )
    return html.strip("\n") + "\n"


def digest(text: str) -> str:
    """What a content security policy calls a text that may stand in the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass(frozen=True)
class Told:
    """The findings as the page holds them."""

    articles: tuple[Markup, ...]
    parts: tuple[Markup, ...]
    """What is unpacked when a finding is opened: JSON lists of HTML, as gzip in base64."""
    brief: int
    """How many are told in brief, and no more of them is in the page."""


def _findings(ordered: list[tuple[Reviewed, AuditedFinding | None]], names: list[str], room: int) -> Told:
    """The first in full, readable without a script; the next packed; those beyond `room` characters in brief."""
    module: Any = _templates().get_template("report/finding.html.j2").module
    articles: list[Markup] = []
    packed: list[list[str]] = []
    used = brief = 0
    for number, (anchor, (item, audited)) in enumerate(zip(names, ordered, strict=True), 1):
        if used > room:
            brief += 1
            shown = views.shown(number, anchor, item, audited, brief=True)
            articles.append(module.article(shown, module.body(shown, "the JSON result has all of it"), None, 0))
            continue
        shown = views.shown(number, anchor, item, audited)
        inside = module.body(shown, "")
        used += len(inside)
        if number <= IN_FULL and used < room // 4:
            articles.append(module.article(shown, inside, None, 0))
            continue
        if not packed or len(packed[-1]) >= PACK:
            packed.append([])
        place = (len(packed) - 1, len(packed[-1]))
        packed[-1].append(inside)
        short = views.shown(number, anchor, item, audited, brief=True)
        articles.append(module.article(short, module.body(short, "the page's script shows the rest"), *place))
    return Told(tuple(articles), tuple(map(_pack, packed)), brief)


def _pack(texts: list[str]) -> Markup:
    """HTML of several findings, small: its alphabet needs no escape."""
    data = gzip.compress(json.dumps(texts).encode(), 6, mtime=0)
    return Markup(base64.b64encode(data).decode())


def verdict(review: Review, audit: Audit | None) -> str:
    """All of it in one sentence."""
    if audit is None:
        return render.headline(review)
    new = sum(1 for one in audit.findings if one.standing.value == "new")
    rows = audit.functions
    if not audit.findings and review.conclusion is Conclusion.NEUTRAL:
        return render.headline(review)
    said = f"Nothing was found in {render.counted(len(rows), 'function')}"
    if audit.findings:
        said = f"{render.counted(len(audit.findings), 'finding')} in {render.counted(len(rows), 'function')}"
    parts = [f"{new} new"] if audit.findings else []
    if audit.fixed:
        parts.append(f"{len(audit.fixed)} fixed since")
    if parts:
        said += ": " + ", ".join(parts)
    late = sum(1 for row in rows if row.attention in (Attention.OVER_BUDGET, Attention.FAILED))
    return said + (f"; {render.counted(late, 'function')} could not be looked at yet." if late else ".")


def silence(review: Review, audit: Audit | None) -> str:
    """What it means that nothing was found: what ran, and what did not; empty where something was."""
    if review.conclusion is not Conclusion.CLEAN:
        return ""
    total = len(audit.functions) if audit is not None else len(review.functions)
    counts = (
        [row.tests for row in audit.functions] if audit is not None else [row.tests for row in review.functions]
    )
    ran = sum(review.suite.get("head", {}).values())
    compared = sum(report.compared for report in review.functions)
    said = [f"{render.counted(ran, 'test')} ran"] if ran else []
    said.append(f"{sum(1 for count in counts if count)} of {render.counted(total, 'function')} executed by a test")
    if compared:
        said.append(f"{render.counted(compared, 'input')} compared with base")
    looked = next((f" {note}" for note in review.notes if note.startswith("Looked for:")), "")
    if not looked:
        usage = review.costs.usage
        said.append("a model was asked" if usage.requests or usage.from_cache else "no model was asked")
    return f"What the silence rests on: {'; '.join(said)}.{looked}"


def mood(review: Review) -> tuple[str, str]:
    """The conclusion as a class and a word."""
    return {
        Conclusion.CLEAN: ("good", "nothing found"),
        Conclusion.FINDINGS: ("bad", "findings"),
        Conclusion.NEUTRAL: ("part", "not a pass"),
        Conclusion.NOTHING: ("same", "nothing to review"),
    }[review.conclusion]


def tiles(review: Review, audit: Audit | None, items: list[Reviewed]) -> list[tuple[str, str, str]]:
    """Figures at a glance: (figure, what, more)."""
    used = review.costs
    worst = ", ".join(f"{count} {name}" for name, count in views.severities(items))
    rewrites = sum(1 for item in items if item.rewrite is not None)
    apart = sum(1 for item in items if item.rewrite is not None and wording.verified(item.rewrite.verdict))
    made = [
        (f"{len(items):,}", "finding" if len(items) == 1 else "findings", worst or "nothing was shown"),
    ]
    if items:
        passed = (
            f"{rewrites:,}",
            "rewrite passed" if rewrites == 1 else "rewrites passed",
            f"{apart} verified in a process of their own" if apart else "each in a fresh container",
        )
        made.append(passed)
    if audit is not None:
        counts = {kind: sum(1 for row in audit.functions if row.attention is kind) for kind in Attention}
        untested = sum(1 for row in audit.functions if not row.tests)
        said = f"{counts[Attention.AUDITED]} audited now, {counts[Attention.UNCHANGED]} unchanged"
        made.append((f"{len(audit.functions):,}", "functions", said))
        share = 1 - untested / len(audit.functions) if audit.functions else 0.0
        made.append((f"{share:.0%}", "executed by tests", f"{untested} functions by none"))
    else:
        untested = sum(1 for report in review.functions if report.unexecuted_lines)
        said = (
            f"{untested} with lines that no test executes" if untested else "each of their lines executed by tests"
        )
        what = "changed functions" if render.compares(review) else "functions"
        made.append((f"{len(review.functions):,}", what, said))
        total = sum(review.suite.get("head", {}).values())
        red = sum(n for word, n in review.suite.get("head", {}).items() if word in ("failed", "error"))
        made.append((f"{total:,}", "tests at head", f"{red} red" if red else "none red"))
    runs = f"{used.candidates:,} candidates, {used.verified} verified, {used.containers:,} containers"
    made.append((f"{used.executions:,}", "executions", runs))
    if used.seconds > 0:
        preparing = f"{plots.seconds(used.prepare_seconds)} preparing" if used.prepare_seconds else "by the clock"
        made.append((plots.seconds(used.seconds), "in all", preparing))
    return made


@functools.cache
def _templates() -> templating.Environment:
    filters: dict[str, Callable[..., object]] = {
        "prose": texts.prose,
        "line": texts.line,
        "ranges": lambda numbers: render.ranges(sorted(set(numbers))[:500]),
        "share": lambda value: f"{value:.2f}",
        "duration": wording.duration,
    }
    names: dict[str, object] = {
        "counted": render.counted,
        "compares": render.compares,
        "lines": render.lines,
        "found_by": render.found_by,
        "replay": replay_command,
        "suites": render.suites,
        "costs": render.costs,
        "spent": render.spent,
        "words": wording,
        "date": views.date,
        "most_listed": MOST_LISTED,
    }
    return templating.html_environment(filters, names, texts.shown)
