"""One expression in its place: what may replace it there, and when the replacement needs parentheses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bot.endpoints.edits.scope import Scope
from bot.endpoints.edits.text import FunctionNode, Place, Splice, Text

# Binding strength, weakest first (the order of Python's reference, 6.17).
LOOSE, TERNARY, OR, AND, NOT, COMPARE, BITOR, BITXOR, BITAND, SHIFT, ARITH, TERM, UNARY, POWER, AWAIT, ATOM = (
    range(16)
)

_BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: BITOR,
    ast.BitXor: BITXOR,
    ast.BitAnd: BITAND,
    ast.LShift: SHIFT,
    ast.RShift: SHIFT,
    ast.Add: ARITH,
    ast.Sub: ARITH,
    ast.Mult: TERM,
    ast.MatMult: TERM,
    ast.Div: TERM,
    ast.FloorDiv: TERM,
    ast.Mod: TERM,
    ast.Pow: POWER,
}
OPERATORS: dict[type[ast.AST], str] = {
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.And: "and",
    ast.Or: "or",
}
LEVELS = {
    **{OPERATORS[operator]: level for operator, level in _BINARY.items()},
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"), COMPARE),
    "and": AND,
    "or": OR,
}


def level(node: ast.expr) -> int:
    """How strongly an expression holds together without parentheses."""
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)]
    if isinstance(node, ast.BoolOp):
        return OR if isinstance(node.op, ast.Or) else AND
    if isinstance(node, ast.UnaryOp):
        return NOT if isinstance(node.op, ast.Not) else UNARY
    if isinstance(node, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Starred):
        return LOOSE
    return _FLAT.get(type(node), ATOM)


_FLAT: dict[type[ast.expr], int] = {
    ast.Tuple: LOOSE,
    ast.Lambda: TERNARY,
    ast.IfExp: TERNARY,
    ast.Compare: COMPARE,
    ast.Await: AWAIT,
}


def demand(parent: ast.AST, field: str) -> int:
    """How strongly an expression must hold together to stand, bare, in a field of `parent`."""
    if isinstance(parent, ast.BinOp):
        own = _BINARY[type(parent.op)]
        if isinstance(parent.op, ast.Pow):
            return AWAIT if field == "left" else UNARY
        return own if field == "left" else own + 1
    if isinstance(parent, ast.BoolOp):
        return AND if isinstance(parent.op, ast.Or) else NOT
    if isinstance(parent, ast.UnaryOp):
        return NOT if isinstance(parent.op, ast.Not) else UNARY
    if isinstance(parent, ast.IfExp):
        return TERNARY if field == "orelse" else OR
    if isinstance(parent, ast.comprehension):
        return OR
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Expr | ast.AnnAssign | ast.Yield):
        return LOOSE
    return _DEMANDS.get(type(parent), TERNARY)


_DEMANDS: dict[type[ast.AST], int] = {
    ast.Compare: BITOR,
    ast.Attribute: ATOM,
    ast.Subscript: TERNARY,
    ast.Await: ATOM,
    ast.Starred: BITOR,
}


@dataclass(frozen=True)
class Raw:
    """A proposed change before it is checked, merged with others and weighed."""

    operator: str
    factor: float
    """Times the operator's prior: its weight."""
    splices: tuple[Splice, ...]
    imports: tuple[str, ...] = ()
    whole: bool = False
    """Whether it touches more than the statement's own line."""
    rows: tuple[str, ...] = ()
    """Statements that it puts beside the line, if that is all that it does; indented from nothing."""
    beside: str = ""
    """Where `rows` go: `before` or `after`; `around` if they are the header of a block that takes the line in."""


