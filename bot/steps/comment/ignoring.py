"""What is to be done when somebody asks to ignore a finding: remember it, and withdraw what was said of it."""

from __future__ import annotations

from dataclasses import replace

from bot.markers import Marker, signed, unsigned
from bot.plan import Amended, Conversation, Dialect, Known, Plan
from bot.render import Part, fitted, passage
from bot.steps.comment.bodies import Gone, withdrawn_body
from bot.steps.comment.placing import USUAL


def ignoring(
    conversation: Conversation,
    known: Known,
    actor: str,
    *,
    number: int,
    head: str,
    dialect: Dialect = USUAL,
) -> Plan:
    """The plan that does not wait for the next review: `known` is ignored from now on, as `actor` asked.

    Comments that people have answered stay as they are. The summary says so below the last result.
    """
    memory = replace(conversation.memory, ignored={**conversation.memory.ignored, known.id: actor})
    gone = Gone(known.id, known.title, by=actor)
    edits = tuple(
        Amended(
            posted.key,
            posted.finding,
            withdrawn_body(posted, gone, head, ignored=True, dialect=dialect),
            withdrawn=True,
        )
        for posted in conversation.comments
        if posted.finding == known.id and not posted.answered and not posted.withdrawn
    )
    marker = Marker("summary", memory=memory)
    line = passage("summary", "ignored", (gone,))
    old = unsigned(conversation.summary.body.replace("\r\n", "\n")) if conversation.summary is not None else ""
    parts = [Part((old, "")), Part((line,))] if line not in old else [Part((old,))]
    body = signed(fitted(parts, dialect.max_body - len(signed("", marker)), ""), marker)
    return Plan(number=number, head=head, summary=body, summary_if_refused=body, edit=edits)
