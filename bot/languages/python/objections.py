"""What a proposed witness may not do to count as evidence, read off its tree; nothing here runs it.

A test proves something of a function only when it asks for the function's answer, by the ways that its callers
have. One that looks at private parts, replaces the code under test, reads its source, waits, rolls dice or reads
the repository's files can fail for a hundred reasons; one that asks nothing fails for none.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.domain import Function
from bot.languages import Unparsable
from bot.languages.python.witness import last_name, parsed

INTERNALS = "internals"
TRIVIAL = "trivial"
BROKEN = "broken"

BANNED_MODULES = {
    "time": "reads the clock",
    "timeit": "reads the clock",
    "secrets": "uses chance",
    "uuid": "uses chance",
    "inspect": "inspects source or frames",
    "dis": "inspects bytecode",
    "ast": "inspects source",
    "tokenize": "inspects source",
    "linecache": "inspects source",
    "traceback": "inspects frames",
    "gc": "inspects the interpreter's memory",
    "ctypes": "reaches into the interpreter",
    "importlib": "loads modules by hand",
    "runpy": "loads modules by hand",
    "pkgutil": "loads modules by hand",
    "socket": "uses the network",
    "ssl": "uses the network",
    "http": "uses the network",
    "ftplib": "uses the network",
    "smtplib": "uses the network",
    "requests": "uses the network",
    "httpx": "uses the network",
    "aiohttp": "uses the network",
    "subprocess": "starts programs",
    "multiprocessing": "starts programs",
}
BANNED_SUBMODULES = {"urllib.request": "uses the network"}
BANNED_ATTRIBUTES = {
    "sleep": "waits",
    "_getframe": "inspects frames",
    "settrace": "traces execution",
    "setprofile": "traces execution",
    "_current_frames": "inspects frames",
    "f_locals": "inspects frames",
    "f_back": "inspects frames",
    "co_code": "inspects bytecode",
    "now": "reads the clock",
    "utcnow": "reads the clock",
    "today": "reads the clock",
    "urandom": "uses chance",
    "listdir": "reads files of the repository",
    "scandir": "reads files of the repository",
    "walk": "reads files of the repository",
    "getcwd": "reads files of the repository",
    "system": "starts programs",
    "popen": "starts programs",
    "_exit": "ends the process",
    "kill": "ends the process",
    "modules": "reaches into the import system",
    "assertLogs": "asserts on log text",
}
OF_MODULES = frozenset(
    {"listdir", "scandir", "walk", "getcwd", "system", "popen", "_exit", "kill", "modules", "urandom"}
)
"""Attributes that are only banned on a module's name: objects of the repository may have methods so called."""
OF_CLOCKS = frozenset({"now", "utcnow", "today"})
BANNED_DUNDERS = frozenset(
    [
        "__dict__",
        "__code__",
        "__globals__",
        "__closure__",
        "__defaults__",
        "__kwdefaults__",
        "__wrapped__",
        "__subclasses__",
        "__bases__",
        "__mro__",
        "__builtins__",
        "__file__",
        "__loader__",
        "__spec__",
        "__import__",
        "__annotations__",
        "__source__",
        "__traceback__",
    ]
)
BANNED_FIXTURES = {"caplog": "asserts on log text", "mocker": "replaces code under test"}
BANNED_CALLS = {
    "exec": "builds code",
    "eval": "builds code",
    "compile": "builds code",
    "__import__": "loads modules by hand",
    "globals": "inspects frames",
    "locals": "inspects frames",
    "vars": "inspects objects",
    "input": "waits",
    "breakpoint": "waits",
    "exit": "ends the process",
    "quit": "ends the process",
}
READING = frozenset(
    ["open", "read_text", "read_bytes", "exists", "is_file", "is_dir", "iterdir", "glob", "rglob", "stat"]
)
PATHS = frozenset({"Path", "PosixPath", "WindowsPath"})
SEEDS = frozenset({"seed", "Random", "default_rng", "RandomState"})
PATCHES = frozenset({"patch", "object", "dict", "multiple"})
PLAIN_FIXTURES = frozenset({"tmp_path", "tmpdir", "tmp_path_factory", "monkeypatch"})
RAISERS = frozenset(
    [
        "raises",
        "warns",
        "deprecated_call",
        "assertRaises",
        "assertRaisesRegex",
        "assertWarns",
        "assertWarnsRegex",
        "assertRaisesMessage",
    ]
)
DEFINING = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)
PRIVATE = re.compile(r"_(?!_)\w+|__\w+(?<!__)")


def objection(code: str, function: Function, raises: str, seen: str) -> tuple[str, str] | None:
    """(slug, why) of the first reason for which a witness does not count before it runs; None when there is none.

    Slugs: `broken` (it does not parse), `internals`, `trivial`. `raises` is the exception that is said to come
    out: then the call alone asks something. `seen` is the text of the repository's own tests of the function:
    private names that they use are no secret of the function's.
    """
    try:
        tree = parsed(code)
    except Unparsable as problem:
        return BROKEN, problem.message
    for rule in (at_import, imports_of, uses, patching, private(function, seen), chance, reading):
        if words := next(iter(rule(tree)), None):
            return INTERNALS, words
    if not raises and not asks(tree):
        return TRIVIAL, "nothing that it asserts depends on what the function does"
    return None


