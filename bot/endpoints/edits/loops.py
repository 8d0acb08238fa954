"""Work that a loop does again and again: looked up in a set or dictionary, or done once before the loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.endpoints.edits.remedies import Code, Remedy, remedy, stored
from bot.endpoints.edits.text import Splice, tell

Repeated = ast.For | ast.While | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
READS = frozenset(
    (
        *(
            "keys",
            "values",
            "items",
            "lower",
            "upper",
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
        ),
        *(
            "join",
            "replace",
            "format",
            "encode",
            "decode",
            "copy",
            "count",
            "index",
            "get",
            "read_text",
            "read_bytes",
        ),
        *(
            "startswith",
            "endswith",
            "find",
            "title",
            "casefold",
            "isoformat",
            "union",
            "intersection",
            "difference",
        ),
        *("most_common", "total_seconds", "hexdigest", "digest", "match", "search", "fullmatch", "findall", "sub"),
    )
)
"""Methods that change nothing for whoever calls them."""
_RESTLESS = ("random", "secrets", "time", "uuid", "datetime", "os.urandom", "itertools", "subprocess")
_LAZY = frozenset(
    (
        *("iter", "map", "filter", "zip", "enumerate", "reversed", "range", "next", "input", "print", "open"),
        *("exec", "eval", "super", "id", "setattr", "delattr"),
    )
)
"""Builtins whose results are used up, or that do something."""


@dataclass(frozen=True)
class Around:
    """The loop or comprehension before which something is done, and what changes in it."""

    node: Repeated
    changed: frozenset[str]


def around(code: Code, node: ast.AST, needs: set[str]) -> Around | None:
    """The outermost loop around a node in which none of the names is bound or changed, or None."""
    found: Around | None = None
    needs = {name for name in needs if name in code.values or name not in code.imports}
    here, parent = node, code.parents.get(node)
    while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        repeated = isinstance(parent, ast.While) or (isinstance(parent, ast.For) and here is not parent.iter)
        if isinstance(parent, COMPREHENSIONS):
            repeated = not (here is parent.generators[0] and _under(code, node, parent.generators[0].iter))
        if repeated and isinstance(parent, Repeated):
            changed = _changed(parent)
            if needs & changed:
                return found
            found = Around(parent, frozenset(changed))
        here, parent = parent, code.parents.get(parent)
    return found


def _under(code: Code, node: ast.AST, root: ast.AST) -> bool:
    here: ast.AST | None = node
    while here is not None and here is not root:
        here = code.parents.get(here)
    return here is root


def _changed(loop: ast.AST) -> set[str]:
    """Names that a loop binds, or whose values it may change: by a method that is no mere reading, or an item."""
    names = stored(loop)
    for node in ast.walk(loop):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in READS:
                names |= _root(node.func.value)
        elif isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            names |= _root(node.value)
    return names


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _all_names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _inner_names(node: ast.AST) -> set[str]:
    """Names that an expression reads, those left out that it binds itself."""
    return _all_names(node) - stored(node)


# -------------------------------------------------------------------------------------------- membership


def membership(code: Code) -> Iterator[Remedy]:
    """`x in things` in a loop -> `x in known`, a set made before the loop; `x in d.keys()` -> `x in d`."""
    groups: dict[tuple[int, str], list[ast.expr]] = {}
    for node in code.nodes:
        if (
            not isinstance(node, ast.Compare)
            or len(node.ops) != 1
            or not isinstance(node.ops[0], ast.In | ast.NotIn)
        ):
            continue
        given = node.comparators[0]
        inner = _unwrapped(code, given)
        if inner is not None:
            yield from remedy(node, "no-keys", code.swap((given, code.source(inner))), 1.0)
        if isinstance(given, ast.Set | ast.Dict | ast.Constant | ast.DictComp | ast.SetComp):
            continue
        place = around(code, node, _inner_names(given))
        if place is not None and not _is_set(code, given):
            groups.setdefault((id(place.node), tell(given)), []).append(given)
            yield from _once(code, node, place.node, [given])
    for (key, _), ones in groups.items():
        if len(ones) > 1:
            place = around(code, ones[0], _inner_names(ones[0]))
            if place is not None and id(place.node) == key:
                yield from _once(code, ones[0], place.node, ones)


def _unwrapped(code: Code, given: ast.expr) -> ast.expr | None:
    """What `list(x)`, `x.keys()` and their like hold, where a test of membership needs nothing else."""
    if not isinstance(given, ast.Call):
        return None
    if isinstance(given.func, ast.Attribute) and given.func.attr == "keys" and not given.args:
        return given.func.value
    if code.origin(given.func) in ("list", "tuple", "sorted", "set") and len(given.args) == 1:
        inner = given.args[0]
        return _unwrapped(code, inner) or (inner if _is_set(code, inner) else None)
    return None


def _is_set(code: Code, node: ast.expr) -> bool:
    made = code.resolved(node)
    if isinstance(made, ast.Set | ast.Dict | ast.SetComp | ast.DictComp):
        return True
    name = code.origin(made.func).rpartition(".")[2] if isinstance(made, ast.Call) else ""
    return name in ("set", "dict", "frozenset", "Counter", "defaultdict", "range", "OrderedDict")


def _once(code: Code, at: ast.AST, loop: ast.AST, ones: Sequence[ast.expr]) -> Iterator[Remedy]:
    name = code.fresh("known", "members")
    made = ones[0]
    plain = isinstance(made, ast.Call) and code.origin(made.func) in ("list", "tuple", "sorted") and made.args
    inner = made.args[0] if isinstance(made, ast.Call) and plain else made
    rows = [f"{name} = set({code.source(inner)})"]
    yield from remedy(at, "set-membership", [code.before(loop, rows), *code.swap(*((one, name) for one in ones))])


def seen(code: Code) -> Iterator[Remedy]:
    """`if x not in out: out.append(x)` in a loop -> a set beside the list; all of it -> `dict.fromkeys`."""
    for name in sorted(code.values):
        tests = [
            node
            for node in code.nodes
            if isinstance(node, ast.Compare)
            and len(node.ops) == 1
            and isinstance(node.ops[0], ast.In | ast.NotIn)
            and isinstance(node.comparators[0], ast.Name)
            and node.comparators[0].id == name
            and code.loops(node)
        ]
        adds = _appends(code, name)
        if not tests or not adds or not _only_grows(code, name):
            continue
        loop = code.loops(tests[0])[-1]
        known = code.fresh("known", "met")
        splices: list[Splice | None] = [code.before(loop, [f"{known} = set({name})"])]
        splices += code.swap(*((test.comparators[0], known) for test in tests))
        splices += [code.after(add, [f"{known}.add({code.source(value)})"]) for add, value in adds]
        yield from remedy(tests[0], "seen-set", splices)
        if len(tests) == 1 and len(adds) == 1:
            yield from _from_keys(code, name, tests[0], *adds[0])


def _appends(code: Code, name: str) -> list[tuple[ast.Expr, ast.expr]]:
    """The statements `name.append(x)`, each with its `x`."""
    return [
        (node, node.value.args[0])
        for node in code.nodes
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _method(node.value, name) == "append"
        and len(node.value.args) == 1
    ]


def _method(node: ast.AST, name: str) -> str:
    """The method of a named thing that a node calls; '' where it calls none."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ):
        return node.func.attr if node.func.value.id == name else ""
    return ""


