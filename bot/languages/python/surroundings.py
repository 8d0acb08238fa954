"""What stands around a Python function, and the text of a test: what a reader needs beside the function itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from bot import guarding
from bot.domain import Function, Signature, Surroundings
from bot.languages.python.functions import AnyFunction, first_line, lines_of, parse
from bot.languages.python.unit import path_to

MAX_IMPORTS = 24
MAX_HELPERS = 12
MAX_CONSTANTS = 12
MAX_SIBLINGS = 12
MAX_ATTRIBUTES = 16
MAX_FIXTURES = 6
MAX_LINE = 200
"""Characters of a signature, an import or an attribute."""
MAX_SENTENCE = 120
"""Characters of a docstring's first sentence."""
MAX_CONSTANT = 400
MAX_INIT_LINES = 16
MAX_TEST_LINES = 60
"""Lines of a test, and of a fixture."""

Scope = AnyFunction | ast.ClassDef
Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign

_SET_UP = frozenset({"setUp", "setUpClass", "setup_method", "setup_class"})


# --------------------------------------------------------------------------------------------- around a function


def surroundings(text: str, function: Function) -> Surroundings:
    """What the function needs of its file, in the file's order; empty when it does not start where it says.

    Raises Unparsable when the file cannot be read.
    """
    module = parse(text)
    path = path_to(module, function.start_line)
    if not path or not isinstance(path[-1], AnyFunction):
        return Surroundings()
    target, lines = path[-1], lines_of(text)
    scopes = [node for node in path[:-1] if isinstance(node, Scope)]
    used = _names(target)
    return Surroundings(
        imports=_imports(module, used),
        header=_header(scopes, target, lines),
        helpers=_helpers(module, used, {id(node) for node in path}),
        constants=_constants(_top(module), used, lines),
    )


def _names(node: ast.AST) -> frozenset[str]:
    """Every name that a definition mentions, its decorators, annotations and defaults included."""
    found = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    for inner in ast.walk(node):
        # `"Basket"` as an annotation is a name too.
        for quoted in (getattr(inner, "annotation", None), getattr(inner, "returns", None)):
            if isinstance(quoted, ast.Constant) and isinstance(quoted.value, str):
                found.update(part for part in _words(quoted.value) if part.isidentifier())
    return frozenset(found)


def _words(annotation: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in annotation[:MAX_LINE]).split()


