"""What a repository declares becomes the commands that install it, for every usual shape of project."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain import InstallStep, Recipe
from bot.errors import ConfigError
from bot.languages import InstallWishes
from bot.languages.python.declared import declared
from bot.languages.python.recipe import formatter, recipe

SETUP_PY = """
from setuptools import setup
tests = ["mock", "freezegun"]
extras = {"docs": ["sphinx"], "test": tests}
extras["redis"] = ["redis"]
setup(name="shop", install_requires=["idna"], extras_require=extras, python_requires=">=3.7")
"""
PEP_621 = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "1"
dependencies = ["idna>=3"]
[project.optional-dependencies]
docs = ["sphinx"]
Testing = ["mock", "shop[docs]"]
"""
POETRY = """
[tool.poetry]
name = "shop"
version = "1"
[tool.poetry.dependencies]
python = "^3.9"
idna = "^3.4"
click = {version = "~8.1", extras = ["x"], python = ">=3.10"}
local = {path = "../local"}
[tool.poetry.group.test.dependencies]
pytest = "*"
mock = [{version = "4.0", python = "<3.9"}, {version = ">=5", markers = "sys_platform == 'linux'"}]
lib = {git = "https://example.com/lib.git", tag = "v1"}
[tool.poetry.group.docs.dependencies]
sphinx = "*"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
PDM = """
[project]
name = "shop"
version = "1"
[tool.pdm.dev-dependencies]
tests = ["mock", "-e file:///${PROJECT_ROOT}/plugin"]
[build-system]
requires = ["pdm-backend"]
build-backend = "pdm.backend"
"""
HATCH = """
[project]
name = "shop"
dynamic = ["version"]
[tool.hatch.envs.hatch-test]
extra-dependencies = ["mock", "{root:uri}/plugin"]
[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"
"""
FLIT = """
[project]
name = "shop"
dynamic = ["version", "description"]
[dependency-groups]
tests = ["mock", {include-group = "base"}]
base = ["attrs"]
lint = ["ruff"]
[build-system]
requires = ["flit_core<4"]
build-backend = "flit_core.buildapi"
"""


MOCK = '[[package]]\nname = "mock"\nversion = "5.1.0"\n'


@dataclass(frozen=True)
class Tree:
    """Files by path."""

    files: dict[str, str]

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


def made(files: dict[str, str], wishes: InstallWishes | None = None) -> Recipe:
    return recipe(Tree(files), wishes or InstallWishes())


def commands(of: Recipe) -> list[str]:
    """The steps that call uv, as one would type them."""
    return [" ".join(step.argv) for step in of.steps if step.argv[0] == "uv"]


def step(of: Recipe, words: str) -> InstallStep:
    return next(each for each in of.steps if words in each.purpose)


def test_a_setup_py_is_read_and_never_run() -> None:
    found = made({"setup.py": SETUP_PY + "\nraise SystemExit('ran')", "shop/__init__.py": ""})
    assert commands(found)[:2] == ["uv pip install -e /repo[test]", "uv pip install -e /repo"]
    assert "uv pip install mock freezegun" in commands(found)
    assert found.summary == "setup.py (setuptools), extra 'test'"
    assert declared(Tree({"setup.py": SETUP_PY})).extras["redis"] == ("redis",)


def test_pyproject_with_extras() -> None:
    found = made({"pyproject.toml": PEP_621, "src/shop/__init__.py": ""})
    assert commands(found)[0] == "uv pip install -e /repo[Testing]"
    # The project's own published version must never come in.
    assert "uv pip install mock" in commands(found)
    assert not any("shop[docs]" in command for command in commands(found))
    consolation = step(found, "import path instead")
    assert consolation.argv[-2:] == ("idna>=3", "mock")


def test_poetry() -> None:
    found = made({"pyproject.toml": POETRY, "shop.py": ""})
    assert commands(found)[0] == "uv pip install -e /repo"
    assert (
        "uv pip install pytest mock==4.0 ; (python_version < '3.9') mock>=5 ; (sys_platform == 'linux')"
        " lib @ git+https://example.com/lib.git@v1" in commands(found)
    )
    assert declared(Tree({"pyproject.toml": POETRY})).dependencies == (
        "idna>=3.4,<4",
        "click[x]>=8.1,<8.2 ; (python_version >= '3.10')",
    )
    assert found.summary == "pyproject.toml (poetry), group 'test'"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("*", ""),
        ("1.2", "==1.2"),
        (">= 1.2, <2", ">=1.2,<2"),
        ("^1 || ^2", ">=1,<2"),
    ],
)
def test_poetrys_versions(written: str, meant: str) -> None:
    text = f'[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\nlib = "{written}"\n'
    assert declared(Tree({"pyproject.toml": text})).dependencies == (f"lib{meant}",)


def test_pdm_hatch_and_flit() -> None:
    assert "uv pip install mock" in commands(made({"pyproject.toml": PDM}))
    assert "uv pip install mock" in commands(made({"pyproject.toml": HATCH}))
    flit = made({"pyproject.toml": FLIT})
    assert "uv pip install --group /repo/pyproject.toml:tests" in commands(flit)
    assert flit.summary == "pyproject.toml (flit), group 'tests'"


def test_requirement_files_only() -> None:
    files = {
        "requirements.txt": "idna\n",
        "requirements-dev.txt": "-r requirements.txt\nmock\n",
        "requirements/tests.txt": "-c pins.txt\nmock\n",
        "requirements/pins.txt": "mock==5\n",
        "docs/requirements.txt": "sphinx\n",
        "app.py": "",
    }
    found = made(files)
    assert commands(found) == ["uv pip install -r /repo/requirements/tests.txt", "uv pip install pytest"]
    assert "import path" in found.steps[0].purpose
    assert "requirements/pins.txt" in found.manifest
    assert found.manifest != made({**files, "requirements/pins.txt": "mock==4\n"}).manifest
    assert found.manifest == made({**files, "app.py": "1"}).manifest
    del files["requirements/tests.txt"]
    assert commands(made(files))[0] == "uv pip install -r /repo/requirements-dev.txt"
    del files["requirements-dev.txt"]
    assert commands(made(files))[0] == "uv pip install -r /repo/requirements.txt"


def test_nothing_at_all_is_pytest_and_the_import_path() -> None:
    found = made({"app.py": "", "test_app.py": ""})
    assert [each.purpose for each in found.steps] == [
        "put the repository on the import path",
        "install pytest, unless it is there",
    ]
    assert found.summary == "the repository on the import path"


def test_tox_is_asked_when_no_group_is_for_tests() -> None:
    ini = """
[testenv]
deps =
    mock>=2  # for old ones
    py38: importlib-resources
    -r{toxinidir}/ci/reqs.txt
    {env:EXTRA:}
    {toxinidir}
extras = fast, unknown
"""
    script = "from setuptools import setup\nsetup(extras_require=dict(fast=['regex']))"
    found = made({"setup.py": script, "tox.ini": ini, "ci/reqs.txt": "attrs"})
    assert commands(found) == [
        "uv pip install -e /repo[fast]",
        "uv pip install -e /repo",
        "uv pip install -r /repo/ci/reqs.txt",
        "uv pip install regex",
        "uv pip install mock>=2",
        "uv pip install pytest",
    ]
    toml = '[env_run_base]\ndeps = ["mock"]\n'
    assert "uv pip install mock" in commands(made({"tox.toml": toml}))


def test_uv_lock_first_then_its_versions_then_any() -> None:
    lock = """
version = 1
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
[[package]]
name = "mock"
version = "5.1.0"
source = { registry = "https://pypi.org/simple" }
"""
    found = made({"pyproject.toml": PEP_621, "uv.lock": lock})
    project = [each for each in found.steps if each.group == "project"]
    assert project[0].argv[:2] == ("uv", "sync")
    assert project[0].argv[-3:] == ("--extra", "Testing", "--no-default-groups")
    assert "UV_CONSTRAINT" in project[1].env
    assert "UV_CONSTRAINT" not in project[2].env
    assert found.steps[0].argv[-1] == "mock==5.1.0\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("poetry.lock", MOCK),
        ("pdm.lock", MOCK + '[[package]]\nname = "x"\nversion = "1"\npath = "."\n'),
        ("Pipfile.lock", '{"default": {"mock": {"version": "==5.1.0"}}, "develop": {"x": {"git": "u"}}}'),
    ],
)
def test_other_locks_are_constraints(path: str, text: str) -> None:
    assert declared(Tree({path: text})).pins == {"mock": "5.1.0"}
    twice = text + '[[package]]\nname = "mock"\nversion = "4.0"\n'
    if path != "Pipfile.lock":
        assert "mock" not in declared(Tree({path: twice})).pins


def test_the_version_is_pretended_where_git_would_tell_it() -> None:
    found = made({"pyproject.toml": HATCH, "CHANGELOG.md": "# Changes\n\n## [2.4.1] - 2026-01-01\n\n## 2.4.0\n"})
    assert step(found, "install the project").env == {"SETUPTOOLS_SCM_PRETEND_VERSION": "2.4.1"}
    # A dependency that is built from source asks its own tags.
    assert step(found, "install pytest").env == {}
    assert "9999.0" in step(made({"pyproject.toml": HATCH}), "install the project").env.values()
    script = "from setuptools import setup\nsetup(setup_requires=['pbr'], pbr=True)"
    assert "PBR_VERSION" in step(made({"setup.py": script}), "install the project").env
    assert step(made({"pyproject.toml": PEP_621}), "install the project").env == {}


def test_the_wanted_python() -> None:
    def python(requires: str) -> str | None:
        return made({"pyproject.toml": f'[project]\nname = "a"\nrequires-python = "{requires}"\n'}).python

    ours = sys.version_info[1]
    assert python(f">=3.{ours}") is None
    assert python(">=3.8") is None
    assert python(f">=3.{ours + 1}") == f"3.{ours + 1}"
    assert python(f"<3.{ours}") == f"3.{ours - 1}"
    assert python("==3.9.*") == "3.9"
    assert python(">=3.9.2,<3.10") == "3.9"
    assert python("nonsense") is None
    assert made({"pyproject.toml": POETRY}).python is None
    assert made({"setup.py": SETUP_PY}, InstallWishes(python="3.8")).python == "3.8"


def test_plugins_without_which_pytest_refuses_its_configuration() -> None:
    ini = "[pytest]\naddopts = --cov=shop -n auto\nasyncio_mode = auto\nrequired_plugins = pytest-mock>=3\n"
    found = made({"pytest.ini": ini})
    assert "uv pip install pytest-cov pytest-xdist pytest-asyncio pytest-mock>=3" in commands(found)
    table = '[tool.pytest.ini_options]\naddopts = ["--timeout=5"]\n'
    assert "uv pip install pytest-timeout" in commands(made({"pyproject.toml": table}))
    assert len(commands(made({"pytest.ini": "[pytest]\naddopts = -ra --nf\n"}))) == 1


def test_wishes_go_first() -> None:
    files = {
        "pyproject.toml": PEP_621,
        "ci.txt": "attrs",
        "Dockerfile.test": "FROM python\nCOPY ci.txt /\nCOPY . /x\n",
    }
    wishes = InstallWishes(
        requirements=("ci.txt",),
        extras=("docs",),
        packages=("ujson",),
        dockerfile="Dockerfile.test",
        env={"UV_INDEX_URL": "https://example.com"},
    )
    found = made(files, wishes)
    assert "uv pip install -e /repo[docs]" in commands(found)
    assert "uv pip install -r /repo/ci.txt" in commands(found)
    assert "uv pip install ujson" in commands(found)
    assert all(each.env["UV_INDEX_URL"] == "https://example.com" for each in found.steps)
    assert found.dockerfile == files["Dockerfile.test"]
    assert "ci.txt" in found.manifest
    none = made(files, InstallWishes(extras=()))
    assert commands(none) == ["uv pip install -e /repo", "uv pip install pytest"]
    alone = made(files, InstallWishes(project=False))
    assert not any("-e" in command for command in commands(alone))
    for missing in (InstallWishes(requirements=("no.txt",)), InstallWishes(dockerfile="no")):
        with pytest.raises(ConfigError) as raised:
            made(files, missing)
        assert raised.value.hint


def test_sources_count_only_where_they_are_compiled() -> None:
    files = {"pyproject.toml": PEP_621, "shop/__init__.py": "", "shop/fast.c": "int x;"}
    assert "shop/fast.c" not in made(files).manifest
    script = (
        "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('shop.fast', ['shop/fast.c'])])"
    )
    assert "shop/fast.c" in made({**files, "setup.py": script}).manifest
    assert made(files).key() == made({**files, "shop/more.py": ""}).key()
    assert made(files).key() != made({**files, "newpackage/__init__.py": ""}).key()


def test_malformed_files_count_as_absent() -> None:
    found = made(
        {"pyproject.toml": "[project\n", "setup.cfg": "no section\n", "setup.py": "def (", "uv.lock": "["}
    )
    assert commands(found)[0] == "uv pip install -e /repo"
    assert made({"pyproject.toml": "[project]\ndependencies = 3\n[tool]\npoetry = []\n"}).steps


@pytest.mark.parametrize(
    ("files", "command", "requirement"),
    [
        ({"pyproject.toml": "[tool.black]\n"}, "black", "black"),
        (
            {"pyproject.toml": '[tool.ruff.format]\n[dependency-groups]\ndev = ["ruff==0.4.1"]\n'},
            "ruff",
            "ruff==0.4.1",
        ),
        ({".style.yapf": "[style]\n"}, "yapf", "yapf"),
        (
            {
                ".pre-commit-config.yaml": "repos:\n- repo: https://github.com/astral-sh/ruff-pre-commit\n"
                "  rev: v0.5.1\n  hooks:\n  - id: ruff\n  - id: ruff-format\n",
                "pyproject.toml": "[tool.black]\n",
            },
            "ruff",
            "ruff==0.5.1",
        ),
    ],
)
def test_the_formatter_is_the_repositorys_own(files: dict[str, str], command: str, requirement: str) -> None:
    argv = formatter(Tree(files))
    assert argv is not None
    assert argv[0] == f"/venv/bin/{command}"
    wanted = step(made(files), "formatter")
    assert wanted.argv[-1] == requirement
    assert not wanted.required


def test_no_formatter_unless_one_is_configured() -> None:
    assert formatter(Tree({"pyproject.toml": "[tool.ruff.lint]\nselect = ['E']\n"})) is None
    assert formatter(Tree({".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: ruff\n"})) is None


def test_the_import_path_step_puts_the_tree_before_published_copies(tmp_path: Path) -> None:
    """The step's program, run as it stands, in a virtual environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    python = tmp_path / "v" / "bin" / "python"
    program = step(made({"app.py": ""}), "import path").argv[2]
    subprocess.run([python, "-c", program], check=True)
    path = json.loads(subprocess.check_output([python, "-c", "import json, sys; print(json.dumps(sys.path))"]))
    assert path.index("/repo") < next(n for n, entry in enumerate(path) if entry.endswith("site-packages"))
