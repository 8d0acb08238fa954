"""Rewrites that take a weakness away: proposed where a finding is about security, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.addresses import servers
from bot.endpoints.edits.commands import commands, options
from bot.endpoints.edits.evaluation import expressions, pickles
from bot.endpoints.edits.guards import archives, folders, hosts, prefixes, redirects
from bot.endpoints.edits.outputs import format_strings, lines, markup, template_values
from bot.endpoints.edits.queries import queries
from bot.endpoints.edits.regexes import regexes
from bot.endpoints.edits.remedies import Code, Part, Remedy, Rule, literal, remedy, written
from bot.endpoints.edits.site import AND, ARITH, ATOM, NOT, function_defaults
from bot.endpoints.edits.text import Splice

# ------------------------------------------------------------------------------------ what is read from data

SAFER_CALLS = {
    "yaml.load": ("yaml.safe_load", 1.0),
    "yaml.unsafe_load": ("yaml.safe_load", 1.0),
    "yaml.full_load": ("yaml.safe_load", 1.0),
    "yaml.load_all": ("yaml.safe_load_all", 1.0),
    "yaml.unsafe_load_all": ("yaml.safe_load_all", 1.0),
    "yaml.full_load_all": ("yaml.safe_load_all", 1.0),
    "eval": ("ast.literal_eval", 1.0),
    "builtins.eval": ("ast.literal_eval", 1.0),
    "marshal.loads": ("json.loads", 0.4),
    "marshal.load": ("json.load", 0.4),
    "jsonpickle.decode": ("json.loads", 0.6),
    "tempfile.mktemp": ("tempfile.NamedTemporaryFile", 1.0),
    "ssl._create_unverified_context": ("ssl.create_default_context", 1.0),
    "uuid.uuid1": ("uuid.uuid4", 1.0),
}
"""What is called -> what does the same without doing what data says."""


def safer_calls(code: Code) -> Iterator[Remedy]:
    """`yaml.load(x)` -> `yaml.safe_load(x)`, `eval(x)` -> `ast.literal_eval(x)`, and their like."""
    for call, origin in code.calls(*SAFER_CALLS):
        wanted, factor = SAFER_CALLS[origin]
        name, imports = code.use(wanted)
        if origin == "tempfile.mktemp":
            given = [code.source(a) for a in call.args]
            names = ("suffix", "prefix", "dir")
            words = [f"{n}={text}" for n, text in zip(names, given, strict=False)]
            words += [f"{k.arg}={code.source(k.value)}" for k in call.keywords if k.arg]
            new = f"{name}({', '.join([*words, 'delete=False'])}).name"
            yield from remedy(call, "private-file", code.swap((call, new)), factor, imports)
            made, needs = code.use("tempfile.mkstemp")
            text = f"{made}({', '.join(words)})[1]"
            yield from remedy(call, "private-file", code.swap((call, text)), 0.8, needs)
            continue
        context = origin.startswith("ssl.")
        given = [code.source(a) for a in (call.args if context else call.args[:1])]
        if not given and not context and origin != "uuid.uuid1":
            continue
        if origin.startswith("uuid"):
            given = []
        if origin.endswith("eval") and _has_names(code, call):
            factor = 0.2  # a text over names is no literal
        text = f"{name}({', '.join(given)})"
        operator = {"ssl": "verify-peer", "uuid": "unpredictable"}.get(origin.partition(".")[0], "safe-loader")
        yield from remedy(call, operator, code.swap((call, text)), factor, imports)
        if origin == "yaml.load":
            loader, needs = code.use("yaml.SafeLoader")
            known = code.keyword(call, "Loader")
            place = known.value if known is not None else call.args[1] if len(call.args) > 1 else None
            splices = code.swap((place, loader)) if place else (code.add_argument(call, f"Loader={loader}"),)
            yield from remedy(call, "safe-loader", splices, 0.9, needs)


def _has_names(code: Code, call: ast.Call) -> bool:
    """Whether what is evaluated is given names of its own, besides those of builtins."""
    spaces = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    for value in map(code.resolved, spaces):
        keys = value.keys if isinstance(value, ast.Dict) else [None]
        if any(not isinstance(key, ast.Constant) or key.value != "__builtins__" for key in keys):
            return not (isinstance(value, ast.Constant) and value.value is None)
    return False


def flags(code: Code) -> Iterator[Remedy]:
    """`np.load(f, allow_pickle=True)` loses the flag; `torch.load(f)` gets `weights_only=True`."""
    for call, origin in code.calls():
        known = code.keyword(call, "allow_pickle")
        if known is not None:
            yield from remedy(call, "safe-loader", code.swap((known.value, "False")))
        if origin == "torch.load" and code.keyword(call, "weights_only") is None:
            yield from remedy(call, "safe-loader", [code.add_argument(call, "weights_only=True")])


XML = {
    "xml.etree.ElementTree": ("defusedxml.ElementTree", ("parse", "fromstring", "XML", "iterparse")),
    "xml.etree.cElementTree": ("defusedxml.ElementTree", ("parse", "fromstring", "XML", "iterparse")),
    "xml.dom.minidom": ("defusedxml.minidom", ("parse", "parseString")),
    "xml.dom.pulldom": ("defusedxml.pulldom", ("parse", "parseString")),
    "xml.sax": ("defusedxml.sax", ("parse", "parseString", "make_parser")),
}


def xml(code: Code) -> Iterator[Remedy]:
    """A parser of XML that follows no entities: lxml's told so, the standard library's from defusedxml."""
    for call, origin in code.calls():
        module, _, name = origin.rpartition(".")
        if module in XML and name in XML[module][1]:
            safe, imports = code.use(f"{XML[module][0]}.{name}")
            yield from remedy(call, "safe-xml", code.swap((call.func, safe)), 1.0, imports)
            yield from _no_entities(code, call)
        elif module == "lxml.etree" and name == "XMLParser":
            yield from _parser(code, call)
        elif module == "lxml.etree" and name in ("parse", "fromstring", "XML", "iterparse") and call.args:
            if len(call.args) == 1 and code.keyword(call, "parser") is None and name != "iterparse":
                maker, imports = code.use("lxml.etree.XMLParser")
                new = f"parser={maker}(resolve_entities=False, no_network=True)"
                yield from remedy(call, "safe-xml", [code.add_argument(call, new)], 1.0, imports)
            yield from _no_entities(code, call)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "setFeature" and len(call.args) == 2:
            yield from remedy(call, "safe-xml", code.swap((call.args[1], "False")), 1.0)


def _parser(code: Code, call: ast.Call) -> Iterator[Remedy]:
    wanted = {"resolve_entities": "False", "no_network": "True", "load_dtd": "False", "huge_tree": "False"}
    splices: list[Splice] = []
    missing = []
    for name, value in wanted.items():
        known = code.keyword(call, name)
        if known is not None:
            splices += code.swap((known.value, value))
        elif name in ("resolve_entities", "no_network"):
            missing.append(f"{name}={value}")
    if missing:
        splices.append(code.add_argument(call, ", ".join(missing)))
    yield from remedy(call, "safe-xml", splices)


def _no_entities(code: Code, call: ast.Call) -> Iterator[Remedy]:
    if call.args and isinstance(call.args[0], ast.Name):
        text = call.args[0].id
        for test, factor in ((f'"<!ENTITY" in {text}', 0.5), (f'b"<!ENTITY" in {text}', 0.45)):
            rows = [f"if {test}:", f"    raise ValueError({literal('entities are not allowed')})"]
            yield from remedy(call, "refuse-entities", [code.before(call, rows)], factor)


# --------------------------------------------------------------------------------------------- connections


def verification(code: Code) -> Iterator[Remedy]:
    """Certificates are verified: `verify=False` goes, and with it what switches the look at them off."""
    off: list[ast.Assign] = []
    for node in code.nodes:
        if isinstance(node, ast.Call):
            yield from _verified_call(code, node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            false = isinstance(node.value, ast.Constant) and node.value.value is False
            none = ast.unparse(node.value).endswith("CERT_NONE")
            if (node.targets[0].attr in ("check_hostname", "verify") and false) or none:
                off.append(node)
    for node in off:
        if len(off) == 1 or _bare_context(code, node) is None:
            yield from remedy(node, "verify-peer", [code.without(node)], 0.7)
    if off:
        yield from _switched_on(code, off)


def _bare_context(code: Code, off: ast.Assign) -> ast.Call | None:
    """The making of a context that knows no authorities of its own, to which what is switched off belongs.

    Both looks must be switched on together there, and the system's authorities be loaded, or nothing connects.
    """
    first = off.targets[0]
    if not isinstance(first, ast.Attribute):
        return None
    made = code.resolved(first.value)
    if isinstance(made, ast.Attribute):
        name = ast.unparse(made)
        values = [n.value for n in code.nodes if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == name]
        made = values[0] if len(values) == 1 else made
    bare = isinstance(made, ast.Call) and code.origin(made.func) == "ssl.SSLContext"
    return made if bare and isinstance(made, ast.Call) else None


def _verified_call(code: Code, call: ast.Call) -> Iterator[Remedy]:
    known = code.keyword(call, "verify")
    if known is not None and isinstance(known.value, ast.Constant) and known.value.value is False:
        yield from remedy(call, "verify-peer", [code.drop_argument(call, known)])
    certs = code.keyword(call, "cert_reqs")
    if certs is not None:
        required, imports = code.use("ssl.CERT_REQUIRED")
        new = '"CERT_REQUIRED"' if isinstance(certs.value, ast.Constant) else required
        yield from remedy(call, "verify-peer", code.swap((certs.value, new)), 1.0, imports)
    if code.origin(call.func).endswith(".AutoAddPolicy"):
        name, imports = code.use("paramiko.RejectPolicy")
        yield from remedy(call, "verify-peer", code.swap((call.func, name)), 1.0, imports)


def _switched_on(code: Code, off: list[ast.Assign]) -> Iterator[Remedy]:
    """All that switches a look off goes; a context that was made bare then knows the system's authorities."""
    blocks: dict[int, int] = {}
    for node in off:
        place = code.place(node)
        if place is not None:
            blocks[id(place.block)] = blocks.get(id(place.block), 0) + 1
    splices: list[Splice | None] = []
    first = off[0].targets[0]
    owner = code.source(first.value) if isinstance(first, ast.Attribute) else ""
    start, end = code.text.start(off[0]), code.text.end(off[0])
    for node in off:
        place = code.place(node)
        if place is not None and node is off[0] and blocks[id(place.block)] == len(place.block):
            splices.append(Splice(start, end, b"pass"))  # its block would be empty
        else:
            splices.append(code.without(node))
    made = _bare_context(code, off[0])
    if made is None:
        yield from remedy(off[0], "verify-peer", splices, 1.2)
        return
    loaded = Splice(start, end, f"{owner}.load_default_certs()".encode())
    yield from remedy(off[0], "verify-peer", [loaded, *splices[1:]], 1.3)
    if made in code.parents:
        # A context of the old protocol looks at nothing unless it is told to.
        maker, imports = code.use("ssl.create_default_context")
        yield from remedy(off[0], "verify-peer", [*code.swap((made, f"{maker}()")), *splices], 1.25, imports)


