"""What the text says of a function under attack: the calls it makes, what can be given to it, how it is called.

Pure reading. `subject_of` gives a `Subject`; a family asks it for `sites` (calls of the function and of what it
calls in its own file, names resolved through imports) and for `targets` (ways in for a payload), and `ways` writes
the calls of a test module.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import Call, Function
from bot.languages import Files, Unparsable
from bot.languages.python import functions, witness
from bot.languages.python.functions import AnyFunction

DEPTH = 2
"""How far calls are followed within the file."""
MOST_RECORDED = 3
"""Recorded calls that give the other arguments."""
MOST_SOURCE = 600
"""Characters of recorded arguments that a test module may show."""
TEXTS = re.compile(r"^(typing\.|t\.)?(str|AnyStr|Any|object|Text)$")
PATHS = re.compile(r"\b(Path|PurePath|PathLike|StrPath)\b")
LISTS = re.compile(
    r"^(typing\.|t\.|collections\.abc\.|abc\.)?(list|tuple|set|frozenset|List|Tuple|Sequence|Iterable|Collection|Set"
    r"|Iterator|MutableSequence)\[(str|Any|str, \.\.\.)\]$"
)
FOLDERS = re.compile(r"(^|_)(root|dir|directory|folder|base|basedir|workdir|cwd|dest|destination|prefix)$")
FILES_ = re.compile(r"(^|_)(path|file|filename|out|output|target|src|source|dst)$")
NUMBERS = re.compile(
    r"(^|_)(n|num|count|limit|size|port|timeout|offset|page|width|height|depth|index|id|days|seconds|year)$"
)
WRITTEN = re.compile(r"(^|_)(out|output|target|dst)$")
"""Of these, what is made by the function: a file or a folder."""
SERVICES = re.compile(
    r"(^|_)(conn|connection|db|database|cursor|cur|session|engine|pool|client|logger|log|service|repo|manager)$"
)
WEB = frozenset({"args", "form", "values", "GET", "POST", "params", "json", "headers", "cookies", "query_params"})
"""Attributes of a request that hold what a stranger sent."""
TEXT_METHODS = frozenset(name for name in dir(str) if not name.startswith("_"))
TEMPORARY = re.compile(
    r"^(?:/private)?/(?:var/)?tmp/(?:.*/)?pytest-of-[^/]+/pytest-\d+/[^/]+(?:/(.*))?$", re.DOTALL
)
"""A path in the folder that pytest gave to the test in which a call was recorded."""
FILLING = frozenset({"append", "add", "insert", "extend", "update", "setdefault", "appendleft", "put"})
"""Methods by which an object puts what it is given into a container of its own."""
MOST_CHOICES = 3
"""Values that a body compares an argument with, and that are tried for it."""
BYTES_METHODS = frozenset(name for name in dir(bytes) if not name.startswith("_"))
PATH_METHODS = frozenset(name for name in dir(pathlib.Path) if not name.startswith("_"))
STREAM_METHODS = frozenset({"read", "readline", "readlines", "seek", "getvalue", "close", "name"})
MARK = "zq7hit"
"""The word in every payload that is found again where it landed."""


@dataclass(frozen=True)
class Site:
    """One call in the text of the function or of what it calls."""

    name: str
    """Dotted, imports resolved: `subprocess.run`, `self.conn.execute`; `?.execute` where the owner has no name."""
    node: ast.Call
    line: int
    """Of the file."""
    inside: str
    """Name of the function that holds it."""

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def keyword(self, name: str) -> ast.expr | None:
        """The value of a keyword argument."""
        return next((each.value for each in self.node.keywords if each.arg == name), None)

    def true(self, name: str) -> bool:
        """Whether a keyword is given and not a constant that is false."""
        value = self.keyword(name)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)


@dataclass(frozen=True)
class Target:
    """One way in for a payload."""

    label: str
    """For a reader: `name`, `request.args["x"]`, `self.host`."""
    parameter: str
    """The parameter that carries it."""
    value: str
    """Python source made of the variable `payload`, given for the parameter."""
    made: bool = False
    """Whether it is a parameter of `__init__`, read later as an attribute."""
    kind: str = "str"
    """`str`, `bytes`, `path`: what arrives."""
    outer: bool = False
    """Whether it is no parameter but a name of the module: a web framework's `request`."""
    before: str = ""
    """A call of another method that carries it into the object first: `add(name='zq', value=payload)`."""


