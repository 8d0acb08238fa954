"""What a repository's packaging files declare: pure reading, nothing is run, nothing malformed is fatal."""

from __future__ import annotations

import ast
import configparser
import json
import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.languages import Files

Names = tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """Everything that installation can be made of. Requirement lists are PEP 508, as pip takes them."""

    packaged: bool = False
    """Whether the tree can be installed as a project."""
    name: str = ""
    """The project's name."""
    backend: str = ""
    """Build backend in one word: `setuptools`, `hatchling`, `poetry` ..."""
    file: str = ""
    """The file that declares the project."""
    requires_python: str = ""
    dependencies: Names = ()
    """Run-time dependencies that no installation of the project would bring."""
    extras: Mapping[str, Names] = field(default_factory=dict)
    """Extra -> its requirements, as far as they can be read; the names are complete."""
    groups: Mapping[str, Names] = field(default_factory=dict)
    """PEP 735 dependency group -> plain requirements in it."""
    tool_groups: Mapping[str, Names] = field(default_factory=dict)
    """Groups that only poetry, pdm, hatch, uv or setuptools' `tests_require` know."""
    requirement_files: Names = ()
    tox: Names = ()
    """Requirements of tox' default environment."""
    tox_files: Names = ()
    """Requirement files that it names."""
    tox_extras: Names = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    """Version by name from the lock file of uv, poetry, pdm or pipenv."""
    uv_lock: bool = False
    uv_workspace: bool = False
    needs_version: Names = ()
    """Tools that take the version from git, which is not there: `setuptools-scm`, `pbr` ..."""
    compiled: bool = False
    """Whether building compiles sources."""
    tools: Mapping[str, Any] = field(default_factory=dict)
    """The tables under `[tool]` of pyproject.toml."""
    pytest: Mapping[str, str] = field(default_factory=dict)
    """pytest's own configuration, lists joined by blanks."""
    read: Names = ()
    """Paths of the files that all this came from."""


