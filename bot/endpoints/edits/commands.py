"""Commands that a shell reads: a list of arguments instead, or values in quotation marks."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

from bot.endpoints.edits.remedies import Code, Part, Remedy, literal, remedy, segments, written
from bot.endpoints.edits.text import Splice

RUNNERS = tuple(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen"))
SHELLS = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "os.popen2")
_SHELL_SYNTAX = re.compile(r"[|&;<>()$`*?~\\#\n\[\]{}!]")
_MARK = "\ue000"


def commands(code: Code) -> Iterator[Remedy]:
    """`run(f"tar {x}", shell=True)` -> `run(["tar", x])`, `system(f"tar {shlex.quote(x)}")`."""
    for call, origin in code.calls():
        command = _command(code, call, origin)
        if command is None:
            if not origin and code.helper(call, r"os\.system|popen|subprocess|shell=True"):
                yield from _handed_on(code, call)
            continue
        found = code.template(command)
        if found is None:
            if origin in RUNNERS and not isinstance(command, ast.List | ast.Tuple):
                yield from _split(code, call, command)
            continue
        maker, parts = found
        yield from _quoted(code, call, maker, parts)
        for factor, texts in ((1.0, False), (0.7, True)):
            words = _words(code, parts, texts=texts)
            if words is not None:
                yield from _listed(code, call, origin, (command, maker), words, factor)
        yield from _no_option(code, call, parts)


def _handed_on(code: Code, call: ast.Call) -> Iterator[Remedy]:
    """A command that a helper of the module gives to a shell."""
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        found = code.template(given)
        if found is not None:
            yield from _quoted(code, call, *found)


def _command(code: Code, call: ast.Call, origin: str) -> ast.expr | None:
    """The text that a shell reads at a call, or None."""
    if origin in SHELLS or origin == "asyncio.create_subprocess_shell":
        return call.args[0] if call.args else None
    if origin not in RUNNERS:
        return None
    given = code.keyword(call, "args")
    first = call.args[0] if call.args else given.value if given is not None else None
    shell = code.keyword(call, "shell")
    if shell is not None and not (isinstance(shell.value, ast.Constant) and not shell.value.value):
        return first
    words = code.resolved(first) if first is not None else None
    if isinstance(words, ast.List | ast.Tuple) and len(words.elts) >= 3:
        name, flag = words.elts[0], words.elts[1]
        shells = ("sh", "bash", "/bin/sh", "/bin/bash", "zsh")
        told = isinstance(name, ast.Constant) and name.value in shells and isinstance(flag, ast.Constant)
        return words.elts[2] if told and str(getattr(flag, "value", "")).endswith("c") else None
    return None


# ----------------------------------------------------------------------------------------------- quoting


def _quoted(code: Code, call: ast.Call, maker: ast.expr, parts: tuple[Part, ...]) -> Iterator[Remedy]:
    pieces = segments(parts, "'\"")
    if pieces is None:
        return
    quote, imports = code.use("shlex.quote")
    for factor, sure in ((0.9, False), (0.6, True)):
        out: list[Part] = []
        for piece in pieces:
            if isinstance(piece, str):
                out.append(piece)
                continue
            single = piece.exprs[0] if len(piece.parts) == 1 else None
            text = code.source(single) if single is not None else written(piece.parts)
            if single is not None and (code.is_number(single) or (sure and not code.is_text(single))):
                text = f"str({text})"
            if _is_quoted(code, single):
                out.append(piece.exprs[0])
            else:
                out.append(ast.parse(f"{quote}({text})", mode="eval").body)
        yield from remedy(call, "quote-argument", code.swap((maker, written(out))), factor, imports)


def _is_quoted(code: Code, node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and code.origin(node.func) in ("shlex.quote", "pipes.quote", "shlex.join")


# ------------------------------------------------------------------------------------ a list of arguments


def _words(code: Code, parts: tuple[Part, ...], *, texts: bool) -> list[str] | None:
    """The command as sources of its words; None where it needs a shell.

    With `texts`, what is not known to be a text is made one.
    """
    if any(isinstance(part, str) and _SHELL_SYNTAX.search(part) for part in parts):
        return None
    exprs = [part for part in parts if isinstance(part, ast.expr)]
    text = "".join(part if isinstance(part, str) else _MARK for part in parts)
    try:
        tokens = shlex.split(text)
    except ValueError:
        return None
    out = []
    rest = iter(exprs)
    for token in tokens:
        own: list[Part] = []
        for index, piece in enumerate(token.split(_MARK)):
            own += [next(rest)] if index else []
            own += [piece] if piece else []
        out.append(_word(code, own, texts=texts))
    return out if tokens and not tokens[0].startswith(_MARK) else None


def _word(code: Code, own: list[Part], *, texts: bool) -> str:
    if len(own) == 1 and isinstance(own[0], ast.expr):
        node = own[0]
        if isinstance(node, ast.Call) and _is_quoted(code, node) and node.args:
            node = node.args[0]
        text = code.source(node)
        return f"str({text})" if code.is_number(node) or (texts and not code.is_text(node)) else text
    return written(own)


def _listed(
    code: Code,
    call: ast.Call,
    origin: str,
    command: tuple[ast.expr, ast.expr],
    words: list[str],
    factor: float,
) -> Iterator[Remedy]:
    given, maker = command
    new = f"[{', '.join(words)}]"
    if origin in RUNNERS:
        shell = code.keyword(call, "shell")
        if shell is None:
            return
        names = [
            n for n in code.nodes if isinstance(n, ast.Name) and isinstance(given, ast.Name) and n.id == given.id
        ]
        target = maker if len(names) == 2 else given  # the text is used for nothing else, or it stays
        splices = [*code.swap((target, new)), code.drop_argument(call, shell)]
        yield from remedy(call, "argument-list", splices, factor)
        if target is not given:
            yield from remedy(target, "argument-list", splices, factor)
        return
    run, imports = code.use("subprocess.run")
    parent = code.parents.get(call)
    if origin == "os.system":
        result = "" if isinstance(parent, ast.Expr) else ".returncode"
        yield from remedy(call, "argument-list", code.swap((call, f"{run}({new}){result}")), 0.8 * factor, imports)
    elif origin == "os.popen" and isinstance(parent, ast.Attribute) and parent.attr == "read":
        outer = code.parents.get(parent)
        pipe, _ = code.use("subprocess.PIPE")
        if isinstance(outer, ast.Call):
            text = f"{run}({new}, stdout={pipe}, text=True).stdout"
            yield from remedy(call, "argument-list", code.swap((outer, text)), 0.8 * factor, imports)
    elif origin == "subprocess.getoutput":
        pipe, _ = code.use("subprocess.PIPE")
        out, _ = code.use("subprocess.STDOUT")
        text = f'{run}({new}, stdout={pipe}, stderr={out}, text=True).stdout.removesuffix("\\n")'
        yield from remedy(call, "argument-list", code.swap((call, text)), 0.8 * factor, imports)


def _split(code: Code, call: ast.Call, command: ast.expr) -> Iterator[Remedy]:
    """A command that comes from outside as one text: its words, and no shell."""
    shell = code.keyword(call, "shell")
    if shell is None or isinstance(command, ast.Constant):
        return
    split, imports = code.use("shlex.split")
    splices = [*code.swap((command, f"{split}({code.source(command)})")), code.drop_argument(call, shell)]
    yield from remedy(call, "argument-list", splices, 0.5, imports)


def _no_option(code: Code, call: ast.Call, parts: tuple[Part, ...]) -> Iterator[Remedy]:
    """A value that begins with a dash is refused: it would be an option, quoted or not."""
    names = {part.id: None for part in parts if isinstance(part, ast.Name)}
    rows = [
        row
        for name in names
        for row in (
            f'if str({name}).startswith("-"):',
            f"    raise ValueError({literal(name + ' begins with a dash')})",
        )
    ]
    if rows:
        yield from remedy(call, "refuse-option", [code.before(call, rows)], 0.4)


def options(code: Code) -> Iterator[Remedy]:
    """A list of arguments with a value in it: `--` before the first value, or no value that begins with a dash."""
    for call, origin in code.calls(*RUNNERS):
        given = code.resolved(call.args[0]) if call.args else None
        if origin and isinstance(given, ast.List) and given in code.parents and len(given.elts) > 1:
            at = next((e for e in given.elts[1:] if not isinstance(e, ast.Constant)), None)
            if at is None:
                continue
            start = code.text.start(at)
            names = tuple(e for e in given.elts if isinstance(e, ast.Name))
            yield from _no_option(code, call, names)
            yield from remedy(call, "end-of-options", [Splice(start, start, b'"--", ')], 0.5)
