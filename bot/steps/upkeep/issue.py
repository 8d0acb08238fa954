"""The one issue that tells what audits found: what it is to say, whether it is open, and what is news.

Never a flood: people are notified of what is new and of the end, and of nothing else. What a person did to it
holds: closed by hand it stays closed until something new comes, and a ticked finding stays ignored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import render, upkeep_markers
from bot.audited import Audit, AuditedFinding
from bot.domain import Conclusion
from bot.plan import Dialect, Issue, IssueText, Proposed
from bot.render import MAX_BODY, Part, passage
from bot.steps.upkeep import telling
from bot.steps.upkeep.telling import Row
from bot.upkeep_markers import MAX_TOLD, Memory

_BOXES = "Ignore findings: tick a box"
_SECTION = re.compile(
    rf"<details><summary>{_BOXES}</summary>\n\n(?P<rows>(?:[-*+] \[[ xX]\] [^\n]*\n)+)\n?</details>\Z"
)
_BOX = re.compile(r"[-*+] \[(?P<tick>[ xX])\] `(?P<id>[0-9a-f]{4,64})`[^\n]*")
_MOST_BOXES = (100, 50, 20)
_MOST_NEWS = 10
_FAILED = re.compile(r"\A\*\*The audit of [^\n]* could not run; this is not a pass\.\*\*[^\n]*\n\n")


@dataclass(frozen=True)
class Links:
    """Where things are shown on the platform; what is not known is empty."""

    blobs: str = ""
    """Address below which the files of the audited commit are."""
    run: str = ""
    """Page of this run."""
    report: str = ""
    """Where the full report is."""


def ignored_in(present: Issue | None) -> tuple[str, ...]:
    """Ids of findings that nobody wants to hear of: those ticked in the issue, and those remembered that have no
    box there. A tick that was taken away counts."""
    if present is None:
        return ()
    memory = upkeep_markers.read_issue(present.body) or Memory()
    boxes = _boxes(present.body)
    kept = [one for one in memory.ignored if boxes.get(one, True)]
    return tuple(dict.fromkeys((*kept, *(one for one, ticked in boxes.items() if ticked))))


def _boxes(body: str) -> dict[str, bool]:
    """Finding -> whether its box is ticked. Only our section at the text's end counts: code above it may hold
    anything."""
    section = _SECTION.search(upkeep_markers.unsigned(body.replace("\r\n", "\n")))
    if section is None:
        return {}
    rows = (_BOX.fullmatch(row) for row in section["rows"].splitlines())
    return {row["id"]: row["tick"] != " " for row in rows if row is not None}


@dataclass(frozen=True)
class _State:
    """The audit held against what the issue has told."""

    open: tuple[AuditedFinding, ...]
    """Findings that stand and are not ignored, worst first."""
    fresh: tuple[AuditedFinding, ...]
    """Those of them that were not told yet."""
    ignored: tuple[AuditedFinding, ...]
    gone: tuple[tuple[str, str], ...]
    """Id and title of what was told and is fixed."""
    unseen: tuple[str, ...]
    """Ids of what was told and was not looked at again."""

    @property
    def left(self) -> bool:
        """Whether there is something to be told."""
        return bool(self.open or self.unseen)


def issue_text(
    audit: Audit,
    present: Issue | None,
    links: Links,
    *,
    proposed: Sequence[Proposed] = (),
    dialect: Dialect | None = None,
) -> IssueText:
    """What our issue is to say after this audit. `present` is the issue as it stands, `proposed` the drafts of
    rewrites that are or were there."""
    dialect = dialect or Dialect()
    old = (upkeep_markers.read_issue(present.body) if present is not None else None) or Memory(open=False)
    ignored = ignored_in(present)
    state = _held(audit, old, ignored)
    was_open = present is not None and present.open
    neutral = audit.review.conclusion is Conclusion.NEUTRAL
    # An audit that could not run, or not on all, ends nothing.
    wanted = state.left or (neutral and old.open)
    if state.fresh or present is None:
        opened = state.left
    elif neutral:
        opened = was_open
    elif not state.left:
        # Closed when nothing is left, but for one that a person has opened again after we closed it.
        opened = was_open and not old.open
    else:
        # A person closed it by hand: nothing new, so it stays as it is.
        opened = was_open or not old.open
    news = _news(state, old, present, closed=was_open and not opened)
    told = [one.item.finding.id for one in (*state.open, *state.ignored)]
    memory = Memory(
        open=wanted,
        news=old.news + bool(news),
        told=tuple(dict.fromkeys((*told, *state.unseen)))[:MAX_TOLD],
        ignored=ignored[-upkeep_markers.MAX_IGNORED :],
    )
    return IssueText(
        title=_title(state, neutral),
        body=_body(
            audit, state, memory, links, _proposals(proposed, dialect.sign), min(dialect.max_body, MAX_BODY)
        ),
        open=opened,
        news=news,
    )


def _held(audit: Audit, old: Memory, ignored: Sequence[str]) -> _State:
    told = set(old.told)
    findings = telling.ranked(audit.findings)
    spared = set(ignored)
    standing = {one.item.finding.id for one in findings}
    open_ = tuple(one for one in findings if one.item.finding.id not in spared)
    known = {one.id: one.title for one in audit.fixed if one.id not in standing}
    certain = audit.review.conclusion is not Conclusion.NEUTRAL and telling.whole(audit)
    missing = [one for one in old.told if one not in standing]
    gone = [one for one in missing if certain or one in known]
    return _State(
        open=open_,
        # What is not remembered as told for want of room cannot be told from what is new: it is never news.
        fresh=tuple(one for one in open_[:MAX_TOLD] if one.item.finding.id not in told),
        ignored=tuple(one for one in findings if one.item.finding.id in spared),
        gone=tuple((one, known.get(one, "")) for one in gone if one not in spared),
        unseen=tuple(one for one in missing if one not in gone and one not in spared),
    )


def _title(state: _State, neutral: bool) -> str:
    if not state.left:
        return f"Tryline's audit: {'could not run' if neutral else 'nothing found'}"
    count = len(state.open) + len(state.unseen)
    return f"Tryline's audit: {render.counted(count, 'finding')}"


def _news(state: _State, old: Memory, present: Issue | None, *, closed: bool) -> str:
    """What people are notified of; an issue that is opened notifies them itself."""
    if present is None:
        return ""
    if state.fresh:
        text = passage("audit/issue", "fresh", state.fresh[:_MOST_NEWS], len(state.fresh))
        ids = sorted(one.item.finding.id for one in state.fresh)
    elif closed:
        text = passage("audit/issue", "over", len(state.gone), len(state.ignored))
        ids = ["over"]
    else:
        return ""
    # The count is part of it: what is fixed and comes back is news once more.
    key = hashlib.sha256("\0".join([str(old.news), *ids]).encode()).hexdigest()[:16]
    return f"{text}\n\n{upkeep_markers.news(key)}"


def _headline(audit: Audit, state: _State) -> str:
    if audit.review.conclusion is Conclusion.NEUTRAL:
        return "The last audit could not run, or not on all of the repository; this is not a pass."
    if not state.open:
        spared = " that is not ignored" if state.ignored else ""
        return f"Nothing found{spared} in {render.counted(telling.reached(audit), 'function')}."
    if len(state.open) > MAX_TOLD:
        # Not all of them are remembered as told, so nobody knows which of the rest are new.
        return f"{len(state.open)} findings stand."
    still = len(state.open) - len(state.fresh)
    parts = [f"{len(state.fresh)} new"] if state.fresh else []
    parts += [f"{still} still there"] if still else []
    parts += [f"{len(state.gone)} fixed"] if state.gone else []
    verb = "stands" if len(state.open) == 1 else "stand"
    return f"{render.counted(len(state.open), 'finding')} {verb}: {', '.join(parts)}."


def _proposals(proposed: Sequence[Proposed], sign: str) -> dict[str, str]:
    """Finding -> the draft pull request of its rewrite, in few words."""
    return {
        one.finding: f"{sign}{one.number}{'' if one.open else ', merged' if one.merged else ', closed'}"
        for one in sorted(proposed, key=lambda one: one.number)
    }


def _body(
    audit: Audit, state: _State, memory: Memory, links: Links, proposals: Mapping[str, str], room: int
) -> str:
    marker = upkeep_markers.issue(memory)
    fresh = {one.item.finding.id for one in state.fresh}
    rows = [
        Row(
            one.item,
            "new" if one.item.finding.id in fresh else f"since {telling.day(one.since)}",
            telling.where(links.blobs, one.item.finding),
            proposals.get(one.item.finding.id, ""),
        )
        for one in state.open
    ]
    parts = [*telling.opening(audit, _headline(audit, state)), *telling.table(rows), *telling.in_full(rows)]
    if state.unseen:
        parts.append(Part((passage("audit/issue", "unseen", state.unseen),)))
    parts += telling.fixed(state.gone, audit.previous)
    parts += telling.risks(audit)
    parts += telling.left_out(audit)
    parts.append(telling.foot(audit, links.run, links.report))
    parts.append(Part((passage("audit/issue", "kept", bool(state.open)),)))
    parts.append(_section(state))
    return f"{render.fitted(parts, room - len(marker) - 2, telling.SHORTENED)}\n\n{marker}"


def _section(state: _State) -> Part:
    """The boxes, at the very end, where they are read from."""
    ticked = [(one, True) for one in state.ignored]
    rows = [*((one, False) for one in state.open), *ticked]
    if not rows:
        return Part(("",))
    # What is ignored keeps its box as long as there is room: it is how it comes back.
    sizes = dict.fromkeys(min(most, len(rows)) for most in _MOST_BOXES)
    variants = [
        passage("audit/issue", "boxes", _BOXES, [*ticked, *rows[: len(state.open)]][:most]) for most in sizes
    ]
    return Part((*variants, ""), weight=1)


def failed(present: Issue, commit: str, why: str, run_url: str = "") -> IssueText:
    """The issue where an audit did not come about: a line above what it says, which stays; nobody is notified."""
    body = _FAILED.sub("", present.body.replace("\r\n", "\n"))
    line = passage("audit/issue", "failed", commit[:12], why, telling.address(run_url))
    text = f"{line}\n\n{body}"
    if len(text) > MAX_BODY:
        text = f"{passage('audit/issue', 'failed', commit[:12], '', telling.address(run_url))}\n\n{body}"
    return IssueText(present.title, text if len(text) <= MAX_BODY else body, present.open)


def with_ignored(audit: Audit, ignored: Sequence[str]) -> Audit:
    """The audit in which these findings are marked as ignored: no part of what it comes to."""
    spared = set(ignored)
    if not spared:
        return audit

    def marked(one: AuditedFinding) -> AuditedFinding:
        return replace(one, item=replace(one.item, ignored=one.item.ignored or one.item.finding.id in spared))

    findings = tuple(marked(one) for one in audit.findings)
    told = tuple(
        replace(item, ignored=item.ignored or item.finding.id in spared) for item in audit.review.findings
    )
    review = replace(audit.review, findings=told)
    if review.conclusion is Conclusion.FINDINGS and all(item.ignored for item in told):
        review = replace(review, conclusion=Conclusion.CLEAN)
    return replace(audit, findings=findings, review=review)