_REQUESTS = tuple(
    f"{module}.{name}"
    for module in ("requests", "httpx")
    for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")
)
_WAITING = (*_REQUESTS, "urllib.request.urlopen", "socket.create_connection", "smtplib.SMTP", "ftplib.FTP")


def timeouts(code: Code) -> Iterator[Remedy]:
    """A request that could wait for ever gets `timeout=10`."""
    for call, _ in code.calls(*_WAITING):
        known = code.keyword(call, "timeout")
        if known is None:
            yield from remedy(call, "add-timeout", [code.add_argument(call, "timeout=10")], 0.5)
        elif isinstance(known.value, ast.Constant) and known.value.value is None:
            yield from remedy(call, "add-timeout", code.swap((known.value, "10")), 0.5)


# ------------------------------------------------------------------------------------- secrets and digests


def chance(code: Code) -> Iterator[Remedy]:
    """`random.choice(x)` -> `secrets.choice(x)`: values that nobody can foresee, at all places of the function."""
    pairs: list[tuple[ast.expr, str]] = []
    needs: dict[str, None] = {}
    seeds: list[Splice | None] = []
    at: ast.AST | None = None
    for call, origin in code.calls():
        module, _, name = origin.rpartition(".")
        if module != "random" or name == "SystemRandom":
            continue
        if name == "seed":
            parent = code.parents.get(call)
            seeds += [code.without(parent)] if isinstance(parent, ast.Expr) else []
            continue
        new, imports = _unforeseen(code, call, name)
        pairs.append((call, new))
        needs |= dict.fromkeys(imports)
        at = at or call
        yield from remedy(call, "unpredictable", code.swap((call, new)), 0.8, imports)
    if at is not None and (len(pairs) > 1 or seeds):
        yield from remedy(at, "unpredictable", [*code.swap(*pairs), *seeds], 1.2, tuple(needs))
    yield from _tokens(code)