def _only_grows(code: Code, name: str) -> bool:
    """Whether a list is made once and changed by `append` alone."""
    if len(code.values[name]) != 1 or code.values[name][0] is None:
        return False
    for node in code.nodes:
        called = _method(node, name)
        if called and called != "append" and called not in READS:
            return False
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and name in _root(node.value):
            return False
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return False
    return True


def _from_keys(code: Code, name: str, test: ast.Compare, add: ast.Expr, value: ast.expr) -> Iterator[Remedy]:
    """`out = []`, `for x in xs: if x not in out: out.append(x)` -> `out = list(dict.fromkeys(xs))`."""
    condition, loop = code.parents.get(test), code.inside(test, ast.For)
    if not isinstance(condition, ast.If) or not isinstance(loop, ast.For) or loop.body != [condition]:
        return
    same = tell(loop.target) == tell(test.left) == tell(value)
    if condition.body != [add] or condition.orelse or loop.orelse or not same:
        return
    start = next((n for n in code.nodes if isinstance(n, ast.Assign) and n.value is code.values[name][0]), None)
    place = code.place(loop)
    if start is None or place is None or place.previous is not start or not isinstance(start.value, ast.List):
        return
    if not start.value.elts:
        made = f"list(dict.fromkeys({code.source(loop.iter)}))"
        yield from remedy(test, "seen-set", [*code.swap((start.value, made)), code.without(loop)], 1.1)


