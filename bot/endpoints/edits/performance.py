"""Rewrites for speed: proposed where a finding is about times, and nowhere else; running says what they bring."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence

from bot.endpoints.edits.loops import (
    READS,
    hoisted,
    joins,
    membership,
    one_query,
    pairs,
    places,
    prefix_sums,
    properties,
    seen,
)
from bot.endpoints.edits.remedies import Code, Remedy, Rule, remedy, stored
from bot.endpoints.edits.site import ATOM, NOT
from bot.endpoints.edits.text import LOOPS, Splice, tell

Loop = ast.For | ast.While

# ------------------------------------------------------------------------------------- what grows in a loop


def _grown(code: Code, name: str) -> tuple[ast.Assign, ast.stmt, list[tuple[ast.stmt, ast.expr]]] | None:
    """(what a name is made of, the outermost loop that it grows in, each growing statement with what is added).

    None where anything in the loop reads it otherwise.
    """
    starts = [n for n in code.nodes if isinstance(n, ast.Assign) and _is(n.targets[0], name) and not code.loops(n)]
    if len(starts) != 1 or len(starts[0].targets) != 1:
        return None
    grows: list[tuple[ast.stmt, ast.expr]] = []
    for node in code.nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _is(node.target, name):
            grows.append((node, node.value))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and _is(node.targets[0], name):
            value = node.value
            if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
                first: ast.expr = value
                while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add):
                    first = first.left
                if _is(first, name):
                    grows.append((node, value))
    inside = [(node, value) for node, value in grows if code.loops(node)]
    if not inside:
        return None
    loop = code.loops(inside[0][0])[-1]
    own = {id(part) for node, _ in inside for part in ast.walk(node) if _is(part, name)}
    uses = [part for part in ast.walk(loop) if _is(part, name)]
    if any(code.loops(node)[-1] is not loop for node, _ in inside):
        return None
    expected = sum(1 if isinstance(node, ast.AugAssign) else 2 for node, _ in inside)
    return (starts[0], loop, inside) if len(uses) == len(own) == expected else None


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _added(code: Code, name: str, value: ast.expr) -> str:
    """What is added by `name + a + b`, without the name; the value itself where it holds no name."""
    pieces: list[str] = []
    node = value
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        pieces.insert(0, code.source(node.right))
        node = node.left
    if _is(node, name):
        return " + ".join(pieces)
    return code.source(value)


def texts(code: Code) -> Iterator[Remedy]:
    """`s += x` in a loop -> the pieces gathered in a list and joined behind the loop."""
    for name in sorted(code.values):
        found = _grown(code, name)
        if found is None:
            continue
        start, loop, grows = found
        if not isinstance(start.value, ast.Constant | ast.JoinedStr) or not code.is_text(start.value):
            continue
        pieces = code.fresh("pieces", "parts")
        first = "" if isinstance(start.value, ast.Constant) and start.value.value == "" else name
        splices: list[Splice | None] = [code.before(loop, [f"{pieces} = [{first}]"])]
        for statement, value in grows:
            added = _added(code, name, value)
            splices.append(_instead(code, statement, f"{pieces}.append({added})"))
        splices.append(code.after(loop, [f'{name} = "".join({pieces})']))
        for at in (grows[0][0], loop):
            yield from remedy(at, "join-pieces", splices)


def _instead(code: Code, statement: ast.stmt, new: str) -> Splice:
    return Splice(code.text.start(statement), code.text.end(statement), new.encode())


def in_place(code: Code) -> Iterator[Remedy]:
    """`a = a + [x]` -> `a.append(x)`, `a = a + b` -> `a.extend(b)`, `d = {**d, k: v}` -> `d[k] = v`, in loops."""
    for node in code.nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
        elif (
            isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add)
        ):
            name, value = node.target.id, node.value
        else:
            continue
        if not code.loops(node) or name in code.parameters:
            continue
        rows = _grows_by(code, name, node, value)
        if rows:
            yield from remedy(node, "grow-in-place", [_instead(code, node, "; ".join(rows))])


def _grows_by(code: Code, name: str, node: ast.stmt, value: ast.expr) -> list[str]:
    """Statements that change a thing as an assignment would make it anew."""
    if isinstance(node, ast.AugAssign):
        one = isinstance(value, ast.List) and len(value.elts) == 1 and not isinstance(value.elts[0], ast.Starred)
        return [f"{name}.append({code.source(value.elts[0])})"] if one and isinstance(value, ast.List) else []
    if isinstance(value, ast.BinOp) and _is(value.left, name):
        right = value.right
        if isinstance(value.op, ast.Add) and isinstance(right, ast.List) and len(right.elts) == 1:
            return [f"{name}.append({code.source(right.elts[0])})"]
        if isinstance(value.op, ast.Add) and isinstance(right, ast.List | ast.ListComp | ast.Name | ast.Call):
            return [f"{name}.extend({code.source(right)})"]
        if isinstance(value.op, ast.BitOr):
            return [f"{name}.update({code.source(right)})"]
    if isinstance(value, ast.List) and value.elts and isinstance(value.elts[0], ast.Starred):
        rest = value.elts[1:]
        if _is(value.elts[0].value, name) and not any(isinstance(e, ast.Starred) for e in rest):
            return [f"{name}.append({code.source(e)})" for e in rest]
    if isinstance(value, ast.Dict) and value.keys and value.keys[0] is None and _is(value.values[0], name):
        pairs_ = list(zip(value.keys[1:], value.values[1:], strict=True))
        return [f"{name}[{code.source(k)}] = {code.source(v)}" for k, v in pairs_ if k is not None]
    return []


def comprehensions(code: Code) -> Iterator[Remedy]:
    """`out = []`, `for x in xs: out.append(f(x))` -> `out = [f(x) for x in xs]`."""
    for loop in code.nodes:
        place = code.place(loop) if isinstance(loop, ast.For) else None
        start = place.previous if place is not None else None
        if not isinstance(loop, ast.For) or loop.orelse or not isinstance(start, ast.Assign):
            continue
        name = start.targets[0].id if isinstance(start.targets[0], ast.Name) else ""
        body: list[ast.stmt] = loop.body
        yield from _either(code, loop, start, name)
        tests: list[ast.expr] = []
        while len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
            tests.append(body[0].test)
            body = body[0].body
        call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
        made = isinstance(start.value, ast.List) and not start.value.elts
        if not name or not made or not isinstance(call, ast.Call) or len(call.args) != 1:
            continue
        method = call.func if isinstance(call.func, ast.Attribute) else None
        if method is None or method.attr != "append" or not _is(method.value, name):
            continue
        read = (part for piece in (call.args[0], loop.iter, *tests) for part in ast.walk(piece))
        if any(_is(part, name) for part in read) or isinstance(call.args[0], ast.Starred):
            continue
        ifs = "".join(f" if {code.source(test)}" for test in tests)
        new = f"[{code.source(call.args[0])} for {code.source(loop.target)} in {code.source(loop.iter)}{ifs}]"
        splices = [*code.swap((start.value, new)), code.without(loop)]
        for at in (loop, start):
            yield from remedy(at, "comprehension", splices, 0.6)


def _either(code: Code, loop: ast.For, start: ast.Assign, name: str) -> Iterator[Remedy]:
    """`if c: out.append(a)`, `else: out.append(b)` as all of a loop -> `[a if c else b for ...]`."""
    body = loop.body[0]
    if len(loop.body) != 1 or not isinstance(body, ast.If) or len(body.body) != 1 or len(body.orelse) != 1:
        return
    if not name or not isinstance(start.value, ast.List) or start.value.elts:
        return
    pieces = []
    for statement in (body.body[0], body.orelse[0]):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call) or _method(call, name) != "append" or len(call.args) != 1:
            return
        pieces.append(call.args[0])
    if any(_is(part, name) for piece in (*pieces, body.test, loop.iter) for part in ast.walk(piece)):
        return
    one, other = (code.source(piece) for piece in pieces)
    head = f"{one} if {code.source(body.test)} else {other}"
    new = f"[{head} for {code.source(loop.target)} in {code.source(loop.iter)}]"
    for at in (loop, start):
        yield from remedy(at, "comprehension", [*code.swap((start.value, new)), code.without(loop)], 0.6)


# ----------------------------------------------------------------------------------------------- orders


def extremes(code: Code) -> Iterator[Remedy]:
    """`sorted(x)[0]` -> `min(x)`, `sorted(x)[:k]` -> `heapq.nsmallest(k, x)`."""
    for node in code.nodes:
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
            continue
        made = code.resolved(node.value)
        if not isinstance(made, ast.Call) or code.origin(made.func) != "sorted" or len(made.args) != 1:
            continue
        told = _extreme(code, node.slice, made)
        if told is None:
            continue
        new, imports = told
        splices: list[Splice | None] = [*code.swap((node, new))]
        if made is not node.value and isinstance(node.value, ast.Name):
            uses = [n for n in code.nodes if _is(n, node.value.id if isinstance(node.value, ast.Name) else "")]
            start = code.parents.get(made)
            if len(uses) == 2 and isinstance(start, ast.Assign):
                splices.append(code.without(start))
        yield from remedy(node, "min-or-max", splices, 1.0, imports)


def _extreme(code: Code, index: ast.expr, made: ast.Call) -> tuple[str, tuple[str, ...]] | None:
    given = code.source(made.args[0])
    key = code.keyword(made, "key")
    turned = code.keyword(made, "reverse")
    if turned is not None and not isinstance(turned.value, ast.Constant):
        return None
    down = turned is not None and isinstance(turned.value, ast.Constant) and bool(turned.value.value)
    more = f", key={code.source(key.value)}" if key is not None else ""
    place = ast.unparse(index)
    if place in ("0", "-1"):
        return f"{'max' if (place == '0') == down else 'min'}({given}{more})", ()
    if isinstance(index, ast.Slice) and index.step is None and (index.lower is None) != (index.upper is None):
        if index.upper is not None and not ast.unparse(index.upper).startswith("-"):
            name, imports = code.use("heapq.nlargest" if down else "heapq.nsmallest")
            return f"{name}({code.source(index.upper)}, {given}{more})", imports
        if isinstance(index.lower, ast.UnaryOp) and isinstance(index.lower.op, ast.USub):
            name, imports = code.use("heapq.nsmallest" if down else "heapq.nlargest")
            return f"{name}({code.source(index.lower.operand)}, {given}{more})[::-1]", imports
    return None


def sorts(code: Code) -> Iterator[Remedy]:
    """A list that is sorted each time round: once behind the loop, or kept in order by `bisect.insort`."""
    for node in code.nodes:
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(node, ast.Expr) or not isinstance(call, ast.Call) or not code.loops(node):
            continue
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "sort":
            continue
        owner = code.source(call.func.value)
        splices = [code.without(node), code.after(code.loops(node)[-1], [code.source(call)])]
        yield from remedy(node, "sort-once", splices)
        place = code.place(node)
        previous = place.previous if place is not None else None
        added = previous.value if isinstance(previous, ast.Expr) else None
        if not isinstance(added, ast.Call) or call.keywords or not isinstance(previous, ast.stmt):
            continue
        if ast.unparse(added.func) == f"{owner}.append" and len(added.args) == 1:
            insort, imports = code.use("bisect.insort")
            new = f"{insort}({owner}, {code.source(added.args[0])})"
            yield from remedy(node, "sort-once", [_instead(code, previous, new), code.without(node)], 0.9, imports)


def selections(code: Code) -> Iterator[Remedy]:
    """`while xs: x = min(xs, key=f); xs.remove(x); out.append(x)` -> `out.extend(sorted(xs, key=f))`."""
    for loop in code.nodes:
        if not isinstance(loop, ast.While) or loop.orelse or not isinstance(loop.test, ast.Name):
            continue
        told = _selected(code, loop, loop.test.id)
        if told is None:
            continue
        call, out = told
        key, left = code.keyword(call, "key"), loop.test.id
        more = f", key={code.source(key.value)}" if key is not None else ""
        down = ", reverse=True" if code.origin(call.func) == "max" else ""
        rows = f"{out}.extend(sorted({left}{more}{down}))"
        inside = sum(_is(part, left) for part in ast.walk(loop))
        made = sum(
            isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            for part in code.nodes
            if _is(part, left)
        )
        if left in code.parameters or sum(_is(part, left) for part in code.nodes) > inside + made:
            rows += f"; {left}.clear()"
        yield from remedy(loop, "sort-once", [_instead(code, loop, rows)])


def _selected(code: Code, loop: ast.While, left: str) -> tuple[ast.Call, str] | None:
    """(the call that picks, the list that it is added to) of a loop that picks, takes away and adds."""
    picks, *rest = loop.body
    call = picks.value if isinstance(picks, ast.Assign) and len(picks.targets) == 1 else None
    if not isinstance(call, ast.Call) or code.origin(call.func) not in ("min", "max") or len(rest) != 2:
        return None
    named = picks.targets[0] if isinstance(picks, ast.Assign) else None
    if len(call.args) != 1 or not _is(call.args[0], left) or not isinstance(named, ast.Name):
        return None
    out = ""
    for statement in rest:
        done = statement.value if isinstance(statement, ast.Expr) else None
        method = done.func if isinstance(done, ast.Call) and isinstance(done.func, ast.Attribute) else None
        if not isinstance(done, ast.Call) or method is None or not isinstance(method.value, ast.Name):
            return None
        if len(done.args) != 1 or not _is(done.args[0], named.id):
            return None
        if method.attr == "append" and method.value.id != left:
            out = method.value.id
        elif method.attr != "remove" or method.value.id != left:
            return None
    outside = sum(_is(part, named.id) for part in code.nodes) - sum(_is(part, named.id) for part in ast.walk(loop))
    return (call, out) if out and not outside else None


# ------------------------------------------------------------------------------------------------ queues


def queues(code: Code) -> Iterator[Remedy]:
    """`q.pop(0)`, `q.insert(0, x)` -> a deque's `popleft`, `appendleft`; or appended, and reversed at the end."""
    for name in sorted(code.values):
        calls = [n for n in code.nodes if isinstance(n, ast.Call) and _method(n, name)]
        fronts = [c for c in calls if _method(c, name) in ("pop", "insert") and c.args and _zero(c.args[0])]
        if not fronts or not any(code.loops(c) for c in fronts):
            continue
        yield from _deque(code, name, fronts)
        grows = [c for c in calls if _method(c, name) not in READS]
        if len(fronts) == len(grows) == 1 and _method(fronts[0], name) == "insert" and len(fronts[0].args) == 2:
            loop = code.loops(fronts[0])[-1]
            if sum(_is(part, name) for part in ast.walk(loop)) == 1:
                new = f"{name}.append({code.source(fronts[0].args[1])})"
                splices = [*code.swap((fronts[0], new)), code.after(loop, [f"{name}.reverse()"])]
                yield from remedy(fronts[0], "double-ended", splices, 1.1)


