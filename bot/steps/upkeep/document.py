"""An audit as one Markdown document: for a file, a terminal, and the page of a job."""

from __future__ import annotations

from bot import render
from bot.audited import Audit
from bot.domain import Conclusion
from bot.steps.upkeep import telling
from bot.steps.upkeep.telling import Row

MAX_DOCUMENT = 900_000
"""Characters; GitHub's page of a job holds 1 MiB."""
_IN_FULL = 200


def headline(audit: Audit) -> str:
    """The result in one plain line."""
    functions = render.counted(telling.reached(audit), "function")
    told = [one for one in audit.findings if not one.item.ignored]
    if audit.review.conclusion is Conclusion.NEUTRAL:
        also = f" {render.counted(len(told), 'finding')} of {functions}." if told else ""
        return f"Could not audit this repository, or not all of it; this is not a pass.{also}"
    if not audit.functions:
        return "Nothing to audit: there is no function that Tryline audits."
    if not told:
        spared = " that is not ignored" if audit.findings else ""
        return f"Tryline found nothing{spared} in {functions}."
    rewrites = sum(one.item.rewrite is not None for one in told)
    with_ = f"{rewrites} with a rewrite that passed the tests" if rewrites else "none with a rewrite"
    return f"{render.counted(len(told), 'finding')} in {functions}, {with_}."


def markdown(
    audit: Audit, *, base: str = "", run_url: str = "", report_url: str = "", room: int = MAX_DOCUMENT
) -> str:
    """The whole audit, ending in a newline, at most `room` characters. `base` is the address below which the
    commit's files are shown."""
    rows = [
        Row(
            one.item,
            "ignored" if one.item.ignored else f"{one.standing.value}, {telling.day(one.since)}",
            telling.where(base, one.item.finding),
        )
        for one in telling.ranked(audit.findings)
    ]
    parts = [*telling.opening(audit, headline(audit)), *telling.table(rows)]
    parts += telling.in_full(rows, _IN_FULL)
    parts += telling.fixed([(one.id, one.title) for one in audit.fixed], audit.previous)
    parts += telling.risks(audit)
    parts += telling.left_out(audit)
    parts.append(telling.foot(audit, run_url, report_url))
    return render.fitted(parts, room - 1, telling.SHORTENED).strip("\n") + "\n"
