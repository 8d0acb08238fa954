"""Pull requests made by hand: diffs of texts, and what is said on one, kept as a platform keeps it."""

from __future__ import annotations

import difflib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sample_reviews import BASE_SOURCE, HEAD_SOURCE

from bot import diff, markers
from bot.domain import FileDiff, FileStatus
from bot.plan import Conversation, Memory, Plan, Posted

HEAD = "c" * 40
LATER = "d" * 40
ABOVE = "".join(f"# line {number}\n" for number in range(1, 11))
BELOW = "\n\ndef other():\n    return 1\n"


def file_diff(path: str, old: str, new: str, context: int = 3) -> FileDiff:
    """What git says about one file, without asking it."""
    lines = difflib.unified_diff(list(io.StringIO(old)), list(io.StringIO(new)), "a", "b", n=context)
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return FileDiff(path, path, FileStatus.MODIFIED, diff.hunks(text))


FILES = (file_diff("shop/cart.py", ABOVE + BASE_SOURCE + BELOW, ABOVE + HEAD_SOURCE + BELOW),)
"""The diff of the samples' change: `total` stands from line 11 on."""


@dataclass
class Wall:
    """What is said on a pull request. Carries plans out, as a host does, and counts."""

    summary: str = ""
    comments: dict[int, Posted] = field(default_factory=dict)
    next: int = 1
    written: int = 0
    """Comments that were made, edited or deleted."""

    def conversation(self) -> Conversation:
        marker = markers.read(self.summary)
        posted = Posted(0, self.summary) if self.summary else None
        memory = marker.memory if marker is not None else None
        return Conversation(posted, tuple(self.comments.values()), memory or Memory())

    def carry_out(self, plan: Plan) -> None:
        for key in plan.delete:
            del self.comments[key]
        for edit in plan.edit:
            self.comments[edit.key] = self._read(replace(self.comments[edit.key], body=edit.body))
        for inline in plan.create:
            posted = Posted(
                self.next, inline.body, path=inline.path, line=inline.line, start_line=inline.start_line
            )
            self.comments[self.next] = self._read(posted)
            self.next += 1
        self.written += len(plan.delete) + len(plan.edit) + len(plan.create)
        self.summary = plan.summary

    def _read(self, posted: Posted) -> Posted:
        marker = markers.read(posted.body)
        assert marker is not None
        assert marker.kind == "finding"
        return replace(posted, finding=marker.id, withdrawn=marker.withdrawn)

    def change(self, keys: Sequence[int], **how: object) -> None:
        """What a platform or a person did to comments: `line=None`, `answered=True`."""
        for key in keys:
            self.comments[key] = replace(self.comments[key], **how)