@dataclass(frozen=True)
class Given:
    """A parameter as its definition gives it."""

    name: str
    kind: str
    """`/` (by position alone), `p`, `*`, `k`, `**`."""
    annotation: str
    optional: bool


@dataclass(frozen=True)
class Subject:
    """One function with what its file says of it."""

    function: Function
    text: str
    tree: ast.Module
    node: AnyFunction
    module: str
    """Dotted name by which tests import its file."""
    klass: ast.ClassDef | None
    given: tuple[Given, ...]
    """Its parameters without `self` or `cls`."""
    bound: str
    """`instance`, `class` or `` for a plain function or a static method."""
    sites: tuple[Site, ...]
    targets: tuple[Target, ...]
    recorded: tuple[Mapping[str, str], ...] = ()
    """Parameter -> source, of recorded calls; `self` under its own name."""
    needs: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """Imported name -> what it stands for, dotted."""
    through: str = ""
    """Name of the changed function, where this is a caller of it."""

    @property
    def name(self) -> str:
        """As a reader knows it."""
        return self.function.qualname.partition("@")[0]

    def site(self, *names: str) -> Site | None:
        """The first call of one of these functions, by whole dotted name, or by last name with a leading dot."""
        for site in self.sites:
            if site.name in names or f".{site.last}" in names:
                return site
        return None

    def imports(self, package: str) -> bool:
        """Whether the file imports from a package."""
        return any(name == package or name.startswith(package + ".") for name in self.names.values())


# ------------------------------------------------------------------------------------------------- reading


def subject_of(function: Function, text: str, files: Files, calls: Sequence[Call]) -> Subject | None:
    """The subject; None for a function that cannot be called from outside. Raises Unparsable."""
    tree, names = read(text)
    found = definition(tree, function)
    if found is None:
        return None
    node, klass = found
    decorators = {decorator.rpartition(".")[2] for decorator in function.decorators}
    bound = "" if klass is None or "staticmethod" in decorators else "instance"
    if klass is not None and ("classmethod" in decorators or node.name == "__new__"):
        bound = "class"
    given = parameters(node)
    own = given[0].name if bound and given and given[0].kind in "/p" else ""
    given = given[1:] if own else given
    recorded, needs = recorded_arguments(node, calls)
    subject = Subject(
        function=function,
        text=text,
        tree=tree,
        node=node,
        module=witness.module_of(function.path, files),
        klass=klass,
        given=given,
        bound=bound,
        sites=tuple(sites_of(tree, node, klass, names)),
        targets=(),
        recorded=tuple({**call, "self": call[own]} if own in call else call for call in recorded),
        needs=needs,
        names=names,
    )
    return replace(subject, targets=tuple(targets_of(subject, own)))


@functools.lru_cache(maxsize=8)
def read(text: str) -> tuple[ast.Module, Mapping[str, str]]:
    """A file's tree and what its imported names stand for; kept, because a file has many functions."""
    tree = functions.parse(text)
    return tree, imported(tree)


def definition(tree: ast.Module, function: Function) -> tuple[AnyFunction, ast.ClassDef | None] | None:
    """The node of a function that lies at the top of its file or in classes there, and its class."""
    if "<locals>" in function.qualname:
        return None
    for node, klass in reachable(tree.body, None):
        if node.lineno == function.def_line:
            return node, klass
    return None


def reachable(
    body: Sequence[ast.stmt], klass: ast.ClassDef | None
) -> Iterator[tuple[AnyFunction, ast.ClassDef | None]]:
    """Functions at a module's top and in its classes, below `if` and `try` too; classes in classes left out."""
    for node in body:
        if isinstance(node, AnyFunction):
            yield node, klass
        elif isinstance(node, ast.ClassDef) and klass is None:
            yield from reachable(node.body, node)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from reachable([*node.body, *getattr(node, "orelse", [])], klass)


