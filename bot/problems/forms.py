"""The forms of problem sets: HumanEval, MBPP, LiveCodeBench and our own, with tests shown and tests held back.

All text here is a stranger's. It is parsed, never run and never unpickled; it runs in containers alone.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import pickletools
import textwrap
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.problems import examples

MODULE = "solution.py"
VISIBLE = "test_visible.py"
HIDDEN = "test_hidden.py"

MOST_SHOWN = 3
"""Tests that are shown where a set says nothing of which are: never more, and never more than half of them."""
MOST_CASES = 100
"""Cases of a LiveCodeBench problem that are held back; those above it are left away, the last ones first."""
LARGEST = 48 << 20
"""Bytes of one problem's unpacked cases."""


class Malformed(Exception):
    """A line is not what its form promises."""


class Unusable(Exception):
    """A problem in good form that cannot be measured, e.g. because nothing can be held back."""


@dataclass(frozen=True)
class Problem:
    """One function to be written or repaired, with tests shown and tests held back."""

    id: str
    function: str
    """Qualified name in the module."""
    module: str
    """The module: the function is a stub that raises NotImplementedError, or it is defective."""
    visible: str
    """A pytest module: what prompts, the loop and the stopping rule may know."""
    hidden: str
    """A pytest module: what judges the one submission, and nothing else."""
    reference: str = ""
    """A module that is right, '' where none is known: shows that the tests can be passed. No arm sees it."""
    path: str = MODULE
    """The module's file name, which the tests import."""
    form: str = "tryline"


def shown(value: object, limit: int = 80) -> str:
    """A foreign value that is safe and short enough for a message."""
    text = "".join(c if c.isprintable() else "�" for c in str(value)[: 4 * limit]).replace("`", "'")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def name_of(row: Mapping[str, Any]) -> str:
    """The id of a problem in any form. Raises Malformed."""
    for key in ("id", "task_id", "question_id"):
        if key in row:
            value = row[key]
            if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
                raise Malformed(f"`{key}` must be text or a number, not `{shown(value)}`")
            name = str(value)
            if len(name) > 200 or not name.isprintable():
                raise Malformed(f"`{key}` must be printable and short")
            return name
    raise Malformed("it has no `task_id`, `question_id` or `id`")


def read(row: Mapping[str, Any]) -> Problem:
    """The problem that an object of any form describes. Raises Malformed or Unusable."""
    for marks, form in FORMS:
        if all(mark in row for mark in marks):
            try:
                return form(row)
            except RecursionError:
                raise Malformed("it is nested too deeply") from None
    raise Malformed(
        "it has none of the known forms: HumanEval (prompt, entry_point, test), MBPP (test_list, code), "
        "LiveCodeBench (question_content, public_test_cases), or our own (function, module, visible, hidden)"
    )


# ------------------------------------------------------------------------------------------------- our own


def _own(row: Mapping[str, Any]) -> Problem:
    module, reference = _text(row, "module"), _text(row, "reference", "")
    visible, hidden = _text(row, "visible"), _text(row, "hidden")
    path = _text(row, "path", MODULE)
    stem = path.removesuffix(".py")
    if not path.endswith(".py") or not stem.isidentifier() or path in (VISIBLE, HIDDEN, "conftest.py"):
        raise Malformed(f"`path` must be the plain name of a module, not `{shown(path)}`")
    for key, text in (("visible", visible), ("hidden", hidden), ("reference", reference)):
        _parsed(text, key)
    return Problem(
        name_of(row),
        _qualified(_parsed(module, "module"), _text(row, "function", "")),
        module,
        visible,
        hidden,
        reference,
        path,
        "tryline",
    )


