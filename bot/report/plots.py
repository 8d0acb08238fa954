"""What is plotted: rows of bars with their figures beside them, so that each plot is a table that can be heard.

Drawn by `templates/report/plots.html.j2` as inline SVG. A plotting library would weigh more than the rest of the
image, fix colours where the page has two sets of them, and turn figures into shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot import wording
from bot.audited import Audit
from bot.domain import Category, Review, Reviewed, Severity, Usage
from bot.report import texts

TOP = 10
"""Functions of a plot by function."""


@dataclass(frozen=True)
class Segment:
    """A piece of a bar."""

    name: str
    style: str
    """Its class in the style sheet."""
    x: str
    width: str
    """Both in hundredths of the longest bar."""
    value: str


@dataclass(frozen=True)
class Bar:
    """One row."""

    label: str
    segments: tuple[Segment, ...]
    value: str
    href: str = ""


@dataclass(frozen=True)
class Plot:
    """A titled table of bars."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, str], ...] = ()
    """(class, name) of the pieces, where bars have several."""
    note: str = ""


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, str, float, str]], str, str]]) -> tuple[Bar, ...]:
    """Rows of (label, pieces of (name, class, amount, figure), figure of all, link), to one scale."""
    longest = max((sum(amount for _, _, amount, _ in pieces) for _, pieces, _, _ in rows), default=0) or 1.0
    made = []
    for label, pieces, value, href in rows:
        x, segments = 0.0, []
        for name, style, amount, figure in pieces:
            width = 100 * max(0.0, amount) / longest
            if width > 0:
                segments.append(Segment(name, style, f"{x:.2f}", f"{max(width - 0.25, 0.25):.2f}", figure))
            x += width
        made.append(Bar(label, tuple(segments), value, href))
    return tuple(made)


def by_kind(findings: Sequence[Reviewed]) -> Plot | None:
    """Findings by kind and severity."""
    if not findings:
        return None
    counts = Counter((item.finding.category, item.finding.severity) for item in findings)
    severities = [severity for severity in reversed(Severity) if any(counts[kind, severity] for kind in Category)]
    rows = []
    for kind in Category:
        pieces = [(s.value, f"sev-{s.value}", float(counts[kind, s]), str(counts[kind, s])) for s in severities]
        total = sum(counts[kind, s] for s in severities)
        if total:
            figures = ", ".join(f"{counts[kind, s]} {s.value}" for s in severities if counts[kind, s])
            rows.append((kind.value, pieces, figures, ""))
    legend = tuple((f"sev-{s.value}", s.value) for s in severities)
    return Plot("Findings by kind and severity", "findings", bars(rows), legend)


def times(review: Review) -> Plot | None:
    """Where the time went."""
    used = review.costs
    if used.seconds <= 0:
        return None
    searching = sum(item.search.seconds for item in review.findings if item.search is not None)
    proving = sum(
        verdict.seconds
        for item in review.findings
        for verdict in (*([item.rewrite.verdict] if item.rewrite else []), *(one.verdict for one in item.rejected))
    )
    known = used.prepare_seconds + searching + proving
    parts = [
        ("making or finding images", "part-1", used.prepare_seconds),
        ("tests on base and head, witnesses, the rest", "part-2", max(0.0, used.seconds - known)),
        ("searching rewrites", "part-3", searching),
        ("proving them, cold", "part-4", proving),
    ]
    rows = [
        (
            name,
            [(name, style, amount, seconds(amount))],
            f"{seconds(amount)} · {amount / max(known, used.seconds):.0%}",
            "",
        )
        for name, style, amount in parts
        if amount > 0
    ]
    if len(rows) < 2:
        return None  # a whole without its parts says nothing that the figures above do not
    beside = "Work that ran side by side is counted for each: the parts are more than the clock's time."
    return Plot(
        f"Where {seconds(used.seconds)} went", "time", bars(rows), note=beside if known > used.seconds else ""
    )


def by_function(review: Review, audit: Audit | None, links: dict[str, str]) -> Plot | None:
    """The functions that took most of it."""
    spent: dict[str, list[float]] = {}
    if audit is not None:
        for row in audit.functions:
            if row.seconds > 0:
                spent[row.function.id] = [row.seconds, float(row.executions)]
    else:
        whole = {report.function.id: report.seconds for report in review.functions if report.seconds > 0}
        for name, time in whole.items():
            spent[name] = [time, 0.0]
        for item in review.findings:
            entry = spent.setdefault(item.finding.function.id, [0.0, 0.0])
            if item.search is not None:
                entry[0] += 0.0 if item.finding.function.id in whole else item.search.seconds
                entry[1] += item.search.executions
            if item.rewrite is not None and item.finding.function.id not in whole:
                entry[0] += item.rewrite.verdict.seconds
    most = sorted((row for row in spent.items() if row[1][0] > 0), key=lambda row: -row[1][0])[:TOP]
    if not most:
        return None
    rows = [
        (
            texts.line(name, 120),
            [("time", "part-3", time, seconds(time))],
            f"{seconds(time)} · {runs:,.0f} runs" if runs else seconds(time),
            links.get(name, ""),
        )
        for name, (time, runs) in most
    ]
    told = audit is not None or any(report.seconds > 0 for report in review.functions)
    title = "Time by function" if told else "Search and proof by function"
    return Plot(title, "time", bars(rows), note=f"The first {TOP}." if len(spent) > TOP else "")


def tokens(review: Review) -> Plot | None:
    """What a model read and wrote, by the rung of the ladder."""
    rungs: dict[str, Usage] = {}
    for item in review.findings:
        for rung in item.search.rungs if item.search is not None else ():
            rungs[rung.name] = rungs.get(rung.name, Usage()).plus(rung.usage)
    total = review.costs.usage
    if not total.requests and not total.from_cache:
        return None
    known = Usage()
    for usage in rungs.values():
        known = known.plus(usage)
    other = total.minus(known)
    named = [*rungs.items(), ("suspecting and the rest", other)]
    rows = []
    for name, usage in named:
        fresh = max(0, usage.tokens_in - usage.tokens_cached)
        if fresh + usage.tokens_cached + usage.tokens_out <= 0:
            continue
        pieces = [
            ("read", "part-2", float(fresh), f"{fresh:,}"),
            ("read from the server's cache", "part-1", float(usage.tokens_cached), f"{usage.tokens_cached:,}"),
            ("written", "part-3", float(usage.tokens_out), f"{usage.tokens_out:,}"),
        ]
        figures = f"{usage.tokens_in:,} read ({usage.tokens_cached:,} cached), {usage.tokens_out:,} written"
        rows.append((texts.line(name, 60), pieces, figures, ""))
    if not rows:
        return None
    legend = (("part-2", "read"), ("part-1", "read from the server's cache"), ("part-3", "written"))
    return Plot("Tokens by rung", "tokens", bars(rows), legend)


def seconds(amount: float) -> str:
    """`1.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if amount < 120:
        return wording.duration(amount)
    minutes, rest = int(amount // 60), int(amount % 60)
    if minutes < 10 and rest:
        return f"{minutes} min {rest} s"
    minutes = round(amount / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
