"""Answers to commands: short Markdown, with everything foreign escaped. Whoever posts one signs it."""

from __future__ import annotations

from bot.domain import Reviewed
from bot.plan import Dialect, Known, Memory, Posted
from bot.render import Part, fitted, passage
from bot.steps.comment.bodies import SHORTENED
from bot.steps.comment.placing import USUAL, offer_of

_MARKER = 200
"""Characters that are left for one."""


def help_text(dialect: Dialect = USUAL) -> str:
    """What can be asked for, by whom."""
    return passage("answers", "help", dialect.noun)


def explained(known: Known, memory: Memory, posted: Posted | None = None, *, dialect: Dialect = USUAL) -> str:
    """What is known of a finding: what its rule means, how to see it again, its test and its rewrite in full."""
    state = "ignored" if known.id in memory.ignored else "open"
    if posted is not None and posted.withdrawn and state == "open":
        state = "withdrawn"
    parts = [
        Part((passage("answers", "explained", known, state, memory.ignored.get(known.id, ""), dialect.commands),))
    ]
    if known.probe is not None:
        parts.append(Part((passage("answers", "probe", known.probe), "")))
    if known.source:
        parts.append(Part((passage("answers", "rewrite", known), "")))
    return fitted(parts, dialect.max_body - _MARKER, SHORTENED)


def unknown(finding: str, memory: Memory, dialect: Dialect = USUAL) -> str:
    """There is no such finding, or more than one; which there are."""
    return passage(
        "answers",
        "unknown",
        finding,
        tuple(k for k in memory.findings if k.id.startswith(finding)) or memory.findings,
        dialect.noun,
    )


def ignored(known: Known, actor: str, dialect: Dialect = USUAL) -> str:
    """That a finding is ignored from now on."""
    return passage("answers", "ignored", known, actor, dialect.noun)


def verified(known: Known, item: Reviewed | None, head: str, dialect: Dialect = USUAL) -> str:
    """What running the proof again at `head` showed: `item`, or None where nothing fails any more."""
    if item is None:
        return passage("answers", "gone", known, head[:7])
    offer = offer_of(item, None, ())
    parts = [Part((passage("answers", "still", item, head[:7]),))]
    if item.rewrite is None:
        parts.append(Part((passage("inline", "without", item),)))
    else:
        omitted = passage("inline", "omitted", item, offer.why or "it is too long for a comment")
        shown = passage("inline", "shown", item, offer.text, offer.why) if offer.kind == "diff" else omitted
        parts.append(Part(tuple(dict.fromkeys((shown, omitted))), weight=1))
        parts.append(Part((passage("inline", "verdict", item, ""), "")))
    return fitted(parts, dialect.max_body - _MARKER, SHORTENED)


def unverified(known: Known, why: str) -> str:
    """That the proof could not be run again, which says nothing about the finding."""
    return passage("answers", "unverified", known, why)


def refused(why: str) -> str:
    """That a command is not carried out, and why."""
    return passage("answers", "refused", why)
