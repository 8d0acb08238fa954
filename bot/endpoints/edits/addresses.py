"""Addresses that are asked: of the host that is meant, of none within the own network, and of no file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.endpoints.edits.remedies import Code, Part, Remedy, literal, remedy, written

FETCHERS = re.compile(
    r"(requests|httpx)(\.\w+)*\.(get|post|put|patch|delete|head|options|request|send|stream)"
    r"|urllib\.request\.(urlopen|urlretrieve|Request)|urllib3\..*|aiohttp\..*"
)
METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "request", "urlopen"})
_OUTSIDERS = frozenset({"customer", "pingback", "stranger", "subscriber", "unfurl", "visitor", "webhook"})
"""Words, in the singular, for people outside and for what is asked for them."""
_HOST = re.compile(r"(https?://[A-Za-z0-9.-]+(?::\d+)?)(.*)", re.DOTALL)


def servers(code: Code) -> Iterator[Remedy]:
    """What is put behind a host may not become a part of it; the address that is asked is looked at."""
    for call, origin in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if not FETCHERS.fullmatch(origin) and (method not in METHODS or not call.args):
            continue
        named = code.keyword(call, "url")
        every = [*call.args[:2], *([named.value] if named is not None else [])]
        for given in every:
            yield from _own_host(code, call, given)
            if isinstance(given, ast.Name) and FETCHERS.fullmatch(origin):
                yield from _looked_at(code, call, given.id)


def _own_host(code: Code, call: ast.Call, given: ast.expr) -> Iterator[Remedy]:
    """`f"https://a.org{path}"` -> with a slash between; and a look at the host of what is asked."""
    made = code.resolved(given)
    found = code.template(given)
    split, imports = code.use("urllib.parse.urlsplit")
    url = code.source(given)
    base = ""
    if found is not None:
        maker, parts = found
        first = parts[0]
        host = _HOST.match(first) if isinstance(first, str) else None
        if host is not None:
            base = literal(host.group(1) + "/")
            yield from _slash(code, call, maker, (host.group(1), host.group(2)), parts)
        elif isinstance(first, ast.expr):
            base = code.source(first)
            yield from _slash(code, call, maker, None, parts)
        yield from _encoded(code, call, maker, parts)
    elif isinstance(made, ast.Call) and code.origin(made.func) == "urllib.parse.urljoin" and len(made.args) == 2:
        base = code.source(made.args[0])
    if base:
        rows = [
            f"if {split}({url}).netloc != {split}({base}).netloc:",
            f"    raise ValueError({literal('an address of another host')})",
        ]
        yield from remedy(call, "own-host", [code.before(call, rows)], 0.7, imports)


def _slash(
    code: Code, call: ast.Call, maker: ast.expr, host: tuple[str, str] | None, parts: tuple[Part, ...]
) -> Iterator[Remedy]:
    """A slash between the host and the first thing behind it, where none stands."""
    index = 1
    behind = parts[index] if len(parts) > index else None
    if not isinstance(behind, ast.expr) or (host is not None and host[1]):
        return
    text = f"{code.source(behind)}" if code.is_text(behind) else f"str({code.source(behind)})"
    path = ast.parse(f"{text}.lstrip('/')", mode="eval").body
    start: Part = host[0] if host is not None else parts[0]
    new: list[Part] = [start, "/", path, *parts[index + 1 :]]
    yield from remedy(call, "own-host", code.swap((maker, written(new))), 1.0)


def _encoded(code: Code, call: ast.Call, maker: ast.expr, parts: tuple[Part, ...]) -> Iterator[Remedy]:
    """`f"https://{name}.a.org"`: what is put in is encoded, so that it ends no host."""
    quote, imports = code.use("urllib.parse.quote")
    for safe in ("''", "'/'"):
        new: list[Part] = [
            part
            if isinstance(part, str) or index == 0
            else ast.parse(f"{quote}(str({code.source(part)}), safe={safe})", mode="eval").body
            for index, part in enumerate(parts)
        ]
        if new != list(parts):
            yield from remedy(call, "own-host", code.swap((maker, written(new))), 0.8, imports)


def _looked_at(code: Code, call: ast.Call, name: str) -> Iterator[Remedy]:
    """An address out of the own network alone, by what its name resolves to; an address of the web alone."""
    split, imports = code.use("urllib.parse.urlsplit")
    rows = [
        f'if {split}({name}).scheme not in ("http", "https"):',
        f"    raise ValueError({literal('not an address of the web')})",
    ]
    outside = _from_outside(code)
    # Where somebody outside chooses, the short look leaves open what he would try next.
    yield from remedy(call, "web-address", [code.before(call, rows)], 0.1 if outside else 1.0, imports)
    if outside:
        yield from _outer_host(code, call, name)
    address, needs = code.use("ipaddress.ip_address")
    resolve, more = code.use("socket.gethostbyname")
    rows = [
        f'if not {address}({resolve}({split}({name}).hostname or "")).is_global:',
        f"    raise ValueError({literal('an address within the own network')})",
    ]
    every = tuple(dict.fromkeys((*imports, *needs, *more)))
    yield from remedy(call, "outer-address", [code.before(call, rows)], 0.9, every)


def _from_outside(code: Code) -> bool:
    """Whether the function says that somebody outside chooses the address: then none within is meant."""
    documented = ast.get_docstring(code.function) or ""
    spoken = re.findall(r"[a-z]+", f"{code.function.name} {documented}".lower())
    return bool({word.removesuffix("s") for word in spoken} & _OUTSIDERS)


def _outer_host(code: Code, call: ast.Call, name: str) -> Iterator[Remedy]:
    """An address of the web, and none of a host within by its text: names are not resolved, nothing is asked."""
    split, imports = code.use("urllib.parse.urlsplit")
    address, needs = code.use("ipaddress.ip_address")
    host, inner = code.fresh("host", "asked_host"), code.fresh("inner", "is_inner")
    rows = [
        f'{host} = ({split}({name}).hostname or "").rstrip(".")',
        "try:",
        f"    {inner} = not {address}({host}).is_global",
        "except ValueError:",
        "    # No name of a public host is a single word, or ends in a number.",
        f'    {inner} = "." not in {host} or {host}.rpartition(".")[2][:1].isdigit()',
        f'if {inner} or {split}({name}).scheme not in ("http", "https"):',
        f"    raise ValueError({literal('not an address of the web')})",
    ]
    every = tuple(dict.fromkeys((*imports, *needs)))
    yield from remedy(call, "web-address", [code.before(call, rows)], 1.2, every)