def _unforeseen(code: Code, call: ast.Call, name: str) -> tuple[str, tuple[str, ...]]:
    given = [code.source(argument) for argument in call.args]
    words = {keyword.arg: code.source(keyword.value) for keyword in call.keywords}
    choice, imports = code.use("secrets.choice")
    below, _ = code.use("secrets.randbelow")
    if name == "choice" and len(given) == 1:
        return f"{choice}({given[0]})", imports
    if name == "randint" and len(given) == 2:
        return code.fit(call, *_within(below, call.args[0], call.args[1], given, 1)), imports
    if name == "randrange" and len(given) == 1:
        return f"{below}({given[0]})", imports
    if name == "randrange" and len(given) == 2:
        return code.fit(call, *_within(below, call.args[0], call.args[1], given, 0)), imports
    count = words.get("k", given[1] if len(given) == 2 else "")
    if name == "choices" and count and given and not words.keys() - {"k"}:
        return f"[{choice}({given[0]}) for _ in range({count})]", imports
    if name == "getrandbits" and len(given) == 1:
        return f"{code.use('secrets.randbits')[0]}({given[0]})", imports
    if name == "randbytes" and len(given) == 1:
        return f"{code.use('secrets.token_bytes')[0]}({given[0]})", imports
    maker, imports = code.use("secrets.SystemRandom")
    if name == "Random":
        return f"{maker}()", imports
    every = [*given, *(f"{key}={value}" for key, value in words.items() if key)]
    return f"{maker}().{name}({', '.join(every)})", imports


