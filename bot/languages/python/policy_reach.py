"""Policy, first half: a rewrite reaches for no module, builtin, attribute or file that the original left alone."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from bot.languages.python.policy_means import Means, makes_file, misused
from bot.languages.python.policy_names import (
    BUILTINS,
    FunctionNode,
    ModuleNames,
    Names,
    NotAFunction,
    Objection,
    bound_by,
    constants,
    dumps,
    parse,
    shown,
    sources_of,
    words,
)

ALLOWED_IMPORTS = words(
    """
    abc array ast base64 binascii bisect cmath calendar collections collections.abc contextlib copy csv dataclasses
    datetime decimal difflib enum fractions functools hashlib heapq hmac html io ipaddress itertools json logging
    math numbers operator pathlib re secrets shlex statistics string struct textwrap typing unicodedata
    urllib.parse uuid warnings xml.sax.saxutils zoneinfo
    """
)
"""Modules of the standard library that a rewrite may import: they compute, and can't touch who is watching."""

OFF_LIMITS = words(
    """
    sys os gc inspect ctypes importlib subprocess signal threading builtins pytest _pytest unittest
    __main__ traceback atexit types _thread bdb cffi code codeop concurrent conftest dis faulthandler imp
    marshal mmap multiprocessing nose nt pdb pickle pkgutil posix pty resource runpy shelve shutil site
    socket sysconfig tracemalloc zipimport pluggy mock hypothesis doctest
    """
)
"""Modules through which code can see or change the process, the tests or the file system around it."""

WATCHED = words(
    """
    sys os gc inspect ctypes importlib subprocess signal threading builtins pytest unittest traceback
    atexit thread socket
    """
)
"""Those of them that other modules are known to hold as an attribute."""

HARMLESS = frozenset(
    {f"os.path.{name}" for name in words("join basename dirname normpath split splitext isabs commonpath")}
    | {"os.fspath", "os.sep", "os.PathLike", "sys.maxsize", "sys.float_info.epsilon", "sys.float_info.max"}
    | {"types.MappingProxyType", "types.SimpleNamespace", "threading.Lock", "threading.RLock"}
)
"""Single things of off-limits modules that only compute."""

READING = words("get keys values items copy strip lower upper split startswith endswith")
"""What may be asked of an off-limits thing that the original uses: `os.environ[k]` or `os.environ.get(k)`."""

DANGEROUS = words(
    """
    exec eval compile open globals locals vars setattr delattr getattr __import__ input breakpoint exit
    quit SystemExit KeyboardInterrupt GeneratorExit BaseException __builtins__ __loader__ __spec__
    __file__ help memoryview copyright credits license
    """
)
CODE_RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})

HARMLESS_DUNDERS = words(
    """
    __name__ __qualname__ __class__ __doc__ __init__ __len__ __iter__ __next__ __contains__ __getitem__
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __repr__ __str__ __members__ __enter__ __exit__
    __add__ __mul__ __fspath__
    """
)
FRAME_PARTS = words(
    """
    f_locals f_globals f_builtins f_back f_code f_lineno f_trace tb_frame tb_next tb_lineno gi_frame
    cr_frame ag_frame gi_code cr_code ag_code co_consts co_code co_filename co_names func_globals
    func_code _getframe _current_frames settrace setprofile setrecursionlimit
    """
)
FILE_READS = words("read_text read_bytes")
FILE_WRITES = words("write_text write_bytes mkdir touch")
FILE_HARM = words("unlink rmdir rmtree chmod symlink_to hardlink_to makedirs")
FILE_OPENERS = frozenset({"io.open", "io.FileIO", "io.open_code", "codecs.open", "pathlib.Path.open"})

CLOCK = re.compile(r"time\.(?!sleep$).*|datetime\.(.*\.)?(now|utcnow|today)|calendar\.timegm")
CHANCE = re.compile(r"random\..*|secrets\.(?!compare_digest).*|uuid\.uuid\d|os\.urandom")
FILTERS = re.compile(r"warnings\.(?!warn$).*|logging\.(disable|shutdown|_.*)")

TELLTALE = re.compile(
    r"pytest|unittest|conftest|tryline|nosetest|/proc/|/dev/(fd|std|tty|mqueue)|sys\.modules|__\w+__"
    r"|\b(f_locals|f_globals|f_back|gi_frame|tb_frame|cr_frame)\b|(^|/)tests?/|\btest_\w+\.py",
    re.IGNORECASE,
)
"""In a string: the name of a test tool, a look at the process, or a way to private parts through a format."""