def imported(tree: ast.Module) -> dict[str, str]:
    """Every imported name of a file, wherever the import stands, with what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            names |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
    return names


def dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """`subprocess.run` of `r` after `from subprocess import run as r`; `?` for what has no name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        return f"{dotted(node.func, names)}()"
    return "?"


def sites_of(
    tree: ast.Module, node: AnyFunction, klass: ast.ClassDef | None, names: Mapping[str, str]
) -> Iterator[Site]:
    """Calls in a function, then in the functions of its file that it calls."""
    all_of_them = list(reachable(tree.body, None))
    plain = {each.name: each for each, owner in all_of_them if owner is None}
    methods = {each.name: each for each, owner in all_of_them if owner is klass and klass is not None}
    todo: list[tuple[AnyFunction, int]] = [(node, 0)]
    seen = {id(node)}
    while todo:
        current, depth = todo.pop(0)
        for call, inside in calls_within(current):
            name = dotted(call.func, names)
            yield Site(name, call, call.lineno, inside)
            callee = plain.get(name)
            owner, _, last = name.rpartition(".")
            if owner in ("self", "cls", klass.name if klass is not None else "self"):
                callee = methods.get(last)
            if callee is not None and depth < DEPTH and id(callee) not in seen:
                seen.add(id(callee))
                todo.append((callee, depth + 1))


def calls_in(node: ast.AST) -> list[ast.Call]:
    """The calls of a function in the order of its lines."""
    found = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


def calls_within(node: AnyFunction) -> list[tuple[ast.Call, str]]:
    """The calls of a function in the order of its lines, each with the innermost function that holds it."""
    inside = {id(call): node.name for call in calls_in(node)}
    for inner in ast.walk(node):  # outer ones before those in them
        if isinstance(inner, AnyFunction) and inner is not node:
            inside |= {id(call): inner.name for call in calls_in(inner)}
    return [(call, inside[id(call)]) for call in calls_in(node)]


def parameters(node: AnyFunction) -> tuple[Given, ...]:
    """The parameters of a definition, in the order in which recorded calls give them."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    optional = len(plain) - len(arguments.defaults)
    found = [
        given(arg, "/" if number < len(arguments.posonlyargs) else "p", optional=number >= optional)
        for number, arg in enumerate(plain)
    ]
    if arguments.vararg is not None:
        found.append(given(arguments.vararg, "*", optional=True))
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(given(arg, "k", optional=default is not None))
    if arguments.kwarg is not None:
        found.append(given(arguments.kwarg, "**", optional=True))
    return tuple(found)


def given(arg: ast.arg, kind: str, *, optional: bool) -> Given:
    """One parameter."""
    return Given(arg.arg, kind, ast.unparse(arg.annotation) if arg.annotation is not None else "", optional)


def recorded_arguments(
    node: AnyFunction, calls: Sequence[Call]
) -> tuple[tuple[dict[str, str], ...], tuple[str, ...]]:
    """(for each of a few recorded calls that have source: parameter -> source, import statements)."""
    names = [each.name for each in parameters(node)]
    found: list[dict[str, str]] = []
    needs: list[str] = []
    for call in calls:
        if not call.source or len(call.source) > MOST_SOURCE:
            continue
        try:
            value = witness.expression(call.source, "the recorded arguments")
        except Unparsable:
            continue
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(names):
            continue
        value = ast.fix_missing_locations(Moved().visit(value))
        made = {name: ast.unparse(item) for name, item in zip(names, value.elts, strict=True)}
        if made not in found:
            found.append(made)
            needs += [need for need in call.needs if need not in needs]
        if len(found) == MOST_RECORDED:
            break
    return tuple(found), tuple(needs)


class Moved(ast.NodeTransformer):
    """Paths of a recorded test's own folder, which is gone, become paths of `tmp_path`."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A text that is such a path."""
        found = TEMPORARY.match(node.value) if isinstance(node.value, str) else None
        if found is None:
            return node
        inner = f"str(tmp_path / {found.group(1)!r})" if found.group(1) else "str(tmp_path)"
        return ast.parse(inner, mode="eval").body


