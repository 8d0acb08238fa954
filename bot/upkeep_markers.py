"""Our signature under what an audit maintains: an issue, a comment of news on it, a draft pull request.

The last line of a text of ours, like those of `markers`. The issue's says in plain words which findings it has
told and which are ignored: who may edit the issue may change it, so only ids are read, and only so many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_TOLD = 1000
"""Findings that are remembered as told. A repository with more is told of the rest anew, which only costs news."""
MAX_IGNORED = 1000
_ID = r"[0-9a-f]{4,64}"
_IDS = rf"{_ID}(?:\.{_ID})*"
_ISSUE = re.compile(
    rf"<!-- tryline:1 audit (?P<state>open|closed) news=(?P<news>[0-9]{{1,9}})"
    rf"(?: told=(?P<told>{_IDS}))?(?: ignored=(?P<ignored>{_IDS}))? -->"
)
_SMALL = re.compile(rf"<!-- tryline:1 (?P<kind>news|draft) id=(?P<id>{_ID}) -->")


@dataclass(frozen=True)
class Memory:
    """What our issue remembers."""

    open: bool = True
    """Whether we wanted it to be open when we last wrote it: where it is not as we left it, a person did that."""
    news: int = 0
    """How many times people were told of something new."""
    told: tuple[str, ...] = ()
    """Ids of findings that were told and are not known to be fixed, ignored ones among them."""
    ignored: tuple[str, ...] = ()
    """Ids of findings that nobody wants to hear of, the latest last."""


def issue(memory: Memory) -> str:
    """The marker of our issue, as one line. Raises ValueError for an id that is none."""
    told, ignored = memory.told[:MAX_TOLD], memory.ignored[-MAX_IGNORED:]
    for one in (*told, *ignored):
        _checked(one)
    line = f"tryline:1 audit {'open' if memory.open else 'closed'} news={memory.news}"
    line += f" told={'.'.join(told)}" if told else ""
    line += f" ignored={'.'.join(ignored)}" if ignored else ""
    return f"<!-- {line} -->"


def news(key: str) -> str:
    """The marker of a comment of news."""
    return f"<!-- tryline:1 news id={_checked(key)} -->"


def draft(finding: str) -> str:
    """The marker of a draft pull request."""
    return f"<!-- tryline:1 draft id={_checked(finding)} -->"


def read_issue(body: str) -> Memory | None:
    """What the issue with this body remembers; None where it is none of ours."""
    found = _ISSUE.fullmatch(_last(body))
    if found is None:
        return None
    return Memory(
        found["state"] == "open",
        int(found["news"]),
        _ids(found["told"], MAX_TOLD),
        _ids(found["ignored"], MAX_IGNORED),
    )


def read_news(body: str) -> str:
    """The key of a comment of news; empty where it is none of ours."""
    return _small(body, "news")


def read_draft(body: str) -> str:
    """The id of the finding that a draft pull request is about; empty where it is none of ours."""
    return _small(body, "draft")


def unsigned(body: str) -> str:
    """A text without its marker, and without white space at its end."""
    last = _last(body)
    whole = body.rstrip()
    ours = _ISSUE.fullmatch(last) or _SMALL.fullmatch(last)
    return whole[: len(whole) - len(last)].rstrip() if ours else whole


def _small(body: str, kind: str) -> str:
    found = _SMALL.fullmatch(_last(body))
    return found["id"] if found is not None and found["kind"] == kind else ""


def _checked(key: str) -> str:
    if not re.fullmatch(_ID, key):
        raise ValueError(f"no id for a marker: {key!r}")
    return key


def _ids(text: str | None, most: int) -> tuple[str, ...]:
    found: Iterable[str] = (text or "").split(".")
    return tuple(dict.fromkeys(one for one in found if one))[:most]


def _last(body: str) -> str:
    """The last line that is not empty. Platforms may change line ends."""
    whole = body.rstrip()
    return whole[max(whole.rfind("\n"), whole.rfind("\r")) + 1 :]
