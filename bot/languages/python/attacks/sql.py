"""CWE-89: statements whose structure an argument changes.

A stand-in for the database notes every statement that it is given. The statement is read as SQL reads it: the
payload's own word, inside a string, a quoted name or a comment, says nothing; as a word of the statement, it has
broken out. Values that are given apart are not in the statement at all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame
from bot.languages.python.attacks.subject import Site, Subject

SINKS = frozenset(
    {"execute", "executemany", "executescript", "exec_driver_sql", "raw", "read_sql", "read_sql_query", "query"}
    | {"fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_val", "run", "extra", "mogrify"}
)
DRIVERS = (
    "sqlite3",
    "psycopg2",
    "psycopg",
    "pymysql",
    "MySQLdb",
    "mysql.connector",
    "pyodbc",
    "cx_Oracle",
    "oracledb",
    "duckdb",
    "aiosqlite",
    "asyncpg",
)
BY_CONTRACT = re.compile(r"^(sql|stmt|statement|where|clause|where_clause|condition|conditions|predicate|ddl)$")
"""Names of parameters that are SQL: who gives one means it to be read as such."""
IDENTIFIERS = re.compile(
    r"(^|_)(table|tables|table_name|column|columns|col|cols|schema|field|fields|index|view|database|identifier)$"
)
"""Names of parameters that often come from the program itself."""

PAYLOADS = (
    '"zq\' OR zq7hit=1 --"',
    "'zq\" OR zq7hit=1 --'",
    '"1 OR zq7hit=1"',
    '"zq\') OR (zq7hit=1) --"',
    "\"zq%' OR zq7hit LIKE '%\"",
    '"zq; DROP TABLE zq7hit; --"',
    '"zq` OR zq7hit=1 --"',
    '"zq] OR zq7hit=1 --"',
    "\"zq'OR(zq7hit)OR'\"",
)

STAND_IN = '''\
class StandIn(mock.MagicMock):
    """In place of a database: notes statements. Whatever else is asked about a payload: then nothing counts."""

    def __call__(self, *args, **kwargs):
        name, given = self._mock_new_name, next(iter([*args, *kwargs.values()]), None)
        text = given if isinstance(given, str) else getattr(given, "text", None)
        if name in SINKS and isinstance(text, str) and SQL.match(text):
            HITS.append((name, text, place()))
        elif "zq7hit" in repr((args, kwargs)) and name not in HARMLESS:
            ASKED.append(name)
        return super().__call__(*args, **kwargs)
'''
SENSORS = '''\
SINKS = {sinks}
SQL = re.compile(
    r"[\\s(]*(select\\b|(insert|replace|merge)\\s+(or\\s+\\w+\\s+)?into\\b|delete\\s+from\\b|update\\b.+\\bset\\b"
    r"|with\\b.+\\bas\\b|(create|drop|alter)\\s+(\\w+\\s+){0,3}(table|index|view|trigger|database|schema|user|role)\\b"
    r"|(truncate|pragma|attach|grant|explain)\\s)",
    re.I | re.S,
)
TOKENS = re.compile(
    r"""'(?:{escape}[^']|'')*'?|"(?:[^"]|"")*"?|`[^`]*`?|\\[[^\\]]*\\]?"""
    r"""|--[^\\n]*|/\\*.*?(?:\\*/|$)|\\w+|\\S""",
    re.S,
)


def watch(tmp_path, monkeypatch):
{patches}


def landed(payload, result, tmp_path):
    """Finds a statement in which the payload's word stands outside of strings, quoted names and comments."""
    for name, text, stack in HITS:
        if text.strip() != payload.strip() and "zq7hit" in TOKENS.findall(text.lower()):
            return name + ": " + text.strip()[:100], stack
    return None