WATCHERS = re.compile(r"pytest|tryline|conftest|unittest", re.IGNORECASE)


def reaches(
    original: FunctionNode, candidate: FunctionNode, imports: tuple[str, ...], module: ModuleNames
) -> Iterator[Objection]:
    """What the candidate newly reaches for, in no particular order."""
    given: dict[str, str] = {}
    before = Names(original, module, {})
    means = Means.of(original, before, module)
    for text in imports:
        try:
            statement = _import(text)
        except NotAFunction as error:
            yield 1, f"the import `{text.strip()[:60]}` {error}"
            continue
        given |= bound_by(statement)
        yield from _imports(statement, module, 1, means)
        yield from _shadows(statement, module)
    after = Names(candidate, module, given)
    known = dumps(original, (ast.Import, ast.ImportFrom))
    for node in ast.walk(candidate):
        if isinstance(node, ast.Import | ast.ImportFrom) and ast.dump(node) not in known:
            yield from _imports(node, module, node.lineno, means)
    yield from _modules(original, candidate, before, after, means)
    yield from misused(original, candidate, before, after, means)
    yield from _builtins(original, candidate, before, after)
    yield from _opens(original, candidate, before, after, means)
    yield from _attributes(original, candidate)
    yield from _files(original, candidate, before)
    yield from _stores(original, candidate, after)
    yield from _texts(original, candidate)


# ----------------------------------------------------------------------------------------- import statements


def _import(text: str) -> ast.Import | ast.ImportFrom:
    try:
        body = parse(text).body
    except SyntaxError as error:
        raise NotAFunction("does not parse") from error
    if len(body) != 1 or not isinstance(body[0], ast.Import | ast.ImportFrom):
        raise NotAFunction("is not one import statement")
    return body[0]


def _imports(
    node: ast.Import | ast.ImportFrom, module: ModuleNames, line: int, means: Means
) -> Iterator[Objection]:
    for source in sources_of(node):
        known = source in ALLOWED_IMPORTS or source in module.sources or source in means.modules
        if not known and not _all_harmless(node):
            yield line, f"imports `{source}`, which is neither in use here nor on the list of plain modules"
            return
    for name, origin in bound_by(node).items():
        if name == "*":
            yield line, f"imports everything from `{origin.removesuffix('.*')}`"
        elif origin in module.origins.values() or origin in means.things | means.modules:
            continue
        elif _off_limits(origin) or _hides_module(origin):
            yield line, f"imports `{origin}`, which a rewrite may not use"


def _all_harmless(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and all(origin in HARMLESS for origin in bound_by(node).values())


def _shadows(node: ast.Import | ast.ImportFrom, module: ModuleNames) -> Iterator[Objection]:
    taken = module.defined | module.assigned
    for name, origin in bound_by(node).items():
        if module.origins.get(name, origin) != origin or name in taken or name in BUILTINS:
            yield 1, f"imports `{origin}` over the name `{name}`, which other code of the module uses"


# ---------------------------------------------------------------------------------- modules and builtins


def _off_limits(dotted: str) -> bool:
    if dotted.startswith("."):  # the repository's own `.types` is not the standard library's
        return bool({"conftest", "tests"} & set(dotted.split(".")))
    return dotted.partition(".")[0] in OFF_LIMITS and dotted not in HARMLESS


def _hides_module(dotted: str) -> bool:
    """`functools.sys`, `random._os`: a module reached through another, or a plain one's private parts."""
    root, *parts = dotted.lstrip(".").split(".")
    plain = root in ALLOWED_IMPORTS or root == "random"
    return any(
        part.strip("_") in WATCHED or (plain and part.startswith("_") and not _is_dunder(part)) for part in parts
    )


def _is_dunder(name: str) -> bool:
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def _chains(function: FunctionNode, names: Names) -> Iterator[tuple[str, int]]:
    """Longest dotted chains that start at an imported name, each with its line."""
    pending: list[ast.AST] = [function]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := names.dotted(node)):
            yield dotted, node.lineno
        else:
            pending.extend(ast.iter_child_nodes(node))


