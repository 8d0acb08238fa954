"""Puts a function's new text into its file, byte for byte, and says a change of text as hunks of whole lines."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from bot.domain import Function, Replacement
from bot.languages import Unparsable
from bot.languages.python.functions import first_line, indentation, lines_of, parse, parse_function


def splice(text: str, function: Function, source: str, imports: tuple[str, ...] = ()) -> str:
    """The file's text with the function replaced by `source` and the imports added.

    Everything outside the function's lines stays as it is; the new lines take the line end of the file, and a
    missing line end at the end of the file stays missing. Imports that the module already has are left out,
    the others follow its own. Raises Unparsable when the function is no longer where it was, when `source` is
    not one function of the same name and indentation, or when the result does not parse.
    """
    lines = lines_of(text)
    start, end = function.start_line, function.end_line
    if "".join(lines[start - 1 : end]) != function.source:
        raise Unparsable(f"{function.qualname} is no longer at lines {start} to {end}", start)
    _check(function, source)
    new = _with_line_ends(source, function.source, _line_end(text))
    if not lines[end - 1].endswith("\n"):
        new[-1] = new[-1].rstrip("\r\n")
    elif not new[-1].endswith("\n"):
        new[-1] += _line_end(text)
    added = _import_lines(text, imports)
    at = _import_place(text) if added else 0
    result = [*lines[: start - 1], *new, *lines[end:]]
    if added:
        result = _insert_imports(result, at, added, _line_end(text))
    finished = "".join(result)
    parse(finished)
    return finished


def standing(source: str, function: Function) -> str:
    """The text of a counterpart under the function's name, calls of itself included.

    Raises Unparsable when it stands at another indentation: to shift it would change strings that span lines.
    """
    node = parse_function(source)
    old, new = node.name, _name(function)
    if old != new:
        lines = [line.encode() for line in lines_of(source)]
        places = [(node.lineno, node.col_offset, rb"def\s+" + old.encode())]
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id == old:
                places.append((inner.lineno, inner.col_offset, old.encode()))
            elif isinstance(inner, ast.Attribute) and inner.attr == old and _is_own(inner.value):
                places.append((inner.value.lineno, inner.value.col_offset, rb"\w+\s*\.\s*" + old.encode()))
        # From the end, so that places before it stay where they are.
        for line, column, pattern in sorted(places, reverse=True):
            before, rest = lines[line - 1][:column], lines[line - 1][column:]
            named = re.compile(rb"(" + pattern[: -len(old.encode())] + rb")" + old.encode() + rb"\b")
            at = named.search(rest)
            if at is not None:
                rest = rest[: at.end(1)] + new.encode() + rest[at.end() :]
            lines[line - 1] = before + rest
        source = b"".join(lines).decode()
    _check(function, source)
    return source


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _name(function: Function) -> str:
    return function.qualname.partition("@")[0].rpartition(".")[2]


def replacements(path: str, old: str, new: str) -> tuple[Replacement, ...]:
    """The smallest hunks of whole lines that turn one text into the other, in order and not overlapping.

    An insertion takes in the line before it (at the top the line after it), since a replacement replaces at
    least one line; only in an empty file is it lines 1 to 0.
    """
    a, b = lines_of(old), lines_of(new)
    if not a:
        return (Replacement(path, 1, 0, new),) if b else ()
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    matcher = difflib.SequenceMatcher(None, a[head : len(a) - tail], b[head : len(b) - tail], autojunk=False)
    hunks: list[tuple[int, int, int, int]] = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        a1, a2, b1, b2 = a1 + head, a2 + head, b1 + head, b2 + head
        if a1 == a2 and a1 > 0:
            a1, b1 = a1 - 1, b1 - 1
        elif a1 == a2:
            a2, b2 = a2 + 1, b2 + 1
        if hunks and a1 < hunks[-1][1]:
            a1, _, b1, _ = hunks.pop()
        hunks.append((a1, a2, b1, b2))
    return tuple(Replacement(path, a1 + 1, a2, "".join(b[b1:b2])) for a1, a2, b1, b2 in hunks)


def _common(a: list[str], b: list[str]) -> int:
    """How many lines both begin with."""
    count = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        count += 1
    return count


def _line_end(text: str) -> str:
    """The line end that most lines have."""
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def _with_line_ends(source: str, old: str, line_end: str) -> list[str]:
    """The lines of `source` with the file's line end; where the old text mixes them, kept lines keep theirs."""
    plain = source.replace("\r\n", "\n")
    new = [line.replace("\n", line_end) for line in lines_of(plain)]
    if "\r\n" in old and re.search(r"(?<!\r)\n", old):
        was = lines_of(old)
        bare = [line.replace("\r\n", "\n") for line in was]
        for match in difflib.SequenceMatcher(None, bare, lines_of(plain), autojunk=False).get_matching_blocks():
            new[match.b : match.b + match.size] = was[match.a : match.a + match.size]
    return new


def _check(function: Function, source: str) -> None:
    """Raises Unparsable unless `source` can stand where the function stands and change nothing around it.

    One function at the same indentation ends no block and opens none, so everything around it keeps its place
    and its qualified name; to look at the whole result instead would take three times as long.
    """
    if parse_function(source).name != _name(function) or indentation(source) != indentation(function.source):
        raise Unparsable(f"the new text does not define {function.qualname} in its place", function.start_line)


def _import_lines(text: str, imports: tuple[str, ...]) -> list[str]:
    """The import statements, one a line, that bind something which the module does not import yet."""
    have = {name for statement in parse(text).body for name in _names(statement)}
    lines = []
    for wanted in imports:
        for statement in parse(wanted).body:
            names = list(_names(statement))
            if not names or any(module == "__future__" for _, module, _, _ in names):
                raise Unparsable(f"not an import that a rewrite can add: {wanted}")
            if not have.issuperset(names):
                lines.append(ast.unparse(statement))
                have.update(names)
    return lines


def _names(statement: ast.stmt) -> Iterator[tuple[int, str, str, str]]:
    """What an import statement binds: level, module, name, alias."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield 0, alias.name, "", alias.asname or ""
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            yield statement.level, statement.module or "", alias.name, alias.asname or ""


def _import_place(text: str) -> int:
    """After how many lines of the file imports belong: behind its opening imports, docstring, comments."""
    body = parse(text).body
    place = 0
    for number, statement in enumerate(body):
        docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not isinstance(statement, ast.Import | ast.ImportFrom):
            break
        place = statement.end_lineno or statement.lineno
    if place:
        return place
    # No statement to follow: behind the comments that open the file, unless they belong to its first statement.
    lines = lines_of(text)
    limit = first_line(body[0]) - 1 if body else len(lines)
    comments = 0
    while comments < limit and lines[comments].startswith("#"):
        comments += 1
    if comments < limit or comments == 0:
        return comments
    return sum(1 for line in lines[:2] if re.match(r"#!|#.*coding[:=]", line))


def _insert_imports(lines: list[str], at: int, added: list[str], line_end: str) -> list[str]:
    block = [f"{line}{line_end}" for line in added]
    above = lines[at - 1] if at else ""
    below = lines[at] if at < len(lines) else ""
    beside_imports = re.match(r"(from|import)\b|\)", above)
    if at and not beside_imports and above.strip():
        block.insert(0, line_end)
    if below.strip() and not beside_imports:
        block += [line_end, line_end]
    if above and not above.endswith("\n"):
        lines = [*lines[: at - 1], above + line_end, *lines[at:]]
    return [*lines[:at], *block, *lines[at:]]