'''


def sql(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that send SQL."""
    site = next((each for each in subject.sites if sends(each)), None)
    if site is None:
        return
    sinks = sorted({each.last for each in subject.sites if each.last in SINKS} | {"execute"})
    # In MySQL's dialect a backslash guards the quote behind it.
    escape = r"\\.|" if any(subject.imports(name) for name in ("pymysql", "MySQLdb", "mysql")) else ""
    lines, imports = patches(subject)
    sensors = (
        SENSORS.replace("{sinks}", repr(sinks))
        .replace("{escape}", escape)
        .replace("[^']|", "[^'\\\\]|" if escape else "[^']|")
        .replace("{patches}", "\n".join(f"    {line}" for line in lines) or "    pass")
    )
    for target in subject.targets:
        if target.kind != "str" or BY_CONTRACT.search(target.parameter):
            continue
        identifier = bool(IDENTIFIERS.search(target.parameter))
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let its argument `{target.label}` change the SQL that it sends",
                test="keeps_the_structure_of_its_sql",
                payloads=PAYLOADS,
                sensors=sensors,
                imports=("import re", *imports),
                stand_in=STAND_IN,
            ),
            rule="sql-injection",
            cwe=89,
            title=f"`{subject.name}` lets its argument `{target.label}` change the SQL that it sends",
            severity="medium" if identifier else "high",
            why="Whoever chooses the argument reads and changes what the statement was not meant to touch.",
            line=site.line,
            limits="that the argument can come from a stranger is not shown",
        )


def sends(site: Site) -> bool:
    """Whether a call may send a statement that is made of something."""
    if site.last not in SINKS or "." not in site.name:
        return False
    first = site.node.args[0] if site.node.args else next((each.value for each in site.node.keywords), None)
    return first is not None and not isinstance(first, ast.Constant)


def patches(subject: Subject) -> tuple[list[str], list[str]]:
    """(statements that put stand-ins where connections are made or kept, import statements for them)."""
    lines: dict[str, None] = {}
    drivers = [driver for driver in DRIVERS if subject.imports(driver) and "connect" in subject.text]
    if drivers:
        lines[f"for driver in {drivers!r}:"] = None
        lines["    if driver in sys.modules:"] = None
        fake = "lambda *args, **kwargs: StandIn()"
        lines[f'        replaced(monkeypatch, sys.modules[driver], "connect", {fake})'] = None
    for name in sorted(roots(subject)):
        origin = subject.names.get(name, name)
        if origin.startswith(DRIVERS):
            continue
        lines[f'monkeypatch.setattr(module, "{name}", StandIn(), raising=False)'] = None
    return list(lines), ["import sqlite3"] if "sqlite3" in drivers else []


def roots(subject: Subject) -> set[str]:
    """Names of the module that connections are taken from: `CONN`, `db`, `get_connection`."""
    found: set[str] = set()
    for inner in ast.walk(subject.tree):
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if inner.name not in {site.inside for site in subject.sites}:
            continue
        known = local_names(inner)
        given = {each.arg for each in ast.walk(inner.args) if isinstance(each, ast.arg)}
        for call in ast.walk(inner):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in SINKS:
                name, steps = root_of(call.func.value), 0
                while name in known and name not in given and steps < 4:
                    name, steps = root_of(known[name]), steps + 1
                if name and name not in given and name not in known:
                    found.add(name)
    plain = {node.name for node in subject.tree.body if isinstance(node, ast.ClassDef)}
    return found - plain - {"self", "cls"}


def local_names(node: ast.AST) -> dict[str, ast.expr]:
    """Local name -> the expression that it is first bound to."""
    found: dict[str, ast.expr] = {}
    for inner in ast.walk(node):
        match inner:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                found.setdefault(name, value)
    return found


def root_of(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and items starts from."""
    while True:
        match node:
            case ast.Call(func=ast.Name(id="closing") | ast.Attribute(attr="closing"), args=[inner]):
                node = inner
            case ast.Attribute(value=inner) | ast.Call(func=inner) | ast.Subscript(value=inner):
                node = inner
            case ast.Await(value=inner):
                node = inner
            case ast.Name(id=name):
                return name
            case _:
                return ""
