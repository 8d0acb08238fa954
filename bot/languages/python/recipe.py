"""How a Python repository's environment is installed: from what it declares to steps that uv carries out.

The image that the steps run in has `/venv/bin/python`, `uv` on its path and the tree at `/repo`. Steps are
argument vectors, so nothing that a repository writes reaches a shell. What may fail has an alternative: a
project whose test extra does not resolve is installed without it, one that does not build at all still gets its
dependencies, and `/repo` on the import path.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bot.domain import InstallStep, Recipe
from bot.errors import ConfigError
from bot.languages import Files, InstallWishes
from bot.languages.python import symbolic
from bot.languages.python.declared import Declared, declared

REPO = "/repo"
PYTHON = "/venv/bin/python"

_INSTALL = ("uv", "pip", "install")
_PINS = "/opt/tryline/setup/pins.txt"

_TEST_NAMES = ("test", "tests", "testing", "unittest", "pytest", "test-requires", "tests-require", "test-deps")
_DEV_NAMES = ("dev", "develop", "development", "devel", "dev-dependencies", "ci")

_WRITE = "import sys; open(sys.argv[1], 'w', encoding='utf-8').write(sys.argv[2])"
_PATH_FILE = """
import os, sys, sysconfig
site = sysconfig.get_path("purelib")
roots = [root for root in ("/repo/src", "/repo") if root == "/repo" or os.path.isdir(root)]
with open(os.path.join(site, "tryline-repo.pth"), "w") as stream:
    # Before site-packages: a published version that some dependency brought must not win.
    stream.write("import sys; n = sys.path.index(%r); sys.path[n:n] = %r\\n" % (site, roots))
if len(sys.argv) > 1:
    os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Puts the tree on the import path, then becomes the command that its arguments name."""

_THEN_FAIL = """
import subprocess, sys
if len(sys.argv) > 1:
    subprocess.call(sys.argv[1:])
