"""Check `outside`: the rewrite changes the function and its imports, and nothing else of the file."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import count
from bot.domain import Judgement


class Outside:
    """Content when the new file is the head file with the candidate in the function's lines and its imports
    added (blank lines beside an import are free), and when that is a change at all."""

    name = "outside"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first line that should not have changed."""
        candidate = trialled.candidate
        head, new, body = _lines(trialled.head_text), _lines(trialled.new_text), _lines(candidate.source)
        if body and not body[-1]:
            body.pop()
        start, end = candidate.function.start_line - 1, candidate.function.end_line
        if _said(head) == _said(new):
            return Judgement(self.name, False, "the rewrite changes nothing but blank space")

        wanted = {line.strip() for text in candidate.imports for line in _lines(text) if line.strip()}
        wanted -= {line.strip() for line in head}
        added: set[str] = set()
        at, fault = _follow(new, 0, head[:start], wanted, added, until=body)
        if fault is None and new[at : at + len(body)] != body:
            fault = at
        if fault is None:
            at, fault = _follow(new, at + len(body), head[end:], wanted, added, until=[])
            if fault is None and at != len(new):
                fault = at
        if fault is not None:
            return Judgement(self.name, False, f"line {fault + 1} differs, which is not part of the rewrite")
        if wanted - added:
            return Judgement(
                self.name, False, f"the import `{sorted(wanted - added)[0]}` is missing from the file"
            )
        extra = f" and {count(len(added), 'import line')}" if added else ""
        return Judgement(self.name, True, f"only the function's lines{extra} changed")


def _lines(text: str) -> list[str]:
    # Not `splitlines`: a form feed or U+2028 inside a string does not end a source line.
    return [line.rstrip("\r") for line in text.split("\n")]


def _said(lines: list[str]) -> list[str]:
    """The lines that say something. White space inside a line is kept: in a string it matters."""
    return [line.rstrip() for line in lines if line.strip()]


def _follow(
    new: list[str], at: int, old: list[str], wanted: set[str], added: set[str], *, until: list[str]
) -> tuple[int, int | None]:
    """Walks `old` through `new` from index `at`, passing over wanted imports and blank lines beside them.

    Gives the index after it, and the index of the first line that is neither, if there is one.
    """
    beside = False
    for line in old:
        while at < len(new) and new[at] != line:
            if not _passes(new[at], wanted, added, beside):
                return at, at
            beside, at = True, at + 1
        if at == len(new):
            return at, at
        beside = beside and not line.strip()
        at += 1
    while (
        until and at < len(new) and new[at : at + len(until)] != until and _passes(new[at], wanted, added, beside)
    ):
        beside, at = True, at + 1
    return at, None


def _passes(line: str, wanted: set[str], added: set[str], beside: bool) -> bool:
    if line.strip() in wanted - added:
        added.add(line.strip())
        return True
    return beside and not line.strip()
