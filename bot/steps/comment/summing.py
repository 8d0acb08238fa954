"""The one summary of a pull request: what it says after a review, while one runs, and when none could be made."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot import render
from bot.domain import Conclusion, Review, Reviewed
from bot.markers import Marker, signed, unsigned
from bot.plan import Conversation, Dialect, Memory
from bot.render import Part, passage
from bot.steps.comment.bodies import Gone, in_full
from bot.steps.comment.placing import USUAL, Offer

_ROWS = (50, 20, 8)
"""Findings in the table: as many as there is room for."""
_SHORTENED = "Shortened: not all that this review says fits into one comment."
_LISTS = (
    "altered",
    "weakened",
    "not_reviewed",
    "left_alone",
    "unproven",
    "unexecuted",
    "notes",
    "flaky",
)
"""What is said besides findings, in this order; each is empty where there is nothing to say."""
_LAST = "The last result"
_FOLDED = re.compile(
    rf"\A[^\n]*\n\n<details><summary>{_LAST}</summary>\n\n(?P<old>.*)\n\n</details>(?P<more>(?:\n\n[^\n]+)*)\Z",
    re.DOTALL,
)
"""What `running` leaves, and what somebody had us add meanwhile."""


@dataclass(frozen=True)
class Row:
    """A finding in the summary."""

    item: Reviewed
    state: str
    """Where it is told, in our words."""
    offer: Offer
    full: bool = False
    """Whether it is told here, in full."""
    fresh: bool = False
    """Whether a comment on lines is to be made of it: where that is refused, it is told here as well."""
    also: tuple[Reviewed, ...] = ()
    """Findings of the same cause, which are told with it."""


@dataclass(frozen=True)
class Told:
    """All that a summary tells of."""

    review: Review
    """Without what is ignored."""
    rows: tuple[Row, ...]
    gone: tuple[Gone, ...]
    ignored: tuple[Gone, ...]
    memory: Memory
    head: str
    run_url: str = ""
    from_fork: bool = False
    dialect: Dialect = USUAL


def summary(told: Told) -> str:
    """The whole body, marker and memory included; one line of text when there is nothing to say."""
    marker = Marker("summary", memory=told.memory)
    return signed(_text(told, told.dialect.max_body - len(signed("", marker))), marker)


def unmarked(told: Told) -> str:
    """The same for a check, which remembers nothing: without the marker."""
    return _text(told, told.dialect.max_body)


def verdict(told: Told) -> str:
    """The result in one plain line."""
    review = told.review
    if told.ignored and not review.findings and review.conclusion is Conclusion.CLEAN:
        found = render.counted(len(review.functions), "changed function")
        return f"Tryline found nothing in {found} that is not ignored."
    return render.headline(review)


def _text(told: Told, room: int) -> str:
    review, commit = told.review, told.head[:7]
    parts = [*_opening(told), *_findings(told)]
    if told.gone:
        parts.append(Part((passage("summary", "gone", told.gone, commit), "")))
    if told.ignored:
        parts.append(Part((passage("summary", "ignored", told.ignored), "")))
    if review.problems and review.conclusion is not Conclusion.NEUTRAL:
        parts.append(Part((passage("summary", "failing", review), "")))
    for name in _LISTS:
        parts.append(Part((passage("lists", name, review), "")))
    spoken = any(part.variants[0] for part in parts[1:])
    used = review.costs.usage
    if not (spoken or used.requests or used.from_cache) and review.conclusion is not Conclusion.NEUTRAL:
        return passage("summary", "alone", parts[0].variants[0], commit)
    parts.append(Part((passage("summary", "foot", review, commit, _address(told.run_url)),)))
    return render.fitted(parts, room, _SHORTENED)


def _opening(told: Told) -> list[Part]:
    """The verdict, and why there is none. A review that could not run never looks like one that found nothing."""
    review, line = told.review, verdict(told)
    parts = [Part((f"**{line}**" if told.rows or review.conclusion is Conclusion.NEUTRAL else line,))]
    if review.conclusion is Conclusion.NEUTRAL:
        parts.append(Part((passage("summary", "problems", review, 20), passage("summary", "problems", review, 1))))
        parts.append(Part((passage("summary", "logs", review), "")))
    if told.from_fork:
        parts.append(Part((passage("summary", "by_fork"),)))
    return parts


def _findings(told: Told) -> list[Part]:
    """The table, each verdict's matrix folded, and in full what stands on no line."""
    if not told.rows:
        return []
    count = len(told.rows)
    shown = [n for n in _ROWS if n < count]
    tables = [passage("summary", "rows", told.rows[:n], count - n) for n in (min(count, _ROWS[0]), *shown)]
    parts = [Part((*dict.fromkeys(tables), f"{count} findings, too many for a table here."), weight=2)]
    for row in told.rows:
        title = passage("summary", "title", row.item)
        if row.full:
            room = told.dialect.max_body // 2
            text = in_full(row.item, row.offer, row.also, placed=False, room=room, dialect=told.dialect)
            parts.append(Part((passage("inline", "folded", f"{title}: in full", text), ""), weight=1))
        elif row.item.rewrite is not None:
            parts.append(Part((passage("inline", "verdict", row.item, title), "")))
    return parts


def _address(url: str) -> str:
    """The run's address where it is one that a link can hold; empty otherwise."""
    return url if re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~/?&=%-]*)?", url) else ""


# ------------------------------------------------------------------------------------------- before and without


def running(conversation: Conversation, head: str, run_url: str) -> str:
    """The summary while a review runs: one line, the last result folded below, and all that is remembered."""
    return _meanwhile(conversation, passage("meanwhile", "running", head[:7], _address(run_url)))


def failed(conversation: Conversation, head: str, why: str, run_url: str) -> str:
    """The summary when no review came about: that it is no pass, why, and what `running` keeps."""
    return _meanwhile(conversation, passage("meanwhile", "failed", head[:7], why, _address(run_url)))


def _meanwhile(conversation: Conversation, line: str) -> str:
    marker = Marker("summary", memory=conversation.memory)
    parts = [Part((line,))]
    if conversation.summary is not None:
        old = unsigned(conversation.summary.body.replace("\r\n", "\n"))
        inner = _FOLDED.match(old)
        if inner is not None:
            old = inner["old"] + inner["more"]
        elif re.match(r"\*{0,2}Tryline (?:is reviewing|could not review) ", old):
            old = ""
        if old:
            parts.append(Part((passage("inline", "folded", _LAST, old), "")))
    return signed(render.fitted(parts, USUAL.max_body - len(signed("", marker)), ""), marker)