sys.exit("the project itself is not installed")
"""

_PLUGINS = (
    (r"--(no-)?cov\b", "pytest-cov"),
    (r"(^|\s)(-n[\s=]?\w|--numprocesses|--dist[\s=])", "pytest-xdist"),
    (r"--timeout\b", "pytest-timeout"),
    (r"--reruns\b", "pytest-rerunfailures"),
    (r"--benchmark-", "pytest-benchmark"),
    (r"--asyncio-mode\b", "pytest-asyncio"),
    (r"--random-order\b", "pytest-random-order"),
    (r"--doctest-plus\b", "pytest-doctestplus"),
    (r"--mypy\b", "pytest-mypy"),
    (r"--ruff\b", "pytest-ruff"),
    (r"--black\b", "pytest-black"),
    (r"--flake8\b", "pytest-flake8"),
    (r"--isort\b", "pytest-isort"),
    (r"--sugar\b|--force-sugar\b", "pytest-sugar"),
    (r"--ds[\s=]|--reuse-db\b|--nomigrations\b|--create-db\b", "pytest-django"),
    (r"--spec\b", "pytest-spec"),
    (r"--html[\s=]", "pytest-html"),
    (r"--mpl\b", "pytest-mpl"),
    (r"--snapshot-", "syrupy"),
    (r"--disable-socket\b|--allow-hosts\b", "pytest-socket"),
)
"""An option in `addopts` that pytest does not know without a plugin ends the run before the first test."""

_PLUGIN_SETTINGS = (
    ("asyncio_mode", "pytest-asyncio"),
    ("timeout", "pytest-timeout"),
    ("DJANGO_SETTINGS_MODULE", "pytest-django"),
    ("env", "pytest-env"),
    ("mocked-sessions", "alchemy-mock"),
    ("qt_api", "pytest-qt"),
)

_VERSIONS = range(8, 20)
"""Minor versions of Python 3 that `requires-python` is tried against."""


@dataclass(frozen=True)
class _Sources:
    """Where the requirements of the tests come from."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """For the summary."""

    def __bool__(self) -> bool:
        return bool(self.extras or self.groups or self.files or self.requirements)


def recipe(files: Files, wishes: InstallWishes) -> Recipe:
    """How the environment for this tree is installed. Pure: reads `files`, runs nothing.

    Wishes go before what is detected. Raises ConfigError when a wish names a file that the tree does not have.
    """
    found = declared(files)
    paths = frozenset(files.paths())
    wished = _wished(wishes, found, paths)
    sources = _detected(found) if wished is None else wished
    dockerfile = None
    if wishes.dockerfile is not None:
        dockerfile = _wanted_file(files, paths, wishes.dockerfile).decode("utf-8", "replace")
    steps = [
        *_pins(found),
        *_with(_version_settings(files, paths, found), _project(found, sources, install=wishes.project)),
        *_requirements(sources, found),
        *_packages(wishes.packages, "the packages that the configuration names"),
        *_test_runner(found),
        *_formatter_step(files, paths, found),
        *_symbolic_step(wishes),
    ]
    return Recipe(
        python=wishes.python or _python(found.requires_python),
        image=wishes.image,
        dockerfile=dockerfile,
        manifest=_manifest(files, paths, found, sources, dockerfile),
        steps=tuple(_with(wishes.env, steps)),
        summary=_summary(found, sources, install=wishes.project),
    )


def formatter(files: Files) -> tuple[str, ...] | None:
    """Argument vector of the formatter that the repository configures; a file's path is to be appended.

    None when it configures none. The recipe of the same tree installs it.
    """
    chosen = _formatter(files, frozenset(files.paths()), declared(files))
    return chosen[1] if chosen else None


# ------------------------------------------------------------------------------------------------- sources


def _wished(wishes: InstallWishes, found: Declared, paths: frozenset[str]) -> _Sources | None:
    if not wishes.requirements and wishes.extras is None and wishes.groups is None:
        return None
    for path in wishes.requirements:
        if path not in paths:
            raise _missing(path)
    groups = wishes.groups or ()
    words = [*(f"extra '{name}'" for name in wishes.extras or ()), *(f"group '{name}'" for name in groups)]
    return _Sources(
        extras=wishes.extras or (),
        groups=tuple(name for name in groups if name in found.groups),
        files=wishes.requirements,
        requirements=tuple(item for name in groups for item in found.tool_groups.get(name, ())),
        words=(*words, *wishes.requirements),
    )


def _detected(found: Declared) -> _Sources:
    """What looks like the tests' requirements; a developer's only where there is nothing better."""
    for names in (_TEST_NAMES, _DEV_NAMES):
        extras = _named(found.extras, names)
        groups = _named(found.groups, names)
        tool_groups = _named(found.tool_groups, names)
        files = tuple(path for path in _without_sources(found.requirement_files) if _stem_says(path, names))
        requirements = [item for name in tool_groups for item in found.tool_groups[name]]
        tox = names is _TEST_NAMES and not (extras or groups or tool_groups)
        if tox:
            # Where no group of the project is for tests, tox knows what the suite needs.
            files = tuple(dict.fromkeys([*files, *found.tox_files]))
            extras = tuple(name for name in found.tox_extras if name in found.extras)
            requirements += found.tox
        sources = _Sources(
            extras,
            groups,
            files,
            tuple(dict.fromkeys(requirements)),
            (
                *(f"extra '{name}'" for name in extras),
                *(f"group '{name}'" for name in (*groups, *tool_groups)),
                *files,
                *(("tox",) if tox and found.tox else ()),
            ),
        )
        if sources:
            return sources
    return _Sources()


def _named(table: Mapping[str, object], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in table if _normal(name) in names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _stem_says(path: str, names: Sequence[str]) -> bool:
    """Whether a requirement file's name, or the folder it is in, has one of the words."""
    words = set(re.split(r"[-_./]+", posixpath.splitext(path)[0].lower()))
    return bool(words & set(names))


