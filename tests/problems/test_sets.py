"""Problem sets: every form becomes a problem with tests shown and held back; bad files are refused by line."""

from __future__ import annotations

import ast
import base64
import json
import pickle
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from bot.problems.forms import Problem
from bot.problems.sets import load

HUMANEVAL = {
    "task_id": "T/0",
    "entry_point": "doubled",
    "prompt": "from typing import List\n\nLIMIT = 3\n\ndef helper(x):\n    return x\n\ndef doubled(xs: List[int])"
    ' -> List[int]:\n    """Twice each.\n    >>> doubled([1])\n    [2]\n    >>> doubled([])\n    []\n    """\n',
    "canonical_solution": "    return [2 * x for x in xs]\n",
    "test": "\nMETADATA = {}\n\ndef check(candidate):\n    assert candidate([1]) == [2]\n"
    "    assert candidate([2, 3]) == [4, 6]\n    for n in range(3):\n"
    "        assert candidate([n]) == [helper(2 * n)]\n",
}
MBPP = {
    "task_id": 7,
    "text": 'Write a "function" to find \\duplicates.',
    "code": "import re\r\nA = 1\r\ndef aid(x):\r\n  return x\r\ndef test_duplicate(xs, k=2):\r\n    "
    "return len(set(xs)) < len(aid(xs))",
    "test_list": [
        "assert test_duplicate([1, 1]) == True",
        "assert test_duplicate([1]) == False",
        "assert not test_duplicate([])",
    ],
    "test_setup_code": "WORD = 'it''s'",
    "challenge_test_list": ["assert test_duplicate([5, 5, 6])"],
}
STDIN = {
    "question_id": "q1",
    "question_content": 'Add the numbers.\n\nA """quote""" and a back\\slash, ending in "',
    "starter_code": "",
    "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
    "private_test_cases": json.dumps([{"input": "4 5\n", "output": "9.0", "testtype": "stdin"}]),
}
FUNCTIONAL = {
    "question_id": "q2",
    "question_content": "Sum of the list, plus k.",
    "starter_code": "class Solution:\n    def total(self, nums: List[int], k: int) -> int:\n        ",
    "public_test_cases": json.dumps([{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]),
    "private_test_cases": json.dumps([{"input": "[]\n0", "output": "0", "testtype": "functional"}]),
}
OWN = {
    "id": "own/1",
    "function": "Box.put",
    "module": "class Box:\n    def put(self, x):\n        return None\n",
    "visible": "from function import Box\n\ndef test_a():\n    assert Box().put(1) == 1\n",
    "hidden": "from function import Box\n\ndef test_b():\n    assert Box().put(2) == 2\n",
    "path": "function.py",
}


def written(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    """A file with these lines."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def one(path: Path, row: Mapping[str, Any]) -> Problem:
    """The only problem of a set with this row."""
    found = load(written(path / "set.jsonl", row))
    assert (len(found.problems), found.left_out) == (1, ())
    return found.problems[0]


def outcomes(tests: str, solution: str, name: str = "solution") -> dict[str, bool]:
    """Which tests of a module pass with a solution; the texts are this file's own."""
    module = compile(solution, f"{name}.py", "exec")
    space: dict[str, Any] = {"__name__": name}
    exec(module, space)

    tree = ast.parse(tests)
    tree.body = [n for n in tree.body if not (isinstance(n, ast.ImportFrom) and n.module == name)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.body = [n for n in node.body if not (isinstance(n, ast.ImportFrom) and n.module == name)]
    exec(compile(tree, "tests.py", "exec"), space)
    found = {}
    for test in [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]:
        try:
            space[test]()
        except Exception:
            found[test] = False
        else:
            found[test] = True
    return found


def test_humaneval_shows_the_docstrings_examples_and_holds_back_the_rest(tmp_path: Path) -> None:
    problem = one(tmp_path, HUMANEVAL)
    assert (problem.id, problem.function, problem.form) == ("T/0", "doubled", "humaneval")
    assert problem.module.endswith("    raise NotImplementedError\n")
    assert "2 * x for" not in problem.module + problem.visible
    assert "assert doubled([1]) == [2]" in problem.visible and "assert doubled([]) == []" in problem.visible
    assert "[4, 6]" not in problem.visible and "[4, 6]" in problem.hidden
    assert "candidate([1]) == [2]" not in problem.hidden, "what is shown must not be held back as well"
    assert set(outcomes(problem.visible, problem.reference).values()) == {True}
    assert set(outcomes(problem.hidden, problem.reference).values()) == {True}
    assert set(outcomes(problem.visible, problem.module).values()) == {False}
    wrong = problem.reference.replace("2 * x", "x + 1")
    assert outcomes(problem.visible, wrong) == {"test_example_1": True, "test_example_2": True}
    assert not any(outcomes(problem.hidden, wrong).values())


def test_examples_in_running_text_are_read_and_parameters_names_are_not(tmp_path: Path) -> None:
    told = HUMANEVAL["prompt"].replace(
        ">>> doubled([1])\n    [2]\n    >>> doubled([])\n    []",
        "doubled([7]) ➞ [14], doubled(xs) == xs; doubled(['(']) = 3; doubled([0]) -> 3 - 1, "
        'doubled([1]) == ""a"; doubled([8]) = (1, 2).',
    )
    problem = one(tmp_path, {**HUMANEVAL, "prompt": told})
    assert "assert doubled([7]) == [14]" in problem.visible
    assert "assert doubled(['(']) == 3" in problem.visible
    assert "assert doubled([8]) == (1, 2)" in problem.visible
    for unread in ("doubled(xs)", "doubled([0])", "doubled([1])"):
        assert unread not in problem.visible, unread


def test_without_examples_the_first_asserts_are_shown(tmp_path: Path) -> None:
    bare = HUMANEVAL["prompt"].partition("    >>>")[0] + '    """\n'
    test = (
        "def check(candidate):\n    k = [9]\n    assert candidate(k) == [18]\n"
        "    assert candidate([2]) == [4]\n    assert candidate([]) == []\n"
    )
    problem = one(tmp_path, {**HUMANEVAL, "prompt": bare, "test": test})
    assert "[18]" in problem.visible and "[18]" not in problem.hidden
    assert "[4]" in problem.hidden and "[4]" not in problem.visible
    assert outcomes(problem.visible, problem.reference) == {"test_example_1": True}


def test_a_buggy_solution_is_what_is_to_be_repaired(tmp_path: Path) -> None:
    buggy = {
        **HUMANEVAL,
        "buggy_solution": "    return [x for x in xs]\n",
        "example_test": "def check(doubled):\n    assert doubled([1]) == [2]\ncheck(doubled)\n",
    }
    problem = one(tmp_path, buggy)
    assert "return [x for x in xs]" in problem.module and "NotImplementedError" not in problem.module
    assert outcomes(problem.visible, problem.reference) == {"test_all_1": True}
    assert outcomes(problem.visible, problem.module) == {"test_all_1": False}


def test_mbpp_takes_the_signature_alone_and_names_like_tests_are_not_collected(tmp_path: Path) -> None:
    problem = one(tmp_path, MBPP)
    assert problem.function == "test_duplicate"
    assert "def test_duplicate(xs, k=2):" in problem.module
    assert "aid" not in problem.module and "len(" not in problem.module
    assert problem.visible.count("def test_example") == 1 and problem.hidden.count("def test_held_back") == 3
    assert "[5, 5, 6]" not in problem.visible + problem.module
    top = [n for n in ast.parse(problem.visible).body if isinstance(n, ast.ImportFrom)]
    assert top == [], "pytest collects every function of a test module that is called test_..."
    assert all(outcomes(problem.hidden, problem.reference).values())
    assert 'Write a "function" to find \\duplicates.' in str(ast.get_docstring(ast.parse(problem.module).body[0]))


def test_a_program_becomes_a_function_of_its_input(tmp_path: Path) -> None:
    problem = one(tmp_path, STDIN)
    assert problem.function == "solve"
    body = ast.parse(problem.module).body[0]
    assert isinstance(body, ast.FunctionDef) and 'A """quote""" and a back\\slash, ending in "' in str(
        ast.get_docstring(body)
    )
    good = "def solve(stdin):\n    return str(sum(map(int, stdin.split()))) + '  \\n'\n"
    assert outcomes(problem.visible, good) == {"test_example_1": True}
    assert outcomes(problem.hidden, good) == {"test_held_back_1": True}, "9 and 9.0 are the same number"
    assert outcomes(problem.hidden, good.replace("sum", "max")) == {"test_held_back_1": False}


def test_a_method_of_solution_is_called_with_json(tmp_path: Path) -> None:
    problem = one(tmp_path, FUNCTIONAL)
    assert problem.function == "Solution.total"
    good = problem.module.replace("raise NotImplementedError", "return sum(nums) + k")
    assert outcomes(problem.visible, good) == {"test_example_1": True}
    assert outcomes(problem.visible, problem.module) == {"test_example_1": False}


def test_packed_cases_are_taken_apart_and_nothing_of_them_is_run(tmp_path: Path) -> None:
    cases = STDIN["private_test_cases"]
    packed = base64.b64encode(zlib.compress(pickle.dumps(cases))).decode()
    assert one(tmp_path, {**STDIN, "private_test_cases": packed}).hidden == one(tmp_path, STDIN).hidden

    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    hostile = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    with pytest.raises(UsageError, match="line 1: `private_test_cases`"):
        load(written(tmp_path / "evil.jsonl", {**STDIN, "private_test_cases": hostile}))
    assert not mark.exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = base64.b64encode(zlib.compress(b"\0" * (60 << 20))).decode()
    with pytest.raises(UsageError, match="unpacks to more than"):
        load(written(tmp_path / "set.jsonl", {**STDIN, "private_test_cases": bomb}))


def test_our_own_form_and_a_folder_of_defects(tmp_path: Path) -> None:
    problem = one(tmp_path, OWN)
    assert (problem.function, problem.path, problem.reference) == ("Box.put", "function.py", "")
    folder = tmp_path / "defects" / "sums"
    folder.mkdir(parents=True)
    (folder / "function.py").write_text("def total(xs):\n    return sum(xs) + 0\n")
    (folder / "test_visible.py").write_text(
        "from function import total\n\ndef test_a():\n    assert total([1]) == 1\n"
    )
    (folder / "test_hidden.py").write_text(
        "from function import total\n\ndef test_b():\n    assert total([]) == 0\n"
    )
    toml = "[[defect]]\nid = 'off'\nkind = 'single'\ncategory = 'x'\nchange = [['+ 0', '+ 1']]\n"
    (folder / "defects.toml").write_text(toml)
    defect = load(tmp_path / "defects").problems[0]
    assert (defect.id, defect.function, defect.path) == ("sums/off", "total", "function.py")
    assert "+ 1" in defect.module and "+ 0" in defect.reference
    (folder / "defects.toml").write_text(toml.replace("'+ 0'", "'+ 9'"))
    with pytest.raises(UsageError, match=r"sums/defects.toml: .*occurs 0 times"):
        load(tmp_path / "defects")


def test_what_cannot_be_measured_is_left_out_and_told(tmp_path: Path) -> None:
    alone = {**MBPP, "task_id": 1, "test_list": MBPP["test_list"][:1], "challenge_test_list": []}
    looped = {
        **HUMANEVAL,
        "prompt": "def doubled(xs):\n",
        "test": "def check(candidate):\n    for i in range(2):\n        assert candidate([i]) == [2 * i]\n",
    }
    found = load(written(tmp_path / "set.jsonl", alone, looped, OWN))
    assert [problem.id for problem in found.problems] == ["own/1"]
    assert [row.id for row in found.left_out] == ["1", "T/0"]
    assert "nothing is left to hold back" in found.left_out[0].why


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 2: it is not JSON"),
        ("[1]", "line 2: it is not a JSON object"),
        ("[" * 100_000, "line 2: it "),
        ('{"task_id": NaN}', "line 2: it cannot be read: NaN"),
        ('{"task_id": "x"}', "line 2: it has none of the known forms"),
        ('{"prompt": ""}', "line 2: it has no `task_id`"),
        ({**OWN}, "line 2: `own/1` is there twice, first at line 1"),
        ({**OWN, "id": "a\x1bb"}, "must be printable"),
        ({**OWN, "id": "b", "path": "../../etc/passwd.py"}, "`path` must be the plain name"),
        ({**OWN, "id": "b", "path": "conftest.py"}, "`path` must be the plain name"),
        ({**OWN, "id": "b", "function": "nowhere"}, "`module` has no function `nowhere`"),
        ({**OWN, "id": "b", "visible": "def ("}, "`visible` is not Python"),
        ({**OWN, "id": "b", "module": "x = 1\0"}, "`module` holds a NUL"),
        ('{"id": "b", "module": "\\ud800", "visible": "", "hidden": ""}', "`module` holds half a character"),
        ({**OWN, "id": "b", "module": "x = " + "(" * 5000}, "`module`"),
        ({**OWN, "id": "b", "hidden": 3}, "`hidden` must be text"),
        ({**HUMANEVAL, "entry_point": "a b"}, "`entry_point` must be a name"),
        ({**HUMANEVAL, "entry_point": "other"}, "`prompt` does not define `other`"),
        ({**HUMANEVAL, "test": "x = 1"}, "`test` does not define `check"),
        ({**MBPP, "test_list": ["assert f("]}, r"`test_list\[0\]` is not Python"),
        ({**MBPP, "test_list": ["assert other(1)"]}, "defines no function"),
        ({**STDIN, "public_test_cases": "[{}]"}, "`public_test_cases`: case 0"),
        ({**STDIN, "public_test_cases": "????"}, "`public_test_cases` is neither JSON nor packed"),
        ({**FUNCTIONAL, "starter_code": "def f():"}, "`starter_code` does not begin a method"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: Mapping[str, Any] | str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load(written(tmp_path / "set.jsonl", OWN, row))
    assert caught.value.slug == "problem-set"
    assert all(letter.isprintable() for letter in caught.value.message)


def test_no_file_and_an_empty_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "nowhere.jsonl")
    with pytest.raises(UsageError, match="holds no problem"):
        load(written(tmp_path / "set.jsonl", ""))


def test_a_part_is_spread_over_the_set_and_the_digest_tells_sets_apart(tmp_path: Path) -> None:
    rows = [{**OWN, "id": f"{'ab'[i % 2]}/{i}"} for i in range(10)]
    found = load(written(tmp_path / "set.jsonl", *rows))
    assert [p.id for p in found.part(limit=3).problems] == ["a/0", "b/3", "a/6"]
    assert [p.id for p in found.part(only="a/", limit=2).problems] == ["a/0", "a/4"]
    assert found.part(limit=3).digest != found.digest
    assert found.digest == load(written(tmp_path / "other.jsonl", *rows, "")).digest