def _top(module: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, those below `if`, `try` and `with` included."""
    todo: list[ast.AST] = list(reversed(module.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            inner = [
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)
            ]
            todo.extend(reversed(inner))


def _imports(module: ast.Module, used: frozenset[str]) -> tuple[str, ...]:
    """The module's imports on one line each; of very many, those that the function uses before others."""
    found = dict.fromkeys(node for node in _top(module) if isinstance(node, ast.Import | ast.ImportFrom))
    shown = [(_import(node, used), bool(_bound(node) & used)) for node in found]
    texts = dict.fromkeys(text for text, _ in sorted(shown, key=lambda pair: not pair[1])[:MAX_IMPORTS])
    return tuple(dict.fromkeys(text for text, _ in shown if text in texts and text))


def _bound(node: ast.Import | ast.ImportFrom) -> frozenset[str]:
    return frozenset(alias.asname or alias.name.partition(".")[0] for alias in node.names)


def _import(node: ast.Import | ast.ImportFrom, used: frozenset[str]) -> str:
    text = _unparse(node)
    if len(text) > MAX_LINE and isinstance(node, ast.ImportFrom):
        names = [alias for alias in node.names if (alias.asname or alias.name) in used]
        text = _unparse(ast.ImportFrom(node.module, names, node.level)) if names else ""
    return _clip(text)


def _helpers(module: ast.Module, used: frozenset[str], around: set[int]) -> tuple[Signature, ...]:
    """Functions and classes of the file that the function names, apart from itself and what it stands in."""
    found = {
        node.name: Signature(node.name, _signature(node))
        for node in _top(module)
        if isinstance(node, Scope) and node.name in used and id(node) not in around
    }
    return tuple(found.values())[:MAX_HELPERS]


def _constants(statements: Iterable[ast.stmt], used: frozenset[str], lines: Sequence[str]) -> tuple[str, ...]:
    """Assignments to names that the function mentions, as written."""
    found = [
        _clip(_source(node, lines).strip(), MAX_CONSTANT)
        for node in statements
        if isinstance(node, Assignment) and _targets(node) & used
    ]
    return tuple(found[:MAX_CONSTANTS])


def _targets(node: Assignment) -> frozenset[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return frozenset(
        inner.id
        for target in targets
        for inner in ast.walk(target)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    )


# ------------------------------------------------------------------------------------------ enclosing scopes


def _header(scopes: Sequence[Scope], target: AnyFunction, lines: Sequence[str]) -> str:
    """The scopes around the function, outermost first, each with what the function can see of it."""
    return "\n".join(
        line
        for depth, scope in enumerate(scopes)
        for line in _indented(
            _class_header(scope, target, lines)
            if isinstance(scope, ast.ClassDef)
            else _closure(scope, target, lines),
            depth,
        )
    )


def _indented(lines: Iterable[str], depth: int) -> Iterator[str]:
    return ("    " * depth + line if line else "" for line in lines)


def _class_header(scope: ast.ClassDef, target: AnyFunction, lines: Sequence[str]) -> list[str]:
    """The class, its docstring's first sentence, attributes and `__init__`, and what the function uses of it."""
    out = [*_opening(scope)]
    attributes = [node for node in scope.body if isinstance(node, Assignment)]
    out += [f"    {_one_line(_unparse(node))}" for node in attributes[:MAX_ATTRIBUTES]]
    wanted = _attributes(target, scope.name)
    methods = [node for node in scope.body if isinstance(node, AnyFunction) and node is not target]
    siblings = 0
    for method in methods:
        if method.name == "__init__":
            out += ["", *_whole(method, lines, MAX_INIT_LINES)]
        elif method.name in wanted and siblings < MAX_SIBLINGS:
            siblings += 1
            out += ["", *_indented(_signature(method).split("\n"), 1)]
    return out


def _attributes(target: AnyFunction, class_name: str) -> frozenset[str]:
    """Names that the function looks up on its first parameter or on the class by name."""
    own = [parameter.arg for parameter in (*target.args.posonlyargs, *target.args.args)][:1]
    return frozenset(
        inner.attr
        for inner in ast.walk(target)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.value, ast.Name)
        and inner.value.id in (*own, class_name)
    )


def _closure(scope: AnyFunction, target: AnyFunction, lines: Sequence[str]) -> list[str]:
    """The enclosing function's signature, and its own assignments to what the inner one mentions."""
    own = [node for node in ast.walk(scope) if isinstance(node, Assignment)]
    inside = {id(node) for node in ast.walk(target)}
    seen = _constants((node for node in own if id(node) not in inside), _names(target), lines)
    return [*_opening(scope), *(f"    {_one_line(text)}" for text in seen)]


# ------------------------------------------------------------------------------------------------- signatures


def _signature(node: Scope) -> str:
    """Decorators, the `def` or `class` line, the docstring's first sentence; of a class fields and `__init__`."""
    out = _opening(node)
    if isinstance(node, ast.ClassDef):
        fields = [inner for inner in node.body if isinstance(inner, ast.AnnAssign)]
        out += [f"    {_one_line(_unparse(inner))}" for inner in fields[:MAX_ATTRIBUTES]]
        init = next((n for n in node.body if isinstance(n, AnyFunction) and n.name == "__init__"), None)
        if init is not None:
            out.append(f"    {_head(init)} ...")
    if out[-1] == _head(node):
        out[-1] += " ..."
    return "\n".join(out)


def _opening(node: Scope) -> list[str]:
    out = [f"@{_one_line(_unparse(decorator))}" for decorator in node.decorator_list]
    out.append(_head(node))
    docstring = (ast.get_docstring(node) or "").strip()
    if docstring:
        # A first line may end in the middle of a sentence.
        sentence = re.split(r"(?<=[.!?])\s", " ".join(docstring.partition("\n\n")[0].split()), maxsplit=1)[0]
        said = _clip(sentence, MAX_SENTENCE).replace("\\", "\\\\").replace('"', "'")
        out.append(f'    """{said}"""')
    return out


def _head(node: Scope) -> str:
    if isinstance(node, ast.ClassDef):
        inside = ", ".join(_unparse(part) for part in (*node.bases, *node.keywords))
        return _one_line(f"class {node.name}" + (f"({inside})" if inside else "")) + ":"
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {_unparse(node.returns)}" if node.returns else ""
    return _one_line(f"{word} {node.name}({_unparse(node.args)}){returns}") + ":"


def _whole(node: AnyFunction, lines: Sequence[str], limit: int) -> list[str]:
    """A definition as it stands in the file, the rest counted when it is long."""
    source = [line.rstrip("\r\n") for line in lines[first_line(node) - 1 : node.end_lineno]]
    if len(source) <= limit:
        return source
    source = guarding.redact("\n".join(source)).split("\n")
    indent = source[0][: len(source[0]) - len(source[0].lstrip())]
    return [*source[:limit], f"{indent}    # ... {len(source) - limit} more lines"]


def _source(node: ast.stmt, lines: Sequence[str]) -> str:
    return "".join(lines[first_line(node) - 1 : node.end_lineno]).replace("\r\n", "\n")


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "..."


def _one_line(text: str) -> str:
    return _clip(" ".join(text.split()))


def _clip(text: str, limit: int = MAX_LINE) -> str:
    """The text's beginning; nothing recognises half of a secret, so they go before anything is cut."""
    if len(text) <= limit:
        return text
    whole = guarding.redact(text)
    return whole if len(whole) <= limit else f"{whole[: limit - 4]} ..."


# ------------------------------------------------------------------------------------------------ a test's text


def test_source(text: str, name: str) -> str:
    """A test as a reader wants it: the imports that it uses, the test with its decorators (in its class's line,
    with the class's set-up), and the fixtures of the same file that it names.

    `name` is `test_x` or `TestCase::test_x`, parameters in brackets are ignored. Empty when it is not there.
    Raises Unparsable.
    """
    module, lines = parse(text), lines_of(text)
    *classes, test = name.partition("[")[0].split("::")
    body: Sequence[ast.stmt] = list(_top(module))
    opened: list[str] = []
    around: list[ast.ClassDef] = []
    for depth, wanted in enumerate(classes):
        # The later of two with one name is the one that runs.
        found = next((n for n in reversed(body) if isinstance(n, ast.ClassDef) and n.name == wanted), None)
        if found is None:
            return ""
        around.append(found)
        opened += _indented(_opening(found), depth)
        body = found.body
    node = next((n for n in reversed(body) if isinstance(n, AnyFunction) and n.name == test), None)
    if node is None:
        return ""
    methods = [n for scope in around for n in scope.body if isinstance(n, AnyFunction)]
    before = [n for n in methods if n.name in _SET_UP]
    fixtures = _fixtures(node, [n for n in body if isinstance(n, AnyFunction)] + _functions(module), around)
    shown = [*before, node, *(fixture for fixture in fixtures if fixture not in before)]
    used = frozenset().union(*(_names(each) for each in (*shown, *around[:1])))
    imports = [line for n, line in _test_imports(module, used) if _bound(n) & used]
    constants = _constants(_top(module), used, lines)
    inside = [each for each in shown if each in methods]
    outside = [each for each in shown if each not in methods]
    blocks = ["\n".join([*imports])] if imports else []
    blocks += ["\n".join(constants)] if constants else []
    within = "\n\n".join("\n".join(_whole(each, lines, MAX_TEST_LINES)) for each in inside)
    if opened:
        blocks.append("\n".join([*opened, within]))
    blocks += ["\n".join(_whole(each, lines, MAX_TEST_LINES)) for each in outside]
    return "\n\n".join(blocks) + "\n"


def _test_imports(module: ast.Module, used: frozenset[str]) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for node in _top(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in used]
            if names and isinstance(node, ast.ImportFrom):
                yield node, _clip(_unparse(ast.ImportFrom(node.module, names, node.level)))
            elif names:
                yield node, _clip(_unparse(ast.Import(names)))


def _functions(module: ast.Module) -> list[AnyFunction]:
    return [node for node in _top(module) if isinstance(node, AnyFunction)]


def _fixtures(
    test: AnyFunction, candidates: Sequence[AnyFunction], classes: Sequence[ast.ClassDef]
) -> list[AnyFunction]:
    """Fixtures that a test names as parameters or by `usefixtures`, those that they name in turn included, and
    plain functions of the file that the test calls."""
    known = {node.name: node for node in reversed(candidates) if node is not test}
    marks = [decorator for scope in classes for decorator in scope.decorator_list]
    found: dict[str, AnyFunction] = {}
    todo = [*_wants(test), *(word for mark in marks for word in _quoted(mark))]
    while todo and len(found) < MAX_FIXTURES:
        name = todo.pop(0)
        if name in known and name not in found:
            found[name] = known[name]
            todo += _wants(known[name])
    return list(found.values())


def _wants(node: AnyFunction) -> list[str]:
    parameters = [parameter.arg for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    marked = [word for decorator in node.decorator_list for word in _quoted(decorator)]
    called = [
        inner.func.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)
    ]
    return [*parameters, *marked, *called]


def _quoted(mark: ast.expr) -> list[str]:
    """Names in `@pytest.mark.usefixtures("a", "b")`."""
    if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "usefixtures":
        return [arg.value for arg in mark.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return []