def _without_sources(paths: Iterable[str]) -> tuple[str, ...]:
    """Without `x.in` where its compiled `x.txt` is there."""
    every = tuple(paths)
    return tuple(path for path in every if not (path.endswith(".in") and path[:-3] + ".txt" in every))


# --------------------------------------------------------------------------------------------------- steps


def _with(env: Mapping[str, str], steps: Iterable[InstallStep]) -> Iterator[InstallStep]:
    """The steps with further environment variables."""
    return (replace(step, env={**step.env, **env}) for step in steps)


def _pins(found: Declared) -> Iterator[InstallStep]:
    if found.pins:
        text = "".join(f"{name}=={version}\n" for name, version in sorted(found.pins.items()))
        yield InstallStep((PYTHON, "-c", _WRITE, _PINS, text), "note the locked versions", required=False)


def _pinned(found: Declared) -> dict[str, str]:
    return {"UV_CONSTRAINT": _PINS} if found.pins else {}


def _project(found: Declared, sources: _Sources, *, install: bool) -> Iterator[InstallStep]:
    """The project and its dependencies, by the first way that works."""
    path_file = (PYTHON, "-c", _PATH_FILE)
    if not install or not (found.packaged or found.dependencies or found.uv_lock):
        yield InstallStep(path_file, "put the repository on the import path")
        files = () if sources.files or not install else _run_time_files(found)
        for path in files:
            yield InstallStep((*_INSTALL, "-r", f"{REPO}/{path}"), f"install {path}")
        return
    name = "project"
    extras = ",".join(sources.extras)
    groups = _group_flags(sources)
    if found.uv_lock:
        flags = [flag for extra in sources.extras for flag in ("--extra", extra)]
        flags += [flag for group in sources.groups for flag in ("--group", group)]
        # The default group is a developer's: linters and documentation tools that no test needs.
        flags += ["--no-default-groups"] if sources.extras or sources.groups else []
        flags += ["--all-packages"] if found.uv_workspace else []
        sync = ("uv", "sync", "--frozen", "--inexact", "--python", PYTHON, "--project", REPO, *flags)
        command = sync if found.packaged else (*path_file, *sync)
        yield InstallStep(command, "install what uv.lock pins", required=True, group=name)
    target = f"{REPO}[{extras}]" if extras else REPO
    with_extras = f", with {_count('extra', sources.extras)}" if extras else ""
    if found.packaged:
        command = (*_INSTALL, "-e", target, *groups)
        purpose = f"install the project, editable{with_extras}"
        if found.pins:
            yield InstallStep(command, f"{purpose}, at the locked versions", True, _pinned(found), name)
        yield InstallStep(command, purpose, group=name)
        if extras or groups:
            yield InstallStep((*_INSTALL, "-e", REPO), "install the project, editable, alone", group=name)
    wanted = _dependency_arguments(found, sources)
    only = (*_INSTALL, *wanted) if wanted else ()
    purpose = "install the dependencies, and put the repository on the import path"
    if found.packaged:
        # A consolation: it ends with a failure all the same, for the reader must hear what is missing.
        command = (*path_file, PYTHON, "-c", _THEN_FAIL, *only)
        yield InstallStep(command, f"{purpose} instead" if only else "use the import path instead", group=name)
    elif only:
        if found.pins:
            yield InstallStep(
                (*path_file, *only), f"{purpose}, at the locked versions", True, _pinned(found), name
            )
        yield InstallStep((*path_file, *only), purpose, group=name)
    else:
        yield InstallStep(path_file, "put the repository on the import path", group=name)


def _run_time_files(found: Declared) -> tuple[str, ...]:
    """The plain requirement files of a repository that is no package."""
    files = _without_sources(found.requirement_files)
    return tuple(
        path for path in files if posixpath.basename(path) in ("requirements.txt", "requirements.in", "base.txt")
    )