def _method(node: ast.Call, name: str) -> str:
    owner = node.func
    return owner.attr if isinstance(owner, ast.Attribute) and _is(owner.value, name) else ""


def _zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and node.value is not False


def _deque(code: Code, name: str, fronts: Sequence[ast.Call]) -> Iterator[Remedy]:
    made = [value for value in code.values[name] if value is not None]
    maker, imports = code.use("collections.deque")
    splices: list[Splice | None] = []
    for value in made:
        parent = code.parents.get(value)
        if isinstance(value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute) and code.loops(value):
            return
        if isinstance(value, ast.Constant) or isinstance(parent, ast.NamedExpr):
            return
        inner = (
            value.args[0]
            if isinstance(value, ast.Call) and code.origin(value.func) == "list" and value.args
            else value
        )
        empty = isinstance(value, ast.List) and not value.elts
        splices += code.swap((value, f"{maker}()" if empty else f"{maker}({code.source(inner)})"))
    if name in code.parameters:
        if made:
            return
        splices.append(code.before(code.text.places[0].node, [f"{name} = {maker}({name})"]))
    for call in fronts:
        rest = ", ".join(code.source(argument) for argument in call.args[1:])
        new = f"{name}.popleft()" if _method(call, name) == "pop" else f"{name}.appendleft({rest})"
        splices += code.swap((call, new))
    for node in code.nodes:
        if isinstance(node, ast.Return) and node.value is not None and _is(node.value, name):
            splices += code.swap((node.value, f"list({name})"))
    for at in (fronts[0], code.text.places[0].node):
        yield from remedy(at, "double-ended", splices, 1.0, imports)