def _within(below: str, low: ast.expr, high: ast.expr, given: list[str], more: int) -> tuple[str, int]:
    """A number from `low` to `high`, and how strongly its text holds together."""
    one, other = (
        f"({text})" if not isinstance(n, ast.Constant | ast.Name) else text
        for n, text in zip((low, high), given, strict=True)
    )
    if isinstance(low, ast.Constant) and isinstance(high, ast.Constant):
        span = str(int(high.value) - int(low.value) + more)  # type: ignore[arg-type]
    else:
        span = f"{other} - {one}" + (f" + {more}" if more else "")
    if isinstance(low, ast.Constant) and low.value == 0:
        span = span if isinstance(high, ast.Constant) else f"{other}" + (f" + {more}" if more else "")
        return f"{below}({span})", ATOM
    return f"{one} + {below}({span})", ARITH


_SIZES = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}


def _tokens(code: Code) -> Iterator[Remedy]:
    """A token made of the time or of a weak random value, as a digest of it: one that nobody can foresee."""
    token, imports = code.use("secrets.token_hex")
    for call, _ in code.calls():
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "hexdigest":
            continue
        inner = call.func.value
        size = _SIZES.get(code.origin(inner.func).rpartition(".")[2], 0) if isinstance(inner, ast.Call) else 0
        calls = [code.origin(n.func) for n in ast.walk(inner) if isinstance(n, ast.Call)]
        if size and any(o.startswith(("time.", "random.", "datetime.", "uuid.", "os.getpid")) for o in calls):
            yield from remedy(call, "unpredictable", code.swap((call, f"{token}({size})")), 0.9, imports)


_WEAK = ("md5", "sha1", "md4", "ripemd160", "sha")
_SLOW = 600_000


