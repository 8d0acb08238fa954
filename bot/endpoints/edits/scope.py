"""What a line may speak of: names in scope and their kinds, attributes, constants, conditions, returned values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from bot.endpoints.edits.text import LOOPS, FunctionNode, Place, Text

BUILTINS = frozenset(dir(builtins))

_CALL_KINDS = {
    "len": "int",
    "int": "int",
    "sum": "int",
    "ord": "int",
    "round": "int",
    "abs": "int",
    "float": "float",
    "str": "str",
    "repr": "str",
    "chr": "str",
    "input": "str",
    "list": "list",
    "sorted": "list",
    "dict": "dict",
    "defaultdict": "dict",
    "Counter": "dict",
    "OrderedDict": "dict",
    "set": "set",
    "frozenset": "set",
    "tuple": "tuple",
    "bool": "bool",
    "any": "bool",
    "all": "bool",
    "isinstance": "bool",
    "deque": "deque",
    "range": "range",
}
_METHOD_KINDS = {
    **dict.fromkeys(("strip", "lstrip", "rstrip", "lower", "upper", "title", "join", "replace", "format"), "str"),
    **dict.fromkeys(
        ("capitalize", "decode", "zfill", "ljust", "rjust", "center", "removeprefix", "swapcase"), "str"
    ),
    **dict.fromkeys(("split", "rsplit", "splitlines"), "list"),
    **dict.fromkeys(("find", "index", "rfind", "count", "bit_length"), "int"),
    **dict.fromkeys(("startswith", "endswith", "isdigit", "isalpha", "isspace", "isalnum"), "bool"),
    **dict.fromkeys(("union", "intersection", "difference"), "set"),
}
_METHOD_OWNERS = {
    **dict.fromkeys(("append", "extend", "insert", "sort", "reverse"), "list"),
    **dict.fromkeys(("add", "discard", "union", "issubset"), "set"),
    **dict.fromkeys(("items", "keys", "values", "get", "setdefault"), "dict"),
    **dict.fromkeys(("popleft", "appendleft"), "deque"),
    **dict.fromkeys(
        ("strip", "lower", "upper", "split", "startswith", "endswith", "isdigit", "isalpha", "join", "replace"),
        "str",
    ),
}
_NAMES_BY_KIND = {
    "int": "i j k n m lo hi low high mid left right start end stop idx index pos count total size length width "
    "height depth limit offset step num number amount page",
    "str": "s text word line name char ch prefix suffix sep token string message",
    "list": "items xs ys values nums numbers arr rows lines words tokens parts stack path out",
    "set": "seen visited",
    "dict": "counts mapping config options cache graph",
}
_NAME_KINDS = {name: kind for kind, names in _NAMES_BY_KIND.items() for name in names.split()}
NUMERIC = frozenset({"int", "float", "number"})
SIZED = frozenset({"list", "str", "dict", "set", "tuple", "deque"})
ORDERED = frozenset({"list", "str", "tuple", "deque"})


@dataclass(frozen=True)
class ModuleFacts:
    """What a module's text defines, without running it."""

    functions: Mapping[str, int]
    """Function name -> number of positional parameters."""
    attributes: Mapping[str, tuple[str, ...]]
    """Class name -> attributes that its methods use on `self`, and names in its body."""
    methods: Mapping[str, frozenset[str]]
    """Class name -> its methods."""
    classes: tuple[str, ...]
    variables: tuple[str, ...]
    """Names assigned at the top."""
    constants: tuple[str, ...]
    """Source of the constants assigned or used at the top of the module."""
    imported: frozenset[str]
    """Names that imports bind."""
    statements: Mapping[str, tuple[tuple[str, str], ...]]
    """Class name -> (method, source) of the simple statements of its methods that speak of `self`."""

    @staticmethod
    def of(module: str) -> ModuleFacts:
        """The facts of a module's text; none when it does not parse."""
        try:
            tree = ast.parse(module)
        except (SyntaxError, ValueError):
            tree = ast.Module([], [])
        functions: dict[str, int] = {}
        attributes: dict[str, tuple[str, ...]] = {}
        methods: dict[str, frozenset[str]] = {}
        variables: list[str] = []
        constants: list[str] = []
        imported: set[str] = set()
        statements: dict[str, tuple[tuple[str, str], ...]] = {}
        for node in tree.body:
            if isinstance(node, FunctionNode):
                functions[node.name] = len(node.args.args)
            elif isinstance(node, ast.ClassDef):
                attributes[node.name] = tuple(dict.fromkeys(_class_names(node)))
                statements[node.name] = tuple(dict.fromkeys(_simple_statements(node)))
                methods[node.name] = frozenset(n.name for n in node.body if isinstance(n, FunctionNode))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imported.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                variables += [target.id for target in targets if isinstance(target, ast.Name)]
                constants += [ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Constant)]
        return ModuleFacts(
            functions,
            attributes,
            methods,
            tuple(attributes),
            tuple(dict.fromkeys(variables)),
            tuple(dict.fromkeys(constants)),
            frozenset(imported),
            statements,
        )