# ------------------------------------------------------------------------------------------------- targets


def targets_of(subject: Subject, own: str) -> Iterator[Target]:
    """The ways in: parameters that take text, items of those that hold some, attributes made of `__init__`'s."""
    for parameter in subject.given:
        yield from into(subject, subject.node, parameter)
    if "request" in subject.names and not subject.function.is_async:
        for label, value in items_of(subject.node, "request"):
            if label.startswith("request.") and label.endswith("]"):
                yield Target(label, "request", value, outer=True)
    if subject.bound == "instance" and subject.klass is not None and subject.node.name != "__init__":
        yield from through_init(subject, subject.klass, own)
        yield from through_methods(subject, subject.klass, own)


def into(subject: Subject, node: AnyFunction, parameter: Given, *, made: bool = False) -> Iterator[Target]:
    """The ways in through one parameter."""
    name, annotation = parameter.name, parameter.annotation.strip("'\"")
    if not annotation and SERVICES.search(name):
        return
    bare = re.sub(r"^(typing\.)?Optional\[(.*)\]$", r"\2", annotation)
    parts = [part.strip() for part in bare.split("|")] if "[" not in bare else [bare]
    items = items_of(node, name) or looped(node, name)
    if parameter.kind == "**":
        items = [(label, value) for label, value in items if label.startswith(f"{name}[")]
    encoded = any("json.dumps" in value for _, value in items)
    if items and (encoded or not any(part in ("str", "Text") for part in parts)):
        yield from (Target(label, name, value, made) for label, value in items)
    elif parameter.kind == "*" and (not annotation or TEXTS.match(annotation)):
        yield Target(name, name, "payload", made)
    elif parameter.kind not in ("*", "**"):
        recorded = [call[name] for call in subject.recorded if name in call]
        yield from plainly(node, name, parts, recorded, made=made)


def plainly(
    node: AnyFunction, name: str, parts: Sequence[str], recorded: Sequence[str], *, made: bool
) -> Iterator[Target]:
    """The way in through a parameter that takes one value: by annotation, by what was recorded, by use."""
    if any(LISTS.match(part) for part in parts) or any(t.startswith(("['", '["', "('", '("')) for t in recorded):
        yield Target(name, name, "[payload]", made)
    elif any(PATHS.search(part) for part in parts) and "str" not in parts:
        yield Target(name, name, "pathlib.Path(payload)", made, "path")
    elif "bytes" in parts or any(text.startswith(("b'", 'b"')) for text in recorded):
        yield Target(name, name, "payload.encode()", made, "bytes")
    elif any(TEXTS.match(part) for part in parts if part):
        yield Target(name, name, "payload", made)
    elif not any(parts):
        yield from by_use(node, name, made=made)


def by_use(node: AnyFunction, name: str, *, made: bool) -> Iterator[Target]:
    """The way in through a parameter without annotation, by what the body asks of it."""
    foreign = attributes_of(node, name) - TEXT_METHODS
    if asked_for_bytes(node, name):
        yield Target(name, name, "payload.encode()", made, "bytes")
    elif walked(node, name):
        yield Target(name, name, "[payload]", made)
    elif not foreign or foreign <= STREAM_METHODS:
        yield Target(name, name, "payload", made)
    elif foreign <= BYTES_METHODS:
        yield Target(name, name, "payload.encode()", made, "bytes")
    elif foreign <= PATH_METHODS:
        yield Target(name, name, "pathlib.Path(payload)", made, "path")


def asked_for_bytes(node: AnyFunction, name: str) -> bool:
    """Whether the body asks whether a parameter is bytes, and not whether it is a text."""
    kinds = {
        inner.id
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "isinstance"
        if len(each.args) == 2 and isinstance(each.args[0], ast.Name) and each.args[0].id == name
        for inner in ast.walk(each.args[1])
        if isinstance(inner, ast.Name)
    }
    return bool(kinds & {"bytes", "bytearray"}) and "str" not in kinds


