"""Tests with a known outcome, put among a repository's own: whoever changes what tests say changes theirs, too."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from bot.domain import Outcome
from bot.languages import Sentinels

WORDS = ("values", "cases", "order", "edges", "input", "result", "limits", "default", "empty", "again")
PASSED, FAILED, ERROR, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.SKIPPED


def sentinels(folder: str, taken: Collection[str], names: Sequence[str], chance: random.Random) -> Sentinels:
    """See `Language.sentinels`."""
    words = sorted(
        {word for name in names for word in re.findall(r"[a-z]{3,12}", name.lower())} - {"test", "tests"}
    )
    words = words if len(words) >= 4 else [*words, *WORDS]
    made = Names(words, chance)
    while (path := f"{folder}/{made.test()}.py".removeprefix("/")) in taken:
        pass
    texts: list[tuple[str, Mapping[str, Outcome]]] = [style(made) for style in STYLES]
    chance.shuffle(texts)
    code = "import unittest\n\nimport pytest\n\n\n" + "\n\n".join(text for text, _ in texts)
    expected = {f"{path}::{name}": outcome for _, tests in texts for name, outcome in tests.items()}
    return Sentinels(path, code, expected)


class Names:
    """Names and numbers as tests have them, none twice."""

    def __init__(self, words: Sequence[str], chance: random.Random) -> None:
        self.words = words
        self.chance = chance
        self.given: set[str] = set()

    def name(self) -> str:
        """A name that was not given before."""
        while True:
            found = "_".join(self.chance.sample(self.words, 2))
            if self.chance.random() < 0.3 or found in self.given:
                found += f"_{self.chance.randrange(2, 100)}"
            if found not in self.given:
                self.given.add(found)
                return found

    def test(self) -> str:
        """The name of a test."""
        return f"test_{self.name()}"

    def kind(self) -> str:
        """The name of a class of tests."""
        return "Test" + self.name().title().replace("_", "")

    def numbers(self) -> tuple[int, int]:
        """Two different numbers."""
        one, other = self.chance.sample(range(2, 10_000), 2)
        return one, other


Style = Callable[[Names], tuple[str, dict[str, Outcome]]]
"""Text of some tests, and what each must come to."""


def plain(made: Names) -> tuple[str, dict[str, Outcome]]:
    """Bare assertions, one of them wrong."""
    (one, other), good, bad = made.numbers(), made.test(), made.test()
    text = (
        f"def {bad}():\n    seen = [{one}, {other}]\n    assert seen == [{other}, {one}]\n\n\n"
        f"def {good}():\n    seen = [{one}, {other}]\n    assert seen == [{one}, {other}]\n"
    )
    return text, {bad: FAILED, good: PASSED}


def raising(made: Names) -> tuple[str, dict[str, Outcome]]:
    """Exceptions that come, that do not come, and that nobody expects."""
    (one, _), good, silent, loud = made.numbers(), made.test(), made.test(), made.test()
    text = (
        f"def {silent}():\n    with pytest.raises(ValueError):\n        int('{one}')\n\n\n"
        f"def {good}():\n    with pytest.raises(ValueError):\n        int('{one}x')\n\n\n"
        f"def {loud}():\n    assert {{'{one}': 1}}['{one}x']\n"
    )
    return text, {silent: FAILED, good: PASSED, loud: FAILED}


def parametrised(made: Names) -> tuple[str, dict[str, Outcome]]:
    """One test for several values, wrong for one of them."""
    (one, other), name = made.numbers(), made.test()
    text = (
        f"@pytest.mark.parametrize('value', [{one}, {other}])\n"
        f"def {name}(value):\n    assert value * 2 == {2 * one}\n"
    )
    return text, {f"{name}[{one}]": PASSED, f"{name}[{other}]": FAILED}


def cases(made: Names) -> tuple[str, dict[str, Outcome]]:
    """A class of `unittest`."""
    (one, other), kind = made.numbers(), made.kind()
    good, bad, left = made.test(), made.test(), made.test()
    text = (
        f"class {kind}(unittest.TestCase):\n"
        f"    def {bad}(self):\n        self.assertEqual({one} + 1, {other} + 1)\n\n"
        f"    def {good}(self):\n        self.assertEqual({one} + 1, {one + 1})\n\n"
        f"    def {left}(self):\n        self.skipTest('not here')\n"
    )
    return text, {f"{kind}::{bad}": FAILED, f"{kind}::{good}": PASSED, f"{kind}::{left}": SKIPPED}


def fixtures(made: Names) -> tuple[str, dict[str, Outcome]]:
    """Fixtures that fail before and after a test."""
    before, after, early, late, left = made.name(), made.name(), made.test(), made.test(), made.test()
    text = (
        f"@pytest.fixture\ndef {before}():\n    raise LookupError('{before}')\n\n\n"
        f"@pytest.fixture\ndef {after}():\n    yield 1\n    raise LookupError('{after}')\n\n\n"
        f"def {early}({before}):\n    assert not {before}\n\n\n"
        f"def {late}({after}):\n    assert {after}\n\n\n"
        f"def {left}():\n    pytest.skip('not here')\n"
    )
    return text, {early: ERROR, late: ERROR, left: SKIPPED}


STYLES: tuple[Style, ...] = (plain, raising, parametrised, cases, fixtures)
