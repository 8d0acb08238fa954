"""What of a finding stays over pushes: code without its layout and comments, tests without what varies."""

from __future__ import annotations

import hashlib
import re

_LITERAL = r"'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
_SKIMMED = re.compile(rf"(?P<literal>{_LITERAL})|(?P<comment>#[^\n]*)|(?P<space>\s+|\\\r?\n)", re.DOTALL)

_MOST = 4000
"""Characters that are looked at: code and names are a stranger's, and may be made to take time."""
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_VARYING = (
    (re.compile(rf"{_DATE}(?:[ T_]{_TIME})?|\b{_TIME}"), "TIME"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "UUID"),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "ADDRESS"),
    # Seconds since 1970, from 2001 to 2033, perhaps with a fraction, or as milli-, micro- or nanoseconds.
    (re.compile(r"(?<![\w.])1\d{9}(?:\d{3}){0,3}(?:\.\d+)?(?![\w.])"), "TIME"),
    (re.compile(r"/[^\s\]]{0,200}?/pytest-of-[^/\s\]]+/pytest-\d+/(?:popen-gw\d+/)?"), "TMP/"),
)


def code(text: str) -> str:
    """A piece of code, equal for pieces that differ in white space and comments only.

    Without a parser: string literals are told by their quotes and kept as they are; of other white space only
    what keeps two words apart is left. A piece that starts inside a string is read as if it did not.
    """

    def kept(found: re.Match[str]) -> str:
        literal = found["literal"]
        # A literal is a word of its own: white space around it tells nothing.
        return f"\0{literal}\0" if literal is not None else " "

    pieces = re.split(r"\0", _SKIMMED.sub(kept, text[:_MOST].replace("\0", " ")))
    for place in range(0, len(pieces), 2):
        collapsed = " ".join(pieces[place].split())
        pieces[place] = re.sub(r"(?<!\w) | (?!\w)", "", collapsed)
    return "".join(pieces)


def test(name: str) -> str:
    """A test's id without what differs from run to run: times, object addresses, random ids, temporary folders.

    Only the parameters in brackets can vary; the path and the names before them are the repository's own text.
    """
    bracket = name.find("[")
    if bracket < 0:
        return name
    kept, parameters, rest = name[:bracket], name[bracket:][:_MOST], name[bracket:][_MOST:]
    for pattern, instead in _VARYING:
        parameters = pattern.sub(instead, parameters)
    return kept + parameters + rest


_WITNESS = re.compile(r"(?:.*/)?(?:test_tryline_[0-9a-f]{8}|tryline_[0-9a-f]{8}_test)\.py(?:::.*)?", re.DOTALL)


def is_witness(name: str) -> bool:
    """Whether a test's id, or its file's path, is that of a witness that we put into a tree."""
    return _WITNESS.fullmatch(name) is not None


def digest(*parts: str) -> str:
    """Twelve hexadecimal digits that are equal for equal parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def blob(content: bytes, like: str) -> str:
    """What git calls this content, in a repository whose ids look `like` this one: SHA-1, or SHA-256."""
    made = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % len(content) + content)
    return made.hexdigest()