# -------------------------------------------------------------------------------------------- once before


def hoisted(code: Code) -> Iterator[Remedy]:
    """A call in a loop that gives the same each time is made once, before the loop."""
    groups: dict[tuple[int, str], list[ast.Call]] = {}
    loops: dict[int, Repeated] = {}
    for call, origin in code.calls():
        if not _steady(code, call, origin):
            continue
        place = around(code, call, _inner_names(call))
        if place is not None:
            groups.setdefault((id(place.node), tell(call)), []).append(call)
            loops[id(place.node)] = place.node
    for (key, _), calls in groups.items():
        first = calls[0]
        name = code.fresh(*_named(first))
        made = code.source(first)
        if (
            code.origin(first.func) in ("max", "min")
            and len(first.args) == 1
            and not code.keyword(first, "default")
        ):
            made = f"{made[:-1]}, default=None)"  # of nothing there is no largest, and the loop may never ask
        splices = [code.before(loops[key], [f"{name} = {made}"]), *code.swap(*((c, name) for c in calls))]
        yield from remedy(first, "hoist-call", splices, 1.0 if _heavy(code, first) else 0.7)
    yield from _compiled(code)


def properties(code: Code) -> Iterator[Remedy]:
    """A property that is asked for in a loop is worked out once, before it."""
    known = {
        node.name
        for node in ast.walk(code.module)
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(d).endswith("property") for d in node.decorator_list)
    }
    groups: dict[tuple[int, str], list[ast.Attribute]] = {}
    loops: dict[int, Repeated] = {}
    for node in code.nodes:
        if isinstance(node, ast.Attribute) and node.attr in known and isinstance(node.ctx, ast.Load):
            place = around(code, node, _inner_names(node))
            if place is not None:
                groups.setdefault((id(place.node), tell(node)), []).append(node)
                loops[id(place.node)] = place.node
    for (key, _), ones in groups.items():
        name = code.fresh(ones[0].attr.lstrip("_"), f"{ones[0].attr.lstrip('_')}_once")
        rows = [f"{name} = {code.source(ones[0])}"]
        yield from remedy(
            ones[0], "hoist-call", [code.before(loops[key], rows), *code.swap(*((o, name) for o in ones))], 0.9
        )


def _steady(code: Code, call: ast.Call, origin: str) -> bool:
    """Whether a call may be made earlier: it gives the same for the same, as far as its text tells."""
    for inner in (n for n in ast.walk(call) if isinstance(n, ast.Call)):
        told = code.origin(inner.func)
        if told.startswith(_RESTLESS) or told in _LAZY:
            return False
        if isinstance(inner.func, ast.Attribute) and not told and inner.func.attr not in READS:
            return False
        if isinstance(inner.func, ast.Name) and not told and inner.func.id not in code.taken:
            return False
    if isinstance(code.parents.get(call), ast.Expr) or any(isinstance(n, ast.Lambda) for n in ast.walk(call)):
        return False
    return bool(call.args or call.keywords or isinstance(call.func, ast.Attribute) or not origin)


def _heavy(code: Code, call: ast.Call) -> bool:
    return code.origin(call.func) in ("sorted", "set", "list", "dict", "sum", "max", "min", "tuple", "re.compile")


def _named(call: ast.Call) -> tuple[str, ...]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "value")
    known = {
        "sorted": "ordered",
        "len": "length",
        "set": "members",
        "list": "items",
        "sum": "total",
        "max": "most",
    }
    known |= {"min": "least", "compile": "pattern", "lower": "lowered", "split": "pieces", "keys": "keys"}
    return (known.get(name, f"{name.lstrip('_')}_once"), f"{name.lstrip('_')}_before")


