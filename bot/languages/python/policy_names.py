"""What the policy reads off source texts: a function's tree, what names refer to, which literals stand in it."""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Objection = tuple[int, str]
"""A line of the candidate (1-based) and what it does there that a rewrite may not."""


def words(text: str) -> frozenset[str]:
    """A set of words out of a text with blanks between them."""
    return frozenset(text.split())


BUILTINS = frozenset(dir(builtins)) | words("exit quit help copyright credits license __builtins__ __file__")
"""Names that every module has without importing them; what `site` adds is named, for it may not run here."""
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


_NAMING = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
)


class NotAFunction(ValueError):
    """A text that is not exactly one function."""


def parse(text: str) -> ast.Module:
    """The tree of a text. Raises SyntaxError for whatever the parser refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in somebody's code is no news for our user
        try:
            return ast.parse(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error


def function_tree(text: str) -> FunctionNode:
    """The tree of a function's text, indented or not, with lines counted in that text. Raises NotAFunction."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    indented = first[:1].isspace()
    try:
        # A block is put around a method instead of dedenting it: text inside long strings must not move.
        tree = parse("if 1:\n" + text if indented else text)
    except SyntaxError as error:
        raise NotAFunction(f"does not parse: {error.msg}") from error
    body = tree.body
    if indented and len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
        ast.increment_lineno(tree, -1)
        body = body[0].body
    if len(body) != 1 or not isinstance(body[0], FunctionNode):
        raise NotAFunction("is not exactly one function")
    return body[0]


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes of one scope: what lies in nested functions, classes and comprehensions is left out."""
    pending = list(ast.iter_child_nodes(root))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, _SCOPES):
            pending.extend(ast.iter_child_nodes(node))


def parameters(function: FunctionNode) -> dict[str, ast.expr | None]:
    """Parameter names in order, each with its default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    bare = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * bare, *arguments.defaults]
    found = {arg.arg: default for arg, default in zip(positional, defaults, strict=True)}
    found |= {arg.arg: default for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
    found |= {arg.arg: None for arg in (arguments.vararg, arguments.kwarg) if arg}
    return found


def bound_by(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The names that an import statement binds, each with the dotted name of what it stands for."""
    if isinstance(node, ast.Import):
        return {
            (a.asname or a.name.split(".")[0]): (a.name if a.asname else a.name.split(".")[0]) for a in node.names
        }
    source = "." * node.level + (node.module or "")
    joint = "" if source.endswith(".") else "."
    return {(alias.asname or alias.name): f"{source}{joint}{alias.name}" for alias in node.names}


def sources_of(node: ast.Import | ast.ImportFrom) -> tuple[str, ...]:
    """The modules that an import statement loads, relative ones with their dots."""
    if isinstance(node, ast.Import):
        return tuple(alias.name for alias in node.names)
    return ("." * node.level + (node.module or ""),)


@dataclass(frozen=True)
class ModuleNames:
    """The names of a module."""

    origins: Mapping[str, str]
    """Imported name -> dotted name of what it stands for."""
    sources: frozenset[str]
    """Modules that it imports anywhere."""
    defined: frozenset[str]
    """Its functions and classes."""
    assigned: frozenset[str]
    """Its other names."""

    @staticmethod
    def of(text: str) -> ModuleNames:
        """Reads a module's text; one that does not parse has no names."""
        try:
            tree = parse(text)
        except SyntaxError:
            tree = ast.Module(body=[], type_ignores=[])
        origins: dict[str, str] = {}
        sources: set[str] = set()
        defined: set[str] = set()
        assigned: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                sources.update(sources_of(node))
        for node in own_nodes(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                origins |= bound_by(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                assigned.add(node.id)
        return ModuleNames(origins, frozenset(sources), frozenset(defined), frozenset(assigned))


class Names:
    """What the names in one function refer to."""

    def __init__(self, function: FunctionNode, module: ModuleNames, given: Mapping[str, str]) -> None:
        """`given` are the names that the rewrite's own imports bind."""
        self.module = module
        inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {name: origin for node in inner for name, origin in bound_by(node).items()}
        self.origins: dict[str, str] = {**module.origins, **given}
        self.local = _bound_in(function)
        for name in self.local:
            self.origins.pop(name, None)
        self.origins |= imported

    def origin(self, name: str) -> str | None:
        """The dotted name of an imported thing, None for any other name."""
        return self.origins.get(name)

    def is_builtin(self, name: str) -> bool:
        """Whether the name means the builtin of that name."""
        elsewhere = self.local | self.module.defined | self.module.assigned | self.origins.keys()
        return name in BUILTINS and name not in elsewhere

    def is_defined_in_module(self, name: str) -> bool:
        """Whether the name is a function or class of the module."""
        return name in self.module.defined and name not in self.local

    def dotted(self, node: ast.expr) -> str | None:
        """The dotted origin of `name.attribute...` where the name is imported, else None."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        origin = self.origin(node.id) if isinstance(node, ast.Name) else None
        return ".".join([origin, *reversed(parts)]) if origin else None


def _bound_in(function: FunctionNode) -> frozenset[str]:
    bound = set(parameters(function))
    shared: set[str] = set()
    for statement in function.body:
        for node in (statement, *own_nodes(statement)) if not isinstance(statement, _SCOPES) else (statement,):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            elif isinstance(node, _NAMING) and node.name:
                bound.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                bound.add(node.rest)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                shared.update(node.names)
    return frozenset(bound - shared)


def dumps(root: ast.AST, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> frozenset[str]:
    """The nodes of some kinds in a comparable form, equal for equal code wherever it stands."""
    return frozenset(ast.dump(node) for node in ast.walk(root) if isinstance(node, kinds))


def docstring_of(function: FunctionNode) -> ast.Constant | None:
    """The node of the docstring."""
    first = function.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return first.value
    return None


def constants(function: FunctionNode) -> list[ast.Constant]:
    """The literals of a function, its docstring left out."""
    doc = docstring_of(function)
    return [node for node in ast.walk(function) if isinstance(node, ast.Constant) and node is not doc]


def shown(node: ast.AST) -> str:
    """A node as short text for a sentence."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."