# ----------------------------------------------------------------------------------------- smaller savings


def generators(code: Code) -> Iterator[Remedy]:
    """`any([f(x) for x in xs])` -> without the list; `len([x for x in xs if c])` -> `sum(1 for ...)`."""
    for call, origin in code.calls("sum", "any", "all", "min", "max", "set", "len", "tuple", "sorted", "dict"):
        given = call.args[0] if call.args else None
        if not isinstance(given, ast.ListComp):
            continue
        inner = code.text.data[code.text.start(given) + 1 : code.text.end(given) - 1].decode()
        alone = len(call.args) + len(call.keywords) == 1
        if origin == "len":
            rest = ast.unparse(given)[len(ast.unparse(given.elt)) + 1 : -1]
            yield from remedy(call, "no-list", code.swap((call, f"sum(1{rest})")), 0.7)
        else:
            yield from remedy(call, "no-list", code.swap((given, inner if alone else f"({inner})")), 0.8)
    for call, _ in code.calls("list", "tuple"):
        parent = code.parents.get(call)
        iterated = isinstance(parent, ast.For | ast.comprehension) and parent.iter is call
        handed = isinstance(parent, ast.Call) and code.origin(parent.func) in (
            "sorted",
            "sum",
            "set",
            "max",
            "min",
        )
        if len(call.args) == 1 and (iterated or handed):
            yield from remedy(call, "no-list", code.swap((call, code.source(call.args[0]))), 0.7)


