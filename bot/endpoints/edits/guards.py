"""Paths and addresses that come from outside: kept inside a folder, members of archives too, kept to one host."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.remedies import Code, Part, Remedy, literal, remedy
from bot.endpoints.edits.site import AND, COMPARE, OR

REDIRECTS = frozenset(
    {"redirect", "HttpResponseRedirect", "RedirectResponse", "Redirect", "HTTPFound", "Response"}
)

_ADDRESSES = ("url", "uri", "host", "domain", "address", "link", "origin", "callback", "webhook")
"""Words in names of addresses and hosts."""


def folders(code: Code) -> Iterator[Remedy]:
    """What is joined to a folder must lie in it: looked at before the path is used."""
    for node in code.nodes:
        joined = _join(code, node) if isinstance(node, ast.expr) else None
        if joined is None or not isinstance(node, ast.expr):
            continue
        base, names = joined
        place = code.place(node)
        statement = place.node if place is not None else None
        assigned = _assigned(statement, node)
        text = assigned or code.source(node)
        for factor, rows, imports in _containments(code, node, text, base):
            where = code.after(node, rows) if assigned else code.before(node, rows)
            yield from remedy(node, "inside-folder", [where], factor, imports)
        yield from _plain_names(code, node, names)


def _assigned(statement: ast.AST | None, node: ast.expr) -> str:
    """The name to which a statement assigns exactly this node, or a path made of it."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        value = statement.value
        inner = value.args[:1] if isinstance(value, ast.Call) else []
        if isinstance(statement.targets[0], ast.Name) and (value is node or node in inner):
            return statement.targets[0].id
    return ""


def _join(code: Code, node: ast.AST) -> tuple[str, list[ast.expr]] | None:
    """(source of the folder, what is joined to it) where a node joins a path; None elsewhere."""
    if isinstance(node, ast.Call):
        origin = code.origin(node.func)
        args = node.args
        if origin in ("os.path.join", "posixpath.join", "pathlib.Path", "pathlib.PurePath") and len(args) > 1:
            return _split(code, args[0], args[1:])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "joinpath" and args:
            return _split(code, node.func.value, args)
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = node.left, node.right
        numeric = isinstance(right, ast.Constant) and not isinstance(right.value, str)
        if numeric or isinstance(code.parents.get(node), ast.BinOp):
            return None
        rest = [right]
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Div):
            rest.insert(0, left.right)
            left = left.left
        return _split(code, left, rest)
    parts = code.parts(node) if isinstance(node, ast.JoinedStr | ast.BinOp) else None
    return _written_path(code, parts) if parts is not None else None


def _split(code: Code, base: ast.expr, rest: list[ast.expr]) -> tuple[str, list[ast.expr]] | None:
    names = [e for e in rest if not isinstance(e, ast.Constant)]
    return (code.source(base), names) if names else None


def _written_path(code: Code, parts: tuple[Part, ...]) -> tuple[str, list[ast.expr]] | None:
    """`f"{base}/{name}"`, `base + "/" + name`, `f"uploads/{name}"`."""
    text = "".join(part if isinstance(part, str) else "\ue000" for part in parts)
    if "/" not in text or "://" in text or " " in text or "<" in text:
        return None
    exprs = [part for part in parts if isinstance(part, ast.expr)]
    if isinstance(parts[0], str):
        folder = parts[0].rpartition("/")[0]
        return (literal(folder or "/"), exprs) if "/" in parts[0] else None
    if len(exprs) > 1 and isinstance(parts[1], str) and parts[1].startswith("/"):
        return code.source(exprs[0]), exprs[1:]
    return None


def _containments(
    code: Code, node: ast.expr, path: str, base: str
) -> Iterator[tuple[float, list[str], tuple[str, ...]]]:
    told = f"    raise ValueError({literal('outside of the folder')})"
    maker, imports = code.use("pathlib.Path")
    known = path if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else f"{maker}({path})"
    known = f"({known})" if known == path and not path.isidentifier() else known
    rows = [f"if not {known}.resolve().is_relative_to({maker}({base}).resolve()):", told]
    yield 1.0, rows, imports
    real, needs = code.use("os.path.realpath")
    common, _ = code.use("os.path.commonpath")
    rows = [f"if {common}([{real}({base}), {real}({path})]) != {real}({base}):", told]
    yield 0.7, rows, needs