def _compiled(code: Code) -> Iterator[Remedy]:
    """`re.match(p, x)` in a loop -> a pattern compiled before it."""
    names = [
        f"re.{name}" for name in ("match", "search", "fullmatch", "findall", "finditer", "sub", "split", "subn")
    ]
    for call, origin in code.calls(*names):
        if not call.args or code.keyword(call, "flags") is not None:
            continue
        place = around(code, call, _inner_names(call.args[0]))
        method = origin.rpartition(".")[2]
        if place is None or len(call.args) > (3 if method in ("sub", "subn") else 2) or len(call.args) < 2:
            continue
        maker, imports = code.use("re.compile")
        name = code.fresh("pattern", "compiled")
        splices = [
            code.before(place.node, [f"{name} = {maker}({code.source(call.args[0])})"]),
            *code.swap((call.func, f"{name}.{method}")),
            code.drop_argument(call, call.args[0]),
        ]
        yield from remedy(call, "hoist-call", splices, 0.8, imports)


# ------------------------------------------------------------------------------------------- dictionaries


@dataclass(frozen=True)
class _Join:
    """An inner pass over things of which only those are wanted whose key is a certain one."""

    iterated: ast.expr
    target: ast.expr
    own: ast.expr
    """The key of a thing."""
    wanted: ast.expr
    """The key that is wanted."""
    at: ast.AST


def joins(code: Code) -> Iterator[Remedy]:
    """A pass over all things in a loop, for those of one key -> a dictionary of lists made before the loop."""
    for join in _joins(code):
        needs = _inner_names(join.iterated) | (_inner_names(join.own) - stored(join.target))
        place = around(code, join.iterated, needs)
        if place is None:
            continue
        name = code.fresh("by_key", "found_by_key")
        target = code.source(join.target)
        thing = f"({target})" if isinstance(join.target, ast.Tuple) and not target.startswith("(") else target
        rows = [
            f"{name} = {{}}",
            f"for {target} in {code.source(join.iterated)}:",
            f"    {name}.setdefault({code.source(join.own)}, []).append({thing})",
        ]
        new = f"{name}.get({code.source(join.wanted)}, ())"
        splices = [code.before(place.node, rows), *code.swap((join.iterated, new))]
        yield from remedy(join.at, "index-by-key", splices)
        if place.node is not join.at:
            yield from remedy(place.node, "index-by-key", splices)


def _joins(code: Code) -> Iterator[_Join]:
    for node in code.nodes:
        if isinstance(node, ast.For) and not isinstance(node.iter, ast.Call) and len(node.body) >= 1:
            first = node.body[0]
            if isinstance(first, ast.If):
                skips = len(first.body) == 1 and isinstance(first.body[0], ast.Continue) and not first.orelse
                alone = len(node.body) == 1 and not first.orelse
                operator = ast.NotEq if skips else ast.Eq
                if skips or alone:
                    yield from _keyed(node, node.iter, node.target, _clauses(first.test, ors=skips), operator)
        elif isinstance(node, COMPREHENSIONS):
            for generator in node.generators:
                clauses = [clause for test in generator.ifs for clause in _clauses(test, ors=False)]
                if not isinstance(generator.iter, ast.Call):
                    yield from _keyed(node, generator.iter, generator.target, clauses, ast.Eq)


def _clauses(test: ast.expr, *, ors: bool) -> list[ast.expr]:
    kind = ast.Or if ors else ast.And
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, kind) else [test]


def _keyed(
    at: ast.AST, iterated: ast.expr, target: ast.expr, clauses: list[ast.expr], operator: type[ast.cmpop]
) -> Iterator[_Join]:
    names = stored(target)
    for clause in clauses:
        if not isinstance(clause, ast.Compare) or len(clause.ops) != 1 or not isinstance(clause.ops[0], operator):
            continue
        for own, wanted in ((clause.left, clause.comparators[0]), (clause.comparators[0], clause.left)):
            if _all_names(own) & names and not _all_names(wanted) & names and _all_names(wanted):
                yield _Join(iterated, target, own, wanted, at)


def places(code: Code) -> Iterator[Remedy]:
    """`xs.index(x)`, `xs.count(x)`, `x in xs[:i]` in a loop -> dictionaries made before it."""
    for call, _ in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if method not in ("index", "count") or len(call.args) != 1 or not isinstance(call.func, ast.Attribute):
            continue
        owner = call.func.value
        loop = around(code, call, _inner_names(owner))
        if loop is None:
            continue
        given = code.source(call.args[0])
        if method == "count":
            name = code.fresh("counts", "how_many")
            counter, imports = code.use("collections.Counter")
            rows = [f"{name} = {counter}({code.source(owner)})"]
            splices = [code.before(loop.node, rows), *code.swap((call, f"{name}[{given}]"))]
            yield from remedy(call, "count-once", splices, 1.0, imports)
            continue
        name, rows = _firsts(code, code.source(owner))
        yield from remedy(
            call, "first-place", [code.before(loop.node, rows), *code.swap((call, f"{name}[{given}]"))]
        )
    yield from _cut(code)