def emptiness(code: Code) -> Iterator[Remedy]:
    """`len([x for x in xs if c]) == 0` -> `not any(c for x in xs)`, which stops at the first."""
    for node in code.nodes:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.left, ast.Call):
            continue
        bound = node.comparators[0]
        if code.origin(node.left.func) != "len" or not node.left.args or not isinstance(bound, ast.Constant):
            continue
        told = (type(node.ops[0]), bound.value)
        none = told in ((ast.Eq, 0), (ast.Lt, 1), (ast.LtE, 0))
        some = told in ((ast.NotEq, 0), (ast.Gt, 0), (ast.GtE, 1))
        made = code.resolved(node.left.args[0])
        if (none or some) and isinstance(made, ast.ListComp) and made in code.parents:
            yield from _any(code, node, made, "not any" if none else "any")
    for node in [n for n in code.nodes if isinstance(n, ast.Name | ast.ListComp)]:
        made = code.resolved(node)
        parent = code.parents.get(node)
        if not isinstance(made, ast.ListComp) or made not in code.parents:
            continue
        if isinstance(parent, ast.If | ast.IfExp) and parent.test is node:
            yield from _any(code, node, made, "any")
        elif isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            yield from _any(code, parent, made, "not any")
        elif isinstance(parent, ast.Call) and code.origin(parent.func) == "bool":
            yield from _any(code, parent, made, "any")


