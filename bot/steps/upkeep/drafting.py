"""Draft pull requests of rewrites: which of them, with which bytes, and what they say. Highest value first."""

from __future__ import annotations

import html
import io
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import render, upkeep_markers
from bot.audited import Audit
from bot.domain import Category, Conclusion, Function, Replacement, Reviewed
from bot.plan import Draft, Proposed
from bot.render import MAX_BODY, Part, passage
from bot.steps.upkeep import telling

PREFIX = "tryline/"
MAX_TITLE = 120


@dataclass(frozen=True)
class Content:
    """A file at the audited commit."""

    content: bytes
    executable: bool = False
    moved: bool = False
    """Whether the default branch has something else there by now."""


@dataclass(frozen=True)
class Drafts:
    """What is to be proposed, and why the rest is not."""

    drafts: tuple[Draft, ...]
    reasons: tuple[str, ...] = ()
    """One sentence for each rewrite that is left out for a reason of its own, not for want of room."""


def drafts(
    audit: Audit,
    read: Callable[[str], Content | None],
    proposed: Sequence[Proposed],
    *,
    most: int,
    branch: str,
    room: int = MAX_BODY,
) -> Drafts:
    """The drafts that may be opened now: at most `most` are open at a time, and none is opened twice.

    `read` gives a file at the audited commit, None where there is none. `branch` is the one that they go to.
    """
    commit = audit.revision.commit
    free = most - sum(one.open for one in proposed)
    if commit is None or free <= 0:
        return Drafts(())
    before = {one.finding for one in proposed}
    made: list[Draft] = []
    reasons: list[str] = []
    for one in telling.ranked(audit.findings):
        item = one.item
        rewrite, finding = item.rewrite, item.finding
        if len(made) == free:
            break
        if rewrite is None or not rewrite.verdict.accepted or rewrite.label == "revert" or item.ignored:
            continue
        if finding.id in before:
            continue
        changed = _changed(finding.function.head, (rewrite.suggestion, *rewrite.also), read)
        if isinstance(changed, str):
            reasons.append(f"`{finding.function.id}` is not proposed: {changed}.")
            continue
        files, programs = changed
        title = _title(item)
        made.append(
            Draft(
                finding=finding.id,
                branch=f"{PREFIX}{finding.id}",
                base=commit,
                base_ref=branch,
                title=title,
                body=_body(audit, item, room),
                message=f"{title}\n\nFound and verified by Tryline's audit.\n",
                files=files,
                executable=programs,
            )
        )
        # Two findings may have one remedy: the same bytes are proposed once.
        before |= {other.item.finding.id for other in audit.findings if _same(other.item, item)}
    return Drafts(tuple(made), tuple(reasons))


def withdrawn(audit: Audit, proposed: Sequence[Proposed]) -> tuple[tuple[Proposed, str], ...]:
    """The open drafts whose finding is certainly gone, each with the comment that says so: nobody needs them, and
    they would be in the way of others."""
    standing = {one.item.finding.id for one in audit.findings}
    fixed = {one.id for one in audit.fixed}
    certain = audit.review.conclusion is not Conclusion.NEUTRAL and telling.whole(audit)
    commit = (audit.revision.commit or "")[:12]
    why = passage("audit/draft", "withdrawn", commit)
    return tuple(
        (one, f"{why}\n\n{upkeep_markers.news(one.finding)}")
        for one in proposed
        if one.open and one.finding not in standing and (certain or one.finding in fixed)
    )


def _same(one: Reviewed, other: Reviewed) -> bool:
    if one.rewrite is None or other.rewrite is None:
        return False
    return (one.rewrite.suggestion, one.rewrite.also) == (other.rewrite.suggestion, other.rewrite.also)


def _changed(
    function: Function, changes: Sequence[Replacement], read: Callable[[str], Content | None]
) -> tuple[dict[str, bytes], frozenset[str]] | str:
    """Each file's whole new content, byte for byte what was verified; or why it cannot be had."""
    files: dict[str, bytes] = {}
    programs = set()
    for path in dict.fromkeys(change.path for change in changes):
        held = read(path)
        if held is None:
            return "its file is not there"
        if held.moved:
            return "its file has changed since the audited commit"
        new = None
        if path != function.path or _stands(function, held.content):
            new = applied(held.content, [change for change in changes if change.path == path])
        if new is None:
            return "its lines are not where they were verified"
        if new == held.content:
            return "it changes nothing"
        files[path] = new
        programs |= {path} if held.executable else set()
    return files, frozenset(programs)


def _stands(function: Function, content: bytes) -> bool:
    """Whether the function stands in the file where it was when its rewrite was verified."""
    source = function.source
    for encoding in ("utf-8", "latin-1"):
        try:
            lines = content.split(b"\n")[function.start_line - 1 : function.end_line]
            if b"\n".join(lines).decode(encoding).strip("\ufeff\n") == source.strip("\ufeff\n"):
                return True
        except UnicodeDecodeError:
            continue
    return False


def applied(content: bytes, changes: Sequence[Replacement]) -> bytes | None:
    """The content with these lines replaced; None where they overlap, do not exist, or cannot be written in the
    file's encoding. Only a line feed ends a line."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0].removesuffix("-sig")
    except SyntaxError:
        return None
    lines = content.split(b"\n")
    lines = [*(line + b"\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]
    last = len(lines) + 1
    for change in sorted(changes, key=lambda change: -change.start_line):
        start, end = change.start_line, change.end_line
        if not (start >= 1 and start <= end < last):
            return None
        try:
            new = change.replacement.encode(encoding)
        except UnicodeEncodeError:
            return None
        lines[start - 1 : end] = [new] if new else []
        last = start
    return b"".join(lines)


def _title(item: Reviewed) -> str:
    """Plain text, in which nobody is mentioned and nothing referred to: it becomes a commit's message, too."""
    what = "Speed up" if item.finding.category is Category.PERFORMANCE else "Fix"
    return f"{what}: {html.unescape(render.label(render.secretless(item.finding.title), MAX_TITLE))}"


def _body(audit: Audit, item: Reviewed, room: int) -> str:
    marker = upkeep_markers.draft(item.finding.id)
    commit = (audit.revision.commit or "")[:12]
    parts = [
        Part((passage("inline", "head", item, False),)),
        Part((passage("audit/draft", "proven", item, commit),)),
        *telling.witness(item),
        Part((passage("audit/draft", "tests", item), "")),
        Part((passage("audit/findings", "checks", item), "")),
        Part((passage("audit/draft", "foot", item, audit),)),
    ]
    text = render.fitted(parts, room - len(marker) - 2, "Shortened: the whole would not fit in here.")
    return f"{text}\n\n{marker}"
