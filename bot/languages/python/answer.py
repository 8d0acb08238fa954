"""What a model wrote, as code: the function in an answer, the next statement, a prefix that can be run."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence

from bot.domain import Function
from bot.languages import Answered, Unparsable

FENCE = re.compile(
    r"^(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)(?:^(?P=fence)[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
SENTINEL = "TrylineUnwritten"
"""Class of the exception that a cut prefix ends in; of no kind that code under test catches by accident."""
MAX_ANSWER = 200_000
"""Characters of an answer that are looked at."""


def margin(source: str) -> str:
    """The white space before the function's first line, where every line has it; else ''."""
    lines = [line for line in source.split("\n") if line.strip()]
    first = lines[0][: len(lines[0]) - len(lines[0].lstrip())] if lines else ""
    return first if all(line.startswith(first) for line in lines) else ""


def answered(text: str, function: Function) -> Answered:
    """The last version of the function in an answer, indented as the original is, and the imports beside it.

    Looks into fenced blocks, last first, then at the text itself; a method may stand in its class or alone.
    Raises Unparsable when no block defines the function.
    """
    text = text[:MAX_ANSWER].replace("\r\n", "\n").replace("\r", "\n")
    blocks = [found["code"] for found in FENCE.finditer(text)]
    problems: list[str] = []
    # Where the answer's beginning was given, its fence is ours, and only the closing one is in the text.
    bare = "\n".join(line for line in text.split("\n") if not line.startswith(("```", "~~~")))
    for block in [*reversed(blocks), text, bare]:
        try:
            return _defined(block, function)
        except Unparsable as error:
            problems.append(error.message)
    raise Unparsable(problems[0])


def _defined(block: str, function: Function) -> Answered:
    code = textwrap.dedent(block.strip("\n"))
    tree = _parsed(code)
    named = [(path, node) for path, node in _definitions(tree) if path[-1] == function.qualname.rpartition(".")[2]]
    if not named:
        raise Unparsable(f"the answer does not define `{function.qualname}`")
    # Several (overloads, a namesake in another class): its own place first, then the outermost, the last of them.
    own_path = tuple(function.qualname.replace(".<locals>", "").split("."))
    node = min(reversed(named), key=lambda row: (row[0] != own_path, len(row[0])))[1]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = code.split("\n")[first - 1 : node.end_lineno]
    own = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    wanted = function.source[: len(function.source) - len(function.source.lstrip())].rpartition("\n")[2]
    keep = _inside_strings(node)
    moved = [
        line if number in keep or not line.strip() else wanted + line.removeprefix(own)
        for number, line in enumerate(lines, first)
    ]
    imports = tuple(
        ast.unparse(statement)
        for statement in tree.body
        if isinstance(statement, ast.Import | ast.ImportFrom) and not _future(statement)
    )
    return Answered("\n".join(moved) + "\n", imports)


def _definitions(
    node: ast.AST, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with the names of the scopes around it and its own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (*path, child.name), child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _definitions(child, (*path, child.name))
        else:
            yield from _definitions(child, path)


def _parsed(code: str) -> ast.Module:
    """The code's tree. Raises Unparsable."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unparsable(f"the answer is no Python: {getattr(error, 'msg', error)}") from None


def _future(statement: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _inside_strings(node: ast.AST) -> set[int]:
    """Lines that begin inside a string: their white space is the string's, unless it is a docstring's."""
    documented = [
        n.body[0].value
        for n in ast.walk(node)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and isinstance(n.body[0], ast.Expr)
    ]
    texts = [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str | bytes))
    ]
    ends = [(n.lineno, n.end_lineno or n.lineno) for n in texts if n not in documented]
    return {line for first, last in ends for line in range(first + 1, last + 1)}


def first_statement(lines: Sequence[str]) -> int:
    """How many of the lines the first statement takes, blank lines and comments before it included; of a compound
    statement its header only. 0 when it is not complete."""
    code = textwrap.dedent("\n".join(lines) + "\n")
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.NEWLINE:
                return token.start[0] if token.string or token.start[0] < len(lines) else 0
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return 0
    return 0


def cut(lines: Sequence[str]) -> str:
    """The beginning of a function as a whole one that can run: where it ends, a private exception is raised.

    Lines at the end that make no sense alone are dropped. Raises Unparsable when nothing is left.
    """
    kept = list(lines)
    while kept:
        while kept and not kept[-1].strip():
            kept.pop()
        if not kept:
            break
        last = kept[-1]
        indent = last[: len(last) - len(last.lstrip())]
        raising = f"raise type({SENTINEL!r}, (BaseException,), {{}})('the rest is not written')"
        for deeper in ("    ", ""):
            text = "\n".join([*kept, f"{indent}{deeper}{raising}"]) + "\n"
            if parses(text):
                return text
        kept.pop()
    raise Unparsable("no line of it can stand alone")


def parses(source: str) -> bool:
    """Whether a function's text, indented or not, is Python."""
    try:
        ast.parse(
            textwrap.dedent(source)
            if not margin(source)
            else "\n".join(line.removeprefix(margin(source)) for line in source.split("\n"))
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