@dataclass(frozen=True, eq=False)
class Site:
    """An expression, the syntax around it, and everything that may be said there."""

    text: Text
    scope: Scope
    place: Place
    node: ast.expr
    parent: ast.AST
    field: str
    condition: bool
    """Whether only its truth matters."""
    bound: tuple[str, ...]
    """Names that comprehensions and lambdas around it bind."""
    inside: ast.expr | None
    """The sequence that it indexes or slices, if it stands in a subscript."""
    depth: int = 0
    """How deep in the statement's expression."""

    @property
    def strength(self) -> int:
        """How strongly a replacement must hold together."""
        if self.field in ("func", "value") and isinstance(self.parent, ast.Call | ast.Subscript):
            return ATOM
        return demand(self.parent, self.field)

    def names(self) -> tuple[str, ...]:
        """Variables that may be used here, the nearest first."""
        return tuple(dict.fromkeys((*self.bound, *self.scope.visible(self.place))))

    def source(self, node: ast.expr | None = None) -> str:
        """Text of a node (this one by default), fit for any place."""
        return self.text.segment(self.node if node is None else node)

    def fit(self, new: str, strength: int) -> str:
        """`new`, in parentheses if it needs them here."""
        if isinstance(self.node, ast.GeneratorExp):
            return f"({new})"  # its span holds the call's own parentheses
        if strength >= self.strength or self.text.parenthesised(self.node):
            return new
        return f"({new})"

    def replace(self, operator: str, new: str, strength: int = ATOM, factor: float = 1.0, *imports: str) -> Raw:
        """This expression becomes `new`, whose strength is given."""
        splice = Splice(self.text.start(self.node), self.text.end(self.node), self.fit(new, strength).encode())
        return Raw(operator, factor, (splice,), imports)

    def become(self, operator: str, node: ast.expr, factor: float = 1.0) -> Raw:
        """This expression becomes a copy of another one of the same text."""
        return self.replace(operator, self.source(node), level(node), factor)

    def around(self, operator: str, before: str, after: str, factor: float = 1.0, strength: int = ATOM) -> Raw:
        """Puts text around this expression, leaving it as it stands; the whole then has `strength`."""
        if isinstance(self.node, ast.GeneratorExp | ast.Starred) or self._bare_tuple():
            return self.replace(operator, f"{before}{self.source()}{after}", strength, factor)
        if strength < self.strength and not self.text.parenthesised(self.node):
            before, after = f"({before}", f"{after})"
        start, end = self.text.start(self.node), self.text.end(self.node)
        splices = (Splice(start, start, before.encode()), Splice(end, end, after.encode()))
        return Raw(operator, factor, splices)

    def _bare_tuple(self) -> bool:
        return isinstance(self.node, ast.Tuple) and self.text.data[self.text.start(self.node)] != ord("(")

    def between(
        self, left: ast.expr, right: ast.expr, old: str, new: str, *, operator: str, factor: float = 1.0
    ) -> Raw:
        """Replaces the operator's text between two nodes, and nothing else (comments and line breaks stay)."""
        start, end = self.text.end(left), self.text.start(right)
        gap = self.text.data[start:end].decode()
        at = _find_operator(gap, old)
        place = start + len(gap[:at].encode())
        return Raw(operator, factor, (Splice(place, place + _width(gap, at, old), new.encode()),))


Rule = Callable[[Site], Iterator[Raw]]


def _find_operator(gap: str, old: str) -> int:
    """Where an operator stands in the text between two operands, comments passed over."""
    at = 0
    first = old.split(maxsplit=1)[0]
    while at < len(gap):
        if gap[at] == "#":
            at = gap.find("\n", at)
        elif gap.startswith(first, at):
            return at
        at += 1
    return 0


def _width(gap: str, at: int, old: str) -> int:
    """Length of the operator's text: `not in` and `is not` may be written over any white space."""
    words = old.split()
    if len(words) == 1:
        return len(old)
    return gap.index(words[1], at + len(words[0])) + len(words[1]) - at


def sites(text: Text, scope: Scope, place: Place) -> Iterator[Site]:
    """Every expression of a statement's own line, outermost first, blocks and f-strings' insides left out."""
    for node, parent, field, condition in _roots(place.node):
        yield from _descend(Site(text, scope, place, node, parent, field, condition, (), None))


