"""SQL that is put together from values: parameters instead, and a look at names that cannot be parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.endpoints.edits.remedies import Code, Hole, Part, Remedy, remedy, segments, written
from bot.endpoints.edits.text import Splice

EXECUTORS = frozenset(
    (
        *("execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval", "fetchall", "fetchone"),
        *("raw", "read_sql", "read_sql_query"),
    )
)
_STATEMENT = re.compile(r"\s*(select|insert|update|delete|replace|with|create|drop|alter|pragma)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(and|or|where|order by|limit|set|values|having|group by|on|join)\b", re.IGNORECASE)
_NAMES_NEXT = re.compile(
    r"(\b(from|join|into|update|table|index|order\s+by|group\s+by|select|pragma|distinct|insert\s+into)\s+"
    r"|\b(order|group)\s+by\b[^()]*,\s*|[\"`\[.])$",
    re.IGNORECASE,
)
"""Literal text after which a name must stand, and no value may."""
_DIRECTION = re.compile(r"\border\s+by\b[^()]*\s$", re.IGNORECASE)
_DOUBLE = re.compile(r"""(=|<|>|\blike|\(|,)\s*\"""", re.IGNORECASE)
"""Double quotes around a value, where they belong around names: SQLite and MySQL take both."""
_QUESTION = ("sqlite3", "aiosqlite", "pyodbc", "duckdb", "apsw", "databases")
_PERCENT = ("psycopg", "psycopg2", "MySQLdb", "pymysql", "mysql", "aiomysql", "pg8000", "django", "aiopg")


@dataclass
class _Query:
    """A text of SQL taken apart: what stands in it now, and the values that go beside it."""

    parts: list[Part] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    """Source of each value, in order; `*x` for all of a list."""
    marks: list[int] = field(default_factory=list)
    """For each value: how many marks of its own the text held before it."""
    names: list[tuple[ast.expr, bool]] = field(default_factory=list)
    """What is put in as a name, and whether as a direction (ASC or DESC)."""


def queries(code: Code) -> Iterator[Remedy]:
    """`execute(f"... '{x}'")` -> `execute("... ?", (x,))`, and a guard for names of tables and columns."""
    for call, _ in code.calls():
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        helper = name not in EXECUTORS and code.helper(call, r"\.execute\(")
        if not call.args or not (helper or name in EXECUTORS):
            continue
        given = call.args[-1] if helper else call.args[0]
        wrapped = isinstance(given, ast.Call) and code.origin(given.func) == "sqlalchemy.text" and given.args
        inner = given.args[0] if isinstance(given, ast.Call) and wrapped else given
        found = code.template(inner)
        if found is not None:
            for rank, mark in enumerate(_marks(code, found[1], bool(wrapped))):
                yield from _parameterised(code, call, found, mark, (0.6 if helper else 1.0) * 0.6**rank)
        elif isinstance(inner, ast.Name) and not helper:
            yield from _grown(code, call, inner.id)


def _marks(code: Code, parts: tuple[Part, ...], wrapped: bool) -> list[str]:
    """The placeholders that may be right, the likeliest first."""
    if wrapped:
        return [":"]
    text = "".join(part for part in parts if isinstance(part, str))
    if "?" in text or code.imports_any(*_QUESTION):
        return ["?"]
    if "%s" in text or code.imports_any(*_PERCENT):
        return ["%s"]
    if code.imports_any("asyncpg"):
        return ["$"]
    other = next((c.value for c in ast.walk(code.module) if isinstance(c, ast.Constant) and _uses_percent(c)), "")
    return ["%s", "?"] if other else ["?", "%s"]


def _uses_percent(node: ast.Constant) -> bool:
    return isinstance(node.value, str) and "%s" in node.value and bool(_STATEMENT.match(node.value))


def _parameterised(
    code: Code, call: ast.Call, found: tuple[ast.expr, tuple[Part, ...]], mark: str, factor: float
) -> Iterator[Remedy]:
    maker, parts = found
    query = _taken_apart(code, parts, mark)
    if query is None:
        return
    guards = [_guard(code, call, name, order) for name, order in query.names]
    splices: list[Splice | None] = [Splice(g.start, g.end, g.text) for g in guards[:1] if g is not None]
    if len(guards) > 1:
        splices = [_joined(guards)]
    if query.values:
        given = _given(code, call, query, mark)
        if given is None:
            return
        splices += [*code.swap((maker, written(query.parts))), given]
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name == "executescript" and isinstance(call.func, ast.Attribute):
            end = code.text.end(call.func)
            splices.append(Splice(end - len(name), end, b"execute"))
    operator = "query-parameters" if query.values else "query-name"
    yield from remedy(call, operator, splices, factor)


def _joined(guards: list[Splice | None]) -> Splice | None:
    known = [guard for guard in guards if guard is not None]
    if len(known) < len(guards):
        return None
    return Splice(known[0].start, known[0].end, b"".join(dict.fromkeys(guard.text for guard in known)))


def _guard(code: Code, call: ast.Call, name: ast.expr, direction: bool) -> Splice | None:
    text = code.source(name)
    if not isinstance(name, ast.Name | ast.Attribute | ast.Subscript):
        text = f"str({text})"
    told = f"{{{text}!r}}" if '"' not in text and "\\" not in text else ""
    if direction:
        rows = [
            f'if {text}.upper() not in ("", "ASC", "DESC"):',
            f'    raise ValueError(f"not a direction: {told}")',
        ]
    else:
        rows = [f"if not {text}.isidentifier():", f'    raise ValueError(f"not a name: {told}")']
    if not told:
        rows[1] = '    raise ValueError("not a name")'
    return code.before(call, rows)


def _taken_apart(code: Code, parts: tuple[Part, ...], mark: str) -> _Query | None:
    """The query with placeholders; None for a text that is none, or has nothing to be mended."""
    text = "".join(part for part in parts if isinstance(part, str))
    pieces = segments(parts, "'\"" if _DOUBLE.search(text) else "'")
    if pieces is None or not any(isinstance(piece, str) and _is_sql(piece) for piece in pieces):
        return None
    query = _Query()
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            text = piece.replace("%", "%%").replace("%%s", "%s") if mark == "%s" else piece
            query.parts.append(text)
            before += piece
        else:
            _fill(code, query, piece, before, mark)
            before += " x"
    return query if query.values or query.names else None


def _is_sql(text: str) -> bool:
    return bool(_STATEMENT.match(text) or _CLAUSE.search(text))


def _fill(code: Code, query: _Query, hole: Hole, before: str, mark: str) -> None:
    """One hole becomes a placeholder, a list of placeholders, or stays as a name."""
    single = hole.exprs[0] if len(hole.parts) == 1 else None
    listed = _listed(code, single) if single is not None else None
    if not hole.quote and single is not None and listed is None:
        if _DIRECTION.search(before) and before.endswith(" x "):
            query.names.append((single, True))
        elif _NAMES_NEXT.search(before):
            query.names.append((single, False))
        if query.names and query.names[-1][0] is single:
            query.parts.append(single)
            return
    marks = sum(part.count(mark) for part in query.parts if isinstance(part, str)) if mark in ("?", "%s") else 0
    number = len(query.values) + 1
    query.marks.append(marks)
    if listed is not None and mark in ("?", "%s"):
        query.parts.append(ast.parse(f"', '.join([{mark!r}] * len({listed}))", mode="eval").body)
        query.values.append(f"*{listed}")
        return
    query.parts.append(f":value{number}" if mark == ":" else f"${number}" if mark == "$" else mark)
    value = code.source(single) if single is not None else written(hole.parts)
    if single is not None and isinstance(single, ast.JoinedStr):
        value = written((single,)) if not isinstance(single.values[0], ast.FormattedValue) else ast.unparse(single)
    query.values.append(value)


def _listed(code: Code, node: ast.expr) -> str | None:
    """The list whose elements a text joins by commas, for `IN (...)`; None for anything else."""
    node = code.resolved(node) if isinstance(node, ast.Name) else node
    if isinstance(node, ast.Call) and code.origin(node.func) == "tuple" and len(node.args) == 1:
        return None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join"):
        return None
    form = node.func.value
    if not (isinstance(form, ast.Constant) and str(form.value).strip() == ",") or len(node.args) != 1:
        return None
    given = node.args[0]
    if isinstance(given, ast.Call) and code.origin(given.func) == "map" and len(given.args) == 2:
        given = given.args[1] if code.origin(given.args[0]) in ("str", "repr") else given
    if isinstance(given, ast.GeneratorExp | ast.ListComp):
        generator = given.generators[0]
        if len(given.generators) > 1 or generator.ifs or not isinstance(generator.target, ast.Name):
            return None
        given = generator.iter
    return code.source(given) if isinstance(given, ast.Name | ast.Attribute) else None


def _given(code: Code, call: ast.Call, query: _Query, mark: str) -> Splice | None:
    """The values beside the query: a new argument, or what was there with the new ones in their places."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    read = name.startswith("read_sql")
    keyword = next((k for k in call.keywords if k.arg in ("params", "parameters", "vars", "args")), None)
    second = call.args[1] if len(call.args) > 1 and not read and name in EXECUTORS else None
    known = keyword.value if keyword is not None else second
    if mark == ":":
        values = ", ".join(f'"value{n}": {value}' for n, value in enumerate(query.values, 1))
        new = f"{{{values}}}"
        if known is None:
            return code.add_argument(call, new)
        text = f"{{**{code.source(known)}, {values}}}"
        return Splice(code.text.start(known), code.text.end(known), text.encode())
    if mark == "$":
        return code.add_argument(call, ", ".join(query.values)) if known is None else None
    if known is None:
        prefix = "params=" if read else ""
        return code.add_argument(call, prefix + _tuple(query.values))
    return Splice(code.text.start(known), code.text.end(known), _extended(code, known, query).encode())


def _tuple(values: list[str]) -> str:
    if len(values) == 1 and values[0].startswith("*"):
        return f"list({values[0][1:]})"
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"


def _extended(code: Code, known: ast.expr, query: _Query) -> str:
    """Values that were there already, with new ones where their marks stand."""
    # A new mark counts itself and those before it; what is left over are marks that stood there before.
    places = [marks - index for index, marks in enumerate(query.marks)]
    if isinstance(known, ast.Tuple | ast.List) and not any(isinstance(e, ast.Starred) for e in known.elts):
        every = [code.source(element) for element in known.elts]
        for place, value in reversed(list(zip(places, query.values, strict=True))):
            every.insert(place, value)
        return _tuple(every)
    text = code.source(known)
    out: list[str] = []
    last = 0
    for place, value in zip(places, query.values, strict=True):
        if place > last:
            out.append(f"*{text}[{last or ''}:{place}]")
            last = place
        out.append(value)
    out.append(f"*{text}[{last}:]" if last else f"*{text}")
    return _tuple(out)


# -------------------------------------------------------------------------------- queries that are grown


def _grown(code: Code, call: ast.Call, name: str) -> Iterator[Remedy]:
    """`q = "..."; if x: q += f" AND a = '{x}'"; execute(q)`: the values are gathered as the text grows."""
    statements = [
        node for node in code.nodes if isinstance(node, ast.Assign | ast.AugAssign) and _assigns(node, name)
    ]
    first = statements[0] if statements else None
    if len(statements) < 2 or not isinstance(first, ast.Assign) or code.loops(first):
        return
    has_values = len(call.args) > 1 or bool(call.keywords)
    if has_values:
        return
    for rank, mark in enumerate(_marks(code, tuple(_texts(code, statements)), wrapped=False)):
        values = code.fresh("values", "parameters")
        splices: list[Splice | None] = [code.before(first, [f"{values} = []"])]
        changed = 0
        for statement in statements:
            parts = code.parts(statement.value)
            if parts is None:
                return
            if not any(isinstance(part, ast.expr) for part in parts):
                continue
            own = tuple(p for p in parts if not (isinstance(p, ast.Name) and p.id == name))
            query = _taken_apart(code, own, mark)
            if query is None or query.names:
                return
            prefix = f"{name} + " if len(own) < len(parts) else ""
            splices += code.swap((statement.value, prefix + written(query.parts)))
            splices.append(code.after(statement, [f"{values} += [{', '.join(query.values)}]"]))
            changed += 1
        if changed:
            splices.append(code.add_argument(call, values))
            yield from remedy(call, "query-parameters", splices, 0.9 * 0.6**rank)
            yield from remedy(first, "query-parameters", splices, 0.9 * 0.6**rank)


def _assigns(node: ast.Assign | ast.AugAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def _texts(code: Code, statements: list[ast.Assign | ast.AugAssign]) -> Iterator[Part]:
    for statement in statements:
        yield from code.parts(statement.value) or ()