def declared(files: Files) -> Declared:
    """Reads the packaging files of a tree. A file that cannot be parsed counts as absent."""
    paths = frozenset(files.paths())
    project_file = _toml(files, paths, "pyproject.toml")
    cfg = _ini(files, paths, "setup.cfg")
    script = _setup_py(files, paths)
    project = _table(project_file, "project")
    tools = _table(project_file, "tool")
    poetry = _table(tools, "poetry")
    backend, file = _backend(project_file, paths)
    tox = _tox(files, paths, tools, cfg)
    pins, lock = _pins(files, paths)
    requirement_files = tuple(sorted(path for path in paths if _REQUIREMENTS.search(path)))
    named = [*requirement_files, *tox.files]
    read = {"pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "tox.toml", "uv.lock", "MANIFEST.in"}
    read |= {"Pipfile", lock, "pytest.ini", ".pytest.ini", "pytest.toml"}
    read |= set(_closure(files, paths, named))
    uv = _table(tools, "uv")
    if "workspace" in uv or any("path" in _as_table(each) for each in _table(uv, "sources").values()):
        read |= {path for path in paths if posixpath.basename(path) in ("pyproject.toml", "setup.py", "setup.cfg")}
    return Declared(
        packaged=_packaged(project_file, paths),
        name=(
            _text(project.get("name"))
            or _text(poetry.get("name"))
            or cfg.get("metadata", {}).get("name", "").strip()
            or script.name
        ),
        backend=backend,
        file=file,
        requires_python=(
            _text(project.get("requires-python"))
            or _poetry_version(_text(_table(poetry, "dependencies").get("python")))
            or cfg.get("options", {}).get("python_requires", "").strip()
            or script.requires_python
        ),
        dependencies=_loose_dependencies(project, poetry),
        extras=_extras(project, poetry, cfg, script),
        groups={name: _plain(items) for name, items in _table(project_file, "dependency-groups").items()},
        tool_groups=_tool_groups(tools, cfg, script),
        requirement_files=requirement_files,
        tox=tox.requirements,
        tox_files=tox.files,
        tox_extras=tox.extras,
        pins=pins,
        uv_lock="uv.lock" in paths and bool(project),
        uv_workspace="workspace" in uv,
        needs_version=_needs_version(project_file, cfg, script),
        compiled=_compiled(backend, script, paths),
        tools=tools,
        pytest=_pytest(files, paths, tools, cfg),
        read=tuple(sorted(read & paths)),
    )


# -------------------------------------------------------------------------------------------- pyproject.toml


def _toml(files: Files, paths: frozenset[str], path: str) -> dict[str, Any]:
    if path not in paths:
        return {}
    try:
        return tomllib.loads(files.read(path).decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return {}


def _as_table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _as_table(table.get(name))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _plain(items: object) -> Names:
    """The strings of a list; group inclusions and other tables are left to the installer."""
    return tuple(item for item in items if isinstance(item, str)) if isinstance(items, list) else ()


def _backend(project_file: Mapping[str, Any], paths: frozenset[str]) -> tuple[str, str]:
    system = _table(project_file, "build-system")
    named = " ".join([_text(system.get("build-backend")), *_plain(system.get("requires"))]).lower()
    for word in _BACKENDS:
        if word in named.replace("_", "-"):
            return word.replace("-core", "").replace("-python", ""), "pyproject.toml"
    if _table(_table(project_file, "tool"), "poetry"):
        return "poetry", "pyproject.toml"
    if "setup.py" in paths:
        return "setuptools", "setup.py"
    return ("setuptools" if project_file else ""), ("pyproject.toml" if project_file else "")


def _packaged(project_file: Mapping[str, Any], paths: frozenset[str]) -> bool:
    tools = _table(project_file, "tool")
    if _table(tools, "uv").get("package") is False or _table(tools, "poetry").get("package-mode") is False:
        return False
    if _table(tools, "pdm").get("distribution") is False:
        return False
    if "build-system" in project_file or "setup.py" in paths:
        return True
    # PEP 621 without a build system: setuptools is the default of the standard, though uv reads it as "virtual".
    return bool(_table(project_file, "project")) and "uv.lock" not in paths


def _loose_dependencies(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> Names:
    return _plain(project.get("dependencies")) or _poetry_requirements(_table(poetry, "dependencies"))


def _extras(
    project: Mapping[str, Any], poetry: Mapping[str, Any], cfg: Mapping[str, Mapping[str, str]], script: _SetupPy
) -> dict[str, Names]:
    extras: dict[str, Names] = dict(script.extras)
    extras |= {name: tuple(_lines(text)) for name, text in cfg.get("options.extras_require", {}).items()}
    extras |= {name: _plain(items) for name, items in _table(poetry, "extras").items()}
    extras |= {name: _plain(items) for name, items in _table(project, "optional-dependencies").items()}
    return extras


def _tool_groups(
    tools: Mapping[str, Any], cfg: Mapping[str, Mapping[str, str]], script: _SetupPy
) -> dict[str, Names]:
    found: dict[str, Names] = {}

    def add(name: str, requirements: Iterable[str]) -> None:
        found[name] = tuple(dict.fromkeys([*found.get(name, ()), *requirements]))

    poetry = _table(tools, "poetry")
    for name, group in _table(poetry, "group").items():
        add(name, _poetry_requirements(_table(_as_table(group), "dependencies")))
    if "dev-dependencies" in poetry:
        add("dev", _poetry_requirements(_table(poetry, "dev-dependencies")))
    pdm = _table(tools, "pdm")
    for name, items in _table(pdm, "dev-dependencies").items():
        # pdm writes editable members as `-e file:///${PROJECT_ROOT}/...`: they come with the project.
        add(name, [item for item in _plain(items) if not item.startswith("-e")])
    add("dev", _plain(_table(tools, "uv").get("dev-dependencies")))
    for name, environment in _table(_table(tools, "hatch"), "envs").items():
        table = _as_table(environment)
        needs = [*_plain(table.get("dependencies")), *_plain(table.get("extra-dependencies"))]
        add({"default": "dev", "hatch-test": "test"}.get(name, name), [need for need in needs if "{" not in need])
    add("test", script.tests_require)
    add("test", _lines(cfg.get("options", {}).get("tests_require", "")))
    return {name: items for name, items in found.items() if items}


def _needs_version(
    project_file: Mapping[str, Any], cfg: Mapping[str, Mapping[str, str]], script: _SetupPy
) -> Names:
    system = _table(project_file, "build-system")
    tools = _table(project_file, "tool")
    text = " ".join([*_plain(system.get("requires")), script.text, *cfg.get("options", {}).values()])
    text = text.lower().replace("_", "-")
    found = [word for word in _VERSION_TOOLS if word in text]
    if _text(_table(_table(tools, "pdm"), "version").get("source")) == "scm":
        found.append("pdm")
    return tuple(found)


def _compiled(backend: str, script: _SetupPy, paths: frozenset[str]) -> bool:
    if backend in ("maturin", "meson", "scikit-build", "setuptools-rust"):
        return True
    if re.search(r"ext_modules|cythonize|cffi_modules|rust_extensions|CMakeExtension", script.text):
        return True
    return any(path.endswith((".pyx", "build_ext.py")) for path in paths)


# ------------------------------------------------------------------------------------------------- poetry


def _poetry_requirements(table: Mapping[str, Any]) -> Names:
    """Poetry's dependency table as requirements; what stands on the developer's disk is left out."""
    found = []
    for name, value in table.items():
        if name.lower() == "python":
            continue
        for spec in value if isinstance(value, list) else [value]:
            requirement = _poetry_requirement(name, spec)
            if requirement:
                found.append(requirement)
    return tuple(found)


def _poetry_requirement(name: str, spec: object) -> str:
    if isinstance(spec, str):
        return name + _poetry_version(spec)
    table = _as_table(spec)
    if "path" in table or table.get("optional") is True:
        return ""
    extras = ",".join(_plain(table.get("extras")))
    named = f"{name}[{extras}]" if extras else name
    markers = [_text(table.get("markers"))]
    if _text(table.get("python")):
        markers += [_python_marker(_poetry_version(_text(table.get("python"))))]
    marker = " and ".join(f"({each})" for each in markers if each)
    if "git" in table:
        revision = _text(table.get("rev")) or _text(table.get("tag")) or _text(table.get("branch"))
        target = f" @ git+{table['git']}" + (f"@{revision}" if revision else "")
    elif "url" in table:
        target = f" @ {table['url']}"
    else:
        target = _poetry_version(_text(table.get("version")))
    return f"{named}{target}" + (f" ; {marker}" if marker else "")


def _python_marker(specifier: str) -> str:
    parts = re.findall(r"(>=|<=|==|!=|~=|>|<)\s*([\d.*]+)", specifier)
    return " and ".join(f"python_version {sign} '{version}'" for sign, version in parts)


def _poetry_version(text: str) -> str:
    """Poetry's caret and tilde as a PEP 440 specifier; empty when any version will do."""
    first = text.partition("||")[0].strip()  # a union has no PEP 440 form: its first part will do
    found = []
    for part in (each.strip() for each in first.split(",")):
        if part in ("", "*"):
            continue
        match = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)(.*)", part)
        if match and match[1] == "^":
            found += [f">={match[2]}{match[3]}", f"<{_above(match[2], caret=True)}"]
        elif match:
            found += [f">={match[2]}{match[3]}", f"<{_above(match[2], caret=False)}"]
        elif part[0].isdigit():
            found.append(f"=={part}")
        else:
            found.append(part.replace(" ", ""))
    return ",".join(found)


def _above(version: str, *, caret: bool) -> str:
    """The version that a caret or a tilde range ends before."""
    parts = [int(each) for each in version.split(".")]
    if caret:
        place = next((index for index, each in enumerate(parts) if each), len(parts) - 1)
    else:
        place = 0 if len(parts) == 1 else 1
    return ".".join(map(str, [*parts[:place], parts[place] + 1]))


# ----------------------------------------------------------------------------------- setup.py and setup.cfg


@dataclass(frozen=True)
class _SetupPy:
    """What a setup.py says in literals."""

    extras: Mapping[str, Names] = field(default_factory=dict)
    tests_require: Names = ()
    requires_python: str = ""
    name: str = ""
    text: str = ""


def _setup_py(files: Files, paths: frozenset[str]) -> _SetupPy:
    if "setup.py" not in paths:
        return _SetupPy()
    text = files.read("setup.py").decode("utf-8", "replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return _SetupPy(text=text)
    names: dict[str, ast.expr] = {}
    keys: dict[str, dict[str, ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                names[target.id] = node.value
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                key = _literal(target.slice)
                if isinstance(key, str):
                    keys.setdefault(target.value.id, {})[key] = node.value
    found = _SetupPy(text=text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "setup":
            given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            found = _SetupPy(
                extras=_extras_of(given.get("extras_require"), names, keys),
                tests_require=_strings(given.get("tests_require"), names),
                requires_python="".join(_strings(given.get("python_requires"), names)),
                name="".join(_strings(given.get("name"), names)),
                text=text,
            )
    return found


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literal(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _strings(node: ast.expr | None, names: Mapping[str, ast.expr]) -> Names:
    """The strings that an expression plainly is: one, or a list of them, perhaps under a name."""
    value = _literal(names.get(node.id) if isinstance(node, ast.Name) else node)
    if isinstance(value, str):
        return tuple(_lines(value))
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, (list, tuple, set)) else ()


def _extras_of(
    node: ast.expr | None, names: Mapping[str, ast.expr], keys: Mapping[str, Mapping[str, ast.expr]]
) -> dict[str, Names]:
    found: dict[str, Names] = {}
    if isinstance(node, ast.Name):
        found |= {key: _strings(value, names) for key, value in keys.get(node.id, {}).items()}
        node = names.get(node.id)
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            name = _literal(key)
            if isinstance(name, str):
                found[name] = _strings(value, names)
    elif isinstance(node, ast.Call) and _called(node.func) == "dict":
        found |= {each.arg: _strings(each.value, names) for each in node.keywords if each.arg}
    return found


class _Ini(configparser.RawConfigParser):
    """Names keep their case: extras and pytest's options have one."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _ini(files: Files, paths: frozenset[str], path: str) -> dict[str, dict[str, str]]:
    return _ini_text(files.read(path).decode("utf-8", "replace")) if path in paths else {}


def _ini_text(text: str) -> dict[str, dict[str, str]]:
    parser = _Ini(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = line.split(" #")[0].strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


# -------------------------------------------------------------------------------------------------- tox


@dataclass(frozen=True)
class _Tox:
    requirements: Names = ()
    files: Names = ()
    extras: Names = ()


def _tox(
    files: Files, paths: frozenset[str], tools: Mapping[str, Any], cfg: Mapping[str, Mapping[str, str]]
) -> _Tox:
    """Dependencies of tox' default environment, wherever it is configured."""
    table = _table(_toml(files, paths, "tox.toml"), "env_run_base") or _table(_table(tools, "tox"), "env_run_base")
    if table:
        return _tox_lines(_plain(table.get("deps")), _plain(table.get("extras")), paths)
    legacy = _text(_table(tools, "tox").get("legacy_tox_ini"))
    for sections in (_ini(files, paths, "tox.ini"), _ini_text(legacy), cfg):
        section = sections.get("testenv")
        if section:
            extras = re.split(r"[\s,]+", section.get("extras", "").strip())
            return _tox_lines(tuple(_lines(section.get("deps", ""))), tuple(filter(None, extras)), paths)
    return _Tox()


def _tox_lines(lines: Sequence[str], extras: Names, paths: frozenset[str]) -> _Tox:
    requirements, named = [], []
    for line in lines:
        text = line.replace("{toxinidir}/", "").replace("{tox_root}/", "").replace("{toxinidir}", ".")
        match = re.match(r"(?:-r|--requirement)[\s=]*(\S+)$", text)
        if match:
            named.append(posixpath.normpath(match[1]))
        # A factor (`py38: mock`) is for one environment, a substitution for tox alone.
        elif not re.match(r"[\w!,{}. -]+:(?!//)", text) and "{" not in text and text[0] not in "-.":
            requirements.append(text)
    return _Tox(tuple(requirements), tuple(path for path in named if path in paths), extras)


# ------------------------------------------------------------------------------------ locks and requirements


def _pins(files: Files, paths: frozenset[str]) -> tuple[dict[str, str], str]:
    """Versions by name, and the lock file that they came from."""
    for path in ("uv.lock", "poetry.lock", "pdm.lock"):
        packages = _toml(files, paths, path).get("package")
        versions: dict[str, set[str]] = {}
        for package in packages if isinstance(packages, list) else []:
            table = _as_table(package)
            source = _table(table, "source")
            from_index = "registry" in source or source.get("type", "legacy") == "legacy"
            local = {"editable", "virtual", "directory", "path", "git", "url"} & {*source, *table}
            if _text(table.get("name")) and _text(table.get("version")) and from_index and not local:
                versions.setdefault(table["name"], set()).add(table["version"])
        # A name that is locked twice (by marker) is left to the resolver.
        pins = {name: each.pop() for name, each in versions.items() if len(each) == 1}
        if pins:
            return pins, path
    if "Pipfile.lock" in paths:
        try:
            lock = _as_table(json.loads(files.read("Pipfile.lock")))
        except (ValueError, RecursionError):
            return {}, ""
        found = {**_table(lock, "default"), **_table(lock, "develop")}
        pinned = {name: _text(_as_table(each).get("version")) for name, each in found.items()}
        return {name: text[2:] for name, text in pinned.items() if text.startswith("==")}, "Pipfile.lock"
    return {}, ""


def _closure(files: Files, paths: frozenset[str], named: Iterable[str]) -> Iterator[str]:
    """Requirement files and what they include with -r and -c."""
    waiting, seen = list(named), set()
    while waiting:
        path = waiting.pop()
        if path in seen or path not in paths:
            continue
        seen.add(path)
        yield path
        for line in files.read(path).decode("utf-8", "replace").splitlines():
            match = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", line)
            if match:
                waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1])))


# ------------------------------------------------------------------------------------------------- pytest


def _pytest(
    files: Files, paths: frozenset[str], tools: Mapping[str, Any], cfg: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """pytest's options from the first file that pytest itself would take."""
    for path in ("pytest.ini", ".pytest.ini"):
        if path in paths:
            return _ini(files, paths, path).get("pytest", {})
    table = _table(tools, "pytest")
    options = _table(table, "ini_options") or table
    if options:
        return {
            name: " ".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in options.items()
        }
    return _ini(files, paths, "tox.ini").get("pytest", {}) or dict(cfg.get("tool:pytest", {}))


# ------------------------------------------------------------------------------------------------- tables

_BACKENDS = (
    "poetry-core",
    "poetry",
    "hatchling",
    "flit-core",
    "flit",
    "pdm",
    "maturin",
    "meson-python",
    "scikit-build",
    "setuptools-rust",
    "uv-build",
    "whey",
    "setuptools",
)

_VERSION_TOOLS = ("setuptools-scm", "hatch-vcs", "vcs-versioning", "pbr", "poetry-dynamic-versioning")

_REQUIREMENTS = re.compile(
    r"""^(?:
        (?:requirements|reqs|deps)(?:[-_.][\w.-]+)?\.(?:txt|in)                  # requirements-dev.txt
      | [\w.]+[-_]requirements\.(?:txt|in)                                       # dev-requirements.txt
      | (?:[\w.-]+/)?requirements(?:\.d)?/[\w.-]+\.(?:txt|in)                    # requirements/tests.txt
      | (?:tests?|testing|ci|\.ci|dev|requirements)/[\w.-]*requirements[\w.-]*\.(?:txt|in)
    )$""",
    re.VERBOSE,
)
