"""How a Python repository's tests are run: always by pytest, which runs unittest's too, and with what arguments.

The repository's own configuration is honoured, except where it would hide or double what is needed: coverage,
parallel workers, early stops and reports of its own are taken out of its `addopts`.
"""

from __future__ import annotations

import ast
import configparser
import shlex
import tomllib

from bot.domain import SuitePlan
from bot.languages import Files, SuiteWishes

CONFIGS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Where pytest looks, in its own order of precedence."""

# Options of `addopts` that are dropped: (name, takes a value in the next word).
DROPPED = {
    "-n": True,
    "--numprocesses": True,
    "--dist": True,
    "--maxprocesses": True,
    "--tx": True,
    "-x": False,
    "--exitfirst": False,
    "--maxfail": True,
    "--pdb": False,
    "--junitxml": True,
    "--junit-xml": True,
    "--html": True,
    "--self-contained-html": False,
    "--durations": True,
    "--durations-min": True,
    "--cov": False,
    "--no-cov": False,
    "--no-cov-on-fail": False,
    "--cov-append": False,
    "--cov-branch": False,
    "--cov-report": True,
    "--cov-config": True,
    "--cov-fail-under": True,
    "--cov-context": True,
    "--benchmark-only": False,
    "--lf": False,
    "--last-failed": False,
    "--ff": False,
    "--failed-first": False,
    "--nf": False,
    "--sw": False,
    "--stepwise": False,
    "--cache-clear": False,
    "--random-order": False,
    "--reruns": True,
    "--reruns-delay": True,
    "--force-flaky": False,
    "--max-runs": True,
    "--testmon": False,
    "-v": False,
    "-vv": False,
    "-q": False,
    "-qq": False,
    "--verbose": False,
    "--quiet": False,
    "--tb": True,
    "-s": False,
    "-l": False,
    "--showlocals": False,
    "--color": True,
    "--instafail": False,
}


def plan(files: Files, wishes: SuiteWishes) -> SuitePlan:
    """Arguments for pytest, and what they are in words."""
    paths = frozenset(files.paths())
    configured, addopts, names = configuration(files, paths)
    args = [
        "--rootdir=/repo",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-o",
        f"addopts={shlex.join(kept(addopts))}",
    ]
    unittest_style = wishes.runner == "unittest" or (
        wishes.runner == "auto" and not configured and uses_unittest_alone(files, paths)
    )
    if unittest_style and not names:
        # unittest's discovery takes `test*.py`; pytest's own default would miss `testfoo.py` and `tests.py`.
        args += ["-o", "python_files=test*.py"]
    args += wishes.args
    summary = "unittest's tests by pytest" if unittest_style else "pytest"
    if configured:
        summary += f", configured in {configured}"
    if wishes.paths:
        summary += f", {' '.join(wishes.paths)}"
    return SuitePlan(tuple(args), tuple(wishes.paths), summary, dict(wishes.env))


def kept(addopts: list[str]) -> list[str]:
    """The words of `addopts` that stay."""
    out: list[str] = []
    words = iter(addopts)
    for word in words:
        name, _, value = word.partition("=")
        if name in DROPPED:
            if DROPPED[name] and not value:
                next(words, None)
            continue
        if word.startswith(("-n", "-r")) and len(word) > 2 and not word.startswith("--"):
            continue  # -n4, -rA
        if word == "-p":
            out += [word, next(words, "")]
            continue
        out.append(word)
    return out


def configuration(files: Files, paths: frozenset[str]) -> tuple[str, list[str], bool]:
    """(file that configures pytest or '', words of addopts, whether it names python_files)."""
    for name in CONFIGS:
        if name not in paths:
            continue
        text = files.read(name).decode("utf-8", "replace")
        section = section_of(name, text)
        if section is None:
            continue
        options = section.get("addopts", "")
        words = [str(word) for word in options] if isinstance(options, list) else split(str(options))
        return name, words, "python_files" in section
    return "", [], False


def split(text: str) -> list[str]:
    """Words as pytest splits them; a text that cannot be split counts as none."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def section_of(name: str, text: str) -> dict[str, object] | None:
    """pytest's section of a configuration file, None when it has none."""
    if name.endswith(".toml"):
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return None
        if not name.startswith("pyproject"):
            return dict(data.get("pytest", {}))
        tool = data.get("tool", {}).get("pytest")
        if not isinstance(tool, dict):
            return None
        return dict(tool.get("ini_options", tool))
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    wanted = "tool:pytest" if name == "setup.cfg" else "pytest"
    if not parser.has_section(wanted):
        return {} if name in ("pytest.ini", ".pytest.ini") else None
    return dict(parser.items(wanted))


def uses_unittest_alone(files: Files, paths: frozenset[str]) -> bool:
    """Whether the tests import unittest and none of them imports pytest; looks at 40 files at most."""
    tests = [p for p in sorted(paths) if p.endswith(".py") and "test" in p.rsplit("/", 1)[-1].lower()][:40]
    seen = False
    for path in tests:
        try:
            tree = ast.parse(files.read(path))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(n.split(".")[0] == "pytest" for n in names):
                return False
            seen = seen or any(n.split(".")[0] == "unittest" for n in names)
    return seen