def _any(code: Code, node: ast.expr, made: ast.ListComp, word: str) -> Iterator[Remedy]:
    if len(made.generators) != 1:
        return
    generator = made.generators[0]
    tests = [code.source(test) for test in generator.ifs]
    test = " and ".join(f"({t})" if len(tests) > 1 else t for t in tests) or "True"
    new = f"{word}({test} for {code.source(generator.target)} in {code.source(generator.iter)})"
    splices: list[Splice | None] = [*code.swap((node, code.fit(node, new, NOT if word[0] == "n" else ATOM)))]
    start = code.parents.get(made)
    if isinstance(start, ast.Assign) and isinstance(start.targets[0], ast.Name):
        name = start.targets[0].id
        if sum(_is(part, name) for part in code.nodes) != 2:
            return
        splices.append(code.without(start))
    yield from remedy(node, "no-list", splices, 1.0)


def logs(code: Code) -> Iterator[Remedy]:
    """`log.debug(f"{costly}")` -> asked first whether anybody listens."""
    for node in code.nodes:
        call = node.value if isinstance(node, ast.Expr) else None
        if (
            not isinstance(node, ast.Expr)
            or not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Attribute)
        ):
            continue
        owner, level = call.func.value, call.func.attr
        named = "log" in ast.unparse(owner).lower() and code.origin(owner) != "logging"
        built = [
            part for given in call.args for part in ast.walk(given) if isinstance(part, ast.Call | ast.JoinedStr)
        ]
        place = code.place(node)
        if not named or level not in ("debug", "info") or not built or place is None or not code.text.leads(node):
            continue
        name, imports = code.use(f"logging.{level.upper()}")
        start = code.text.start(node)
        indent, step = code.text.indent(node), code.rows(["    "], "").decode().rstrip("\n")
        body = code.text.data[start : code.text.end(node)].decode()
        if "\n" in body:
            body = ast.unparse(node)
        new = f"if {code.source(owner)}.isEnabledFor({name}):\n{indent}{step}{body}"
        yield from remedy(node, "lazy-log", [Splice(start, code.text.end(node), new.encode())], 1.0, imports)