def at_import(tree: ast.Module) -> Iterator[str]:
    """What a module does when it is imported: nothing but to define."""
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node, DEFINING):
            yield f"it does something when it is imported (line {node.lineno})"


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Imports of what makes a test depend on more than the function's answer."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            for banned, why in (*BANNED_MODULES.items(), *BANNED_SUBMODULES.items()):
                if name == banned or name.startswith(banned + "."):
                    yield f"it {why} (imports {name})"


def uses(tree: ast.Module) -> Iterator[str]:
    """Names, attributes, calls and fixtures that no witness needs."""
    modules = bound_modules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            why = BANNED_ATTRIBUTES.get(node.attr)
            root = root_of(node)
            if node.attr in BANNED_DUNDERS:
                yield f"it looks at `{node.attr}`"
            elif (node.attr in OF_MODULES and root not in modules) or (
                node.attr in OF_CLOCKS and last_name(node.value) not in ("datetime", "date", "pendulum", "arrow")
            ):
                continue
            elif why:
                yield f"it {why} (`{node.attr}`)"
        elif isinstance(node, ast.Name) and node.id in BANNED_DUNDERS:
            yield f"it looks at `{node.id}`"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
            yield f"it {BANNED_CALLS[node.func.id]} (`{node.func.id}`)"
        elif isinstance(node, ast.arg) and node.arg in BANNED_FIXTURES:
            yield f"it {BANNED_FIXTURES[node.arg]} (`{node.arg}`)"


