"""Foreign text for a page: cleaned, without secrets, bounded; code as lines of escaped, coloured tokens."""

from __future__ import annotations

import functools

from pygments.lexers.python import PythonLexer
from pygments.token import Token, _TokenType

from bot import guarding, render
from bot.templating import Markup, escape

MOST_TEXT = 20_000
"""Characters of one text; more is cut, with a note."""
MOST_LINES = 2_000
"""Lines of one piece of code."""
LONGEST_LINE = 1_000
COLOURED = 20_000
"""Characters of code up to which it is coloured: a lexer's time is bounded by this."""

_CLASSES = (
    (Token.Comment, "c"),
    (Token.Literal.String.Interpol, ""),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "n"),
    (Token.Operator.Word, "k"),
    (Token.Keyword, "k"),
    (Token.Name.Function, "f"),
    (Token.Name.Class, "f"),
    (Token.Name.Builtin, "b"),
    (Token.Name.Decorator, "b"),
)


@functools.lru_cache(maxsize=8192)
def shown(text: str) -> str:
    """Any text as a reader may see it: no terminal escapes, no secrets, what is invisible as an escape."""
    if len(text) <= 16 and text.isascii() and text.isprintable():
        return text
    text = guarding.ANSI.sub("", text[: 2 * MOST_TEXT])
    safe = render.secretless(text) if render.holds_secret(text) else render.visible(text)
    return render.clip(safe, MOST_TEXT)


def line(text: object, limit: int = 300) -> str:
    """A text on one line."""
    return render.clip(" ".join(shown(str(text)).split()), limit)


def prose(text: object, limit: int = 2000) -> Markup:
    """A text of sentences; pairs of single backticks become code."""
    pieces = line(text, limit).split("`")
    if len(pieces) % 2 == 0:  # a backtick without its partner is one
        pieces[-2:] = ["`".join(pieces[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def code(text: str, most: int = MOST_LINES) -> tuple[Markup, ...]:
    """Source code line by line, as escaped tokens with classes for colours; whatever does not parse is plain."""
    return _code(text, most)


@functools.lru_cache(maxsize=256)
def _code(text: str, most: int) -> tuple[Markup, ...]:
    safe = render.secretless(text) if render.holds_secret(text) else render.visible(text)
    rows = safe.removesuffix("\n").split("\n")
    cut = len(rows) - most
    rows = [render.clip(row, LONGEST_LINE) for row in rows[:most]]
    text = "\n".join(rows)
    made = _coloured(text) if len(text) <= COLOURED else [escape(row) for row in rows]
    if cut > 0:
        made.append(Markup('<span class="c">… {} more lines</span>').format(cut))
    return tuple(made)


def _coloured(text: str) -> list[Markup]:
    rows: list[Markup] = []
    pieces: list[Markup] = []
    for kind, value in _LEXER.get_tokens(text):
        name = _class(kind)
        for index, part in enumerate(value.split("\n")):
            if index:
                rows.append(Markup("").join(pieces))
                pieces = []
            if part:
                pieces.append(Markup('<span class="{}">{}</span>').format(name, part) if name else escape(part))
    if pieces:
        rows.append(Markup("").join(pieces))
    return rows


_LEXER = PythonLexer(stripnl=False, ensurenl=True)


@functools.cache
def _class(kind: _TokenType) -> str:
    above = kind.split()
    return next((name for token, name in _CLASSES if token in above), "")