def _firsts(code: Code, owner: str) -> tuple[str, list[str]]:
    name, place, item = code.fresh("first", "first_place"), code.fresh("place"), code.fresh("item", "element")
    return name, [
        f"{name} = {{}}",
        f"for {place}, {item} in enumerate({owner}):",
        f"    {name}.setdefault({item}, {place})",
    ]


def _cut(code: Code) -> Iterator[Remedy]:
    """`x in xs[:i]` -> whether the first place of `x` lies before `i`; `x in xs[i:]` the same for the last one."""
    for node in code.nodes:
        if (
            not isinstance(node, ast.Compare)
            or len(node.ops) != 1
            or not isinstance(node.ops[0], ast.In | ast.NotIn)
        ):
            continue
        given = node.comparators[0]
        if not isinstance(given, ast.Subscript) or not isinstance(given.slice, ast.Slice) or given.slice.step:
            continue
        loop = around(code, node, _inner_names(given.value))
        lower, upper = given.slice.lower, given.slice.upper
        if loop is None or (lower is None) == (upper is None):
            continue
        owner, asked = code.source(given.value), code.source(node.left)
        inside = isinstance(node.ops[0], ast.In)
        if upper is not None:
            name, rows = _firsts(code, owner)
            bound = code.source(upper)
            new = f"{name}.get({asked}, {bound}) {'<' if inside else '>='} {bound}"
        elif lower is not None:
            name, place, item = (
                code.fresh("last", "last_place"),
                code.fresh("place"),
                code.fresh("item", "element"),
            )
            rows = [f"{name} = {{{item}: {place} for {place}, {item} in enumerate({owner})}}"]
            new = f"{name}.get({asked}, -1) {'>=' if inside else '<'} {code.source(lower)}"
        splices = [code.before(loop.node, rows), *code.swap((node, code.fit(node, new, 5)))]
        yield from remedy(node, "first-place", splices, 0.9)


def pairs(code: Code) -> Iterator[Remedy]:
    """`for j in range(..): if xs[i] == xs[j]` in a loop -> only those `j` at which the wanted value stands."""
    for node in code.nodes:
        if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name) or len(node.body) != 1:
            continue
        first = node.body[0]
        ranged = isinstance(node.iter, ast.Call) and code.origin(node.iter.func) == "range"
        if not ranged or not isinstance(first, ast.If) or first.orelse:
            continue
        for clause in _clauses(first.test, ors=False):
            found = _wanted(code, clause, node.target.id)
            if found is None:
                continue
            owner, wanted = found
            loop = around(code, node.iter, _inner_names(owner))
            if loop is None or loop.node is node:
                continue
            name, place, item = (
                code.fresh("places", "places_of"),
                code.fresh("place"),
                code.fresh("item", "element"),
            )
            rows = [
                f"{name} = {{}}",
                f"for {place}, {item} in enumerate({code.source(owner)}):",
                f"    {name}.setdefault({item}, []).append({place})",
            ]
            new = f"[{place} for {place} in {name}.get({wanted}, ()) if {place} in {code.source(node.iter)}]"
            splices = [code.before(loop.node, rows), *code.swap((node.iter, new))]
            yield from remedy(node, "index-by-key", splices, 0.9)
            yield from remedy(loop.node, "index-by-key", splices, 0.9)


def _wanted(code: Code, clause: ast.expr, index: str) -> tuple[ast.expr, str] | None:
    """(the list, the value that must stand at `index`) for `xs[i] == xs[j]` and `xs[i] + xs[j] == total`."""
    if not isinstance(clause, ast.Compare) or len(clause.ops) != 1 or not isinstance(clause.ops[0], ast.Eq):
        return None
    for one, other in ((clause.left, clause.comparators[0]), (clause.comparators[0], clause.left)):
        if index in _all_names(other):
            continue
        if _is_item(one, index) and isinstance(one, ast.Subscript):
            return one.value, code.source(other)
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Add):
            for mine, rest in ((one.left, one.right), (one.right, one.left)):
                if _is_item(mine, index) and isinstance(mine, ast.Subscript) and index not in _all_names(rest):
                    return mine.value, f"{code.source(other)} - {code.source(rest)}"
    return None