def _plain_names(code: Code, node: ast.expr, names: list[ast.expr]) -> Iterator[Remedy]:
    """No `..` and no absolute path among what is joined."""
    maker, imports = code.use("pathlib.PurePosixPath")
    rows = []
    for name in names:
        if isinstance(name, ast.Name | ast.Attribute | ast.Subscript):
            text = code.source(name)
            rows += [
                f'if {maker}({text}).is_absolute() or ".." in {maker}({text}).parts:',
                f"    raise ValueError({literal('not a name inside of the folder')})",
            ]
    if rows:
        yield from remedy(node, "plain-name", [code.before(node, rows)], 0.5, imports)


def prefixes(code: Code) -> Iterator[Remedy]:
    """`path.startswith(folder)` -> a look at whole parts: `/srv/data-old` does not lie in `/srv/data`."""
    for call, _ in code.calls():
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "startswith" or len(call.args) != 1:
            continue
        given = call.args[0]
        known = code.resolved(given)
        if isinstance(known, ast.Constant) and isinstance(known.value, str):
            if known.value.startswith(("http://", "https://")) and not known.value.endswith("/"):
                yield from remedy(call, "same-host", code.swap((given, literal(known.value + "/"))), 1.0)
            continue
        owner = code.source(call.func.value)
        inner = given.args[0] if isinstance(given, ast.Call) and code.origin(given.func) == "str" else given
        path, imports = code.use("pathlib.Path")
        new = f"{path}({owner}).resolve().is_relative_to({path}({code.source(inner)}).resolve())"
        yield from remedy(call, "inside-folder", code.swap((call, new)), 0.9, imports)
        join, needs = code.use("os.path.join")
        yield from remedy(
            call, "inside-folder", code.swap((given, f'{join}({code.source(given)}, "")')), 0.8, needs
        )


# ---------------------------------------------------------------------------------------------- archives


def archives(code: Code) -> Iterator[Remedy]:
    """`tar.extractall(p)` -> `tar.extractall(p, filter="data")`; members of other archives are looked at."""
    for call, origin in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if origin == "shutil.unpack_archive" or (method in ("extractall", "extract") and _is_tar(code, call)):
            known = code.keyword(call, "filter")
            if known is None:
                yield from remedy(call, "safe-members", [code.add_argument(call, 'filter="data"')], 1.2)
            elif not (isinstance(known.value, ast.Constant) and known.value.value == "data"):
                yield from remedy(call, "safe-members", code.swap((known.value, '"data"')), 1.2)
        if method == "extractall" and isinstance(call.func, ast.Attribute):
            yield from _members(code, call, code.source(call.func.value))


def _is_tar(code: Code, call: ast.Call) -> bool:
    if not code.imports_any("tarfile") or not isinstance(call.func, ast.Attribute):
        return False
    owner = code.source(call.func.value)
    for node in code.nodes:
        if not isinstance(node, ast.withitem) or node.optional_vars is None:
            continue
        if ast.unparse(node.optional_vars) == owner and isinstance(node.context_expr, ast.Call):
            return "zip" not in code.origin(node.context_expr.func).lower()
    return "zip" not in owner.lower()


def _members(code: Code, call: ast.Call, owner: str) -> Iterator[Remedy]:
    names = "getnames" if _is_tar(code, call) else "namelist"
    given = code.keyword(call, "path")
    folder = code.source(call.args[0]) if call.args else code.source(given.value) if given is not None else '"."'
    path, imports = code.use("pathlib.Path")
    rows = [
        f"for member in {owner}.{names}():",
        f"    if not {path}({folder}, member).resolve().is_relative_to({path}({folder}).resolve()):",
        '        raise ValueError(f"outside of the folder: {member}")',
    ]
    yield from remedy(call, "safe-members", [code.before(call, rows)], 0.7, imports)


# ------------------------------------------------------------------------------------------------- hosts


def hosts(code: Code) -> Iterator[Remedy]:
    """A test of an address looks at its host as a whole: `"a.org" in url` is true of `a.org.evil.net`, too."""
    split, imports = code.use("urllib.parse.urlsplit")
    for node in code.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "netloc":
            new = f"{code.source(node.value)}.hostname"
            yield from remedy(node, "same-host", code.swap((node, new)), 0.9)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            known, url = code.resolved(node.left), node.comparators[0]
            spoken = f"{ast.unparse(node.left)} {ast.unparse(url)}".lower()
            told = isinstance(known, ast.Constant) and isinstance(known.value, str) and "." in known.value
            if told or (isinstance(known, ast.Name) and any(word in spoken for word in _ADDRESSES)):
                sign = "==" if isinstance(node.ops[0], ast.In) else "!="
                new = code.fit(
                    node, f"{split}({code.source(url)}).hostname {sign} {code.source(node.left)}", COMPARE
                )
                yield from remedy(node, "same-host", code.swap((node, new)), 1.0, imports)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
            yield from _host_test(code, node, split, imports)