def _qualified(module: ast.Module, name: str) -> str:
    """Qualified name of a function or method; without a name, of the module's only function."""
    known: list[str] = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            known.append(node.name)
        elif isinstance(node, ast.ClassDef):
            known += [
                f"{node.name}.{member.name}"
                for member in node.body
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
    if not name:
        top = [one for one in known if "." not in one]
        if not top:
            raise Malformed("`module` has no function")
        return top[0]
    found = [one for one in known if one == name or one.rpartition(".")[2] == name]
    if not found:
        raise Malformed(f"`module` has no function `{shown(name)}`")
    return name if name in found else found[0]


# ----------------------------------------------------------------------------------------------- HumanEval


def _humaneval(row: Mapping[str, Any]) -> Problem:
    """HumanEval, and HumanEvalFix where `buggy_solution` gives the body that is to be repaired.

    Shown are the examples of the docstring, `example_test` where there is one, or else the first asserts of
    `check`; the rest of `check` is held back.
    """
    prompt, name = _text(row, "prompt"), _text(row, "entry_point")
    test, solution = _text(row, "test"), _text(row, "canonical_solution", "")
    if not name.isidentifier():
        raise Malformed(f"`entry_point` must be a name, not `{shown(name)}`")
    module = (
        prompt + _text(row, "buggy_solution") if "buggy_solution" in row else _stub(prompt.rstrip() + "\n", name)
    )
    tree = _parsed(module, "prompt")
    function = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None)
    if function is None:
        raise Malformed(f"`prompt` does not define `{name}`")
    reference = prompt + solution if solution else ""
    _parsed(reference, "canonical_solution")
    checks = _parsed(test, "test")
    docstring = examples.docstring(prompt, name) or ast.get_docstring(function, clean=True) or ""
    given = [parsed for text in examples.asserts(docstring, name) for parsed in ast.parse(text).body]
    if "example_test" in row:
        try:
            visible = ast.unparse(_parsed(_text(row, "example_test"), "example_test"))
        except Malformed as problem:
            # A line of the published HumanEvalFix is damaged so: no reason to refuse the other 163.
            raise Unusable(str(problem)) from None
        return Problem(
            name_of(row),
            name,
            module,
            _called(visible, tree, name),
            _called(ast.unparse(checks), tree, name),
            reference,
            form="humaneval",
        )
    kept, taken = _split(checks, name, given)
    if not taken:
        raise Unusable("neither its docstring nor its test gives an example that can be shown")
    return Problem(
        name_of(row),
        name,
        module,
        _tests(tree, [("example", body) for body in taken]),
        _called(ast.unparse(kept), tree, name),
        reference,
        form="humaneval",
    )


def _stub(start: str, name: str) -> str:
    """A module that begins so, with a body for its last function that raises at once. Raises Malformed."""
    for indent in ("    ", "  ", "\t", " " * 8):
        text = f"{start}{indent}raise NotImplementedError\n"
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        return text
    raise Malformed(f"`prompt` does not begin a function `{shown(name)}` that can be continued")