def _modules(
    original: FunctionNode, candidate: FunctionNode, before: Names, after: Names, means: Means
) -> Iterator[Objection]:
    known = {dotted for dotted, _ in _chains(original, before)}
    stems = {".".join(d.split(".")[:n]) for d in known for n in range(2, d.count(".") + 2)}
    for pattern, what in ((CLOCK, "looks at the clock"), (CHANCE, "draws a random value")):
        if not any(pattern.fullmatch(dotted) for dotted in known):
            for dotted, line in _chains(candidate, after):
                unforeseen = means.secrets and dotted.startswith(("secrets.", "uuid.uuid4"))
                if pattern.fullmatch(dotted) and not unforeseen:
                    yield line, f"{what} (`{dotted}`), which the original does not"
    for dotted, line in _chains(candidate, after):
        stem, _, last = dotted.rpartition(".")
        if dotted in known or dotted in means.things or (stem in stems and last in READING):
            continue
        if _off_limits(dotted):
            yield line, f"uses `{dotted}`, which the original does not"
        elif _hides_module(dotted) and dotted not in HARMLESS:
            yield line, f"reaches into `{dotted}`"
        elif FILTERS.fullmatch(dotted):
            yield line, f"changes what is reported (`{dotted}`)"
        elif dotted in FILE_OPENERS:
            yield line, f"opens a file by `{dotted}`"


def _builtins(original: FunctionNode, candidate: FunctionNode, before: Names, after: Names) -> Iterator[Objection]:
    budget = Counter(node.id for node in _builtin_names(original, before))
    runs = dumps(original, ast.Call)
    caught: set[ast.AST] = set()
    known_runs: set[ast.AST] = set()
    for node in ast.walk(candidate):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught.update(ast.walk(node.type))  # the rule on handlers speaks about these
        elif isinstance(node, ast.Call):
            if ast.dump(node) in runs:
                known_runs.add(node.func)
            elif after.dotted(node.func) in ("operator.attrgetter", "operator.methodcaller"):
                if not _is_text(node.args[:1]):
                    yield node.lineno, "looks up an attribute by a computed name"
            elif _calls(node, "type", after) and (len(node.args) > 1 or isinstance(node.args[0], ast.Starred)):
                yield node.lineno, "makes a class by calling `type`"
    for name in _builtin_names(candidate, after):
        if name.id == "open" or name in caught:
            continue
        budget[name.id] -= 1
        if name.id in CODE_RUNNERS and name not in known_runs:
            yield name.lineno, f"runs code by `{name.id}`"
        elif budget[name.id] < 0:
            yield name.lineno, f"uses `{name.id}`, which the original does not"


def _builtin_names(function: FunctionNode, names: Names) -> list[ast.Name]:
    """The uses of dangerous builtins in order; `getattr` with a name written out is an ordinary attribute."""
    plain = {
        node.func
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and _calls(node, "getattr", names) and _is_text(node.args[1:2])
    }
    found = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name)
        and node.id in DANGEROUS
        and names.is_builtin(node.id)
        and isinstance(node.ctx, ast.Load)
        and node not in plain
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _calls(node: ast.Call, builtin: str, names: Names) -> bool:
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == builtin
        and names.is_builtin(builtin)
        and bool(node.args)
    )


def _is_text(nodes: list[ast.expr]) -> bool:
    return bool(nodes) and isinstance(nodes[0], ast.Constant) and isinstance(nodes[0].value, str)


# ------------------------------------------------------------------------------------------------ files


def _open_calls(function: FunctionNode, names: Names) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call) and _calls(node, "open", names)]


def _mode(call: ast.Call) -> str:
    given = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
    if given is None:
        return "r"
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else "?"


def _opens(
    original: FunctionNode, candidate: FunctionNode, before: Names, after: Names, means: Means
) -> Iterator[Objection]:
    known, calls = _open_calls(original, before), _open_calls(candidate, after)
    paths = {ast.dump(call.args[0]) for call in known}
    values = dumps(original, ast.expr)
    writes = any(set("wax+?") & set(_mode(call)) for call in known)
    for call in calls:
        if ast.dump(call.args[0]) not in paths and not makes_file(call.args[0], after, means, values):
            yield call.lineno, f"opens a file that the original does not (`{shown(call)}`)"
        elif set("wax+?") & set(_mode(call)) and not writes:
            yield call.lineno, f"opens a file for writing (`{shown(call)}`), the original only reads"
    called = {call.func for call in calls}
    for node in _builtin_names(candidate, after):
        if node.id == "open" and node not in called:
            yield node.lineno, "hands `open` around"