def _class_names(node: ast.ClassDef) -> Iterator[str]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id in ("self", "cls")
        ):
            yield part.attr
    for member in node.body:
        if isinstance(member, FunctionNode):
            yield member.name
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            yield member.target.id


def _simple_statements(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for method in node.body:
        if isinstance(method, FunctionNode):
            for part in ast.walk(method):
                if isinstance(part, ast.Assign | ast.AugAssign) or (
                    isinstance(part, ast.Expr) and isinstance(part.value, ast.Call)
                ):
                    source = ast.unparse(part)
                    if len(source) <= 70:
                        yield method.name, source


def alike(one: str, other: str) -> float:
    """How much two names look alike, 0 to 1: shared words, a shared start or end, the same length."""
    if len(one) == len(other) == 1:
        return 0.7
    words, others = set(one.lower().split("_")), set(other.lower().split("_"))
    shared = len(words & others) / max(len(words), len(others))
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return max(shared, (start + end) / max(len(one), len(other)))


@dataclass
class _Names:
    parameters: list[str] = field(default_factory=list)
    local: dict[str, int] = field(default_factory=dict)
    """Name -> first line that binds it."""


class Scope:
    """Everything in a function that its lines could have meant."""

    def __init__(self, text: Text, module: ModuleFacts, owner: str | None, base: FunctionNode | None) -> None:
        self.text = text
        self.module = module
        self.owner = owner
        """The class around the function, if it is a method."""
        self._names: dict[FunctionNode, _Names] = {}
        self._outer: dict[FunctionNode, FunctionNode | None] = {text.function: None}
        self.kinds: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}
        """Kind of constant -> sources, the most frequent first."""
        self.attributes: dict[str, dict[str, int]] = {}
        """Object as written -> attribute -> times used."""
        self.conditions: dict[str, ast.expr] = {}
        self.returned: dict[str, ast.expr] = {}
        self.raised: dict[str, ast.expr] = {}
        self.expressions: dict[type[ast.expr], dict[str, ast.expr]] = {}
        """Kind of syntax -> the function's expressions of that kind, by source."""
        self.accumulators: list[str] = []
        """Names first bound to something empty or zero, in order."""
        self.generators: set[FunctionNode] = set()
        """The functions, of this one and those in it, that yield."""
        self.simple: tuple[tuple[Place, ast.Assign | ast.AugAssign | ast.Expr, str, frozenset[str]], ...] = ()
        """Short assignments and calls: where, what, as source, and the names in it."""
        self._collect()
        for node in (text.function, base):
            if node is not None:
                self._constants(node)
        for constant in module.constants:
            self._constant(constant, ast.literal_eval(constant) if len(constant) < 80 else None)

    # ------------------------------------------------------------------------------------------ questions

    @property
    def self_name(self) -> str | None:
        """What the method calls its object; None for a plain function or a static method."""
        parameters = self._names[self.text.function].parameters
        return parameters[0] if self.owner and parameters and parameters[0] in ("self", "cls") else None

    def parameters(self, function: FunctionNode) -> tuple[str, ...]:
        """Parameters of a function, in order, without `self`."""
        return tuple(name for name in self._names[function].parameters if name not in ("self", "cls"))

    def visible(self, place: Place) -> tuple[str, ...]:
        """Variables that have a value at a place, parameters first; those of outer functions last."""
        seen: dict[str, None] = {}
        function: FunctionNode | None = place.function
        line = self.text.last_line(place.node) if not isinstance(place.node, LOOPS) else place.node.lineno
        horizon = line
        if place.loop is not None:
            horizon = place.loop.end_lineno or line
        while function is not None:
            names = self._names[function]
            for name in (*names.parameters, *(n for n, first in names.local.items() if first <= horizon)):
                if name not in ("self", "cls"):
                    seen[name] = None
            function = self._outer.get(function)
            horizon = len(self.text.lines)
        return tuple(seen)

    def kind(self, node: ast.expr) -> str:
        """The built-in type that an expression has, as far as its text tells; empty when it does not."""
        if isinstance(node, ast.Constant):
            return "none" if node.value is None else type(node.value).__name__
        if isinstance(node, ast.Name):
            return self.kinds.get(node.id) or _NAME_KINDS.get(node.id.rpartition("_")[2], "")
        if isinstance(node, ast.Attribute):
            return self.kinds.get(f".{node.attr}") or _NAME_KINDS.get(node.attr.rpartition("_")[2], "")
        if isinstance(node, ast.Call):
            return _call_kind(node)
        if isinstance(node, ast.BinOp):
            return self._binary_kind(node)
        if isinstance(node, ast.UnaryOp):
            return "bool" if isinstance(node.op, ast.Not) else self.kind(node.operand)
        return _DISPLAYS.get(type(node), "")

    def _binary_kind(self, node: ast.BinOp) -> str:
        left, right = self.kind(node.left), self.kind(node.right)
        if isinstance(node.op, ast.Mod) and left == "str":
            return "str"
        if isinstance(node.op, ast.Div):
            return "float"
        if isinstance(node.op, ast.Add | ast.Mult) and "str" in (left, right):
            return "str"
        if isinstance(node.op, ast.Add | ast.Mult) and "list" in (left, right):
            return "list"
        if isinstance(node.op, ast.FloorDiv | ast.Mod | ast.LShift | ast.RShift) or left == right == "int":
            return "int"
        return (
            left if left in NUMERIC else right if right in NUMERIC else "number" if not left and not right else ""
        )

    # ------------------------------------------------------------------------------------------- gathering

    def _collect(self) -> None:
        self._function(self.text.function, None)
        nodes = list(ast.walk(self.text.function))
        for node in nodes:
            self._note(node)
        for node in nodes:
            self._infer(node)
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
            self.generators.add(self.text.function)
        for node in nodes:
            if isinstance(node, ast.expr) and type(node) in _REUSABLE and _portable(node):
                self.expressions.setdefault(type(node), {}).setdefault(ast.unparse(node), node)

        self.simple = tuple(self._simple())

    def _simple(self) -> Iterator[tuple[Place, ast.Assign | ast.AugAssign | ast.Expr, str, frozenset[str]]]:
        for place in self.text.places:
            node = place.node
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
                self.generators.add(place.function)
            called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield)
            if isinstance(node, ast.Assign | ast.AugAssign) or (isinstance(node, ast.Expr) and called):
                source = ast.unparse(node)
                if len(source) <= 70:
                    names = frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
                    yield place, node, source, names

    def _infer(self, node: ast.AST) -> None:
        """Kinds that follow from how a name is used: compared, counted with, or another name for it."""
        if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.In | ast.NotIn | ast.Is | ast.IsNot):
            operands = [node.left, *node.comparators]
            for one, other in (*pairwise(operands), *pairwise(reversed(operands))):
                self._same(one, other, NUMERIC | {"str"})
        elif isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Mod | ast.Mult):
            self._same(node.left, node.right, NUMERIC)
            self._same(node.right, node.left, NUMERIC)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
            self._same(node.value, node.target, NUMERIC)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            for argument in node.args:
                self._same(argument, ast.Constant(0), NUMERIC)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Attribute):
            self._same(node.targets[0], node.value, NUMERIC | SIZED)
            self._same(node.value, node.targets[0], NUMERIC | SIZED)

    def _same(self, one: ast.expr, other: ast.expr, kinds: frozenset[str]) -> None:
        name = one.id if isinstance(one, ast.Name) else f".{one.attr}" if isinstance(one, ast.Attribute) else ""
        kind = self.kind(other)
        if name and kind in kinds and not self.kind(one):
            self.kinds[name] = "int" if kind == "number" else kind

    def _function(self, function: FunctionNode, outer: FunctionNode | None) -> None:
        self._outer[function] = outer
        names = self._names.setdefault(function, _Names())
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
        defaults = dict(
            zip(reversed([*arguments.posonlyargs, *arguments.args]), reversed(arguments.defaults), strict=False)
        )
        for argument in every:
            if argument is None:
                continue
            names.parameters.append(argument.arg)
            kind = _annotation_kind(argument.annotation)
            if not kind and argument in defaults:
                kind = self.kind(defaults[argument])
            if kind and kind != "none":
                self.kinds.setdefault(argument.arg, kind)
        for node in _own(function):
            if isinstance(node, FunctionNode | ast.ClassDef):
                names.local.setdefault(node.name, node.lineno)
                members = node.body if isinstance(node, ast.ClassDef) else [node]
                for member in members:
                    if isinstance(member, FunctionNode):
                        self._function(member, function)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.local.setdefault(node.id, node.lineno)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                self._bind(target, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            self._iterate(node.target, node.iter)
        elif isinstance(node, ast.Attribute):
            uses = self.attributes.setdefault(ast.unparse(node.value), {})
            uses[node.attr] = uses.get(node.attr, 0) + 1
            if isinstance(node.value, ast.Name) and node.attr in _METHOD_OWNERS:
                self.kinds.setdefault(node.value.id, _METHOD_OWNERS[node.attr])
        elif isinstance(node, ast.If | ast.While):
            self._conditions(node.test)
        elif isinstance(node, ast.Return) and node.value is not None and _portable(node.value):
            self.returned.setdefault(ast.unparse(node.value), node.value)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            self.raised.setdefault(ast.unparse(node.exc), node.exc)

    def _conditions(self, test: ast.expr) -> None:
        for part in test.values if isinstance(test, ast.BoolOp) else [test]:
            if _portable(part):
                self.conditions.setdefault(ast.unparse(part), part)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._bind(one, other)
            return
        kind = self.kind(value)
        if isinstance(target, ast.Attribute) and kind and kind != "none":
            self.kinds.setdefault(f".{target.attr}", kind)
        if not isinstance(target, ast.Name):
            return
        if kind and kind != "none":
            self.kinds.setdefault(target.id, kind)
        empty = isinstance(value, ast.List | ast.Dict | ast.Set | ast.Constant) or kind in ("set", "deque", "dict")
        if empty and target.id not in self.accumulators:
            self.accumulators.append(target.id)

    def _iterate(self, target: ast.expr, iterated: ast.expr) -> None:
        called = iterated.func.id if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name) else ""
        if called == "range" and isinstance(target, ast.Name):
            self.kinds.setdefault(target.id, "int")
        elif called == "enumerate" and isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
            self.kinds.setdefault(target.elts[0].id, "int")
        elif isinstance(target, ast.Name) and self.kind(iterated) == "str":
            self.kinds.setdefault(target.id, "str")

    def _constants(self, function: FunctionNode) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Constant) and not isinstance(node.value, bytes):
                self._constant(repr(node.value), node.value)

    def _constant(self, source: str, value: object) -> None:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and len(source) <= 40:
            known = self.values.setdefault("str" if isinstance(value, str) else "number", [])
            if source not in known:
                known.append(source)


def _portable(node: ast.expr) -> bool:
    """Whether an expression may stand in another function or comprehension than the one that it comes from."""
    return not any(isinstance(n, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr) for n in ast.walk(node))


_REUSABLE = frozenset({ast.Tuple, ast.Subscript, ast.Call, ast.BinOp, ast.Attribute})
_DISPLAYS: dict[type[ast.expr], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.JoinedStr: "str",
    ast.Compare: "bool",
    ast.GeneratorExp: "generator",
}


def _call_kind(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return _CALL_KINDS.get(node.func.id, "")
    if isinstance(node.func, ast.Attribute):
        return _METHOD_KINDS.get(node.func.attr, "")
    return ""


def _annotation_kind(node: ast.expr | None) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    name = node.id.lower() if isinstance(node, ast.Name) else ""
    name = {"sequence": "list", "iterable": "list", "mapping": "dict"}.get(name, name)
    return name if name in NUMERIC | SIZED | {"bool"} else ""


def _own(function: FunctionNode) -> Iterator[ast.AST]:
    """Nodes of a function's own scope: nested functions themselves but not what is in them, nor comprehensions."""
    stack: list[ast.AST] = list(reversed(function.body))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.Lambda | ast.ClassDef | _COMPREHENSIONS):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