def items_of(node: AnyFunction, name: str) -> list[tuple[str, str]]:
    """(label, value) for the items and attributes of a parameter that the body reads as data.

    `data["x"]` and `data.get("x")` make a dictionary; `request.args["x"]` a stand-in with one; `order.name`, where
    it is never called, a plain object.
    """
    items: dict[str, None] = {}
    nested: dict[tuple[str, str], None] = {}
    attributes: dict[str, None] = {}
    encoded: dict[str, None] = {}
    decoded = decoded_from(node, name)
    called = {id(call.func) for call in calls_in(node)}
    inner = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    for each in ast.walk(node):
        key = key_of(each)
        if key is not None:
            holder, text = key
            if isinstance(holder, ast.Name) and holder.id == name:
                items[text] = None
            elif isinstance(holder, ast.Name) and holder.id in decoded:
                encoded[text] = None
            elif (
                isinstance(holder, ast.Attribute)
                and isinstance(holder.value, ast.Name)
                and holder.value.id == name
            ):
                nested[holder.attr, text] = None
        elif (
            isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id == name
            and isinstance(each.ctx, ast.Load)
            and id(each) not in called
            and id(each) not in inner
        ):
            attributes[each.attr] = None
    found = []
    for text in items:
        others = ", ".join(f"{other!r}: {'payload' if other == text else repr('zq')}" for other in items)
        found.append((f'{name}["{text}"]', f"{{{others}}}"))
    for text in encoded:
        others = ", ".join(f"{other!r}: {'payload' if other == text else repr('zq')}" for other in encoded)
        found.append((f'{name}, "{text}" in it', f"json.dumps({{{others}}})"))
    for holder_, text in nested:
        pairs = [other for owner, other in nested if owner == holder_]
        others = ", ".join(f"{other!r}: {'payload' if other == text else repr('zq')}" for other in pairs)
        found.append((f'{name}.{holder_}["{text}"]', f"StandIn({holder_}={{{others}}})"))
    plain = [text for text in attributes if text not in {holder_ for holder_, _ in nested}]
    if plain and not items and not nested:
        for text in plain:
            others = ", ".join(f"{other}={'payload' if other == text else repr('zq')}" for other in plain)
            found.append((f"{name}.{text}", f"types.SimpleNamespace({others})"))
    return found


def looped(node: AnyFunction, name: str) -> list[tuple[str, str]]:
    """(label, value) for what the body walks over: records of a list, the values of a dictionary.

    A list of texts is no case of this one: see `walked`.
    """
    found: list[tuple[str, str]] = []
    for each in ast.walk(node):
        match each:
            case (
                ast.For(target=ast.Name(id=row), iter=ast.Name(id=given_))
                | ast.comprehension(target=ast.Name(id=row), iter=ast.Name(id=given_))
            ) if given_ == name:
                read_ = [pair for inner in ast.walk(node) if (pair := key_of(inner)) is not None]
                keys = dict.fromkeys(
                    key for holder, key in read_ if isinstance(holder, ast.Name) and holder.id == row
                )
                for key in keys:
                    pairs = ", ".join(f"{other!r}: {'payload' if other == key else repr('zq')}" for other in keys)
                    found.append((f'{name}[0]["{key}"]', f"[{{{pairs}}}]"))
            case ast.For(
                target=ast.Tuple(elts=[_, _]), iter=ast.Call(func=ast.Attribute(ast.Name(id=given_), "items"))
            ) | (
                ast.comprehension(
                    target=ast.Tuple(elts=[_, _]), iter=ast.Call(func=ast.Attribute(ast.Name(id=given_), "items"))
                )
            ) if given_ == name:
                found.append((f"{name}, a value", "{'zq': payload}"))  # keys are the program's own, mostly
    return list(dict.fromkeys(found))


def walked(node: AnyFunction, name: str) -> bool:
    """Whether the body walks over a parameter as over a list, and asks nothing of it that a text has."""
    loops = (each for each in ast.walk(node) if isinstance(each, ast.For | ast.comprehension))
    return not attributes_of(node, name) and any(
        isinstance(each.iter, ast.Name) and each.iter.id == name for each in loops
    )


