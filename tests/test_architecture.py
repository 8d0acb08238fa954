"""The house rules, as a checker over sources, proven by planted violations, then run over bot/."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEVELS = (
    (
        "ground",
        {
            "bot",
            "bot.audited",
            "bot.domain",
            "bot.errors",
            "bot.identity",
            "bot.kinds",
            "bot.plan",
            "bot.progress",
            "bot.patterns",
        },
    ),
    (
        "protocols",
        {
            "bot.languages",
            "bot.sandboxes",
            "bot.endpoints",
            "bot.checks",
            "bot.detectors",
            "bot.executors",
            "bot.forges",
        },
    ),
    (
        "tools",
        {
            "bot.audit_state",
            "bot.brief",
            "bot.code_quality",
            "bot.config",
            "bot.console",
            "bot.diff",
            "bot.fetching",
            "bot.git_runner",
            "bot.guarding",
            "bot.markers",
            "bot.prompts",
            "bot.record",
            "bot.render",
            "bot.report",
            "bot.result",
            "bot.sarif",
            "bot.sast",
            "bot.settings",
            "bot.signal",
            "bot.templating",
            "bot.upkeep_markers",
            "bot.wire",
            "bot.wire_calls",
            "bot.measuring",
            "bot.generating",
            "bot.wording",
            "bot.workspace",
        },
    ),
    ("implementations", set()),  # whatever lies beside a protocol
    ("trial", {"bot.trial", "bot.racing"}),
    ("steps", {"bot.steps"}),
    ("examine", {"bot.examine", "bot.quicken"}),
    (
        "journeys",
        {
            "bot.audit",
            "bot.audit_delivery",
            "bot.audit_job",
            "bot.audit_task",
            "bot.ci",
            "bot.delivery",
            "bot.draft",
            "bot.further",
            "bot.problems",
            "bot.pull_request",
            "bot.recall",
            "bot.replaying",
            "bot.review",
            "bot.wiring",
        },
    ),
    ("command", {"bot.cli", "bot.__main__"}),
)
RANK = {module: rank for rank, (_, modules) in enumerate(LEVELS) for module in modules}
SEAMS = ("languages", "sandboxes", "endpoints", "checks", "detectors", "executors", "forges")
IMPLEMENTATIONS = [name for name, _ in LEVELS].index("implementations")
STEPS = RANK["bot.steps"]

FOREIGN = (
    "bot.config",
    "bot.forges.github",
    "bot.forges.gitlab",
    "bot.forges.http",
    "bot.markers",
    "bot.result",
    "bot.settings",
    "bot.wire",
)
"""Where foreign text enters, and is validated: the configuration, a saved result, a reply from a container."""

HOMES = {
    "docker": ("bot.sandboxes.docker",),
    "dask": ("bot.executors.cluster",),
    "distributed": ("bot.executors.cluster",),
    "gitlab": ("bot.forges.gitlab",),
    "requests": (  # transports' exceptions
        "bot.sandboxes.docker",
        "bot.forges.http",
        "bot.forges.github",
        "bot.forges.gitlab",
    ),
    "urllib3": ("bot.forges.http",),  # and what lies below it
    "uv": ("bot.wiring",),  # a binary that goes into containers; its place is looked up
    "git": ("bot.git_runner",),
    "packaging": ("bot.languages.python",),
    "unidiff": ("bot.diff",),
    "yaml": ("bot.config",),
    "jinja2": ("bot.templating",),
    "markupsafe": ("bot.templating",),
    "pygments": ("bot.report",),
    "rich": ("bot.console",),
    "hypothesis": ("bot.generating",),
    "ruff": ("bot.detectors.analysers",),  # a binary; its place is looked up
    "bandit": ("bot.detectors.analysers",),
    "openai": ("bot.endpoints.openai",),
    "httpx2": ("bot.endpoints.openai",),  # openai's own transport: timeouts and exceptions come through
    "matplotlib": ("bot.problems.drawing",),
    "github": ("bot.forges.github",),
    "pydantic": FOREIGN,
    "pydantic_core": FOREIGN,
}
GUESTS = {"pytest", "_pytest", "tryline_inside"}
"""What the files beyond the wall may import besides the standard library: the target's runner, and one another."""


