"""Where a finding can stand in the diff, and whether its rewrite can be applied there with one click.

A platform refuses a whole review for one comment on a wrong line, and a block that is applied wrongly breaks a
branch. So both are decided here, from the diff and the texts, and the platform is never the one to find out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot import guarding, render
from bot.domain import FileDiff, FileStatus, Function, Hunk, Replacement, Reviewed
from bot.plan import Dialect

_STEERING = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls and what turns the direction of writing: never shown as they are, wherever they come from."""
USUAL = Dialect()
"""Blocks that replace the lines which their comment stands on."""
_OBSTACLES = {
    "line-ends": "the file has other line ends than line feeds alone",
    "no-final-newline": "it touches a last line that does not end",
    "further-hunks": "it needs a second change elsewhere in the file",
}


@dataclass(frozen=True)
class Place:
    """Lines of a file that can bear a comment."""

    path: str
    start: int
    end: int
    hunk: Hunk
    whole: bool
    """Whether they are all of the lines that the rewrite replaces."""

    @property
    def start_line(self) -> int | None:
        """As a comment says it: None for one line."""
        return self.start if self.start < self.end else None


@dataclass(frozen=True)
class Offer:
    """How a rewrite is shown."""

    kind: Literal["none", "block", "diff", "omitted"]
    text: str = ""
    """Of the block or the diff."""
    info: str = "suggestion"
    """Of a block's fence."""
    why: str = ""
    """Why it is no block, or why it is not shown at all."""


def place_of(item: Reviewed, files: Sequence[FileDiff]) -> Place | str:
    """Where a comment on the finding can stand; or why nowhere, in a few words.

    The lines that the rewrite replaces are taken where they lie in the diff, else those of the finding; start and
    end lie in one hunk, without a gap.
    """
    function = item.finding.function.head
    file = next((file for file in files if file.path == function.path), None)
    if file is None or file.status is FileStatus.DELETED:
        return "its file is not in the diff"
    if not file.hunks:
        return "the platform shows no diff of its file"
    if _other_version(file, function):
        return "the diff at hand shows another version of its file"
    ranges = [range(item.finding.start_line, item.finding.end_line + 1)]
    if item.rewrite is not None and item.rewrite.suggestion.path == function.path:
        ranges.insert(0, _range(item.rewrite.suggestion))
    for whole in (True, False):
        for lines in ranges:
            for hunk in file.hunks:
                run = _run(hunk, lines)
                if run and (not whole or _spans(run, lines)):
                    same = item.rewrite is not None and _spans(run, _range(item.rewrite.suggestion))
                    return Place(function.path, run[0], run[-1], hunk, same)
    return "none of its lines is in the diff"


def _range(change: Replacement) -> range:
    return range(change.start_line, change.end_line + 1)


def _spans(run: list[int], lines: range) -> bool:
    """Whether lines without a gap are exactly these. A saved result may name billions: nothing counts them."""
    return (run[0], run[-1] + 1) == (lines.start, lines.stop)


def _replaced(change: Replacement, head: Mapping[int, str]) -> str | None:
    """The text that the change replaces; None where not all of it is known."""
    lines = _range(change)
    if lines.stop - lines.start > len(head) or not all(line in head for line in lines):
        return None
    return "".join(head[line] for line in lines)


def _run(hunk: Hunk, lines: range) -> list[int]:
    """The first of these lines that the hunk shows, and those that follow without a gap."""
    run: list[int] = []
    for line in hunk.commentable():
        if line in lines and (not run or line == run[-1] + 1):
            run.append(line)
    return run


def _other_version(file: FileDiff, function: Function) -> bool:
    """Whether the diff shows other text than the function has; lines that are not UTF-8 cannot be compared."""
    known = _lines_of(function)
    return any(
        _bare(line.text) != _bare(known[line.new])
        for hunk in file.hunks
        for line in hunk.lines
        if line.new in known and not _undecoded(line.text)
    )


def _bare(line: str) -> str:
    return line.strip("\r\n").removeprefix("\ufeff")


def _undecoded(text: str) -> bool:
    return re.search("[\udc80-\udcff]", text) is not None


def _lines_of(function: Function) -> dict[int, str]:
    """The function's lines by their number in the file, ends included."""
    return dict(enumerate(render.with_ends(function.source), function.start_line))


# ------------------------------------------------------------------------------------------------- the rewrite


def offer_of(item: Reviewed, place: Place | None, files: Sequence[FileDiff], dialect: Dialect = USUAL) -> Offer:
    """How the finding's rewrite is shown at this place; at none (in the summary) it is never a block."""
    rewrite = item.rewrite
    if rewrite is None:
        return Offer("none")
    head = _head_lines(item, files)
    old = _replaced(rewrite.suggestion, head)
    if rewrite.suggestion.replacement == old and not rewrite.also:
        return Offer("omitted", why="the file holds it already")
    if place is not None:
        why = _no_block(item, place, files, dialect)
        if not why:
            return Offer("block", rewrite.suggestion.replacement, info=_info(rewrite.suggestion, place, dialect))
    else:
        why = ""
    return _diff(item, head, why)