def _host_test(code: Code, call: ast.Call, split: str, imports: tuple[str, ...]) -> Iterator[Remedy]:
    """`url.startswith("https://a.org")` and `host.endswith("a.org")`."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    known = code.resolved(call.args[0])
    owner = code.source(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    given = code.source(call.args[0])
    if method == "endswith" and isinstance(known, ast.Name) and any(w in given.lower() for w in _ADDRESSES):
        new = code.fit(call, f'{owner} == {given} or {owner}.endswith("." + {given})', OR)
        yield from remedy(call, "same-host", code.swap((call, new)), 0.9)
    if not (isinstance(known, ast.Constant) and isinstance(known.value, str)):
        return
    text = known.value
    if method == "startswith" and text.startswith(("http://", "https://")):
        scheme, _, host = text.partition("://")
        host = host.partition("/")[0]
        if host:
            parts = f"{split}({owner})"
            new = code.fit(call, f'{parts}.scheme == "{scheme}" and {parts}.hostname == {literal(host)}', AND)
            yield from remedy(call, "same-host", code.swap((call, new)), 0.9, imports)
    elif method == "endswith" and "." in text and not text.startswith("."):
        new = code.fit(call, f"{owner} == {literal(text)} or {owner}.endswith({literal('.' + text)})", OR)
        yield from remedy(call, "same-host", code.swap((call, new)), 0.9)


def redirects(code: Code) -> Iterator[Remedy]:
    """Where somebody is sent to must be a path of this site."""
    split, imports = code.use("urllib.parse.urlsplit")
    for node, target in _targets(code):
        for name in sorted(code.names(target)):
            test = _elsewhere(split, name)
            rows = [f"if {test}:", f"    raise ValueError({literal('not an address of this site')})"]
            yield from remedy(node, "local-redirect", [code.before(node, rows)], 0.7, imports)
            yield from remedy(
                node, "local-redirect", [code.before(node, [f"if {test}:", f'    {name} = "/"'])], 0.6, imports
            )
    yield from _local_tests(code, split, imports)


def _elsewhere(split: str, name: str) -> str:
    """A test of whether an address leads to another host.

    A browser takes a backslash for a slash, and `//host` for another host: no parser says so of the first.
    """
    plain = f'{name}.replace("\\\\", "/")'
    return f'{split}({name}).scheme or {split}({name}).netloc or {plain}.startswith("//")'


def _local_tests(code: Code, split: str, imports: tuple[str, ...]) -> Iterator[Remedy]:
    """A look at an address that the function takes already, and that misses some: all of what leads elsewhere."""
    for node in code.nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("scheme", "netloc", "hostname"):
            made = code.resolved(node.value)
            asked = made.args[0] if isinstance(made, ast.Call) and made.args else None
            tested = isinstance(code.parents.get(node), ast.If | ast.BoolOp | ast.IfExp)
            if isinstance(asked, ast.Name) and tested:
                new = code.fit(node, _elsewhere(split, asked.id), OR)
                yield from remedy(node, "local-redirect", code.swap((node, new)), 1.0, imports)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
            given = node.args[0]
            if node.func.attr == "startswith" and isinstance(given, ast.Constant) and given.value == "/":
                owner = code.source(node.func.value)
                text = f'{owner}.startswith("/") and not {owner}.replace("\\\\", "/").startswith("//")'
                yield from remedy(node, "local-redirect", code.swap((node, code.fit(node, text, AND))), 1.0)


def _targets(code: Code) -> Iterator[tuple[ast.AST, ast.expr]]:
    for node in code.nodes:
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in REDIRECTS and node.args:
                yield node, node.args[-1] if name == "Response" else node.args[0]
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and str(key.value).lower() == "location":
                    yield value, value
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key = node.targets[0].slice
            if isinstance(key, ast.Constant) and str(key.value).lower() == "location":
                yield node.value, node.value
        if isinstance(node, ast.Return) and node.value is not None:
            yield node, node.value
