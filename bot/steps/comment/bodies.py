"""The bodies of comments on lines: a finding in full, and one that is gone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot import render
from bot.domain import Reviewed
from bot.markers import Marker, signed, unsigned
from bot.plan import Dialect, Memory, Posted
from bot.render import Part, passage
from bot.steps.comment.placing import USUAL, Offer

SHORTENED = "Shortened: the whole would not fit into a comment."
_MOST_CODE = 20_000
"""Characters of a test that are shown; a longer one is left out, not cut."""
_SUGGESTION = re.compile(r"(?m)^([ \t>]*)(`{3,}|~{3,})[ \t]*suggestion.*$")
_TITLE = re.compile(r"#### (?:~~)?(?P<title>.+?)(?:~~)?$", re.MULTILINE)


def finding_body(
    item: Reviewed, offer: Offer, also: Sequence[Reviewed] = (), *, dialect: Dialect = USUAL, room: int = 0
) -> str:
    """The whole body of a comment on lines, marker included; `also` are the findings of the same cause. At most
    `room` characters; with 0 as many as the platform takes."""
    marker = Marker("finding", item.finding.id)
    left = (room or dialect.max_body) - len(signed("", marker))
    text = in_full(item, offer, also, placed=True, room=left, dialect=dialect)
    return signed(text, marker)


def in_full(
    item: Reviewed,
    offer: Offer,
    also: Sequence[Reviewed] = (),
    *,
    placed: bool,
    room: int,
    dialect: Dialect = USUAL,
) -> str:
    """A finding with its proof and its rewrite. A block or a diff is whole, or it is not there."""
    parts = [Part((passage("inline", "head", item, placed),))]
    if also:
        parts.append(Part((passage("inline", "also", also), "")))
    parts += [*_rewrite(item, offer), *_shown(item)]
    if item.rewrite is not None:
        parts.append(Part((passage("inline", "verdict", item, ""), "")))
    parts.append(Part((passage("inline", "foot", item, dialect.commands),)))
    return render.fitted(parts, room, SHORTENED)


def _shown(item: Reviewed) -> list[Part]:
    """What shows it. A test of the repository is named; what was made for this review is folded."""
    witness = item.finding.witness
    has_code = bool(witness.code) and len(witness.code) <= _MOST_CODE
    if witness.measured is not None:
        return [Part((passage("inline", "measured", item), ""))]
    if witness.kind in ("input", "attack") and has_code:
        return [Part((passage("inline", "made", item), ""))]
    parts = [Part((passage("inline", "command", item), ""))] if witness.command.strip() else []
    if witness.failure.strip():
        parts.append(Part((passage("inline", "failure", item), "")))
    if has_code:
        parts.append(Part((passage("inline", "written", item), "")))
    return parts


def _rewrite(item: Reviewed, offer: Offer) -> list[Part]:
    if item.rewrite is None:
        return [Part((passage("inline", "without", item),))]
    omitted = passage("inline", "omitted", item, offer.why or "it is too long for a comment")
    if offer.kind == "block":
        return [Part((passage("inline", "clickable", item, offer.text, offer.info), omitted), weight=1)]
    if offer.kind == "diff":
        too_long = passage("inline", "omitted", item, "it is too long for a comment")
        return [Part((passage("inline", "shown", item, offer.text, offer.why), too_long), weight=1)]
    return [Part((omitted,))]


@dataclass(frozen=True)
class Gone:
    """A finding that was told and is not there any more, or that somebody does not want to hear of."""

    id: str
    title: str
    """Foreign text; empty where it is not known any more."""
    answered: bool = False
    by: str = ""
    """Who ignores it; empty where it is gone."""


def withdrawn_body(
    posted: Posted, gone: Gone, head: str, *, ignored: bool, dialect: Dialect = USUAL, room: int = 0
) -> str:
    """The new text of a comment whose finding is gone: struck through, why, and the old text folded.

    Nothing in it can be applied with one click.
    """
    marker = Marker("finding", posted.finding, withdrawn=True)
    left = (room or dialect.max_body) - len(signed("", marker))
    text = posted.body.replace("\r\n", "\n")
    old = _SUGGESTION.sub(r"\1\2text", unsigned(text))
    found = _TITLE.match(old)
    # Our own text, which is escaped already; what a person may have made of it is that person's.
    title = found["title"] if found is not None else render.prose(gone.title or posted.finding)
    head_line = passage("withdrawn", "head", title, head[:7], gone.by, ignored)
    parts = [Part((head_line,)), Part((passage("inline", "folded", "What it said", old), ""))]
    return signed(render.fitted(parts, left, "What it said would not fit in here any more."), marker)


def title_of(posted: Posted, memory: Memory) -> str:
    """What a comment of ours is about, as foreign text; empty where nobody knows."""
    known = memory.known(posted.finding)
    return known.title if known is not None else ""
