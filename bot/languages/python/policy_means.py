"""Policy, in between: what a rewrite may newly use because the original uses something at least as strong.

Whoever mends a command that a shell reads needs `subprocess`, and whoever mends a file under a known name needs
`tempfile`. Neither can do more than what stood there; a function that did neither gets neither.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bot.languages.python.policy_names import (
    FunctionNode,
    ModuleNames,
    Names,
    Objection,
    constants,
    dumps,
    shown,
    words,
)

_SHELLS = re.compile(r"os\.(system|popen|exec\w+|spawn\w+)|subprocess\.\w+|asyncio\.create_subprocess_\w+")
_COMMANDS = frozenset(
    f"subprocess.{name}"
    for name in words(
        """
        run call check_call check_output Popen PIPE STDOUT DEVNULL CompletedProcess CalledProcessError
        TimeoutExpired
        """
    )
)
_OWN_SHELL = frozenset({"shell", "executable", "preexec_fn"})
_PLAIN_KEYWORDS = words("check stdout stderr text capture_output universal_newlines encoding timeout")
_FILES = re.compile(r"(os|shutil|tempfile|tarfile|zipfile|pathlib|io|glob)\..*")
_LOOKS = frozenset(f"os.path.{name}" for name in words("realpath abspath relpath commonpath samefile exists"))
_PRIVATE = frozenset(
    {f"tempfile.{name}" for name in words("mkstemp mkdtemp NamedTemporaryFile TemporaryDirectory TemporaryFile")}
    | {
        f"os.{name}"
        for name in words("open fdopen close O_CREAT O_EXCL O_WRONLY O_RDWR O_TRUNC O_APPEND O_NOFOLLOW")
    }
)
_TEMPORARY = frozenset(name for name in _PRIVATE if name.startswith("tempfile."))
_ASKS = re.compile(r"(requests|httpx|urllib3|aiohttp)(\..*)?|urllib\.request\..*|http\.client\..*")
_RESOLVES = frozenset({"socket.gethostbyname", "socket.getaddrinfo"})
_XML = re.compile(r"(xml|lxml)\..*")
_SAFE_XML = frozenset(
    {"defusedxml", *(f"defusedxml.{name}" for name in words("ElementTree minidom pulldom sax lxml common"))}
)
_TIME_OR_CHANCE = re.compile(r"time\..*|datetime\..*|random\..*|uuid\..*|os\.(getpid|urandom)")
_RELATED = {"jinja2": "jinja2.sandbox", "django": "django.utils.html", "lxml": "lxml.etree", "os": "os.path"}
"""Package that the module imports -> a part of it that mends what the package is used for."""
_WORD = re.compile(r"[^\s'\"]+")


@dataclass(frozen=True)
class Means:
    """What is granted to the rewrite of one function."""

    modules: frozenset[str] = frozenset()
    """May be imported."""
    things: frozenset[str] = frozenset()
    """Dotted names that may be used."""
    secrets: bool = False
    """Whether it may draw values that nobody can foresee: the original draws some that can be."""

    @staticmethod
    def of(original: FunctionNode, names: Names, module: ModuleNames) -> Means:
        """The means that follow from what the original does."""
        known = {dotted for node in ast.walk(original) if (dotted := _dotted(node, names))}
        opens = any(_opens(node, names) for node in ast.walk(original))
        modules: set[str] = {part for root, part in _RELATED.items() if _imported(module, root)}
        things: set[str] = set()
        if any(_SHELLS.fullmatch(dotted) for dotted in known):
            modules.add("subprocess")
            things |= _COMMANDS
        if opens or any(_FILES.fullmatch(dotted) for dotted in known):
            modules |= {"os", "os.path"}
            things |= _LOOKS
        if any(_writes(node, names) for node in ast.walk(original)):
            modules |= {"os", "tempfile"}
            things |= _PRIVATE
        if any(_ASKS.fullmatch(dotted) for dotted in known):
            modules.add("socket")
            things |= _RESOLVES
        if any(_XML.fullmatch(dotted) for dotted in known):
            modules |= _SAFE_XML
        if known & {"pickle.load", "pickle.loads"}:
            modules.add("pickle")
            things |= {"pickle.Unpickler", "pickle.UnpicklingError"}
        chance = any(_TIME_OR_CHANCE.fullmatch(dotted) for dotted in known)
        return Means(frozenset(modules | {"markupsafe"}), frozenset(things), chance)


def _dotted(node: ast.AST, names: Names) -> str | None:
    return names.dotted(node) if isinstance(node, ast.Attribute | ast.Name) else None


def _opens(node: ast.AST, names: Names) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "open" and names.is_builtin("open")
    methods = words("open read_text write_text read_bytes write_bytes extractall extract mkdir unlink joinpath")
    return isinstance(node.func, ast.Attribute) and node.func.attr in methods


def _writes(node: ast.AST, names: Names) -> bool:
    """Whether a node makes or writes a file."""
    if not isinstance(node, ast.Call):
        return False
    dotted = _dotted(node.func, names) or ""
    if dotted.startswith("tempfile.") or dotted in ("os.open", "os.mkdir", "os.makedirs", "shutil.copy"):
        return True
    if isinstance(node.func, ast.Attribute) and node.func.attr in words("write_text write_bytes"):
        return True
    modes = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    named = isinstance(node.func, ast.Name) and node.func.id == "open" and names.is_builtin("open")
    path = isinstance(node.func, ast.Attribute) and node.func.attr == "open"
    modes += node.args[:1] if path else []
    return (named or path) and any(set("wax+") & set(_text(mode)) for mode in modes)


def _imported(module: ModuleNames, root: str) -> bool:
    return any(source.partition(".")[0] == root for source in module.sources)


def misused(
    original: FunctionNode, candidate: FunctionNode, before: Names, after: Names, means: Means
) -> Iterator[Objection]:
    """Uses of what was granted that go further than what the original does."""
    known = dumps(original, ast.Call)
    was = {dotted for node in ast.walk(original) if (dotted := _dotted(node, before))}
    said = {word for node in constants(original) for word in _WORD.findall(_text(node))}
    paths = {ast.dump(node.args[0]) for node in ast.walk(original) if isinstance(node, ast.Call) and node.args}
    for node in ast.walk(candidate):
        if not isinstance(node, ast.Call) or ast.dump(node) in known:
            continue
        name = after.dotted(node.func) or ""
        if name.startswith("subprocess."):
            if not _same_keywords(original, node, _OWN_SHELL):
                yield node.lineno, f"runs a command by a shell of its own (`{shown(node)}`)"
            elif name not in was and name in means.things:
                yield from _other_words(node, said)
                for keyword in node.keywords:
                    if keyword.arg not in _PLAIN_KEYWORDS and not _same_keywords(
                        original, node, {str(keyword.arg)}
                    ):
                        yield node.lineno, f"runs a command with `{keyword.arg}`, which the original does not give"
        elif name == "os.open" and name not in was and (not node.args or ast.dump(node.args[0]) not in paths):
            yield node.lineno, f"opens a file that the original does not (`{shown(node)}`)"


def makes_file(path: ast.expr, names: Names, means: Means, known: Collection[str]) -> bool:
    """Whether a path is that of a temporary file which is made there and then: `NamedTemporaryFile(...).name`.

    One in a folder that is made there and then is such a file, too: `os.path.join(mkdtemp(), name)`, where the
    name is one that the original has (`known`: its expressions), or a plain one.
    """
    while isinstance(path, ast.Attribute | ast.Subscript):
        path = path.value
    if not isinstance(path, ast.Call):
        return False
    dotted = names.dotted(path.func) or ""
    if dotted in ("os.path.join", "pathlib.Path") and path.args:
        inner = path.args[0]
        made = names.dotted(inner.func) if isinstance(inner, ast.Call) else ""
        plain = all(ast.dump(one) in known or (_text(one) and "/" not in _text(one)) for one in path.args[1:])
        return plain and made == "tempfile.mkdtemp" and made in means.things
    return dotted in means.things & _TEMPORARY


def _same_keywords(original: FunctionNode, call: ast.Call, names: Collection[str]) -> bool:
    """Whether the original gives such keywords the same values, or they are switched off."""
    wanted = {ast.dump(k) for k in call.keywords if k.arg in names or k.arg is None}
    plain = {ast.dump(k) for k in call.keywords if isinstance(k.value, ast.Constant) and k.value.value is False}
    had = {ast.dump(k) for node in ast.walk(original) if isinstance(node, ast.Call) for k in node.keywords}
    return wanted - plain <= had


def _other_words(call: ast.Call, said: set[str]) -> Iterator[Objection]:
    """A newly made list of arguments holds the words of the original's command, and no others."""
    first = call.args[0] if call.args else None
    program = first.elts[0] if isinstance(first, ast.List) and first.elts else first
    if not isinstance(program, ast.Constant | ast.Name | ast.Call):
        yield call.lineno, f"runs a command that is made up while it runs (`{shown(call)}`)"
    for argument in call.args[:1]:
        for node in ast.walk(argument):
            for word in _WORD.findall(_text(node)) if isinstance(node, ast.Constant) else ():
                if word not in said and word != "--":
                    yield call.lineno, f"runs a command with `{word[:40]}`, which the original does not hold"


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