def patching(tree: ast.Module) -> Iterator[str]:
    """What puts something else in the place of code: patches, assignments to attributes of what is imported."""
    foreign = set(imported_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
            for target in targets:
                if isinstance(target, ast.Attribute | ast.Subscript) and root_of(target) in foreign:
                    yield f"it replaces part of `{root_of(target)}`"
        elif isinstance(node, ast.Call):
            name = last_name(node.func)
            root = root_of(node.func)
            surroundings = of_process(node.args)
            if name in ("setattr", "delattr"):
                by_hand = isinstance(node.func, ast.Name)
                if (not by_hand and not surroundings) or (
                    by_hand and node.args and root_of(node.args[0]) in foreign
                ):
                    yield f"it replaces code under test (`{name}`)"
            elif name in ("setitem", "delitem") and root == "monkeypatch" and not surroundings:
                yield f"it replaces code under test (`{name}`)"
            elif "patch" in names_in(node.func) and name in PATCHES and not surroundings:
                yield "it replaces code under test (`patch`)"


def of_process(args: Sequence[ast.expr]) -> bool:
    """Whether what is patched is what a process is started with: its environment, its arguments, its input."""
    named = [last_name(arg) for arg in args[:1]] + [a.value for a in args[:2] if isinstance(a, ast.Constant)]
    return any(name in ("environ", "os.environ", "sys.argv", "sys.stdin") for name in named) or (
        "sys" in named and any(name in ("argv", "stdin") for name in named)
    )


def private(function: Function, seen: str) -> Callable[[ast.Module], Iterator[str]]:
    """The rule on private names: only those on the way to the function, and those that its tests use."""
    allowed = {part.partition("@")[0] for part in function.qualname.split(".")}
    allowed |= {part.removesuffix(".py") for part in function.path.split("/")}
    allowed |= set(re.findall(r"(?<!\w)_\w+", seen))

    def rule(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Attribute):
                names = [node.attr]
            elif isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [part for alias in node.names for part in alias.name.split(".")]
            elif isinstance(node, ast.Call) and last_name(node.func) in ("getattr", "hasattr", "attrgetter"):
                names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            for name in names:
                if PRIVATE.fullmatch(name) and name not in allowed:
                    yield f"it uses the private name `{name}`"

    return rule


def chance(tree: ast.Module) -> Iterator[str]:
    """Chance without a seed."""
    rolls = any(
        (isinstance(node, ast.Import | ast.ImportFrom) and "random" in text_of_import(node))
        or (isinstance(node, ast.Attribute) and node.attr == "random")
        for node in ast.walk(tree)
    )
    seeded = any(
        isinstance(node, ast.Call)
        and last_name(node.func) in SEEDS
        and any(isinstance(arg, ast.Constant) for arg in (*node.args, *(word.value for word in node.keywords)))
        for node in ast.walk(tree)
    )
    if rolls and not seeded:
        yield "it uses chance without a seed"


def reading(tree: ast.Module) -> Iterator[str]:
    """Reading files that it has not made: by a name written out."""
    fixed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_fixed_path(node.value, fixed):
            fixed |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open" and node.args:
            if isinstance(node.args[0], ast.Constant) or is_fixed_path(node.args[0], fixed):
                yield "it reads files of the repository (`open`)"
        elif (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in READING
            and is_fixed_path(node.func.value, fixed)
        ):
            yield f"it reads files of the repository (`{node.func.attr}`)"


def is_fixed_path(node: ast.expr, fixed: Iterable[str]) -> bool:
    """Whether an expression is a path that is written out, not one below a temporary folder."""
    if isinstance(node, ast.Name):
        return node.id in fixed
    if isinstance(node, ast.BinOp):
        return is_fixed_path(node.left, fixed)
    if isinstance(node, ast.Call) and last_name(node.func) in PATHS:
        return all(isinstance(arg, ast.Constant) for arg in node.args)
    if isinstance(node, ast.Call) and last_name(node.func) in ("cwd", "home"):
        return True
    return isinstance(node, ast.Attribute) and node.attr == "parent" and is_fixed_path(node.value, fixed)


# -------------------------------------------------------------------------------------------------- asking


def asks(tree: ast.Module) -> bool:
    """Whether something that the module asserts depends on something that it imports from elsewhere.

    What comes out of a call of such a name, what is assigned from it and what was handed to it depends on it.
    """
    depends = dependants(tree)

    def touched(node: ast.AST | None) -> bool:
        return node is not None and any(isinstance(n, ast.Name) and n.id in depends for n in ast.walk(node))

    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and touched(node.test):
            return True
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            arguments = [*node.args, *(word.value for word in node.keywords)]
            if (name.startswith("assert") or name in RAISERS) and any(touched(arg) for arg in arguments):
                return True
        if (
            isinstance(node, ast.With | ast.AsyncWith)
            and any(raiser(item.context_expr) for item in node.items)
            and any(touched(statement) for statement in node.body)
        ):
            return True
        if isinstance(node, ast.If) and touched(node.test) and complains(node):
            return True
        if isinstance(node, ast.Try) and any(touched(statement) for statement in node.body) and complains(node):
            return True
    return False


def complains(node: ast.AST) -> bool:
    """Whether something below raises, fails or asserts."""
    return any(
        isinstance(n, ast.Raise | ast.Assert) or (isinstance(n, ast.Call) and last_name(n.func) == "fail")
        for n in ast.walk(node)
    )


def dependants(tree: ast.Module) -> set[str]:
    """Names that hold, or come from, what is imported from outside the standard library and pytest."""
    depends = set(imported_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            depends |= {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)} - PLAIN_FIXTURES
    before = -1
    while len(depends) != before:
        before = len(depends)
        for node in ast.walk(tree):
            depends |= flowing(node, depends)
    return depends


def flowing(node: ast.AST, depends: set[str]) -> set[str]:
    """Names that depend on `depends` by this node alone."""

    def touched(*parts: ast.AST | None) -> bool:
        return any(isinstance(n, ast.Name) and n.id in depends for part in parts if part for n in ast.walk(part))

    match node:
        case ast.Assign(targets=targets, value=value) if touched(value):
            return {name for target in targets for name in bound(target)}
        case (
            ast.AnnAssign(target=target, value=value)
            | ast.AugAssign(target=target, value=value)
            | ast.NamedExpr(target=target, value=value)
        ) if touched(value):
            return set(bound(target))
        case (
            ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
        ) if touched(value):
            return set(bound(target))
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            # What `with raises(...) as info` holds comes of the block, which is looked at where it matters.
            return set(bound(target)) if touched(value) or raiser(value) else set()
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if touched(*node.body):
            return {name}
        case ast.Call(func=func, args=args, keywords=words) if touched(func, *args, *(w.value for w in words)):
            # What is handed to it may be changed by it, and so may what it is a method of.
            handed = [*args, *(word.value for word in words)]
            return {root_of(arg) for arg in handed} if touched(func) else receiver(func)
    return set()


def raiser(node: ast.expr) -> bool:
    """Whether it is a call like `pytest.raises(...)`."""
    return isinstance(node, ast.Call) and last_name(node.func) in RAISERS


def receiver(func: ast.expr) -> set[str]:
    """`items` of `items.append`; nothing for a plain name."""
    return {root_of(func)} - {""} if isinstance(func, ast.Attribute) else set()


def bound(target: ast.AST) -> Iterator[str]:
    """Names that an assignment to `target` changes."""
    yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


# --------------------------------------------------------------------------------------------------- names


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Names that the module binds by imports from outside the standard library and pytest."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if is_foreign(alias.name):
                    yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and (node.level or is_foreign(node.module or "")):
            yield from (alias.asname or alias.name for alias in node.names)


def bound_modules(tree: ast.Module) -> set[str]:
    """Names bound by `import x` of a module of the standard library."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if not is_foreign(alias.name)
    }


def is_foreign(module: str) -> bool:
    """Whether a module is neither the standard library's nor the test runner's."""
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in ("pytest", "_pytest")


def text_of_import(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Every dotted part that an import names."""
    names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
    return {part for name in names for part in name.split(".")}


def names_in(node: ast.AST) -> set[str]:
    """Names and attributes below a node."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


def root_of(node: ast.AST) -> str:
    """`a` of `a.b[c].d`; empty for what does not begin with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
