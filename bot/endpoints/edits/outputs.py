"""What goes into markup, templates, headers and logs: escaped, handed over as a value, or kept to one line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.endpoints.edits.remedies import Code, Part, Remedy, literal, remedy, written

_TAG = re.compile(r"<\s*/?\s*[a-zA-Z!]")
LOGGERS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "exception", "log", "write"})
_SETTERS = frozenset({"add_header", "set_cookie", "setdefault", "add", "putheader", "send_header", "append"})


def markup(code: Code) -> Iterator[Remedy]:
    """`f"<b>{x}</b>"` -> `f"<b>{html.escape(x)}</b>"`, for all values and for each alone."""
    escape, imports = code.use("html.escape")
    for maker, parts in code.templates():
        exprs = [part for part in parts if isinstance(part, ast.expr)]
        if not any(isinstance(part, str) and _TAG.search(part) for part in parts):
            continue
        plain = [e for e in exprs if not _is_escaped(code, e)]
        outer = code.origin(maker.func) if isinstance(maker, ast.Call) else ""
        if not plain or outer.endswith("Markup"):
            continue
        for rank, those in enumerate(_to_escape(code, plain)):
            for factor, sure in ((1.0, True), (0.9, False)):
                given = _wrapped(code, parts, those, escape, sure=sure)
                if given is not None:
                    yield from remedy(
                        maker, "escape-markup", code.swap((maker, written(given))), factor * 0.8**rank, imports
                    )
    yield from _marked(code)
    yield from _environments(code)


def _to_escape(code: Code, plain: list[ast.expr]) -> list[list[ast.expr]]:
    """Which values of a page are escaped together: first those that are no markup of our own, then each alone.

    A value that stands at several places is escaped at all of them.
    """
    raw: list[ast.expr] = [
        e for e in plain if isinstance(e, ast.Name | ast.Attribute | ast.Subscript | ast.JoinedStr)
    ]
    outer = [e for e in plain if not _is_markup(code, e)]
    groups: dict[str, list[ast.expr]] = {}
    for e in plain:
        groups.setdefault(ast.dump(e), []).append(e)
    every: list[list[ast.expr]] = [outer, plain, raw, *groups.values()]
    return [those for at, those in enumerate(every) if those and those not in every[:at]]


def _is_markup(code: Code, node: ast.expr) -> bool:
    """Whether a value was made of tags, or escaped, by this function."""
    values = code.values.get(node.id, []) if isinstance(node, ast.Name) else [node]
    for part in (part for value in values if value is not None for part in ast.walk(value)):
        text = part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""
        if _TAG.search(text) or (isinstance(part, ast.Call) and _is_escaped(code, part)):
            return True
    return False


def _is_escaped(code: Code, node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return called is not None and code.origin(called).rpartition(".")[2] in (
        "escape",
        "quote",
        "quote_plus",
        "int",
        "len",
    )


def _wrapped(
    code: Code, parts: tuple[Part, ...], those: list[ast.expr], wrapper: str, *, sure: bool
) -> list[Part] | None:
    """The pieces with a call around some of them; `sure` makes texts of what may be none."""
    out: list[Part] = []
    differs = False
    for part in parts:
        if isinstance(part, str) or part not in those:
            out.append(part)
            continue
        text = code.source(part) if part in code.parents else ast.unparse(part)
        if not code.is_text(part):
            differs = True
            text = f"str({text})" if sure else text
        out.append(ast.parse(f"{wrapper}({text})", mode="eval").body)
    return out if differs or sure else None


def _marked(code: Code) -> Iterator[Remedy]:
    """`Markup(f"<b>{x}</b>")` -> `Markup("<b>{}</b>").format(x)`, which escapes."""
    for call, origin in code.calls():
        if origin.rpartition(".")[2] not in ("Markup", "mark_safe") or not call.args:
            continue
        found = code.template(call.args[0])
        if found is None or found[0] is not call.args[0]:
            continue
        form = "".join(p.replace("{", "{{").replace("}", "}}") if isinstance(p, str) else "{}" for p in found[1])
        given = ", ".join(code.source(part) for part in found[1] if isinstance(part, ast.expr))
        name = code.source(call.func)
        imports: tuple[str, ...] = ()
        if origin.endswith("Markup"):
            new = f"{name}({literal(form)}).format({given})"
        else:
            maker, imports = code.use("django.utils.html.format_html")
            new = f"{maker}({literal(form)}, {given})"
        yield from remedy(call, "escape-markup", code.swap((call, new)), 1.1, imports)


def _environments(code: Code) -> Iterator[Remedy]:
    """`Environment()` -> `Environment(autoescape=True)`; `Template(x)` -> a template that escapes."""
    for call, origin in code.calls("jinja2.Environment", "jinja2.Template", "jinja2.sandbox.SandboxedEnvironment"):
        known = code.keyword(call, "autoescape")
        if known is None:
            yield from remedy(call, "escape-markup", [code.add_argument(call, "autoescape=True")], 1.2)
        elif isinstance(known.value, ast.Constant) and not known.value.value:
            yield from remedy(call, "escape-markup", code.swap((known.value, "True")), 1.2)
        if origin == "jinja2.Template":
            sandbox, imports = code.use("jinja2.sandbox.SandboxedEnvironment")
            given = ", ".join(code.source(argument) for argument in call.args)
            splices = code.swap((call, f"{sandbox}().from_string({given})"))
            yield from remedy(call, "template-value", splices, 0.5, imports)


def template_values(code: Code) -> Iterator[Remedy]:
    """`Template(f"Hi {x}").render()` -> `Template("Hi {{ x }}").render(x=x)`: a value is no part of a template."""
    for call, origin in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        plain = origin.rpartition(".")[2] == "render_template_string"
        inner = call if plain else call.func.value if isinstance(call.func, ast.Attribute) else None
        inner = code.resolved(inner) if isinstance(inner, ast.Name) else inner
        if not plain and (method != "render" or not isinstance(inner, ast.Call)):
            continue
        given = inner.args[0] if isinstance(inner, ast.Call) and inner.args else None
        found = code.template(given) if given is not None else None
        if found is None:
            continue
        names: dict[str, str] = {}
        text = ""
        for number, part in enumerate(found[1]):
            if isinstance(part, str):
                text += part
                continue
            name = part.id if isinstance(part, ast.Name) else f"value{number}"
            names[name] = code.source(part)
            text += "{{ " + name + " }}"
        splices = code.swap((found[0], literal(text)))
        added = [code.add_argument(call, ", ".join(f"{name}={value}" for name, value in names.items()))]
        yield from remedy(call, "template-value", [*splices, *added], 1.2)


def format_strings(code: Code) -> Iterator[Remedy]:
    """A format that comes from outside may not look into attributes or elements of what it shows."""
    for call, _ in code.calls():
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("format", "format_map"):
            continue
        form = call.func.value
        if isinstance(code.resolved(form), ast.Constant) or not isinstance(form, ast.Name | ast.Attribute):
            continue
        formatter, imports = code.use("string.Formatter")
        text = code.source(form)
        rows = [
            f"for _, field, _, _ in {formatter}().parse({text}):",
            '    if field and ("." in field or "[" in field):',
            '        raise ValueError(f"not allowed in a format: {field}")',
        ]
        yield from remedy(call, "refuse-fields", [code.before(call, rows)], 1.0, imports)
        rows[1] = (
            '    if field and ("._" in field or "[_" in field):'  # parts that are nobody's secret may be shown
        )
        yield from remedy(call, "refuse-fields", [code.before(call, rows)], 0.8, imports)
        given = [k for k in call.keywords if k.arg]
        if given and len(given) == len(call.keywords) and not call.args and call.func.attr == "format":
            chain = text + "".join(f'.replace("{{{k.arg}}}", str({code.source(k.value)}))' for k in given)
            yield from remedy(call, "plain-replace", code.swap((call, chain)), 0.8)


# ------------------------------------------------------------------------------------- headers and logs


def lines(code: Code) -> Iterator[Remedy]:
    """A value for a header or a log gets no line break: taken out, made visible, or refused."""
    for node, whole in _one_liners(code):
        found = code.template(node)
        exprs = [p for p in found[1] if isinstance(p, ast.expr)] if found is not None else [node]
        if found is not None and found[0] is node:
            for text, factor in (("", 1.0), ("visible", 0.9)):
                parts: list[Part] = [
                    part
                    if isinstance(part, str)
                    else ast.parse(_flat(code, part, text or "joined"), mode="eval").body
                    for part in found[1]
                ]
                yield from remedy(node, "one-line", code.swap((node, written(parts))), factor)
        elif whole and not isinstance(node, ast.Constant):
            for text, factor in (("", 1.0), ("visible", 0.9)):
                yield from remedy(node, "one-line", code.swap((node, _flat(code, node, text))), factor)
        for name in sorted(set().union(*map(code.names, exprs))):
            rows = [
                f'if "\\r" in str({name}) or "\\n" in str({name}):',
                f"    raise ValueError({literal(name + ' holds a line break')})",
            ]
            yield from remedy(node, "refuse-line-break", [code.before(node, rows)], 0.8)


def _flat(code: Code, node: ast.expr, how: str) -> str:
    text = code.source(node)
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    owner = text if code.is_text(node) and simple else f"str({text})"
    if how == "joined":
        return f'"".join({owner}.splitlines())'  # an f-string may hold no backslash before Python 3.12
    new = ('""', '""') if not how else ('"\\\\r"', '"\\\\n"')
    return f'{owner}.replace("\\r", {new[0]}).replace("\\n", {new[1]})'


def _one_liners(code: Code) -> Iterator[tuple[ast.expr, bool]]:
    """Values that should be one line, and whether one that is no template may be changed as a whole."""
    for node in code.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            owner = ast.unparse(node.targets[0].value).lower()
            if "header" in owner or "response" in owner:
                yield node.value, True
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                known = isinstance(key, ast.Constant) and isinstance(key.value, str)
                if known and re.fullmatch(r"[A-Z][A-Za-z-]+", str(getattr(key, "value", ""))):
                    yield value, True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).lower()
            if node.func.attr in LOGGERS and "log" in owner:
                yield from ((argument, True) for argument in node.args)
            elif node.func.attr in _SETTERS and len(node.args) > 1:
                yield node.args[1], True
    yield from ((maker, False) for maker, _ in code.templates())