def _is_item(node: ast.expr, index: str) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == index


def prefix_sums(code: Code) -> Iterator[Remedy]:
    """`sum(xs[:k])` and `sum(xs[a:b])` in a loop -> differences of running totals made before it."""
    for call, _ in code.calls("sum"):
        given = call.args[0] if len(call.args) == 1 else None
        if not isinstance(given, ast.Subscript) or not isinstance(given.slice, ast.Slice) or given.slice.step:
            continue
        loop = around(code, call, _inner_names(given.value))
        if loop is None:
            continue
        accumulate, imports = code.use("itertools.accumulate")
        name = code.fresh("totals", "running")
        upper = f"{name}[{code.source(given.slice.upper)}]" if given.slice.upper is not None else f"{name}[-1]"
        lower = f" - {name}[{code.source(given.slice.lower)}]" if given.slice.lower is not None else ""
        new = upper + lower
        rows = [f"{name} = list({accumulate}({code.source(given.value)}, initial=0))"]
        splices = [code.before(loop.node, rows), *code.swap((call, code.fit(call, new, 10) if lower else new))]
        yield from remedy(call, "prefix-sums", splices, 1.0, imports)


# ------------------------------------------------------------------------------------------------ queries


def one_query(code: Code) -> Iterator[Remedy]:
    """`execute("... WHERE id = ?", (x,)).fetchone()` in a loop -> one query with `IN` before it."""
    for call, _ in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if method not in ("fetchone", "fetchall") or not isinstance(inner, ast.Call) or len(inner.args) != 2:
            continue
        known = code.resolved(inner.args[0])
        given = inner.args[1]
        query = known.value if isinstance(known, ast.Constant) and isinstance(known.value, str) else ""
        if not isinstance(given, ast.Tuple | ast.List) or len(given.elts) != 1 or query.count("?") != 1:
            continue
        found = _selected(query)
        loop = _iteration(code, call, given.elts[0])
        if found is None or loop is None:
            continue
        at, target, iterated = loop
        start, column, end = found
        asked = code.source(given.elts[0])
        keys, marks = code.fresh("keys", "wanted"), code.fresh("marks", "placeholders")
        table, row = code.fresh("rows", "rows_by_key"), code.fresh("row", "found")
        text = f"{start}{column} IN ({{{marks}}}){end}"
        rows = [
            f"{keys} = list(dict.fromkeys({asked} for {target} in {iterated}))",
            f'{marks} = ", ".join("?" * len({keys}))',
            f"{table} = {{}}",
            f'for {row} in {code.source(inner.func)}(f"{text}", {keys}):',
            f"    {table}.setdefault({row}[0], []).append({row}[1:])",
        ]
        many = f"{table}.get({asked}, [])"
        new = many if method == "fetchall" else f"{table}.get({asked}, [None])[0]"
        yield from remedy(call, "one-query", [code.before(at, rows), *code.swap((call, new))])


def _selected(query: str) -> tuple[str, str, str] | None:
    """(text up to the column of the only mark, the column, the rest), with the column selected first."""
    before, _, end = query.partition("?")
    before = before.rstrip()
    if (
        not before.endswith("=")
        or not before.upper().lstrip().startswith("SELECT ")
        or "{" in query
        or '"' in query
    ):
        return None
    head, _, column = before[:-1].rstrip().rpartition(" ")
    if not column.replace(".", "").isidentifier() or "LIMIT" in end.upper():
        return None
    lead = len(head) - len(head.lstrip()) + len("SELECT ")
    return f"{head[:lead]}{column}, {head[lead:]} ", column, end


def _iteration(code: Code, node: ast.AST, key: ast.expr) -> tuple[ast.AST, str, str] | None:
    """(the loop, its target, what it goes over) of the loop whose variable the key is made of."""
    here = code.parents.get(node)
    while here is not None:
        if isinstance(here, ast.For) and stored(here.target) & _all_names(key):
            return here, code.source(here.target), code.source(here.iter)
        if isinstance(here, COMPREHENSIONS):
            first = here.generators[0]
            if len(here.generators) == 1 and stored(first.target) & _all_names(key):
                return here, code.source(first.target), code.source(first.iter)
        here = code.parents.get(here)
    return None