def _info(change: Replacement, place: Place, dialect: Dialect) -> str:
    """What stands behind the fence of a block: where it has offsets, from the comment's last line on."""
    if dialect.blocks == "range":
        return "suggestion"
    return f"suggestion:-{place.end - change.start_line}+{change.end_line - place.end}"


def _head_lines(item: Reviewed, files: Sequence[FileDiff]) -> dict[int, str]:
    """What is known of head's lines: those of the function, of the diff, and what a hunk says of its own."""
    function = item.finding.function.head
    known: dict[int, str] = {}
    for file in files:
        if file.path == function.path:
            known |= {
                line.new: f"{line.text}\n" for hunk in file.hunks for line in hunk.lines if line.new is not None
            }
    for change in item.rewrite.also if item.rewrite is not None else ():
        anchor = _anchor(item, change)
        if change.path == function.path and change.start_line == change.end_line and anchor:
            known.setdefault(change.start_line, anchor)
    return known | _lines_of(function)


def _anchor(item: Reviewed, change: Replacement) -> str:
    """The line that a hunk of imports repeats: the one before what it puts in; at the top the one behind it."""
    lines = render.with_ends(change.replacement)
    wanted = item.rewrite.candidate.imports if item.rewrite is not None else ()
    on_top = change.start_line == 1 and lines and (not lines[0].strip() or lines[0].strip() in wanted)
    return (lines[-1] if on_top else lines[0]) if lines else ""


def _no_block(item: Reviewed, place: Place, files: Sequence[FileDiff], dialect: Dialect) -> str:
    """Why the suggestion is no block that can be applied with one click; empty where it is one."""
    rewrite = item.rewrite
    if rewrite is None:
        return "there is none"
    change = rewrite.suggestion
    text, old = change.replacement, _replaced(change, _lines_of(item.finding.function.head)) or ""
    shown = "".join(line.text for file in files if file.path == place.path for h in file.hunks for line in h.lines)
    most = dialect.most_above
    fixed = dialect.blocks == "range"
    above, below = place.end - change.start_line, change.end_line - place.end
    reasons = (
        (fixed and not place.whole, "its lines are not all in the diff"),
        (not fixed and (above < 0 or below < 0), "its comment stands beside the lines that it replaces"),
        (max(above, below) > most, f"it replaces more than {most} lines on one side of its comment's last line"),
        (rewrite.obstacle != "", _OBSTACLES.get(rewrite.obstacle, "its lines are in the way")),
        (rewrite.also != (), _OBSTACLES["further-hunks"]),
        (not old, "it leaves the function"),
        (fixed and _deleted_inside(place), "the diff deletes lines between its first and its last line"),
        ("\r" in text + shown + item.finding.function.head.source, _OBSTACLES["line-ends"]),
        (not old.endswith("\n") or (text != "" and not text.endswith("\n")), _OBSTACLES["no-final-newline"]),
        (text != "" and not text.strip(), "it leaves nothing but empty lines"),
        (_undecoded(shown), "the file is not UTF-8"),
        (_hides(text, old), "it holds characters that cannot be seen"),
        (render.gives_command(text), "a line of it reads like a command"),
        (render.holds_secret(text), "it holds what looks like a secret"),
    )
    return next((reason for found, reason in reasons if found), "")


def _deleted_inside(place: Place) -> bool:
    """Whether the diff has removed lines strictly between the first and the last line."""
    inside = False
    for line in place.hunk.lines:
        if line.new == place.end:
            return False
        if inside and line.new is None:
            return True
        inside = inside or line.new == place.start
    return False


def _hides(text: str, old: str) -> bool:
    """Whether the text has characters that steer a reader's eye, or invisible ones that head's lines have not.

    An emoji's variation selector that stands there already is no trick; a form feed is white space.
    """
    unseen = set(guarding.CONTROL.findall(text)) - {"\f"}
    return _STEERING.search(text.replace("\r\n", "\n")) is not None or not unseen <= set(old)


def _diff(item: Reviewed, head: Mapping[int, str], why: str) -> Offer:
    """The rewrite as a diff, which is read and not clicked."""
    rewrite = item.rewrite
    if rewrite is None:
        return Offer("none")
    function = item.finding.function.head
    changes = (*rewrite.also, rewrite.suggestion)
    around = _lines_of(function)
    text = None
    if all(change.path == function.path for change in changes):
        text = render.patch(function.path, changes, head, around)
    if text is None:
        return Offer("omitted", why="it changes lines outside of the function that the diff does not show")
    if render.holds_secret(text):
        return Offer("omitted", why="it holds what looks like a secret")
    plain = not _hides(text, "".join(head.values())) and not render.gives_command(text)
    if plain and "\r" not in text:
        return Offer("diff", text, why=why)
    text = render.commandless(render.visible(text))
    escaped = "" if plain else "what cannot be seen, or reads like a command, is marked in it"
    return Offer("diff", text, why="; ".join(filter(None, (why, escaped))))