def module_of(path: str) -> str:
    """`bot/steps/__init__.py` -> `bot.steps`."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def imports(tree: ast.Module, modules: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Modules that a file imports, with the line; `from bot import x` is `bot.x` if that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in modules else str(node.module)), node.lineno


def rank_of(module: str) -> int | None:
    """The level of a module: its own, or that of what it lies beside; None when nobody gave it one."""
    parts = module.split(".")
    if len(parts) > 2 and parts[1] in SEAMS:
        return IMPLEMENTATIONS
    # The files of a package share its level: bot.steps, bot.problems.
    return RANK.get(module, RANK.get(".".join(parts[:2])) if len(parts) > 2 else None)


def implementation(module: str) -> str | None:
    """`bot.languages.python` for everything in it, `bot.checks.x` for a file; None for what is none."""
    parts = module.split(".")
    return ".".join(parts[:3]) if len(parts) > 2 and parts[1] in SEAMS else None


def violations(files: Mapping[str, str]) -> list[str]:
    """Every rule that these files (path -> source) break, as `path:line: what`."""
    modules = frozenset(module_of(path) for path in files)
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    for path, source in sorted(files.items()):
        tree = ast.parse(source)
        module = module_of(path)
        beyond = module.startswith("bot.inside")
        if not (ast.get_docstring(tree) or "").strip():
            found.append(f"{path}:1: no caption")
        if not beyond:
            found += [f"{path}:{line}: import inside a function" for line in nested_imports(tree)]
            if rank_of(module) is None:
                found.append(f"{path}:1: {module} has no level")
        for target, line in imports(without_type_checking(tree), modules):
            problem = broken(module, target)
            if problem:
                found.append(f"{path}:{line}: {problem}")
            if target in modules and target != module:
                graph.setdefault(module, set()).add(target)
    return found + [f"circle: {' -> '.join(circle)}" for circle in circles(graph)]


def broken(module: str, target: str) -> str | None:
    """What is wrong with `module` importing `target`; None when nothing is."""
    top = target.partition(".")[0]
    if module.startswith("bot.inside"):
        known = top in sys.stdlib_module_names or top in GUESTS
        return None if known else f"beyond the wall, {target} is not there"
    if top != "bot":
        if top in sys.stdlib_module_names:
            return None
        homes = HOMES.get(top)
        if homes is None:
            return f"{top} has no home"
        at_home = any(module == home or module.startswith(f"{home}.") for home in homes)
        return None if at_home else f"{top} lives in {', '.join(homes)}"
    if target.startswith("bot.inside"):
        return "bot.inside is imported by nobody"
    return broken_level(module, target)


def step_of(module: str) -> str:
    """The step that a module belongs to: a step may be a package of its own."""
    return ".".join(module.split(".")[:3])


def broken_level(module: str, target: str) -> str | None:
    """What is wrong with the direction of an import within bot; None when nothing is."""
    mine, theirs = rank_of(module), rank_of(target)
    if mine is None or theirs is None:
        return None
    if theirs > mine:
        return f"{module} imports upward: {target}"
    family = implementation(target)
    # What implementations of one seam share lies among them, and is theirs to name.
    same_seam = family and implementation(module) and family.split(".")[1] == module.split(".")[1]
    if family and not same_seam and module != "bot.wiring":
        return f"only wiring names {target}"
    if mine == theirs == STEPS and step_of(module) != step_of(target) and target != "bot.steps":
        return f"steps do not import one another: {target}"
    return None


def nested_imports(tree: ast.Module) -> Iterator[int]:
    """Lines of imports inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield inner.lineno


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The module without what stands below `if TYPE_CHECKING`."""
    kept = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(kept, [])


def circles(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Circles of imports, each once. A package and its own files are one: `bot` is not in any."""
    seen: set[frozenset[str]] = set()

    def walk(path: list[str]) -> Iterator[list[str]]:
        for target in sorted(graph.get(path[-1], ())):
            if target in path:
                circle = path[path.index(target) :]
                if frozenset(circle) not in seen:
                    seen.add(frozenset(circle))
                    yield [*circle, target]
            elif target not in done:
                yield from walk([*path, target])
        done.add(path[-1])

    done: set[str] = set()
    for module in sorted(graph):
        if module not in done:
            yield from walk([module])


def test_the_house_keeps_its_rules() -> None:
    files = {
        str(path.relative_to(ROOT).as_posix()): path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py")
    }
    assert len(files) > 20
    assert violations(files) == []