def divisors(code: Code) -> Iterator[Remedy]:
    """Divisors of `n` looked for in `range(2, n)` -> up to its square root."""
    for call, _ in code.calls("range"):
        if len(call.args) != 2 or not isinstance(call.args[1], ast.Name | ast.BinOp):
            continue
        bound = call.args[1]
        names = [part for part in ast.walk(bound) if isinstance(part, ast.Name)]
        divided = [
            n
            for n in code.nodes
            if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod) and names and _is(n.left, names[0].id)
        ]
        if divided and len(names) == 1:
            root, imports = code.use("math.isqrt")
            yield from remedy(call, "square-root", code.swap((bound, f"{root}({names[0].id}) + 1")), 1.0, imports)


def copies(code: Code) -> Iterator[Remedy]:
    """`copy.deepcopy(x)` of what is only read -> no copy, or one that is not deep."""
    for call, origin in code.calls("copy.deepcopy", "copy.copy", "list", "dict"):
        parent = code.parents.get(call)
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Name | ast.Attribute | ast.Subscript):
            continue
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
            if _only_read(code, parent.targets[0].id):
                yield from remedy(call, "no-copy", code.swap((call, code.source(call.args[0]))), 0.9)
        elif isinstance(parent, ast.Call) and origin.startswith("copy.") and not code.origin(parent.func):
            # What is called may change what it is given: the answers on recorded inputs say whether it does.
            yield from remedy(call, "no-copy", code.swap((call, code.source(call.args[0]))), 0.6)
        elif isinstance(parent, ast.Subscript | ast.Attribute | ast.For | ast.comprehension | ast.Compare):
            yield from remedy(call, "no-copy", code.swap((call, code.source(call.args[0]))), 0.7)


def _only_read(code: Code, name: str) -> bool:
    """Whether nothing that a name stands for is changed, handed out or kept."""
    if len(code.values[name]) != 1:
        return False
    for node in code.nodes:
        if not _is(node, name) or not isinstance(getattr(node, "ctx", None), ast.Load):
            continue
        parent = code.parents.get(node)
        if isinstance(parent, ast.Attribute):
            called = isinstance(code.parents.get(parent), ast.Call) and parent.attr in READS
            if not called:
                return False
        elif isinstance(parent, ast.Subscript):
            if not isinstance(parent.ctx, ast.Load) or isinstance(
                code.parents.get(parent), ast.Return | ast.Attribute
            ):
                return False
        elif isinstance(parent, ast.Call):
            if code.origin(parent.func) not in (
                "len",
                "sum",
                "max",
                "min",
                "sorted",
                "any",
                "all",
                "enumerate",
                "zip",
            ):
                return False
        elif not isinstance(parent, ast.For | ast.comprehension | ast.Compare):
            return False
    return True