def decoded_from(node: AnyFunction, name: str) -> set[str]:
    """Local names for what a parameter holds as JSON."""
    found = set()
    for each in ast.walk(node):
        match each:
            case ast.Assign(
                targets=[ast.Name(id=local)],
                value=ast.Call(
                    func=ast.Name(id="loads") | ast.Attribute(attr="loads"), args=[ast.Name(id=given_), *_]
                ),
            ) if given_ == name:
                found.add(local)
    return found


def key_of(node: ast.AST) -> tuple[ast.expr, str] | None:
    """(the dictionary, the key) of `d["x"]`, `d.get("x")` and `d.pop("x")`."""
    match node:
        case ast.Subscript(value=holder, slice=ast.Constant(value=str(key)), ctx=ast.Load()):
            return holder, key
        case ast.Call(
            func=ast.Attribute(value=holder, attr="get" | "pop" | "getlist"),
            args=[ast.Constant(value=str(key)), *_],
        ):
            return holder, key
    return None


def through_init(subject: Subject, klass: ast.ClassDef, own: str) -> Iterator[Target]:
    """Attributes that the body reads and `__init__` (or a dataclass) takes from a parameter as they are."""
    read = attributes_of(subject.node, own) - {
        each.value.attr
        for each in ast.walk(subject.node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Attribute)
        and each.attr not in TEXT_METHODS
    }
    init = init_of(klass)
    if init is None:
        for field_ in fields_of(klass):
            if field_.name in read:
                for target in into(subject, subject.node, field_, made=True):
                    if target.label == field_.name:
                        yield replace(target, label=f"self.{field_.name}")
        return
    by_name = {each.name: each for each in parameters(init)[1:]}
    for each in ast.walk(init):
        match each:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(), attr=attr)], value=ast.Name(id=name)) if (
                attr in read and name in by_name
            ):
                for target in into(subject, init, by_name[name], made=True):
                    if target.label == name:
                        yield replace(target, label=f"self.{attr}")


def through_methods(subject: Subject, klass: ast.ClassDef, own: str) -> Iterator[Target]:
    """Attributes that the body reads and another method fills with its parameters: `add(name, value)`."""
    read = attributes_of(subject.node, own)
    for method in klass.body:
        if not isinstance(method, ast.FunctionDef) or method.decorator_list or method.name.startswith("__"):
            continue
        wanted = parameters(method)
        if method is subject.node or not wanted:
            continue
        kept = filled(method, wanted[0].name, read)
        for parameter in wanted[1:]:
            if parameter.name not in kept or parameter.kind in ("*", "**"):
                continue
            for target in into(subject, method, parameter):
                if target.label == parameter.name and target.kind == "str":
                    given_ = arguments(wanted[1:], method, {}, parameter.name, target.value, subject.tree)
                    label = f"{parameter.name} of {method.name}"
                    yield Target(label, parameter.name, target.value, True, before=f"{method.name}({given_})")


def filled(method: AnyFunction, own: str, read: set[str]) -> set[str]:
    """The names that a method puts into one of these attributes of its object."""
    found: set[str] = set()
    for each in ast.walk(method):
        match each:
            case ast.Assign(
                targets=[
                    ast.Attribute(value=ast.Name(id=owner), attr=attr)
                    | ast.Subscript(value=ast.Attribute(value=ast.Name(id=owner), attr=attr)) as place
                ],
                value=value,
            ) if owner == own and attr in read:
                parts = [value, place.slice] if isinstance(place, ast.Subscript) else [value]
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=owner), attr=attr), attr=how), args=parts
            ) if owner == own and attr in read and how in FILLING:
                pass
            case _:
                continue
        found |= {inner.id for part in parts for inner in ast.walk(part) if isinstance(inner, ast.Name)}
    return found


