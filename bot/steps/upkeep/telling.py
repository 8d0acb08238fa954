"""What an audit says, passage by passage: the same in an issue, in a document and in a draft's text."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot import render
from bot.audited import Attention, Audit, AuditedFinding, AuditedFunction
from bot.domain import Conclusion, Finding, Reviewed
from bot.render import Part, passage

MOST_CODE = 20_000
"""Characters of a test or a diff that are shown; a longer one is left out, not cut."""
ROOM = 12_000
"""Characters of one finding in full: a few of them fit into an issue."""
IN_FULL = 20
"""Findings that are told in full, where there is room; the table names more."""
RISKS = 10
"""Functions of the highest risk that are shown."""
_REASONS = 10
_ROWS = (100, 50, 20, 8)
SHORTENED = "Shortened: not all that this audit says fits in here. The report has it all."


@dataclass(frozen=True)
class Row:
    """A finding in the table."""

    item: Reviewed
    state: str
    """In our words: new, or since when it is there."""
    url: str = ""
    """Where its lines are shown, on the platform."""
    proposal: str = ""
    """The draft pull request of its rewrite, where there is one: `#12`, `#12, closed`."""


def blob_url(base: str, path: str, line: int) -> str:
    """The address of a line of a file below `base`, which names the commit; empty where `base` is none."""
    if not address(base):
        return ""
    # What is no letter of an address is written as one: nothing in a path can end the link.
    quoted = urllib.parse.quote(path.encode("utf-8", "surrogateescape"), safe="/~")
    return f"{base.rstrip('/')}/{quoted}#L{max(line, 1)}" if len(quoted) <= 500 else ""


def where(base: str, finding: Finding) -> str:
    """The address of a finding's lines."""
    return blob_url(base, finding.function.head.path, finding.start_line)


def address(url: str) -> str:
    """An address where it is one that a link can hold; empty otherwise."""
    return url if re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~/?&=%+-]*)?", url) else ""


def day(when: str) -> str:
    """The day of an ISO 8601 time; as it is, clipped, where it is none."""
    found = re.match(r"\d{4}-\d{2}-\d{2}", when)
    return found[0] if found else render.one_line(when, 40)


def reached(audit: Audit) -> int:
    """How many functions have a result of their present text."""
    return sum(row.attention in (Attention.AUDITED, Attention.UNCHANGED) for row in audit.functions)


def whole(audit: Audit) -> bool:
    """Whether a finding that the audit does not name is certainly gone."""
    return bool(audit.functions) and audit.complete and not audit.paths


def opening(audit: Audit, line: str) -> list[Part]:
    """The verdict, and why it is none where it is none."""
    review = audit.review
    parts = [Part((f"**{line}**",))]
    if review.conclusion is Conclusion.NEUTRAL:
        parts.append(Part((passage("summary", "problems", review, 20), passage("summary", "problems", review, 1))))
        parts.append(Part((passage("summary", "logs", review), "")))
    elif review.problems:
        parts.append(Part((passage("summary", "failing", review), "")))
    return parts


def table(rows: Sequence[Row]) -> list[Part]:
    """The findings, one a line, as many as there is room for."""
    if not rows:
        return []
    count = len(rows)
    shown = [n for n in _ROWS if n < count] or [count]
    sizes = [count] if count <= _ROWS[0] else []
    tables = [passage("audit/findings", "rows", rows[:n], count - n) for n in (*sizes, *shown)]
    return [Part((*dict.fromkeys(tables), f"{count} findings, too many for a table here."), weight=2)]


def in_full(rows: Sequence[Row], most: int = IN_FULL) -> list[Part]:
    """Each finding folded: what shows it, and its rewrite."""
    parts = []
    for row in rows[:most]:
        title = passage("summary", "title", row.item)
        text = render.fitted(finding(row.item), ROOM, SHORTENED)
        brief = render.fitted(finding(row.item)[:1], ROOM, "")
        parts.append(
            Part((*(passage("inline", "folded", title, one) for one in dict.fromkeys((text, brief))), ""))
        )
    return parts


def finding(item: Reviewed) -> list[Part]:
    """One finding with its proof and its rewrite. A diff is whole, or it is not there."""
    parts = [Part((passage("inline", "head", item, False),)), *_rewrite(item), *witness(item)]
    if item.rewrite is not None:
        parts.append(Part((passage("audit/findings", "checks", item), "")))
        parts.append(Part((passage("audit/findings", "again", item), "")))
    return parts


def witness(item: Reviewed) -> list[Part]:
    """What shows a finding, to be run again."""
    found = item.finding.witness
    has_code = bool(found.code) and len(found.code) <= MOST_CODE
    if found.measured is not None:
        return [Part((passage("inline", "measured", item), ""))]
    if found.kind in ("input", "attack") and has_code:
        return [Part((passage("inline", "made", item), ""))]
    parts = [Part((passage("audit/findings", "command", item), ""))] if found.command.strip() else []
    if found.failure.strip():
        parts.append(Part((passage("inline", "failure", item), "")))
    if has_code:
        parts.append(Part((passage("inline", "written", item), "")))
    return parts


def _rewrite(item: Reviewed) -> list[Part]:
    if item.rewrite is None:
        return [Part((passage("inline", "without", item),))]
    text = render.commandless(render.visible(render.diff(item.finding, item.rewrite)))
    why = ""
    if len(text) > MOST_CODE:
        why = "it is too long for here"
    elif render.holds_secret(text):
        why = "it holds what looks like a secret"
    omitted = passage("inline", "omitted", item, why or "it is too long for here")
    return [Part((omitted,) if why else (passage("inline", "shown", item, text, ""), omitted), weight=1)]


def fixed(items: Iterable[tuple[str, str]], since: str) -> list[Part]:
    """What is gone: id and title, which is empty where nobody knows it any more."""
    gone = tuple(items)
    return [Part((passage("audit/findings", "fixed", gone, day(since) if since else ""), ""))] if gone else []


def risks(audit: Audit) -> list[Part]:
    """The functions of the highest risk, and why."""
    rows = audit.functions[:RISKS]
    return [Part((passage("audit/findings", "risks", rows, audit), ""))] if rows else []


def left_out(audit: Audit) -> list[Part]:
    """What was not audited, by reason; nothing is dropped in silence."""
    groups: dict[str, list[AuditedFunction]] = {}
    for row in audit.functions:
        if row.attention in (Attention.OVER_BUDGET, Attention.FAILED):
            why = row.why or ("its turn did not come" if row.attention is Attention.OVER_BUDGET else "it failed")
            groups.setdefault(why, []).append(row)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    parts = []
    if ranked:
        count = sum(len(rows) for _, rows in ranked)
        parts.append(Part((passage("audit/findings", "left_out", ranked[:_REASONS], len(ranked), count), "")))
    parts.append(Part((passage("lists", "not_reviewed", audit.review), "")))
    parts.append(Part((passage("lists", "notes", audit.review), "")))
    parts.append(Part((passage("lists", "flaky", audit.review), "")))
    return parts


def foot(audit: Audit, run_url: str, report_url: str) -> Part:
    """What was audited, at which commit, and what it took."""
    commit = (audit.revision.commit or audit.revision.tree)[:12]
    run, report = address(run_url), address(report_url)
    return Part((passage("audit/findings", "foot", audit, commit, reached(audit), run, report),))


def ranked(findings: Iterable[AuditedFinding]) -> tuple[AuditedFinding, ...]:
    """Worst proven impact first."""
    by_item = {id(one.item): one for one in findings}
    return tuple(by_item[id(item)] for item in render.rank([one.item for one in by_item.values()]))
