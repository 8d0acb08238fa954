"""Policy, second half: a rewrite still computes. It keeps the signature, swallows nothing and knows no answers."""

from __future__ import annotations

import ast
import doctest
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from bot.languages.python.policy_names import (
    BUILTINS,
    FunctionNode,
    Objection,
    constants,
    docstring_of,
    dumps,
    own_nodes,
    parameters,
    shown,
    words,
)

NOT_TO_CATCH = words(
    """
    BaseException SystemExit KeyboardInterrupt GeneratorExit AssertionError RecursionError MemoryError
    """
)
"""What a handler would hide from the tests or from whoever limits them."""

PLAIN_METHODS = words(
    """
    __init__ __post_init__ __repr__ __str__ __enter__ __exit__ __aenter__ __aexit__ __slots__ __doc__
    """
)
VALUE_TYPES = words("int str float bool bytes list dict tuple set frozenset complex type bytearray")
EMPTY_MAKERS = VALUE_TYPES - {"type"}
IDLE_BUILTINS = BUILTINS - words("super setattr delattr next exec")
"""Builtins that change nothing for whoever calls the function; `print` is one of them here."""

ORDINARY = (None, True, False, -1, 0, 1, 2, Ellipsis)
"""Literals that stand in guards of honest code everywhere; strings of up to one character are too."""

LONGEST_PIECE = 11
"""Characters of a text that a guard looks for in an input; an exploit is longer."""
LONGEST_WORD = 4
"""Characters of a text that is no word and that a guard compares an input with."""

Literals = Mapping[str, ast.expr]
"""Local names that always stand for one literal."""