CAPTION = '"""A caption."""\n'
CLEAN = {
    "bot/domain.py": CAPTION,
    "bot/steps/find.py": CAPTION + "from bot.domain import x\nimport json\n",
    "bot/steps/prove.py": CAPTION + "from bot import domain\n",
    "bot/checks/__init__.py": CAPTION + "from bot.domain import x\n",
    "bot/checks/style.py": CAPTION + "from bot.checks import Check\n",
    "bot/wiring.py": CAPTION + "from bot.checks.style import Style\n",
    "bot/config.py": CAPTION + "import yaml\n",
    "bot/problems/drawing.py": CAPTION + "import matplotlib\nfrom bot.steps.find import x\n",
    "bot/inside/agent.py": CAPTION + "import os\ndef f():\n    import pytest\n",
}


def test_a_clean_house_has_no_violation() -> None:
    assert violations(CLEAN) == []


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("bot/domain.py", CAPTION + "from bot.steps import find\n", "bot.domain imports upward: bot.steps.find"),
        ("bot/domain.py", CAPTION + "import bot.wiring\n", "bot.domain imports upward: bot.wiring"),
        ("bot/checks/__init__.py", CAPTION + "from bot.checks import style\n", "bot.checks imports upward"),
        ("bot/steps/find.py", CAPTION + "from bot.steps.prove import f\n", "steps do not import one another"),
        ("bot/steps/find.py", CAPTION + "from bot.steps import prove\n", "steps do not import one another"),
        ("bot/steps/a/b.py", CAPTION + "from bot.steps.find import f\n", "steps do not import one another"),
        ("bot/steps/find.py", CAPTION + "from bot.checks.style import S\n", "only wiring names bot.checks.style"),
        ("bot/steps/find.py", CAPTION + "import yaml\n", "yaml lives in bot.config"),
        ("bot/steps/find.py", CAPTION + "from bot.problems.plot import f\n", "bot.steps.find imports upward"),
        (
            "bot/problems/plot.py",
            CAPTION + "from bot.checks.style import S\n",
            "only wiring names bot.checks.style",
        ),
        ("bot/problems/report.py", CAPTION + "import matplotlib\n", "matplotlib lives in bot.problems.drawing"),
        ("bot/wiring.py", CAPTION + "import numpy\n", "numpy has no home"),
        ("bot/wiring.py", CAPTION + "from bot.inside import agent\n", "bot.inside is imported by nobody"),
        ("bot/inside/agent.py", CAPTION + "from bot import domain\n", "beyond the wall, bot.domain is not there"),
        ("bot/inside/agent.py", CAPTION + "import rich\n", "beyond the wall, rich is not there"),
        ("bot/wiring.py", CAPTION + "def f():\n    import json\n", "import inside a function"),
        ("bot/wiring.py", "import json\n", "no caption"),
        ("bot/helpers.py", CAPTION, "bot.helpers has no level"),
    ],
)
def test_a_planted_violation_is_found(path: str, source: str, expected: str) -> None:
    found = violations({**CLEAN, path: source})
    assert [line for line in found if expected in line], found


def test_a_circle_is_found() -> None:
    files = {
        **CLEAN,
        "bot/diff.py": CAPTION + "from bot.wire import a\n",
        "bot/wire.py": CAPTION + "from bot.workspace import b\n",
        "bot/workspace.py": CAPTION + "from bot.diff import c\n",
    }
    assert violations(files) == ["circle: bot.diff -> bot.wire -> bot.workspace -> bot.diff"]


def test_types_may_look_upward() -> None:
    source = CAPTION + "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.wiring import Parts\n"
    assert violations({**CLEAN, "bot/steps/find.py": source}) == []


def slugs(source: str) -> set[str]:
    """Slugs that a file gives to errors: `slug="..."` in a call."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    values = [word.value for call in calls for word in call.keywords if word.arg == "slug"]
    return {value.value for value in values if isinstance(value, ast.Constant)}


def test_every_slug_is_documented() -> None:
    documented = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", (ROOT / "docs/errors.md").read_text("utf-8")))
    used = set().union(*(slugs(path.read_text("utf-8")) for path in (ROOT / "bot").rglob("*.py")))
    assert len(used) > 20
    assert used - documented == set()
