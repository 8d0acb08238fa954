"""The proven file as hunks that turn head's file into it, and what keeps a platform from applying them."""

from __future__ import annotations

from bot import trial
from bot.domain import Replacement


def hunks(place: trial.Place, module: str) -> tuple[Replacement, tuple[Replacement, ...]]:
    """(the hunk inside the function, further hunks: imports) that turn head's file into the verified one."""
    path = place.function.path
    own: list[Replacement] = []
    also: list[Replacement] = []
    for hunk in place.language.replacements(path, place.text, module):
        inside = place.function.start_line <= hunk.start_line <= place.function.end_line
        (own if inside else also).append(hunk)
    first, *more = own
    for hunk in more:
        first = joined(place.text, first, hunk)
    return first, tuple(also)


def obstacle_to(text: str, suggestion: Replacement, also: tuple[Replacement, ...]) -> str:
    """Why no platform can apply a suggestion to this head file with one click; see `Rewrite.obstacle`."""
    if also:
        return "further-hunks"
    if "\r" in text:
        return "line-ends"
    unfinished = not text.endswith("\n") and suggestion.end_line > text.count("\n")
    return "no-final-newline" if unfinished else ""


def joined(text: str, first: Replacement, second: Replacement) -> Replacement:
    """Two hunks as one, with the lines between them as they stand."""
    lines = text.split("\n")  # not splitlines: a form feed or a Unicode separator ends no line of a diff
    lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
    between = "".join(lines[first.end_line : second.start_line - 1])
    return Replacement(
        first.path, first.start_line, second.end_line, first.replacement + between + second.replacement
    )