def _dependency_arguments(found: Declared, sources: _Sources) -> tuple[str, ...]:
    """What the project needs at run time and in tests, named without building it."""
    wanted = list(dict.fromkeys([*found.dependencies, *_extra_requirements(found, sources)]))
    files = [flag for path in _run_time_files(found) if not wanted for flag in ("-r", f"{REPO}/{path}")]
    return (*wanted, *files, *(_group_flags(sources) if wanted else ()))


def _extra_requirements(found: Declared, sources: _Sources) -> tuple[str, ...]:
    """What the chosen extras list, without the project itself: its published version must not come in."""
    own = _normal(found.name)
    every = (item for name in sources.extras for item in found.extras.get(name, ()))
    return tuple(item for item in every if _normal(re.split(r"[^\w.-]", item, maxsplit=1)[0]) != own)


def _group_flags(sources: _Sources) -> tuple[str, ...]:
    return tuple(flag for name in sources.groups for flag in ("--group", f"{REPO}/pyproject.toml:{name}"))


def _requirements(sources: _Sources, found: Declared) -> Iterator[InstallStep]:
    for name in sources.groups:
        command = (*_INSTALL, "--group", f"{REPO}/pyproject.toml:{name}")
        yield InstallStep(command, f"install the dependency group '{name}'", env=_pinned(found))
    for path in sources.files:
        yield InstallStep((*_INSTALL, "-r", f"{REPO}/{path}"), f"install {path}")
    # There already, unless the project could only be installed without its extras.
    yield from _packages(_extra_requirements(found, sources), "what the extras list", _pinned(found))
    yield from _packages(sources.requirements, "what the tests declare", _pinned(found))


def _packages(
    requirements: Sequence[str], purpose: str, env: Mapping[str, str] | None = None
) -> Iterator[InstallStep]:
    """One command for all, or one for each where one of them does not install."""
    if not requirements:
        return
    ours = [item for item in requirements if not item.startswith("-")]
    yield InstallStep((*_INSTALL, *ours), f"install {purpose}", env=env or {}, group=purpose)
    if env:
        yield InstallStep((*_INSTALL, *ours), f"install {purpose}, at any version", group=purpose)
    if len(ours) > 1:
        # One package that needs a compiler must not cost the others.
        yield InstallStep((PYTHON, "-c", _EACH, *ours), f"install {purpose}, one by one", group=purpose)


_EACH = """
import subprocess, sys
failed = [item for item in sys.argv[1:] if subprocess.call(["uv", "pip", "install", item])]
if failed:
    sys.exit("not installed: " + ", ".join(failed))
"""


def _test_runner(found: Declared) -> Iterator[InstallStep]:
    yield InstallStep((*_INSTALL, "pytest"), "install pytest, unless it is there")
    plugins = _plugins(found.pytest)
    if plugins:
        yield from _packages(plugins, "the plugins that pytest's configuration asks for")


def _plugins(options: Mapping[str, str]) -> tuple[str, ...]:
    """Distributions of the plugins without which pytest would refuse its own configuration."""
    added = options.get("addopts", "")
    found = [plugin for pattern, plugin in _PLUGINS if re.search(pattern, added)]
    found += [plugin for setting, plugin in _PLUGIN_SETTINGS if setting in options]
    found += re.findall(r"[A-Za-z0-9][\w.-]*(?:[<>=!~]=?[\w.*]+)?", options.get("required_plugins", ""))
    return tuple(dict.fromkeys(found))


