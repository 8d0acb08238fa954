"""What a model wrote, as code: the function in an answer, the next statement, a prefix that runs."""

from __future__ import annotations

import pytest

from bot.languages import Unparsable
from bot.languages.python import answer
from bot.languages.python.language import Python

PLAIN = "def total(items):\n    return sum(items)\n"
METHOD = (
    'class Basket:\n    @property\n    def total(self):\n        """Of all."""\n        return sum(self.items)\n'
)


def function(text: str, name: str):
    return next(f for f in Python().functions("shop.py", text) if f.qualname == name)


def fenced(code: str, fence: str = "```") -> str:
    return f"Here it is:\n\n{fence}python\n{code}{fence}\n\nIt adds them up."


def test_the_last_block_that_defines_it_counts():
    wrong, right = "def total(items):\n    return 1\n", "def total(items):\n    return 2\n"
    text = fenced(wrong) + fenced(right) + fenced("print(total([1]))\n")
    assert answer.answered(text, function(PLAIN, "total")).source == right


def test_text_without_a_fence_is_code_too():
    assert answer.answered(PLAIN, function(PLAIN, "total")).source == PLAIN


def test_a_block_cut_off_at_its_end_still_counts_when_it_parses():
    assert answer.answered("```python\n" + PLAIN, function(PLAIN, "total")).source == PLAIN


@pytest.mark.parametrize("alone", [True, False])
def test_a_method_comes_back_indented_as_it_was(alone: bool):
    body = '@property\ndef total(self):\n    """Of all."""\n    return 3\n'
    inside = "class Basket:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    found = answer.answered(fenced(body if alone else inside), function(METHOD, "Basket.total"))
    assert found.source == "".join(f"    {line}\n" for line in body.splitlines())
    assert Python().splice(METHOD, function(METHOD, "Basket.total"), found.source).count("return 3") == 1


def test_the_namesake_in_its_own_class_is_taken():
    one, two = (
        f"class {name}:\n    def total(self):\n        return {n}\n" for n, name in ((1, "Other"), (2, "Basket"))
    )
    code = f"{one}\n{two}"
    assert "return 2" in answer.answered(fenced(code), function(METHOD, "Basket.total")).source
    swapped = code.replace("Other", "X").replace("Basket", "Other").replace("X", "Basket")
    assert "return 1" in answer.answered(fenced(swapped), function(METHOD, "Basket.total")).source


def test_white_space_inside_strings_is_left_alone():
    code = 'def total(self):\n    """Of all."""\n    return """a\n  b"""\n'
    assert 'return """a\n  b"""\n' in answer.answered(fenced(code), function(METHOD, "Basket.total")).source


def test_imports_beside_it_come_along_but_none_from_the_future():
    code = "from __future__ import annotations\nimport math\nfrom a import (\n    b,\n)\n" + PLAIN
    assert answer.answered(fenced(code), function(PLAIN, "total")).imports == ("import math", "from a import b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not define"),
        ("I cannot help with that, sorry.", "no Python"),
        (fenced("def other():\n    pass\n"), "does not define"),
        (fenced("def total(:\n"), "no Python"),
        ("```python\n" + "(" * 5000 + "\n```", "no Python"),
    ],
)
def test_an_answer_without_the_function_says_so(text: str, why: str):
    with pytest.raises(Unparsable, match=why):
        answer.answered(text, function(PLAIN, "total"))


def test_a_longer_fence_holds_a_shorter_one():
    code = 'def total(items):\n    """\n```\nx\n```\n    """\n    return 4\n'
    assert "return 4" in answer.answered(fenced(code, "````"), function(PLAIN, "total")).source


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["    if x:", "        return 1"], 1),
        (["x = [", "  1,", "]", "y"], 3),
        (["# why", "", "else:", "  y"], 3),
        (['"""one', 'two"""', "x"], 2),
        (["return 1"], 1),
        (["x = ["], 0),
        (['x = """open'], 0),
        (["", "# nothing"], 0),
        ([], 0),
    ],
)
def test_the_first_statement_is_a_logical_line(lines: list[str], count: int):
    assert answer.first_statement(lines) == count


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["    def f(self):", "        for x in y:"], 2),
        (["def f(x):", "    if x:", "        y = 1", "    else:"], 4),
        (["def f(x):", "    y = (1,"], 1),
        (["def f(x):", "    try:", "        g()", "    except E:"], 4),
        (["def f(x):", "    y = 1", "    return y"], 3),
    ],
)
def test_a_prefix_ends_in_the_sentinel(lines: list[str], kept: int):
    text = answer.cut(lines)
    assert text.splitlines()[:kept] == lines[:kept]
    assert answer.SENTINEL in text.splitlines()[kept] and len(text.splitlines()) == kept + 1


def test_the_sentinel_is_caught_by_no_ordinary_handler():
    space: dict = {}
    exec(
        answer.cut(
            ["def f():", "    try:", "        pass", "    except Exception:", "        return 1", "    x = 2"]
        ),
        space,
    )
    with pytest.raises(BaseException) as caught:
        space["f"]()
    assert type(caught.value).__name__ == Python().sentinel and not isinstance(caught.value, Exception)


def test_nothing_left_to_stand_is_unparsable():
    with pytest.raises(Unparsable):
        answer.cut(["???"])