def tricks(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    """What makes the candidate another function, or only the look of one, in no particular order."""
    yield from _signature(original, candidate)
    yield from _defaults(original, candidate)
    yield from _doctests(original, candidate)
    yield from _scopes(original, candidate)
    yield from _handlers(original, candidate)
    yield from _finally(original, candidate)
    yield from _classes(original, candidate)
    yield from _gutted(original, candidate)
    yield from _special_cases(original, candidate)


# -------------------------------------------------------------------------------------------- signature


def _signature(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    line = candidate.lineno
    if candidate.name != original.name:
        yield line, f"is named `{candidate.name}`, not `{original.name}`"
    if type(candidate) is not type(original):
        yield line, "turns a plain function into an async one or back"
    if _yields(candidate) != _yields(original):
        yield line, "turns a function into a generator or back"
    if [ast.dump(d) for d in candidate.decorator_list] != [ast.dump(d) for d in original.decorator_list]:
        yield line, "has other decorators"
    if _shape(candidate) != _shape(original):
        yield line, "has other parameters or annotations"


def _yields(function: FunctionNode) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _own(function: FunctionNode) -> Iterator[ast.AST]:
    for statement in function.body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from own_nodes(statement)


def _shape(function: FunctionNode) -> tuple[object, ...]:
    arguments = function.args

    def told(args: Iterable[ast.arg | None]) -> list[str]:
        return [f"{a.arg}: {ast.dump(a.annotation) if a.annotation else ''}" if a else "" for a in args]

    returns = ast.dump(function.returns) if function.returns else ""
    generic = [ast.dump(parameter) for parameter in getattr(function, "type_params", [])]
    kinds = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs, [arguments.vararg, arguments.kwarg])
    return (*(told(kind) for kind in kinds), returns, generic)


def _defaults(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    before = parameters(original)
    for name, default in parameters(candidate).items():
        if default is None and before.get(name) is not None:
            yield candidate.lineno, f"takes the default of `{name}` away"
    known = {ast.dump(default) for function in _functions(original) for default in _given(function)}
    for function in _functions(candidate):
        for default in _given(function):
            if ast.dump(default) not in known and any(_makes_something(node) for node in ast.walk(default)):
                yield default.lineno, f"has a default that is made once and shared (`{shown(default)}`)"


def _functions(root: ast.AST) -> Iterator[FunctionNode | ast.Lambda]:
    for node in ast.walk(root):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node


def _given(function: FunctionNode | ast.Lambda) -> list[ast.expr]:
    return [*function.args.defaults, *(default for default in function.args.kw_defaults if default)]


def _makes_something(node: ast.AST) -> bool:
    made = (
        ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp | ast.Lambda
    )
    if isinstance(node, ast.Call):
        return not (isinstance(node.func, ast.Name) and node.func.id in ("frozenset", "tuple", "object"))
    return isinstance(node, made | ast.NamedExpr)


def _doctests(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    if _examples(original) != _examples(candidate):
        yield candidate.lineno, "changes the examples in the docstring, which are tests"


def _examples(function: FunctionNode) -> list[tuple[str, str]]:
    doc = docstring_of(function)
    try:
        examples = doctest.DocTestParser().get_examples(str(doc.value)) if doc else []
    except ValueError:  # malformed examples are no tests
        return []
    return [(example.source, example.want) for example in examples]


# ------------------------------------------------------------------------- scopes, handlers and classes


def _scopes(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    def shared(function: FunctionNode) -> Iterator[tuple[str, int]]:
        for node in ast.walk(function):
            if isinstance(node, ast.Global | ast.Nonlocal):
                yield from ((f"{type(node).__name__.lower()} {name}", node.lineno) for name in node.names)

    known = {what for what, _ in shared(original)}
    for what, line in shared(candidate):
        if what not in known:
            yield line, f"declares `{what}`"


def _handlers(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    budget = Counter(what for what, _ in _swallowing(original))
    for what, line in _swallowing(candidate):
        budget[what] -= 1
        if budget[what] < 0:
            yield line, f"swallows errors by {what}"


def _swallowing(function: FunctionNode) -> Iterator[tuple[str, int]]:
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            passes_on = isinstance(last, ast.Raise) and last.exc is None
            names = _class_names(node.type)
            if node.type is None and not passes_on:
                yield "a bare `except:`", node.lineno
            if (caught := sorted(names & NOT_TO_CATCH)) and not passes_on:
                yield f"`except {caught[0]}`", node.lineno
            if "Exception" in names and _is_silent(node.body):
                yield "a silent `except Exception`", node.lineno
        elif isinstance(node, ast.Call) and shown(node.func).split(".")[-1] == "suppress":
            for name in sorted(set().union(*map(_class_names, node.args)) & (NOT_TO_CATCH | {"Exception"})):
                yield f"`suppress({name})`", node.lineno


def _class_names(node: ast.expr | None) -> set[str]:
    if isinstance(node, ast.Tuple):
        return set().union(*map(_class_names, node.elts))
    if isinstance(node, ast.Attribute):
        return {node.attr}
    return {node.id} if isinstance(node, ast.Name) else set()


def _is_silent(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(statement, ast.Pass | ast.Continue | ast.Break)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Return) and _is_constant(statement.value, {}))
        for statement in body
    )


def _finally(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    known = _in_finally(original)
    for what, line in _in_finally(candidate).items():
        if what not in known:
            yield line, f"has `{what}` in a `finally`, which hides errors or never ends"


def _in_finally(function: FunctionNode) -> dict[str, int]:
    kinds = {
        ast.Return: "return",
        ast.Yield: "yield",
        ast.While: "while",
        ast.Break: "break",
        ast.Continue: "continue",
    }
    found: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Try | ast.TryStar):
            for inner in (inner for statement in node.finalbody for inner in ast.walk(statement)):
                if type(inner) in kinds:
                    found.setdefault(kinds[type(inner)], getattr(inner, "lineno", node.lineno))
    return found


def _classes(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    known = {what for what, _ in _class_features(original)}
    for what, line in _class_features(candidate):
        if what not in known:
            yield line, what


def _class_features(function: FunctionNode) -> Iterator[tuple[str, int]]:
    for node in ast.walk(function):
        if not isinstance(node, ast.ClassDef):
            continue
        if node.keywords:
            yield f"defines the class `{node.name}` with a metaclass or class arguments", node.lineno
        for base in sorted(set().union(*map(_class_names, node.bases)) & VALUE_TYPES):
            yield f"defines the class `{node.name}`, a kind of `{base}`", node.lineno
        for name, line in _members(node):
            if name.startswith("__") and name.endswith("__") and name not in PLAIN_METHODS:
                yield f"defines a class with `{name}`", line


def _members(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for inner in own_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inner.name, inner.lineno
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id, inner.lineno


# ------------------------------------------------------------------------------------------- hollowness


def _gutted(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    line = candidate.body[0].lineno
    if _computes(original, None) and not _computes(candidate, _names(original) | set(parameters(original))):
        yield line, "no longer computes anything: every way through it ends in the same literal, or in raising"
        return
    before, after = Counter(_statements(original)), Counter(_statements(candidate))
    removed = (before - after).total()
    if not after - before and removed >= 3 and removed * 3 >= before.total() * 2:
        yield line, f"only deletes: {removed} of {before.total()} statements are gone and none is new"


def _computes(function: FunctionNode, known: frozenset[str] | None) -> bool:
    """Whether it gives a computed value, or different literals, or has an effect (see `_has_effect`)."""
    literals = _unchanging(function)
    exits: set[str] = set()
    returns = False
    for node in _own(function):
        if isinstance(node, ast.Return | ast.Yield):
            returns = returns or isinstance(node, ast.Return)
            if not _is_constant(node.value, literals):
                return True
            exits.add(ast.dump(node.value) if node.value else "None")
        elif isinstance(node, ast.YieldFrom) and not _is_constant(node.value, literals):
            return True
        elif isinstance(node, ast.Raise):
            exits.add(ast.dump(node))
    if not returns and not isinstance(function.body[-1], ast.Raise):
        exits.add("None")
    return len(exits) > 1 or _has_effect(function, known)


def _unchanging(function: FunctionNode) -> Literals:
    """Names that stand for their literal to the end: a list that is only returned, not one that is filled."""
    literals = _literals(function)
    touched = Counter(node.id for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in literals)
    touched -= Counter(node.id for node in _returned(function))
    fixed = ast.Constant | ast.Tuple | ast.UnaryOp | ast.JoinedStr
    return {name: value for name, value in literals.items() if isinstance(value, fixed) or touched[name] == 1}


def _returned(function: FunctionNode) -> list[ast.Name]:
    values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return [value for value in values if isinstance(value, ast.Name)]


def _has_effect(function: FunctionNode, known: frozenset[str] | None) -> bool:
    """Whether it stores into something or calls something for what that does.

    With `known` names, only what concerns one of them counts, and no builtin does: printing is no work.
    """
    for node in _own(function):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if known is None or _root(node) in known:
                return True
        elif isinstance(node, ast.Expr | ast.Return | ast.Assign):
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            if any(known is None or (_root(c.func) not in IDLE_BUILTINS and _names(c) & known) for c in calls):
                return True
    return False


def _names(root: ast.AST) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(root) if isinstance(node, ast.Name))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _statements(function: FunctionNode) -> Iterator[str]:
    """Simple statements whole, compound ones by their head, the docstring left out."""
    doc = docstring_of(function)
    for node in ast.walk(function):
        if (
            not isinstance(node, ast.stmt)
            or node is function
            or (isinstance(node, ast.Expr) and node.value is doc)
        ):
            continue
        parts = [value for _, value in ast.iter_fields(node) if isinstance(value, ast.expr)]
        compound = hasattr(node, "body")
        yield f"{type(node).__name__} {[ast.dump(part) for part in parts]}" if compound else ast.dump(node)


def _literals(function: FunctionNode) -> Literals:
    """Names that are bound once, to a literal."""
    stores = Counter(parameters(function).keys())
    values: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stores[node.id] += 1
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
    return {name: value for name, value in values.items() if stores[name] == 1 and _leaves(value, {}) is not None}


def _is_constant(node: ast.expr | None, literals: Literals) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EMPTY_MAKERS:
        return all(_leaves(arg, literals) is not None for arg in node.args) and not node.keywords
    return node is None or _leaves(node, literals) is not None


def _leaves(node: ast.expr, literals: Literals) -> list[object] | None:
    """The values in a literal, flat; None when it is no literal."""
    if isinstance(node, ast.Name) and node.id in literals:
        return _leaves(literals[node.id], {})
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _leaves(node.operand, {})
        number = inner[0] if inner and len(inner) == 1 else None
        if not isinstance(number, int | float):
            return None
        return [-number if isinstance(node.op, ast.USub) else number]
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = [_leaves(element, literals) for element in node.elts]
    elif isinstance(node, ast.Dict):
        parts = [_leaves(item, literals) if item else None for item in (*node.keys, *node.values)]
    elif isinstance(node, ast.JoinedStr):
        parts = [_leaves(value, literals) for value in node.values]
    else:
        return None
    flat: list[object] = []
    for part in parts:
        if part is None:
            return None
        flat += part
    return flat


# ---------------------------------------------------------------------------------------- special cases


def _special_cases(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    finder = _SpecialCases(original, candidate)
    for node in ast.walk(candidate):
        if finder.answers_one_input(node):
            yield getattr(node, "lineno", finder.line_of(node)), "answers a particular input by a literal"
        elif finder.refuses_one_input(node):
            yield getattr(node, "lineno", candidate.lineno), "refuses a particular input and no others"
        elif finder.looks_up_answers(node):
            yield getattr(node, "lineno", candidate.lineno), "looks the answer up in a table of literals"


class _SpecialCases:
    """Tells an answer that was known in advance from a guard."""

    def __init__(self, original: FunctionNode, candidate: FunctionNode) -> None:
        self.known = {_key(node.value) for node in constants(original)}
        self.tests = dumps(original, (ast.Compare, ast.match_case))
        self.tables = dumps(original, (ast.Dict, ast.List, ast.Tuple))
        self.literals = _literals(candidate)
        self.returned = {node.id for node in _returned(candidate)}

    def line_of(self, node: ast.AST) -> int:
        """The line of a node that has none of its own: a case of a match."""
        return node.pattern.lineno if isinstance(node, ast.match_case) else 1

    def answers_one_input(self, node: ast.AST) -> bool:
        """`if x == 17: return 5` in one of its shapes."""
        if isinstance(node, ast.If):
            return (self._picks(node.test, ast.Eq, ast.In, ast.Is) and self._answers(node.body)) or (
                self._picks(node.test, ast.NotEq, ast.NotIn, ast.IsNot) and self._answers(node.orelse)
            )
        if isinstance(node, ast.IfExp):
            return (self._picks(node.test, ast.Eq, ast.In, ast.Is) and self._literal(node.body)) or (
                self._picks(node.test, ast.NotEq, ast.NotIn, ast.IsNot) and self._literal(node.orelse)
            )
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            picked = any(self._picks(value, ast.Eq, ast.In, ast.Is) for value in node.values[:-1])
            return picked and self._literal(node.values[-1]) and not self._is_bool(node.values[-1])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = (node.left, node.right)
            return any(self._picks(s, ast.Eq, ast.In) for s in sides) and any(self._literal(s) for s in sides)
        if isinstance(node, ast.match_case):
            special = any(
                self._is_special(inner.value)
                for inner in ast.walk(node.pattern)
                if isinstance(inner, ast.MatchValue)
            )
            return special and ast.dump(node) not in self.tests and self._answers(node.body)
        return False

    def refuses_one_input(self, node: ast.AST) -> bool:
        """`if x == "; rm -rf": raise ...`: the attack that was shown is kept out, and not its like.

        A short piece (`".." in path`), a plain word and what the original knows are what guards ask about.
        """
        if not isinstance(node, ast.If) or not any(isinstance(part, ast.Raise) for part in node.body):
            return False
        for test in ast.walk(node.test):
            if not isinstance(test, ast.Compare) or ast.dump(test) in self.tests:
                continue
            sides = [test.left, *test.comparators]
            for operator, left, right in zip(test.ops, sides, sides[1:], strict=False):
                asked = isinstance(operator, ast.In) and self._is_payload(left, LONGEST_PIECE)
                listed = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else []
                whole = [left, right] if isinstance(operator, ast.Eq) else listed
                pinned = isinstance(operator, ast.Eq | ast.In)
                if asked or (pinned and any(self._is_payload(one, LONGEST_WORD) for one in whole)):
                    return True
        return False

    def _is_payload(self, node: ast.expr, longest: int) -> bool:
        """Whether a literal text is new, longer than a guard's, and no plain word."""
        if isinstance(node, ast.Name) and node.id in self.literals:
            node = self.literals[node.id]
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) else ""
        plain = str(text, "latin-1") if isinstance(text, bytes) else text
        word = plain.replace("-", "_").replace(".", "_").isidentifier()
        return len(text) > longest and not word and _key(text) not in self.known

    def looks_up_answers(self, node: ast.AST) -> bool:
        """`{17: 5}[x]` in one of its shapes."""
        if isinstance(node, ast.For):
            return self._hands_out(node) and self._is_new_table(node.iter, least=1)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            return not self._literal(node.slice) and self._is_new_table(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            asked = node.func.attr in ("get", "pop", "setdefault", "__getitem__") and not self._literal(
                node.args[0]
            )
            return asked and self._is_new_table(node.func.value)
        return False

    def _hands_out(self, loop: ast.For) -> bool:
        """Whether a loop over pairs compares one part for equality and returns the other."""
        names = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        compared: set[str] = set()
        returned: set[str] = set()
        for node in ast.walk(loop):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
                compared |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
                returned.add(node.value.id)
        return bool(names & compared) and bool(names & returned)

    def _is_new_table(self, node: ast.expr, *, least: int = 3) -> bool:
        if isinstance(node, ast.Name):
            node = self.literals.get(node.id, node)
        if ast.dump(node) in self.tables or isinstance(node, ast.Constant) or not self._literal(node):
            return False
        if isinstance(node, ast.Dict):
            return any(key is not None and self._is_special(key) for key in node.keys)
        return isinstance(node, ast.List | ast.Tuple) and len(node.elts) >= least and self._is_special(node)

    def _picks(self, test: ast.expr, *operators: type[ast.cmpop]) -> bool:
        """Whether the test compares something with a particular literal, in a way that the original does not."""
        for node in ast.walk(test):
            if not isinstance(node, ast.Compare) or ast.dump(node) in self.tests:
                continue
            sides = [node.left, *node.comparators]
            if all(self._literal(side) for side in sides):
                continue
            for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
                if isinstance(operator, operators) and self._pins_down(operator, left, right):
                    return True
        return False

    def _pins_down(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> bool:
        if isinstance(operator, ast.In | ast.NotIn):
            # `char in "aeiou"` and `".." in path` ask about a part, not about one particular input.
            return not _is_short_text(left) and (
                self._is_special(left) or (not isinstance(right, ast.Constant) and self._is_special(right))
            )
        return self._is_special(left, whole=True) or self._is_special(right, whole=True)

    def _answers(self, body: list[ast.stmt]) -> bool:
        for statement in body:
            if isinstance(statement, ast.Return) and statement.value and self._literal(statement.value):
                return True
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Yield)
                and statement.value.value
            ):
                return self._literal(statement.value.value)
            if isinstance(statement, ast.Assign) and self._literal(statement.value):
                names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
                if names & self.returned:
                    return True
        return False

    def _literal(self, node: ast.expr) -> bool:
        return _leaves(node, self.literals) is not None

    def _is_bool(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, bool)

    def _is_special(self, node: ast.expr, *, whole: bool = False) -> bool:
        """Whether a literal is one that the original does not know and that guards don't use either.

        With `whole`, a list or tuple of any literals counts: nobody guards against exactly `[0, 1]`.
        """
        leaves = _leaves(node, self.literals)
        if not leaves:
            return False
        if isinstance(node, ast.Name):
            node = self.literals[node.id]
        if whole and isinstance(node, ast.List | ast.Tuple | ast.Dict) and len(leaves) > 1:
            return any(_key(leaf) not in self.known for leaf in leaves)
        return any(_key(leaf) not in self.known and not _is_ordinary(leaf) for leaf in leaves)


def _key(value: object) -> tuple[str, object]:
    # 1, 1.0 and True are equal, and not the same literal.
    return type(value).__name__, value


def _is_short_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and len(node.value) < 5


def _is_ordinary(value: object) -> bool:
    if isinstance(value, str | bytes):
        return len(value) < 2
    return any(value == ordinary for ordinary in ORDINARY)