def _version_settings(files: Files, paths: frozenset[str], found: Declared) -> dict[str, str]:
    """What tells the tools that ask git for the version what it is, for there is no git history inside."""
    if not found.needs_version:
        return {}
    version = _latest_version(files, paths)
    settings = {
        "SETUPTOOLS_SCM_PRETEND_VERSION": version,
        "PBR_VERSION": version,
        "PDM_BUILD_SCM_VERSION": version,
        "POETRY_DYNAMIC_VERSIONING_BYPASS": version,
    }
    wanted = {"pbr": "PBR", "pdm": "PDM", "poetry-dynamic-versioning": "POETRY"}
    prefixes = tuple({wanted.get(tool, "SETUPTOOLS") for tool in found.needs_version})
    return {name: value for name, value in settings.items() if name.startswith(prefixes)}


def _latest_version(files: Files, paths: frozenset[str]) -> str:
    """The first version in the change log; a package that the tests need may ask for a recent one of ours."""
    for path in sorted(paths):
        if re.fullmatch(r"(?:docs?/)?(?:changelog|changes|history|news|release[-_]notes)(?:\.\w+)?", path.lower()):
            text = files.read(path)[:20000].decode("utf-8", "replace")
            match = re.search(r"^[^\w\n]*(?:[A-Za-z]+\s+)?v?\[?(\d+\.\d+(?:\.\d+)?)\b", text, re.MULTILINE)
            if match:
                return match[1]
    return "9999.0"


# ----------------------------------------------------------------------------------------------- formatter


def _formatter_step(files: Files, paths: frozenset[str], found: Declared) -> Iterator[InstallStep]:
    chosen = _formatter(files, paths, found)
    if chosen:
        purpose = f"install the repository's formatter, {chosen[0]}"
        yield InstallStep((*_INSTALL, chosen[0]), purpose, required=False, env=_pinned(found))


def _formatter(files: Files, paths: frozenset[str], found: Declared) -> tuple[str, tuple[str, ...]] | None:
    """Requirement and argument vector of the configured formatter."""
    hooks = ""
    if ".pre-commit-config.yaml" in paths:
        hooks = files.read(".pre-commit-config.yaml").decode("utf-8", "replace")
    ruff = found.tools.get("ruff")
    config = {
        "ruff": isinstance(ruff, dict) and "format" in ruff,
        "black": "black" in found.tools,
        "yapf": "yapf" in found.tools or ".style.yapf" in paths,
        "autopep8": "autopep8" in found.tools,
    }
    for tool, (hook, source, command) in _FORMATTERS.items():
        used = re.search(rf"^\s*-?\s*id:\s*['\"]?{hook}['\"]?\s*(?:#.*)?$", hooks, re.MULTILINE)
        if used:
            revision = re.search(rf"repo:\s*\S*{source}\S*\s+rev:\s*['\"]?v?(\d[\w.]*)", hooks)
            return f"{tool}=={revision[1]}" if revision else tool, command
    for tool, (_, _, command) in _FORMATTERS.items():
        if config[tool]:
            return _declared_as(tool, found), command
    return None


def _declared_as(tool: str, found: Declared) -> str:
    """The requirement by which the project names one of its tools: another version would format differently."""
    for table in (found.groups, found.tool_groups, found.extras):
        for item in (item for items in table.values() for item in items):
            if _normal(re.split(r"[^\w.-]", item, maxsplit=1)[0]) == tool:
                return item
    return tool


_FORMATTERS = {
    "ruff": ("ruff-format", "ruff-pre-commit", ("/venv/bin/ruff", "format", "--quiet")),
    "black": ("black(?:-jupyter)?", r"/black", ("/venv/bin/black", "--quiet")),
    "yapf": ("yapf", r"/\w*yapf", ("/venv/bin/yapf", "--in-place")),
    "autopep8": ("autopep8", "autopep8", ("/venv/bin/autopep8", "--in-place")),
}
"""Tool -> hook of pre-commit, the repository that the hook comes from, argument vector."""


# ------------------------------------------------------------------------------------------------ symbolic