def _roots(node: ast.AST) -> Iterator[tuple[ast.expr, ast.AST, str, bool]]:
    """The expressions of a statement's own line with what holds them."""
    for field in _ROOT_FIELDS.get(type(node), ()):
        value = getattr(node, field)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.expr):
                yield part, node, field, field in ("test", "guard")
            elif isinstance(part, ast.withitem):
                yield part.context_expr, part, "context_expr", False


_ROOT_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Return: ("value",),
    ast.Delete: ("targets",),
    ast.Assign: ("targets", "value"),
    ast.AugAssign: ("target", "value"),
    ast.AnnAssign: ("target", "value"),
    ast.For: ("target", "iter"),
    ast.AsyncFor: ("target", "iter"),
    ast.While: ("test",),
    ast.If: ("test",),
    ast.With: ("items",),
    ast.AsyncWith: ("items",),
    ast.Match: ("subject",),
    ast.match_case: ("guard",),
    ast.Raise: ("exc",),
    ast.Assert: ("test",),
    ast.Expr: ("value",),
}


def _descend(site: Site) -> Iterator[Site]:
    yield site
    node = site.node
    if isinstance(node, ast.JoinedStr):
        return
    bound = site.bound
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        bound = (*_stored(*(generator.target for generator in node.generators)), *bound)
    elif isinstance(node, ast.Lambda):
        bound = (*(argument.arg for argument in node.args.args), *bound)
    for child, parent, field, condition, inside in _children(site):
        names = site.bound if isinstance(parent, ast.comprehension) and field == "iter" else bound
        yield from _descend(
            replace(
                site,
                node=child,
                parent=parent,
                field=field,
                condition=condition,
                bound=names,
                inside=inside,
                depth=site.depth + 1,
            )
        )


def _children(site: Site) -> Iterator[tuple[ast.expr, ast.AST, str, bool, ast.expr | None]]:
    node = site.node
    for field, value in ast.iter_fields(node):
        condition = _truth(node, field, site.condition)
        inside = node.value if isinstance(node, ast.Subscript) and field == "slice" else None
        if isinstance(node, ast.Tuple):
            inside = site.inside
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.Slice):
                for bound in ("lower", "upper", "step"):
                    child = getattr(part, bound)
                    if child is not None:
                        yield child, part, bound, False, inside
            elif isinstance(part, ast.expr):
                yield part, node, field, condition, inside
            elif isinstance(part, ast.keyword):
                yield part.value, part, "value", False, None
            elif isinstance(part, ast.comprehension):
                yield part.target, part, "target", False, None
                yield part.iter, part, "iter", False, None
                for test in part.ifs:
                    yield test, part, "ifs", True, None


def _truth(node: ast.expr, field: str, condition: bool) -> bool:
    if isinstance(node, ast.BoolOp):
        return condition
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.IfExp) and field == "test"


def _stored(*targets: ast.expr) -> tuple[str, ...]:
    names = (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return tuple(dict.fromkeys(names))


def function_defaults(node: FunctionNode) -> Iterator[tuple[ast.arg, ast.expr]]:
    """Parameters of a function that have a default, with it."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument, default


def is_target(node: ast.expr) -> bool:
    """Whether an expression is assigned to or deleted: only names, attributes and subscripts may stand there."""
    return isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)


def overwrite(site: Site, node: ast.expr, new: str) -> Splice:
    """Puts other text in the place of an expression."""
    return Splice(site.text.start(node), site.text.end(node), new.encode())


def drop_item(site: Site, every: list[ast.expr | ast.keyword], index: int) -> Splice:
    """Removes one argument or element with the comma that joins it to its neighbour."""
    text = site.text
    if index + 1 < len(every):
        return Splice(text.start(every[index]), text.start(every[index + 1]), b"")
    start = text.end(every[index - 1]) if index else text.start(every[index])
    return Splice(start, text.end(every[index]), b"")
