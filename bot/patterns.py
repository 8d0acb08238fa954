"""Path patterns as .gitignore writes them: which paths does a list of patterns cover? Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence


def covers(patterns: Sequence[str], path: str) -> bool:
    """Whether the patterns cover a posix path; the last pattern that matches decides.

    `*` and `?` stop at `/`, `**` does not, `!` takes back, a trailing `/` means a folder. A pattern with a
    slash before its end is anchored at the root, another one matches at any depth. What covers a folder
    covers everything below it.
    """
    covered = False
    for pattern in patterns:
        taken_back = pattern.startswith("!")
        if _compiled(pattern[1:] if taken_back else pattern).fullmatch(path):
            covered = not taken_back
    return covered


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression for whole paths."""
    below = r"/.*" if pattern.endswith("/") else r"(?:/.*)?"
    core = pattern.rstrip("/")
    prefix = "" if "/" in core else r"(?:.*/)?"
    return re.compile(prefix + _translated(core.lstrip("/")) + below, re.DOTALL)


def _translated(glob: str) -> str:
    out = []
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out.append(r"(?:.*/)?")
            at += 3
        elif glob.startswith("**", at):
            out.append(r".*")
            at += 2
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) != -1:
            inside = glob[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            out.append("[" + ("^" + inside[1:] if inside[0] in "!^" else inside) + "]")
            at = end + 1
        else:
            out.append({"*": r"[^/]*", "?": r"[^/]"}.get(glob[at], re.escape(glob[at])))
            at += 1
    return "".join(out)