def init_of(klass: ast.ClassDef) -> AnyFunction | None:
    """The class's own `__init__`."""
    return next((n for n in klass.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)


def fields_of(klass: ast.ClassDef) -> tuple[Given, ...]:
    """The fields of a dataclass, as parameters of its constructor; empty where it is none."""
    decorators = " ".join(map(ast.unparse, klass.decorator_list))
    if "dataclass" not in decorators and "define" not in decorators:
        return ()
    return tuple(
        Given(node.target.id, "p", ast.unparse(node.annotation), node.value is not None)
        for node in klass.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not ast.unparse(node.annotation).startswith(("ClassVar", "typing.ClassVar"))
    )


# ---------------------------------------------------------------------------------------------------- ways


def ways(subject: Subject, target: Target | None) -> tuple[str, ...]:
    """Expressions of `payload` and `tmp_path` that call the function, recorded arguments first."""
    found: dict[str, None] = {}
    for recorded in (*subject.recorded, {}):
        if recorded and target is not None and not target.made and "payload" not in target.value:
            continue
        found[way(subject, target, recorded)] = None
    attacked = target.parameter if target is not None and not target.made else ""
    for chosen in choices(subject, attacked):
        recorded = subject.recorded[0] if subject.recorded else {}
        found[way(subject, target, {**recorded, **chosen})] = None
    return tuple(found)


def choices(subject: Subject, attacked: str) -> list[dict[str, str]]:
    """Values of the other parameters that the body compares them with, most of all those of modes."""
    names = {each.name for each in subject.given if each.kind in ("/", "p", "k")} - {attacked}
    found: list[dict[str, str]] = []
    for each in ast.walk(subject.node):
        match each:
            case ast.Compare(
                left=ast.Name(id=name),
                ops=[ast.Eq() | ast.NotEq()],
                comparators=[ast.Constant(value=str() | bool() as value)],
            ) if name in names and {name: repr(value)} not in found:
                found.append({name: repr(value)})
    return found[:MOST_CHOICES]


def way(subject: Subject, target: Target | None, recorded: Mapping[str, str]) -> str:
    """One call."""
    if target is not None and target.outer:
        return f"given(lambda: {way(subject, None, recorded)}, {target.parameter}={target.value})"
    attacked = target.parameter if target is not None and not target.made else ""
    value = target.value if target is not None else ""
    given_ = arguments(subject.given, subject.node, recorded, attacked, value, subject.tree)
    name = subject.node.name
    if subject.klass is not None and name.startswith("__") and not name.endswith("__"):
        name = f"_{subject.klass.name.lstrip('_')}{name}"
    if any("command" in decorator for decorator in subject.function.decorators):
        name += ".callback"
    if subject.klass is None:
        return f"module.{name}({given_})"
    if subject.bound != "instance":
        return f"module.{subject.klass.name}.{name}({given_})"
    if name == "__init__":
        return f"module.{subject.klass.name}({given_})"
    into_init = target if target is not None and target.made and not target.before else None
    made = instance(subject, into_init, recorded)
    if target is not None and target.before:
        made = f"prepared({made}, lambda self: self.{target.before})"
    if any(d.rpartition(".")[2] in ("property", "cached_property") for d in subject.function.decorators):
        return f"{made}.{name}"
    return f"{made}.{name}({given_})"


def instance(subject: Subject, target: Target | None, recorded: Mapping[str, str]) -> str:
    """An expression that makes an object of the class."""
    klass = subject.klass
    assert klass is not None  # noqa: S101 - a method has a class
    init = init_of(klass)
    wanted = parameters(init)[1:] if init is not None else fields_of(klass)
    node = init if init is not None else subject.node
    if target is not None:
        return f"module.{klass.name}({arguments(wanted, node, {}, target.parameter, target.value, subject.tree)})"
    options = []
    if "self" in recorded:
        options.append(f"lambda: {recorded['self']}")
    options.append(f"lambda: module.{klass.name}({arguments(wanted, node, {}, '', '', subject.tree)})")
    return f"instance(module.{klass.name}, {', '.join(options)})"


def arguments(
    wanted: Sequence[Given],
    node: AnyFunction,
    recorded: Mapping[str, str],
    attacked: str,
    value: str,
    tree: ast.Module | None,
) -> str:
    """The arguments of a call: the payload, recorded ones, stand-ins for what has no default."""
    parts: list[str] = []
    star = next((each for each in wanted if each.kind == "*"), None)
    by_position = star is not None and star.name == attacked
    for each in wanted:
        if each.name == attacked:
            text = value
        elif each.name in recorded:
            text = recorded[each.name]
        elif each.optional and not (by_position and each.kind in "/p"):
            continue
        else:
            text = stand_in(node, each, tree)
        if each.kind in ("*", "**"):
            if each.name == attacked and each.kind == "*":
                parts.append(text)
            elif text not in ("()", "{}"):
                parts.append(f"{each.kind}{text}")
        elif each.kind == "/" or by_position or (star is not None and star.name in recorded and each.kind == "p"):
            parts.append(text)
        else:
            parts.append(f"{each.name}={text}")
    return ", ".join(parts)


SIMPLE = {"int": "1", "float": "1.0", "bool": "True", "str": "'zq'", "bytes": "b'zq'", "None": "None"}


def stand_in(node: AnyFunction, parameter: Given, tree: ast.Module | None) -> str:
    """Source of a value for an argument of which nothing was recorded."""
    name, annotation = parameter.name, parameter.annotation.strip("'\"")
    first = annotation.partition("|")[0].strip()
    if re.search(r"\b(Path|PurePath)\b", annotation) or divided(node, name):
        return "tmp_path" if not FILES_.search(name) or FOLDERS.search(name) else "tmp_path / 'zq.txt'"
    if FOLDERS.search(name) and first in ("", "str"):
        return "str(tmp_path)"
    if FILES_.search(name) and first in ("", "str"):
        return "str(tmp_path / 'zq.out')" if WRITTEN.search(name) else "str(tmp_path / 'zq.txt')"
    if first in SIMPLE:
        return SIMPLE[first]
    if re.match(r"^(typing\.)?(list|List|Sequence|Iterable|Collection|tuple|Tuple|set|Set)\b", first):
        return "[]"
    if re.match(r"^(typing\.)?(dict|Dict|Mapping|MutableMapping)\b", first):
        return "{}"
    if (klass := class_of(tree, first)) is not None:
        init = init_of(klass)
        wanted = parameters(init)[1:] if init is not None else fields_of(klass)
        own = arguments(wanted, init if init is not None else node, {}, "", "", None)
        return f"instance(module.{klass.name}, lambda: module.{klass.name}({own}))"
    if annotation or SERVICES.search(name) or reached_into(node, name):
        return "StandIn()"
    if NUMBERS.search(name):
        return "1"
    return "'zq'"


def class_of(tree: ast.Module | None, name: str) -> ast.ClassDef | None:
    """The class of a file that an annotation names."""
    found = (each for each in (tree.body if tree is not None else ()) if isinstance(each, ast.ClassDef))
    return next((each for each in found if each.name == name.strip("'\"")), None)


def divided(node: AnyFunction, name: str) -> bool:
    """Whether a parameter is the left side of a `/` with a text or a name behind it: a path."""
    return any(
        isinstance(each, ast.BinOp)
        and isinstance(each.op, ast.Div)
        and isinstance(each.left, ast.Name)
        and each.left.id == name
        and isinstance(each.right, ast.Constant | ast.JoinedStr)
        and not (isinstance(each.right, ast.Constant) and not isinstance(each.right.value, str))
        for each in ast.walk(node)
    )


def attributes_of(node: AnyFunction, name: str) -> set[str]:
    """Attributes of a parameter that the body reads."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name
    }


def reached_into(node: AnyFunction, name: str) -> bool:
    """Whether the body calls a parameter, enters it, or reads attributes of it that no text has."""
    if attributes_of(node, name) - TEXT_METHODS:
        return True
    return any(
        isinstance(each, ast.Name) and each.id == name
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call | ast.withitem)
        for each in [inner.func if isinstance(inner, ast.Call) else inner.context_expr]
    )


def with_callee(subject: Subject, name: str) -> Subject:
    """A caller as a subject that stands for the function it calls: only calls inside that one are a reason."""
    return replace(subject, through=name, sites=tuple(site for site in subject.sites if site.inside == name))
