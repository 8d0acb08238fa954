"""The analysers: what they say of bugs and weaknesses, whatever text and path, with no configuration."""

from __future__ import annotations

import pytest

from bot.detectors import Analyser
from bot.detectors.analysers import Bandit, Ruff

WEAK = """import subprocess
import yaml

PASSWORD = "hunter2-secret"


def run(name, seen=[]):
    subprocess.call("ls " + name, shell=True)
    seen.append(name)
    return yaml.load(name)


def late():
    return undefined_name
"""


def rules(analyser: Analyser, files: dict[str, str]) -> dict[str, set[tuple[str, int]]]:
    return {path: {(n.rule, n.line) for n in rows} for path, rows in analyser.notices(files).items()}


def test_ruff_names_bugs_and_weaknesses_by_line() -> None:
    found = rules(Ruff(), {"a.py": WEAK})["a.py"]
    assert {("B006", 7), ("S602", 8), ("S506", 10), ("F821", 14), ("S105", 4)} <= found
    by_rule = {n.rule: n for n in Ruff().notices({"a.py": WEAK})["a.py"]}
    assert (by_rule["S602"].category, by_rule["S602"].cwe) == ("security", 78)
    assert (by_rule["F821"].category, by_rule["F821"].cwe) == ("correctness", 0)


def test_bandit_knows_the_weakness() -> None:
    found = {(n.rule, n.line): n for n in Bandit().notices({"a.py": WEAK})["a.py"]}
    assert found["B602", 8].cwe == 78
    assert "B404" not in {rule for rule, _ in found}, "an import is no weakness"


def test_style_is_never_said() -> None:
    text = "import os\nimport sys\n\ndef F( x ):\n  l = 1\n  assert x\n  return x == None\n"
    assert Ruff().notices({"a.py": text}) == {}
    assert Bandit().notices({"a.py": text}) == {}


@pytest.mark.parametrize("analyser", [Ruff(), Bandit()], ids=lambda a: a.name)
def test_no_configuration_of_the_repository_and_no_odd_path_or_text_matters(analyser: Analyser) -> None:
    files = {
        "ruff.toml": "[lint]\nselect = []\n",
        "../../etc/passwd.py": WEAK,
        "setup.cfg": "[bandit]\nskips = B602\n",
        "broken.py": "def f(:\n\udc80",
        "empty.py": "",
        "-exit.py": WEAK,
    }
    found = rules(analyser, files)
    assert ("S602" if analyser.name == "ruff" else "B602", 8) in found["../../etc/passwd.py"]
    assert found["-exit.py"] == found["../../etc/passwd.py"]
    assert analyser.notices({}) == {}


@pytest.mark.parametrize("analyser", [Ruff(), Bandit()], ids=lambda a: a.name)
def test_a_secret_is_not_told_once_more(analyser: Analyser) -> None:
    said = [n.message for n in analyser.notices({"a.py": WEAK})["a.py"]]
    assert any("assword" in text for text in said)
    assert not any("hunter2" in text for text in said)