def _symbolic_step(wishes: InstallWishes) -> Iterator[InstallStep]:
    """The tool that compares versions symbolically, in a folder that nothing else has on its path."""
    if wishes.symbolic:
        where = ("--python", PYTHON, "--target", symbolic.FOLDER, "--compile-bytecode")
        command = (*_INSTALL, *where, symbolic.REQUIREMENT)
        yield InstallStep(command, "install what compares versions symbolically", required=False)


# ---------------------------------------------------------------------------------- python, manifest, summary


def _python(requires: str) -> str | None:
    """The version to ask for: None when the interpreter that runs us will do, else the nearest that satisfies."""
    if not requires:
        return None
    try:
        wanted = SpecifierSet(requires)
    except InvalidSpecifier:
        return None
    ours = sys.version_info[:3]
    if wanted.contains(".".join(map(str, ours)), prereleases=True):
        return None
    # A high patch number stands for "the newest of this minor version": `>=3.9.2` is satisfied by some 3.9.
    fitting = [minor for minor in _VERSIONS if wanted.contains(f"3.{minor}.99") or wanted.contains(f"3.{minor}.0")]
    older = [minor for minor in fitting if minor < ours[1]]
    if not fitting:
        return None
    return f"3.{older[-1] if older else fitting[0]}"


def _manifest(
    files: Files, paths: frozenset[str], found: Declared, sources: _Sources, dockerfile: str | None
) -> dict[str, str]:
    """Digests of all that the installation depends on; ordinary sources are not among it."""
    depends = set(found.read) | {path for path in sources.files if path in paths}
    if found.compiled:
        depends |= {path for path in paths if path.endswith(_COMPILED)}
    if dockerfile is not None:
        depends |= set(_copied(dockerfile, paths))
    digests = {path: hashlib.sha256(files.read(path)).hexdigest() for path in sorted(depends)}
    if found.packaged:
        # An editable installation may map each top-level package by its name.
        tops = sorted({_top(path) for path in paths if path.endswith("/__init__.py") and _top(path)})
        digests["top-level packages"] = hashlib.sha256("\n".join(tops).encode()).hexdigest()
    return digests


def _top(path: str) -> str:
    """`pkg` or `src/pkg` for the file that makes it a package, else nothing."""
    parts = path.split("/")
    return "/".join(parts[:-1]) if len(parts) == 2 or (len(parts) == 3 and parts[0] == "src") else ""


def _copied(dockerfile: str, paths: frozenset[str]) -> Iterator[str]:
    """Files of the tree that a Dockerfile copies by name; the whole tree is not one, it changes each time."""
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = line.split()
        if words and words[0].upper() in ("COPY", "ADD"):
            for word in words[1:-1]:
                name = posixpath.normpath(word.strip('[],"'))
                yield from (path for path in paths if path == name or path.startswith(name + "/"))


_COMPILED = (
    ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".f", ".f90",
    "Cargo.toml", "Cargo.lock", "meson.build", "meson.options", "CMakeLists.txt", "build_ext.py",
)  # fmt: skip


def _summary(found: Declared, sources: _Sources, *, install: bool) -> str:
    if install and (found.packaged or found.dependencies):
        first = f"{found.file or 'pyproject.toml'} ({found.backend or 'no build system'})"
    else:
        first = "the repository on the import path"
    lock = ["uv.lock"] if found.uv_lock else ["locked versions"] if found.pins else []
    files = [] if install and found.packaged else list(_run_time_files(found))
    words = [first, *lock, *dict.fromkeys([*(() if sources.files else files), *sources.words])]
    return ", ".join(words)


def _count(word: str, names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"its {word} {quoted}" if len(names) == 1 else f"its {word}s {quoted}"


def _wanted_file(files: Files, paths: frozenset[str], path: str) -> bytes:
    if path not in paths:
        raise _missing(path)
    return files.read(path)


def _missing(path: str) -> ConfigError:
    return ConfigError(
        f"The configuration names {path}, but the repository has no such file.",
        hint="Paths are relative to the repository's root; the file must be committed.",
        slug="install-file",
    )