def memo(code: Code) -> Iterator[Remedy]:
    """A function that calls itself more than once -> the same inside of it, with answers kept for one call."""
    function = code.function
    method = function.args.args[:1] and function.args.args[0].arg in ("self", "cls")
    calls = [c for c in code.nodes if isinstance(c, ast.Call) and _recurs(c, function.name, bool(method))]
    plain = not function.args.vararg and not function.args.kwarg and isinstance(function, ast.FunctionDef)
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in code.nodes)
    if len(calls) + sum(bool(code.inside(c, (*LOOPS, ast.GeneratorExp, ast.ListComp))) for c in calls) < 2:
        return
    if not plain or yields or function.args.kwonlyargs or function.args.posonlyargs or not code.text.places:
        return
    first, last = code.text.places[0].node, function.body[-1]
    if not isinstance(first, ast.stmt) or any(
        "\n" in str(n.value) for n in code.nodes if isinstance(n, ast.Constant)
    ):
        return
    inner = code.fresh("answer", "solve")
    cache, imports = code.use("functools.lru_cache")
    start, end = code.text.line_start(code.text.first_line(first)), code.text.end(last)
    data = code.text.apply(code.swap(*((call.func, inner) for call in calls)))
    grown = len(data) - len(code.text.data)
    body = textwrap.dedent(data[start : end + grown].decode())
    names = [argument.arg for argument in function.args.args[1 if method else 0 :]]
    defaults = function.args.defaults
    bare = len(names) - len(defaults)
    told = [n if i < bare else f"{n}={ast.unparse(defaults[i - bare])}" for i, n in enumerate(names)]
    step = code.rows(["    "], "").decode().rstrip("\n")
    rows = [f"@{cache}(maxsize=None)", f"def {inner}({', '.join(told)}):"]
    rows += [f"{step}{line}" if line.strip() else "" for line in body.split("\n")]
    rows += ["", f"return {inner}({', '.join(names)})"]
    indent = code.text.indent(first)
    new = "\n".join(f"{indent}{row}" if row else "" for row in rows)
    splice = Splice(start, end, new.encode())
    for at in (first, calls[0]):
        yield from remedy(at, "memo-inside", [splice], 0.9, imports)


def _recurs(call: ast.Call, name: str, method: bool) -> bool:
    if any(keyword.arg is None for keyword in call.keywords):
        return False
    if method:
        return isinstance(call.func, ast.Attribute) and call.func.attr == name and _is(call.func.value, "self")
    return _is(call.func, name)


def early(code: Code) -> Iterator[Remedy]:
    """A search that goes on after its answer is settled: `found = True` in a loop -> `break` behind it."""
    for node in code.nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant) or not code.loops(node):
            continue
        loop = code.loops(node)[0]
        place = code.place(node)
        if place is None or place.next is not None or not isinstance(node.targets[0], ast.Name):
            continue
        others = (
            stored(loop) - {node.targets[0].id} - (stored(loop.target) if isinstance(loop, ast.For) else set())
        )
        effects = any(isinstance(part, ast.Expr | ast.AugAssign) for part in ast.walk(loop))
        if not others and not effects and isinstance(node.value.value, bool):
            yield from remedy(node, "stop-early", [code.after(node, ["break"])], 0.9)


def repeated_loops(code: Code) -> Iterator[Remedy]:
    """Two equal calls of a costly builtin in a row of statements -> one, under a name."""
    groups: dict[str, list[ast.Call]] = {}
    for call, origin in code.calls("sorted", "sum", "max", "min", "list", "set", "dict", "len"):
        if origin and call.args:
            groups.setdefault(tell(call), []).append(call)
    for calls in groups.values():
        names = {part.id for part in ast.walk(calls[0]) if isinstance(part, ast.Name)}
        rebound = any(len(code.values.get(name, ())) > 1 for name in names)
        if len(calls) < 2 or rebound or code.loops(calls[0]):
            continue
        name = code.fresh("once", "made")
        place = code.header(calls[0])
        if place is not None and place.depth == 1:
            splices = [code.before(calls[0], [f"{name} = {code.source(calls[0])}"])]
            yield from remedy(calls[0], "hoist-call", [*splices, *code.swap(*((c, name) for c in calls))], 0.5)


RULES: tuple[Rule, ...] = (
    membership,
    seen,
    joins,
    places,
    pairs,
    prefix_sums,
    hoisted,
    one_query,
    texts,
    in_place,
    comprehensions,
    extremes,
    sorts,
    selections,
    queues,
    properties,
    emptiness,
    logs,
    divisors,
    generators,
    copies,
    memo,
    early,
    repeated_loops,
)