def _files(original: FunctionNode, candidate: FunctionNode, before: Names) -> Iterator[Objection]:
    known = {node.attr for node in ast.walk(original) if isinstance(node, ast.Attribute)}
    touches = bool(known & (FILE_READS | FILE_WRITES | FILE_HARM | {"open"})) or bool(
        _open_calls(original, before)
    )
    for node in ast.walk(candidate):
        if not isinstance(node, ast.Attribute) or node.attr in known:
            continue
        if node.attr in FILE_HARM or (node.attr in FILE_READS | FILE_WRITES and not touches):
            yield node.lineno, f"touches files by `.{node.attr}`, which the original does not"


# ------------------------------------------------------------------------------------------- attributes


def _attributes(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    known = {(name, stored) for _, name, stored, _ in _attribute_names(original)}
    for line, name, stored, on_super in _attribute_names(candidate):
        if (name, stored) in known:
            continue
        if name in FRAME_PARTS:
            yield line, f"looks into frames or code objects by `{name}`"
        elif _is_dunder(name) and (stored or (name not in HARMLESS_DUNDERS and not on_super)):
            verb = "sets" if stored else "reads"
            yield line, f"{verb} the special attribute `{name}`"
        elif WATCHERS.search(name):
            yield line, f"names a test tool (`{name}`)"
    names = {node.id for node in ast.walk(original) if isinstance(node, ast.Name)}
    for node in ast.walk(candidate):
        if isinstance(node, ast.Name) and node.id not in names and WATCHERS.search(node.id):
            yield node.lineno, f"names a test tool (`{node.id}`)"


def _attribute_names(function: FunctionNode) -> Iterator[tuple[int, str, bool, bool]]:
    """Line, name, whether it is set, and whether it is asked of `super()` or `object`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            owner = node.value.func if isinstance(node.value, ast.Call) else node.value
            plain = isinstance(owner, ast.Name) and (
                owner.id == "super"
                if isinstance(node.value, ast.Call)
                else owner.id == "object" and node.attr == "__new__"
            )
            yield node.lineno, node.attr, not isinstance(node.ctx, ast.Load), plain
        elif (
            isinstance(node, ast.Call) and shown(node.func) in ("getattr", "hasattr") and _is_text(node.args[1:2])
        ):
            yield node.lineno, _text(node.args[1]), False, False


def _stores(original: FunctionNode, candidate: FunctionNode, names: Names) -> Iterator[Objection]:
    known = {shown(target) for target in _targets(original)}
    mentioned = {ast.unparse(node) for node in ast.walk(original) if isinstance(node, ast.Attribute)}
    for target in _targets(candidate):
        if shown(target) in known:
            continue
        root: ast.expr = target
        while isinstance(root, ast.Attribute | ast.Subscript):
            if isinstance(root, ast.Attribute) and root.attr == "__class__":
                yield target.lineno, f"changes a class while it runs (`{shown(target)}`)"
            root = root.value
        if isinstance(root, ast.Call) and isinstance(root.func, ast.Name) and root.func.id == "type":
            yield target.lineno, f"changes a class while it runs (`{shown(target)}`)"
        if not isinstance(root, ast.Name):
            continue
        if names.origin(root.id):
            yield target.lineno, f"changes `{shown(target)}`, which belongs to another module"
        elif names.is_defined_in_module(root.id) and ast.unparse(target) not in mentioned:
            yield target.lineno, f"changes `{shown(target)}`, a part of a function or class of the module"


def _targets(function: FunctionNode) -> list[ast.Attribute | ast.Subscript]:
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    ]


# ------------------------------------------------------------------------------------------------ texts


def _texts(original: FunctionNode, candidate: FunctionNode) -> Iterator[Objection]:
    known = {_text(node) for node in constants(original)}
    for node in constants(candidate):
        text = _text(node)
        if text in known:
            continue
        for hit in (match.group() for match in TELLTALE.finditer(text)):
            if hit not in HARMLESS_DUNDERS:
                yield node.lineno, f"holds the text `{hit}`, by which code finds out who runs it"


def _text(node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""