def _split(checks: ast.Module, name: str, given: Sequence[ast.stmt]) -> tuple[ast.Module, list[list[ast.stmt]]]:
    """(the tests without what is shown, what is shown as bodies of tests).

    Shown is what the docstring gives; without that the first asserts of `check` that call the candidate, with the
    assignments before them. Raises Unusable when nothing would be left.
    """
    check = next((n for n in checks.body if isinstance(n, ast.FunctionDef) and n.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        raise Malformed("`test` does not define `check(candidate)`")
    candidate = check.args.args[0].arg
    mine = [node for node in check.body if isinstance(node, ast.Assert) and _calls(node, candidate)]
    if given:
        taken = [[node] for node in given]
        known = {_key(node, name) for node in given}
        left_away = [node for node in mine if _key(node, candidate) in known]
    else:
        left_away = mine[: min(MOST_SHOWN, len(mine) // 2)]
        before = [node for node in check.body if isinstance(node, ast.Assign | ast.AnnAssign | ast.Import)]
        alias = ast.Assign([ast.Name(candidate, ast.Store())], ast.Name(name, ast.Load()), lineno=1)
        taken = [[alias, *(n for n in before if n.lineno < node.lineno), node] for node in left_away]
    if (
        taken
        and len(left_away) == len(mine)
        and not any(_calls(n, candidate) for n in check.body if n not in mine)
    ):
        raise Unusable("every test is shown already, nothing is left to hold back")
    body = [node for node in check.body if node not in left_away]
    rest = ast.FunctionDef(**{**_fields(check), "body": body or [ast.Pass()]})
    return ast.Module([rest if node is check else node for node in checks.body], []), taken


def _fields(node: ast.AST) -> dict[str, Any]:
    return {**dict(ast.iter_fields(node)), "lineno": 1, "col_offset": 0}


def _calls(node: ast.AST, name: str) -> bool:
    return name in _called_names(node)


def _key(node: ast.stmt, name: str) -> str:
    """A text that is equal for asserts of the same under two names of the function, messages apart."""
    test = node.test if isinstance(node, ast.Assert) else node
    text = ast.dump(test)
    return text.replace(f"Name(id='{name}', ", "Name(id='candidate', ")


def _called(test: str, module: ast.Module, name: str) -> str:
    """A test module around a text that defines `check` or runs asserts of its own."""
    tree = ast.parse(test)
    check = any(isinstance(n, ast.FunctionDef) and n.name == "check" for n in tree.body)
    kept = [node for node in tree.body if not _runs(node)]
    body: list[ast.stmt] = [] if check else [node for node in tree.body if _runs(node)]
    if check:
        body = [ast.Expr(ast.Call(ast.Name("check", ast.Load()), [ast.Name(name, ast.Load())], []))]
    return _tests(module, [("all", body)], kept)


def _runs(node: ast.stmt) -> bool:
    """Whether a statement of a test module tests at once."""
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


# ---------------------------------------------------------------------------------------------------- MBPP


def _mbpp(row: Mapping[str, Any]) -> Problem:
    """MBPP: the signature comes from the solution; the first asserts are shown, the others are held back."""
    wish = _text(row, "text", "") or _text(row, "prompt")
    code = _parsed(_text(row, "code"), "code")
    setup = _parsed(
        "\n".join([*_texts(row, "test_imports"), _text(row, "test_setup_code", "")]), "test_setup_code"
    )
    listed = [_parsed(text, f"test_list[{i}]").body for i, text in enumerate(_texts(row, "test_list"))]
    challenge = [
        _parsed(text, f"challenge_test_list[{i}]").body
        for i, text in enumerate(_texts(row, "challenge_test_list"))
    ]
    if not listed or not all(listed):
        raise Malformed("`test_list` must hold at least one assert each")
    defined = {n.name: n for n in code.body if isinstance(n, ast.FunctionDef)}
    called = {name for body in listed for statement in body for name in _called_names(statement)}
    name = next((name for name in reversed(defined) if name in called), None)
    if name is None:
        raise Malformed("`code` defines no function that `test_list` calls")
    shown_count = max(1, min(MOST_SHOWN, len(listed) // 2))
    hidden = [*listed[shown_count:], *challenge]
    if not hidden:
        raise Unusable("it has one test only, nothing is left to hold back")
    stub = _module(_stub_of(defined[name], wish, [_example(body) for body in listed[:shown_count]]))
    tree = ast.parse(stub)
    return Problem(
        name_of(row),
        name,
        stub,
        _tests(tree, [("example", body) for body in listed[:shown_count]], setup.body),
        _tests(tree, [("held_back", body) for body in hidden], setup.body),
        ast.unparse(code) + "\n",
        form="mbpp",
    )


def _called_names(node: ast.AST) -> set[str]:
    return {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def _example(body: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(node) for node in body)


def _stub_of(function: ast.FunctionDef, wish: str, shown_tests: Sequence[str]) -> str:
    """A stub with the function's parameters, its task as a docstring. Raises Unusable.

    Annotations go, and defaults must be plain values: neither the solution's imports nor its helpers are told.
    """
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for argument_ in (arguments.vararg, arguments.kwarg):
        if argument_ is not None:
            argument_.annotation = None
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if default is not None and not _plain(default):
            raise Unusable("a default of its parameters is no plain value")
    text = "\n".join([wish.strip(), "", *shown_tests])
    return f"def {function.name}({ast.unparse(arguments)}):\n{_docstring(text, '    ')}"


def _plain(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


# --------------------------------------------------------------------------------------------- LiveCodeBench


def _livecodebench(row: Mapping[str, Any]) -> Problem:
    """LiveCodeBench: a method of `Solution` where there is starter code, else `solve(stdin)`.

    A program that reads standard input and prints becomes `solve(stdin: str) -> str`, so that it can be called,
    traced and replayed like any other function. Outputs are compared as the benchmark does: line by line,
    white space around apart, numbers by value.
    """
    question = _text(row, "question_content")
    starter = _text(row, "starter_code", "") or ""
    public = _cases(row, "public_test_cases")
    private = _cases(row, "private_test_cases") if "private_test_cases" in row else []
    kinds = {case["testtype"] for case in (*public, *private)}
    if not public:
        raise Unusable("it has no public case, so nothing can be shown")
    known = {(case["input"], case["output"]) for case in public}
    private = [case for case in private if (case["input"], case["output"]) not in known][:MOST_CASES]
    if not private:
        count = len(public) // 2
        public, private = public[: len(public) - count], public[len(public) - count :]
    if not private:
        raise Unusable("it has one case only, nothing is left to hold back")
    if kinds == {"functional"}:
        name, module = _solution(starter, question)
        call = f"Solution().{name.rpartition('.')[2]}"
        shown_, held = (_functional(cases, call) for cases in (public, private))
    elif kinds == {"stdin"}:
        name, module = "solve", _module(f"def solve(stdin: str) -> str:\n{_docstring(question + STDIN, '    ')}")
        shown_, held = (_stdin(cases) for cases in (public, private))
    else:
        raise Malformed(f"`testtype` must be stdin or functional throughout, not {shown(sorted(kinds))}")
    tree = ast.parse(module)
    setup = ast.parse(ALIKE).body
    return Problem(
        name_of(row),
        name,
        module,
        _tests(tree, [("example", body) for body in shown_], setup),
        _tests(tree, [("held_back", body) for body in held], setup),
        form="livecodebench",
    )


STDIN = "\n\n`stdin` is the whole standard input. Return what the program would print."

ALIKE = """\
from decimal import Decimal, InvalidOperation

def number(word):
    try:
        return Decimal(word)
    except InvalidOperation:
        return None

def same_line(one, other):
    if one == other:
        return True
    left, right = one.split(), other.split()
    if len(left) != len(right):
        return False
    return all(a == b or (number(a) is not None and number(a) == number(b)) for a, b in zip(left, right))

def same_output(printed, wanted):
    left, right = ([line.strip() for line in text.strip().split("\\n")] for text in (printed, wanted))
    return len(left) == len(right) and all(map(same_line, left, right))
"""


def _cases(row: Mapping[str, Any], key: str) -> list[dict[str, str]]:
    """Cases from JSON text, a list, or packed as LiveCodeBench packs them (base64, zlib, one pickled text)."""
    value = row[key]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            try:
                value = json.loads(_unpacked(value, key))
            except ValueError:
                raise Malformed(f"`{key}` is neither JSON nor packed JSON") from None
        except ValueError as error:
            raise Malformed(f"`{key}` cannot be read: {shown(error)}") from None
    if not isinstance(value, list):
        raise Malformed(f"`{key}` must be a list of cases")
    for index, case in enumerate(value):
        if not isinstance(case, dict) or not all(
            isinstance(case.get(part), str) for part in ("input", "output", "testtype")
        ):
            raise Malformed(f"`{key}`: case {index} must give `input`, `output` and `testtype` as text")
    return value


def _unpacked(text: str, key: str) -> str:
    """The text in a packed field. The pickle is taken apart, not loaded: it may hold one text and nothing else."""
    try:
        packed = base64.b64decode(text, validate=True)
        machine = zlib.decompressobj()
        data = machine.decompress(packed, LARGEST)
        if machine.unconsumed_tail:
            raise Malformed(f"`{key}` unpacks to more than {LARGEST >> 20} MiB")
        found: list[str] = []
        for opcode, argument, _ in pickletools.genops(data):
            if isinstance(argument, str) and "UNICODE" in opcode.name:
                found.append(argument)
            elif opcode.name not in ("PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"):
                raise Malformed(f"`{key}` is packed with more than one text in it")
    except (binascii.Error, zlib.error, ValueError, IndexError, UnicodeDecodeError, OverflowError):
        raise Malformed(f"`{key}` is neither JSON nor packed JSON") from None
    if len(found) != 1:
        raise Malformed(f"`{key}` is packed with more than one text in it")
    return found[0]


def _solution(starter: str, question: str) -> tuple[str, str]:
    """(qualified name, module) for starter code that begins a method of `Solution`."""
    start = textwrap.dedent(starter.replace("\r\n", "\n")).rstrip()
    last = start.split("\n")[-1]
    indent = last[: len(last) - len(last.lstrip())] + "    "
    module = _module(
        f"{start}\n{_docstring(question, indent)}",
        "from typing import Any, Dict, List, Optional, Set, Tuple\n\n\n",
    )
    tree = _parsed(module, "starter_code")
    solution = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Solution"), None)
    methods = [n.name for n in solution.body if isinstance(n, ast.FunctionDef)] if solution else []
    if not methods:
        raise Malformed("`starter_code` does not begin a method of `Solution`")
    return f"Solution.{methods[-1]}", module


def _functional(cases: Iterable[Mapping[str, str]], call: str) -> list[list[ast.stmt]]:
    """Bodies of tests: each line of an input is one argument as JSON, the output is JSON."""
    bodies = []
    for case in cases:
        try:
            arguments = [json.loads(line) for line in case["input"].split("\n") if line.strip()]
            wanted = json.loads(case["output"])
        except (ValueError, RecursionError):
            raise Malformed("a functional case is not JSON, one argument a line") from None
        text = f"assert {call}({', '.join(map(ascii, arguments))}) == {wanted!a}"
        bodies.append(_parsed(text, "a functional case").body)
    return bodies


def _stdin(cases: Iterable[Mapping[str, str]]) -> list[list[ast.stmt]]:
    """Bodies of tests: the printed text must be the wanted one."""
    return [
        _parsed(
            f"printed = solve({case['input']!a})\n"
            f"assert same_output(printed, {case['output']!a}), f'printed {{printed!r:.400}}'",
            "a case",
        ).body
        for case in cases
    ]


# --------------------------------------------------------------------------------------------------- shared


FORMS: Sequence[tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Problem]]] = (
    (("module", "visible", "hidden"), _own),
    (("public_test_cases", "question_content"), _livecodebench),
    (("test_list", "code"), _mbpp),
    (("prompt", "entry_point", "test"), _humaneval),
)
"""Keys by which a form is known, and what reads it; the first that fits."""


def _text(row: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Malformed(f"`{key}` must be text" if key in row else f"`{key}` is missing")
    if "\0" in value:
        raise Malformed(f"`{key}` holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(f"`{key}` holds half a character") from None
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _texts(row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed(f"`{key}` must be a list of texts")
    return [_text({key: item}, key) for item in value]


def _parsed(text: str, key: str) -> ast.Module:
    """The syntax tree of a foreign text, which may be indented as a whole. Raises Malformed."""
    try:
        return ast.parse(text)
    except IndentationError as error:
        plain = textwrap.dedent(text)
        if plain != text:
            return _parsed(plain, key)
        raise Malformed(f"`{key}` is not Python: {shown(error.msg)} at line {error.lineno}") from None
    except SyntaxError as error:
        raise Malformed(f"`{key}` is not Python: {shown(error.msg)} at line {error.lineno}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Malformed(f"`{key}` cannot be read: {shown(error) or 'it is nested too deeply'}") from None


def _docstring(text: str, indent: str) -> str:
    """A docstring with this text, and a body that raises."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').strip()
    safe = safe[:-1] + '\\"' if safe.endswith('"') else safe
    return textwrap.indent(f'"""{safe}\n"""\nraise NotImplementedError\n', indent, lambda line: bool(line.strip()))


def _module(body: str, head: str = "") -> str:
    """A module's text. Raises Malformed when it is none."""
    _parsed(head + body, "the function")
    return head + body


def _tests(
    module: ast.Module, bodies: Iterable[tuple[str, Sequence[ast.stmt]]], setup: Sequence[ast.stmt] = ()
) -> str:
    """A pytest module: one test for each body, with the names of the module under test.

    Names that pytest would take for tests (`test_duplicate`) are imported inside the tests, the others above.
    """
    names = sorted(_defined(module))
    inner = [name for name in names if name.lower().startswith("test")]
    outer = [name for name in names if name not in inner]
    tree: list[ast.stmt] = [_import(outer)] if outer else []
    tree += setup
    for number, (word, body) in enumerate(bodies, 1):
        first: list[ast.stmt] = [_import(inner)] if inner else []
        tree.append(_function(f"test_{word}_{number}", [*first, *body] or [ast.Pass()]))
    return ast.unparse(ast.fix_missing_locations(ast.Module(tree, []))) + "\n"


def _function(name: str, body: list[ast.stmt]) -> ast.stmt:
    empty = ast.parse("def f(): pass").body[0]
    return ast.FunctionDef(**{**_fields(empty), "name": name, "body": body})


def _import(names: Sequence[str]) -> ast.stmt:
    return ast.ImportFrom(MODULE.removesuffix(".py"), [ast.alias(name) for name in names], 0)


def _defined(module: ast.Module) -> set[str]:
    """Names of the functions, classes and assigned names at a module's top."""
    names: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