def digests(code: Code) -> Iterator[Remedy]:
    """`hashlib.md5(x)` -> `hashlib.sha256(x)`; a password's digest -> a slow one, where there is a salt."""
    for node in code.nodes:
        origin = code.origin(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if isinstance(node, ast.expr) and origin in ("hashlib.md5", "hashlib.sha1"):
            name, imports = code.use("hashlib.sha256")
            yield from remedy(node, "strong-digest", code.swap((node, name)), 1.0, imports)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in _WEAK:
            call = code.inside(node, ast.Call)
            about = code.origin(call.func) if isinstance(call, ast.Call) else ""
            if about.startswith(("hashlib.", "hmac.")):
                yield from remedy(node, "strong-digest", code.swap((node, '"sha256"')))
    yield from _passwords(code)


def _passwords(code: Code) -> Iterator[Remedy]:
    salt = next((name for name in (*code.parameters, *code.values) if "salt" in name.lower()), "")
    slow, imports = code.use("hashlib.pbkdf2_hmac")
    for call, origin in code.calls():
        if origin == "hashlib.pbkdf2_hmac" and len(call.args) > 3 and isinstance(call.args[3], ast.Constant):
            yield from remedy(call, "slow-digest", code.swap((call.args[3], f"{_SLOW:_}")))
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if method not in ("hexdigest", "digest") or not isinstance(inner, ast.Call) or not inner.args or not salt:
            continue
        named = any("pass" in n.lower() or "pin" in n.lower() or "secret" in n.lower() for n in code.names(inner))
        if code.origin(inner.func).startswith("hashlib.") and named:
            words = [n for n in ast.walk(inner.args[0]) if isinstance(n, ast.Name) and "salt" not in n.id.lower()]
            word = next((n.id for n in words if n.id in code.values), "")
            for key, factor in ((".encode()", 0.6), ("", 0.5)):
                made = f'{slow}("sha256", {word}{key}, {salt}{key}, {_SLOW:_})'
                new = made + (".hex()" if method == "hexdigest" else "")
                yield from remedy(call, "slow-digest", code.swap((call, new)), factor, imports)


def tokens(code: Code) -> Iterator[Remedy]:
    """`jwt.decode(t, k, options={"verify_signature": False})` -> with a look at the signature."""
    for call, origin in code.calls():
        if origin not in ("jwt.decode", "jwt.api_jwt.decode") or (
            len(call.args) < 2 and not code.keyword(call, "key")
        ):
            continue
        splices: list[Splice] = []
        for name in ("options", "verify"):
            known = code.keyword(call, name)
            if known is not None:
                splices.append(code.drop_argument(call, known))
        algorithms = code.keyword(call, "algorithms")
        listed = algorithms.value if algorithms is not None else None
        if algorithms is None and len(call.args) < 3:
            splices.append(code.add_argument(call, 'algorithms=["HS256"]'))
        elif isinstance(listed, ast.List | ast.Tuple):
            kept = [e for e in listed.elts if not (isinstance(e, ast.Constant) and str(e.value).lower() == "none")]
            if len(kept) < len(listed.elts):
                names = ", ".join(code.source(e) for e in kept) or '"HS256"'
                splices += code.swap((listed, f"[{names}]"))
        elif listed is not None:
            splices += code.swap((listed, '["HS256"]'))
        yield from remedy(call, "verify-token", splices)


_SECRET = ("digest", "signature", "token", "mac", "hash", "secret", "password", "sig", "key", "expected", "code")


def comparisons(code: Code) -> Iterator[Remedy]:
    """`a == b` for digests and tokens -> `hmac.compare_digest(a, b)`, which takes as long for any `b`."""
    compare, imports = code.use("hmac.compare_digest")
    for node in code.nodes:
        if (
            not isinstance(node, ast.Compare)
            or len(node.ops) != 1
            or not isinstance(node.ops[0], ast.Eq | ast.NotEq)
        ):
            continue
        left, right = node.left, node.comparators[0]
        text = ast.unparse(node).lower()
        if (
            isinstance(left, ast.Constant)
            or isinstance(right, ast.Constant)
            or not any(w in text for w in _SECRET)
        ):
            continue
        one, other = code.source(left), code.source(right)
        negated = isinstance(node.ops[0], ast.NotEq)
        for factor, after in ((1.0, ""), (0.9, ".encode()")):
            sides = [
                f"({t})" if after and not isinstance(n, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else t
                for n, t in ((left, one), (right, other))
            ]
            new = f"{compare}({sides[0]}{after}, {sides[1]}{after})"
            missing = [t for n, t in ((left, one), (right, other)) if _may_be_none(code, n)]
            if missing and not negated:
                guarded = " and ".join((*(f"{t} is not None" for t in missing), new))
                made = code.swap((node, code.fit(node, guarded, AND)))
                yield from remedy(node, "constant-time", made, factor + 0.05, imports)
            yield from remedy(
                node,
                "constant-time",
                code.swap((node, code.fit(node, f"not {new}", NOT) if negated else new)),
                factor,
                imports,
            )


def _may_be_none(code: Code, node: ast.expr) -> bool:
    """Whether a value is nothing at times by its text: `d.get(k)`, or a parameter that may be left out."""
    made = code.resolved(node)
    if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
        return made.func.attr == "get" and len(made.args) == 1 and not made.keywords
    defaults = {a.arg: d for a, d in function_defaults(code.function)}
    default = defaults.get(made.id) if isinstance(made, ast.Name) else None
    return isinstance(default, ast.Constant) and default.value is None


# ----------------------------------------------------------------------------------------- files and modes


def files(code: Code) -> Iterator[Remedy]:
    """A file under a name that others know is made by us or not at all; nobody else may write what we made."""
    for call, origin in code.calls("open", "io.open"):
        mode = call.args[1] if len(call.args) > 1 else None
        known = code.keyword(call, "mode")
        mode = mode or (known.value if known is not None else None)
        if origin and isinstance(mode, ast.Constant) and isinstance(mode.value, str) and "w" in mode.value:
            yield from remedy(call, "private-file", code.swap((mode, literal(mode.value.replace("w", "x")))), 0.6)
    for call, origin in code.calls():
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if origin == "os.umask" and call.args:
            yield from remedy(call, "narrow-mode", code.swap((call.args[0], "0o077")))
            continue
        if method not in ("chmod", "open", "mkdir", "makedirs", "fchmod", "mkfifo", "touch"):
            continue
        named = code.keyword(call, "mode")
        at = {"chmod": 1, "fchmod": 1, "open": 2, "mkdir": 1, "makedirs": 1, "mkfifo": 1}.get(method, 0)
        at = 0 if method == "chmod" and len(call.args) == 1 else at
        if method == "open" and origin != "os.open":
            continue
        mode = named.value if named is not None else call.args[at] if len(call.args) > at else None
        value = _mode(mode) if mode is not None else None
        if mode is None or value is None:
            continue
        owner = value & 0o700
        for factor, narrow in ((1.0, owner or 0o600), (0.9, value & 0o755), (0.8, 0o600), (0.7, 0o700)):
            if narrow != value:
                yield from remedy(call, "narrow-mode", code.swap((mode, f"0o{narrow:o}")), factor)


def temporary(code: Code) -> Iterator[Remedy]:
    """A path in the shared temporary folder under a name that others can foresee -> a file that is ours alone.

    What is seen of the name stays: its beginning, its end and its folder. A name of which neither is known stays
    whole, in a new folder that is ours alone.
    """
    maker, imports = code.use("tempfile.NamedTemporaryFile")
    folder, more = code.use("tempfile.mkdtemp")
    join, needs = code.use("os.path.join")
    for node in code.nodes:
        found = _shared_name(code, node) if not _is_part(code, node) else None
        if found is None or not isinstance(node, ast.expr):
            continue
        place, name = found
        if isinstance(name[-1], str) and name[-1].endswith(_AGREED):
            continue  # others look for it under this name
        inside = [f"dir={place}"] if place else []
        words = _name_words(name)
        text = f"{maker}({', '.join([*words, *inside, 'delete=False'])}).name" if words is not None else ""
        last = code.source(name[0]) if len(name) == 1 and isinstance(name[0], ast.expr) else written(name)
        own = f"{join}({folder}({', '.join(inside)}), {last})"
        rows = ((text, 0.9, imports), (own, 0.7, (*more, *needs)))
        for new, factor, used in rows:
            path, further = code.use("pathlib.Path") if _is_path(code, node) else ("", ())
            made = f"{path}({new})" if path else new
            every = tuple(dict.fromkeys((*used, *further)))
            yield from remedy(node, "unique-file", code.swap((node, made)) if new else (), factor, every)


_AGREED = (".lock", ".pid", ".sock", ".socket")


def _is_part(code: Code, node: ast.AST) -> bool:
    """Whether an expression is only a piece of a path that is put together around it."""
    parent = code.parents.get(node)
    if isinstance(parent, ast.BinOp) or (isinstance(parent, ast.Attribute) and parent.attr == "format"):
        return True
    joins = ("os.path.join", "pathlib.Path")
    return isinstance(parent, ast.Call) and len(parent.args) > 1 and code.origin(parent.func) in joins


def _is_path(code: Code, node: ast.expr) -> bool:
    """Whether an expression is a path object: `Path(a, b)`, or `a / b`."""
    divided = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    return divided or (isinstance(node, ast.Call) and code.origin(node.func) == "pathlib.Path")


def _name_words(name: tuple[Part, ...]) -> list[str] | None:
    """The beginning and the end of a file's name as arguments; None where a single value is all that is known."""
    at = next((i for i in range(len(name) - 1, -1, -1) if isinstance(name[i], str) and "." in str(name[i])), -1)
    if at >= 0:
        stem, _, ending = str(name[at]).rpartition(".")
        double = ".tar" if stem.endswith(".tar") else ""
        stem = stem.removesuffix(double)
        first: tuple[Part, ...] = (*name[:at], *([stem] if stem else []))
        last: tuple[Part, ...] = (f"{double}.{ending}", *name[at + 1 :])
    elif isinstance(name[-1], str):
        first, last = name, ()
    elif len(name) > 1:
        first, last = name[:-1], name[-1:]  # the value may bring an ending of its own
    else:
        return None
    if first and not (isinstance(first[-1], str) and first[-1].endswith(("-", "_", "."))):
        first = (*first[:-1], first[-1] + "-") if isinstance(first[-1], str) else (*first, "-")
    words = [f"prefix={written(first)}"] if first else []
    return [*words, *([f"suffix={written(last)}"] if last else [])]


def _shared_name(code: Code, node: ast.AST) -> tuple[str, tuple[Part, ...]] | None:
    """(source of the folder, the file's name) of a path in the shared temporary folder; None elsewhere.

    The folder is empty where it is the one that `tempfile` takes by itself.
    """
    if isinstance(node, ast.Call) and code.origin(node.func) in ("os.path.join", "pathlib.Path"):
        if len(node.args) < 2 or node.keywords or not _is_shared(code, node.args[0]):
            return None
        given = [code.source(argument) for argument in node.args[:-1]]
        folder = given[0] if len(given) == 1 else f"{code.source(node.func)}({', '.join(given)})"
        return _named(code, node.args[0], folder, len(given) == 1, node.args[-1])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        if not _is_shared(code, node.left):
            return None
        return _named(code, node.left, code.source(node.left), True, node.right)
    parts = code.parts(node) if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) else None
    if not parts or code.inside(node, ast.JoinedStr) is not None:
        return None
    first = parts[0]
    if isinstance(first, str) and first.startswith(("/tmp/", "/var/tmp/")):  # noqa: S108 - it is looked for
        return _split_off(parts)
    if len(parts) > 1 and isinstance(first, ast.expr) and _is_shared(code, first):
        rest = parts[1]
        if isinstance(rest, str) and rest.startswith("/"):
            name = tuple(part for part in (rest[1:], *parts[2:]) if part != "")
            plain = not any(isinstance(part, str) and "/" in part for part in name)
            return (_folder(code, first, code.source(first)), name) if name and plain else None
    return None


def _named(
    code: Code, shared: ast.expr, folder: str, plain: bool, last: ast.expr
) -> tuple[str, tuple[Part, ...]] | None:
    """The folder and the pieces of what is joined to it, where that is one name."""
    name = code.parts(last) or (last,)
    if any(isinstance(part, str) and "/" in part for part in name):
        return None
    return (_folder(code, shared, folder) if plain else folder), tuple(name)


def _folder(code: Code, shared: ast.expr, folder: str) -> str:
    """The source of a folder; empty for the one that `tempfile` takes by itself."""
    made = code.resolved(shared)
    while isinstance(made, ast.Call) and code.origin(made.func) == "pathlib.Path" and made.args:
        made = code.resolved(made.args[0])
    return "" if isinstance(made, ast.Call) and code.origin(made.func) == "tempfile.gettempdir" else folder


def _split_off(parts: tuple[Part, ...]) -> tuple[str, tuple[Part, ...]] | None:
    """A written path at its last slash: the folder, and the pieces of the name."""
    at = max(i for i, part in enumerate(parts) if isinstance(part, str) and "/" in part)
    before, _, rest = str(parts[at]).rpartition("/")
    folder = (*parts[:at], *([before] if before else []))
    name = tuple(part for part in (rest, *parts[at + 1 :]) if part != "")
    return (written(folder), name) if name else None


def _is_shared(code: Code, node: ast.expr) -> bool:
    made = code.resolved(node)
    if isinstance(made, ast.Call):
        inner = bool(made.args) and _is_shared(code, made.args[0])
        return code.origin(made.func) == "tempfile.gettempdir" or (
            code.origin(made.func) == "pathlib.Path" and inner
        )
    return isinstance(made, ast.Constant) and str(made.value).rstrip("/") in ("/tmp", "/var/tmp")  # noqa: S108


_STAT = {
    "S_IRWXU": 0o700, "S_IRUSR": 0o400, "S_IWUSR": 0o200, "S_IXUSR": 0o100,
    "S_IRWXG": 0o070, "S_IRGRP": 0o040, "S_IWGRP": 0o020, "S_IXGRP": 0o010,
    "S_IRWXO": 0o007, "S_IROTH": 0o004, "S_IWOTH": 0o002, "S_IXOTH": 0o001,
}  # fmt: skip


def _mode(node: ast.expr) -> int | None:
    """The value of a mode: a number, or names of `stat` with `|` between them."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = (_mode(node.left), _mode(node.right))
        return None if sides[0] is None or sides[1] is None else sides[0] | sides[1]
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return _STAT.get(name)


RULES: tuple[Rule, ...] = (
    queries,
    commands,
    options,
    safer_calls,
    expressions,
    pickles,
    flags,
    xml,
    verification,
    timeouts,
    chance,
    digests,
    comparisons,
    tokens,
    files,
    temporary,
    folders,
    prefixes,
    archives,
    hosts,
    servers,
    redirects,
    markup,
    template_values,
    format_strings,
    lines,
    regexes,
)

_FOR: tuple[tuple[str, str], ...] = (
    ("89 564 943", "query-parameters query-name"),
    ("77 78 88", "argument-list quote-argument refuse-option end-of-options"),
    ("94 95", "safe-loader plain-expression template-value refuse-fields plain-replace"),
    ("502", "safe-loader plain-data"),
    ("611 776 827", "safe-xml refuse-entities"),
    ("22 23 36 59 73", "inside-folder plain-name safe-members"),
    ("295 297 599", "verify-peer"),
    ("400 1088", "add-timeout linear-pattern length-limit"),
    ("330 331 335 337 338 340 341", "unpredictable"),
    ("326 327 328 759 760 916", "strong-digest slow-digest"),
    ("203 208", "constant-time"),
    ("276 281 732", "narrow-mode"),
    ("377 378 379", "private-file unique-file narrow-mode"),
    ("601", "local-redirect same-host"),
    ("918", "same-host own-host web-address outer-address"),
    ("345 347", "verify-token"),
    ("79 80 116", "escape-markup template-value"),
    ("1336", "template-value refuse-fields plain-replace"),
    ("134", "refuse-fields plain-replace"),
    ("93 113 117 150", "one-line refuse-line-break"),
    ("730 1333", "linear-pattern length-limit"),
)


def fitting(cwe: int) -> frozenset[str] | None:
    """Operators that mend a weakness, none for one of which we know no remedy; None where none is named: any may.

    What escapes markup also keeps quotes out of a query, and is no remedy there.
    """
    for numbers, operators in _FOR:
        if str(cwe) in numbers.split():
            return frozenset(operators.split())
    return frozenset() if cwe else None
