"""Edits of what is named: another variable or attribute, an expression used elsewhere, a name bound early."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.scope import BUILTINS, alike
from bot.endpoints.edits.site import ATOM, Raw, Site, is_target, level
from bot.endpoints.edits.text import Splice


def replace_variable(site: Site) -> Iterator[Raw]:
    """A variable becomes another one in scope: the same type at run time first, then the likest name."""
    node = site.node
    if (
        not isinstance(node, ast.Name)
        or node.id in ("self", "cls")
        or (isinstance(site.parent, ast.Call) and (site.field == "func"))
    ):
        return
    names = site.names()
    known = node.id in names
    if not known and node.id in BUILTINS | site.scope.module.imported:
        return
    kind = site.scope.kind(node)
    ranked: list[tuple[float, str]] = []
    for name in names if known else (*names, *site.scope.module.variables):
        if name == node.id:
            continue
        other = site.scope.kind(ast.Name(name))
        same = 1.0 if kind and kind == other else 0.5 if not kind or not other else 0.2
        ranked.append((same * (0.55 + 0.6 * alike(node.id, name)) * (1.2 if name in site.bound else 1.0), name))
    stored = 0.25 if isinstance(node.ctx, ast.Store) else 1.0
    if _unchanged_in_recursion(site, node.id):
        stored = 2.0
    beside = {part.id for part in ast.iter_child_nodes(site.parent) if isinstance(part, ast.Name)}
    if not isinstance(site.parent, ast.Compare | ast.BinOp):
        beside = set()
    for rank, (score, name) in enumerate(sorted(ranked, key=lambda pair: -pair[0])[:7]):
        again = 0.2 if name in beside else 1.0  # `x < x` says nothing
        yield site.replace("replace-variable", name, ATOM, score * stored * again * 0.9**rank)


def _unchanged_in_recursion(site: Site, name: str) -> bool:
    """Whether the function calls itself with its own parameter as it came: it would never end."""
    function, parent = site.place.function, site.parent
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.func.id == function.name
        and name == next(iter(site.scope.parameters(function)), None)
    )


def attributes(site: Site) -> Iterator[Raw]:
    """`self.x` -> `self.y`; `x` -> `self.x`; `self.x` -> `x`; `a.b` -> `a.c` for an attribute seen on `a`."""
    node = site.node
    owner = site.scope.self_name
    if isinstance(node, ast.Name) and owner and node.id != owner and site.scope.owner:
        for known in site.scope.module.attributes.get(site.scope.owner, ()):
            if known.lstrip("_") == node.id.lstrip("_"):
                yield site.replace("missing-self", f"{owner}.{known}", ATOM, 1.0)
    if not isinstance(node, ast.Attribute):
        return
    if isinstance(node.value, ast.Name) and node.value.id == owner and node.attr.lstrip("_") in site.names():
        yield site.replace("drop-self", node.attr.lstrip("_"), ATOM, 0.8)
    if site.field == "func" and isinstance(site.parent, ast.Call):
        return
    yield from _other_attributes(site, node, owner)


def _other_attributes(site: Site, node: ast.Attribute, owner: str | None) -> Iterator[Raw]:
    seen = dict(site.scope.attributes.get(ast.unparse(node.value), {}))
    if isinstance(node.value, ast.Name) and node.value.id == owner and site.scope.owner:
        methods = site.scope.module.methods.get(site.scope.owner, frozenset())
        for known in site.scope.module.attributes.get(site.scope.owner, ()):
            if known not in methods:
                seen.setdefault(known, 1)
    elif not seen.keys() - {node.attr}:
        for others in site.scope.attributes.values():
            seen.update(others)
    kind = site.scope.kinds.get(f".{node.attr}", "")
    ranked = []
    for name in seen:
        if name != node.attr:
            other = site.scope.kinds.get(f".{name}", "")
            same = 1.0 if kind and kind == other else 0.6 if not kind or not other else 0.3
            ranked.append((same * (0.6 + 0.5 * alike(node.attr, name)), name))
    for rank, (score, name) in enumerate(sorted(ranked, key=lambda pair: -pair[0])[:6]):
        end = site.text.end(node)
        start = end - len(node.attr.encode())
        yield Raw("replace-attribute", score * 0.9**rank, (Splice(start, end, name.encode()),))


def same_syntax(site: Site) -> Iterator[Raw]:
    """An expression becomes another one of the same syntax that the function uses elsewhere."""
    node = site.node
    known = site.scope.expressions.get(type(node), {})
    if len(known) < 2 or is_target(node) or site.field == "func" or isinstance(site.parent, ast.Expr):
        return
    names = {*site.names(), "self", "cls", *BUILTINS, *site.scope.module.functions, *site.scope.module.imported}
    own = site.source()
    ranked = []
    for source, other in known.items():
        if source == own or not all(part.id in names for part in ast.walk(other) if isinstance(part, ast.Name)):
            continue
        kinds = site.scope.kind(node), site.scope.kind(other)
        ranked.append(((0.2 + 0.8 * alike(own, source)) * (1.0 if kinds[0] == kinds[1] else 0.5), source, other))
    ranked.sort(key=lambda found: -found[0])
    for score, source, other in ranked[:4]:
        yield site.replace(
            "reuse-expression", source, level(other), score * (1.6 if isinstance(node, ast.Tuple) else 1.0)
        )


def reuse(site: Site) -> Iterator[Raw]:
    """A call, a subscript or a returned value becomes a variable, or what the function returns elsewhere."""
    node = site.node
    top = isinstance(site.parent, ast.Return)
    if not top and (
        not isinstance(node, ast.Call | ast.Subscript | ast.BinOp) or is_target(node) or site.field == "func"
    ):
        return
    if isinstance(site.parent, ast.Expr):
        return
    for rank, name in enumerate(site.names()[:8]):
        yield site.replace("reuse-expression", name, ATOM, (0.6 if top else 0.25) * 0.85**rank)
    if top:
        for source, other in list(site.scope.returned.items())[:4]:
            yield site.replace("reuse-expression", source, level(other), 0.4)
        for new, factor in (("None", 0.2), ("True", 0.2), ("False", 0.2), ("[]", 0.15), ("0", 0.15), ("''", 0.1)):
            yield site.replace("return-constant", new, ATOM, factor)
        if not isinstance(node, ast.List | ast.Constant):
            yield site.around("replace-collection", "[", "]", 0.3)


def lambdas(site: Site) -> Iterator[Raw]:
    """A lambda binds a loop's variable when it is made, not when it is called: `lambda: i` -> `lambda i=i: i`."""
    node = site.node
    if not isinstance(node, ast.Lambda):
        return
    own = {argument.arg for argument in node.args.args}
    free = [n.id for n in ast.walk(node.body) if isinstance(n, ast.Name) and n.id not in own]
    start = site.text.start(node) + len("lambda")
    for name in dict.fromkeys(free):
        if name in site.names() and node.args.vararg is None and node.args.kwarg is None:
            if own:
                ends: list[ast.arg | ast.expr] = [*node.args.args, *node.args.defaults]
                at = max(site.text.end(part) for part in ends)
                yield Raw("late-binding", 0.8, (Splice(at, at, f", {name}={name}".encode()),))
            else:
                yield Raw("late-binding", 0.8, (Splice(start, start, f" {name}={name}".encode()),))
