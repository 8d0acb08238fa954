"""What every language promises, over every language that there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from bot.domain import Function, Surroundings
from bot.languages import Files, InstallWishes, Language, Unparsable
from bot.languages.python.language import Python


@dataclass(frozen=True)
class Sample:
    """A language and sources in it."""

    language: Language
    path: str
    test_path: str
    other_path: str
    module: str
    """A file with a function `outer` that holds `inner`, and a method `Thing.act` that returns 1."""
    act: str
    """`Thing.act` with another result, indented as it stands."""
    act_reformatted: str
    """`Thing.act` in another layout, with comments."""
    broken: str
    import_line: str
    test: str
    test_weaker: str
    rude: str
    """`Thing.act` doing what no rewrite may."""


PYTHON = Sample(
    language=Python(),
    path="shop/thing.py",
    test_path="tests/test_thing.py",
    other_path="README.md",
    module="import os\n\n\ndef outer():\n    def inner():\n        return 0\n    return inner\n\n\n"
    "class Thing:\n    def act(self):\n        return 1\n",
    act="    def act(self):\n        return 2\n",
    act_reformatted="    def act( self ):\n        # one\n        return (1)\n",
    broken="def outer(:\n",
    import_line="import re",
    test="def test_a():\n    assert act() == 1\n    assert act() != 2\n",
    test_weaker="def test_a():\n    assert act() == 1\n",
    rude="    def act(self):\n        os._exit(0)\n",
)
SAMPLES = [PYTHON]


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.language.name)
def sample(request: pytest.FixtureRequest) -> Sample:
    found: Sample = request.param
    return found


class Held:
    """Files held in memory."""

    def __init__(self, **files: bytes) -> None:
        self._files = files

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path]


def act(sample: Sample) -> Function:
    return next(f for f in sample.language.functions(sample.path, sample.module) if f.qualname == "Thing.act")


def test_it_owns_its_files_and_knows_its_tests(sample: Sample) -> None:
    language = sample.language
    assert language.name
    assert language.owns(sample.path)
    assert language.owns(sample.test_path)
    assert not language.owns(sample.other_path)
    assert language.is_test(sample.test_path)
    assert not language.is_test(sample.path)
    assert not language.is_generated(sample.path, sample.module)


def test_text_survives(sample: Sample) -> None:
    for text in (sample.module, sample.module.replace("\n", "\r\n"), sample.module.rstrip()):
        assert sample.language.decode(text.encode()) == text
        assert sample.language.encode(text, text.encode()) == text.encode()


def test_functions_say_where_they_stand(sample: Sample) -> None:
    lines = sample.module.split("\n")
    found = sample.language.functions(sample.path, sample.module)
    assert [f.start_line for f in found] == sorted(f.start_line for f in found)
    assert len({f.id for f in found}) == len(found) == 3
    for function in found:
        assert function.path == sample.path
        assert function.start_line <= function.def_line <= function.body_line <= function.end_line
        assert function.source.rstrip("\n").split("\n") == lines[function.start_line - 1 : function.end_line]


def test_what_does_not_parse_is_refused(sample: Sample) -> None:
    for call in (
        lambda: sample.language.functions(sample.path, sample.broken),
        lambda: sample.language.statements(sample.broken),
        lambda: sample.language.normalise(sample.broken),
        lambda: sample.language.splice(sample.module, act(sample), sample.broken),
    ):
        with pytest.raises(Unparsable):
            call()


def test_statements_and_code_lines_lie_in_the_body(sample: Sample) -> None:
    for function in sample.language.functions(sample.path, sample.module):
        offset = function.start_line - 1
        statements = sample.language.statements(function.source)
        assert statements
        assert list(statements) == sorted(set(statements))
        assert set(statements) <= set(range(1, len(function.source.split("\n"))))
        code = sample.language.code_lines(sample.module, function)
        assert code <= {offset + line for line in statements}


def test_normalising_forgets_layout_and_nothing_else(sample: Sample) -> None:
    language, source = sample.language, act(sample).source
    assert language.normalise(source) == language.normalise(sample.act_reformatted)
    assert language.normalise(source) != language.normalise(sample.act)


def test_a_splice_changes_the_function_alone(sample: Sample) -> None:
    function = act(sample)
    for module in (sample.module, sample.module.replace("\n", "\r\n")):
        target = next(f for f in sample.language.functions(sample.path, module) if f.id == function.id)
        end = "\r\n" if "\r" in module else "\n"
        new = sample.language.splice(module, target, sample.act)
        assert new == module.replace(target.source, sample.act.replace("\n", end))
        assert sample.language.splice(module, target, target.source) == module
        imported = sample.language.splice(module, target, sample.act, (sample.import_line,))
        assert imported.count(sample.import_line + end) == 1
        assert imported.replace(sample.import_line + end, "") == new


def test_replacements_are_the_change(sample: Sample) -> None:
    new = sample.language.splice(sample.module, act(sample), sample.act)
    (hunk,) = sample.language.replacements(sample.path, sample.module, new)
    lines = sample.module.splitlines(keepends=True)
    lines[hunk.start_line - 1 : hunk.end_line] = [hunk.replacement]
    assert "".join(lines) == new
    assert hunk.path == sample.path
    assert hunk.start_line == hunk.end_line
    assert sample.language.replacements(sample.path, new, new) == ()


def test_a_poisoned_function_can_be_put_in_place(sample: Sample) -> None:
    function = act(sample)
    poisoned = sample.language.poison(function)
    assert sample.language.normalise(poisoned) != sample.language.normalise(function.source)
    spliced = sample.language.splice(sample.module, function, poisoned)
    found = sample.language.functions(sample.path, spliced)
    assert [f.id for f in found] == [f.id for f in sample.language.functions(sample.path, sample.module)]


def test_policy_lets_an_honest_rewrite_pass_and_stops_a_rude_one(sample: Sample) -> None:
    source = act(sample).source
    assert sample.language.policy(source, sample.act, (), sample.module) == ()
    assert all(sample.language.policy(source, sample.rude, (), sample.module))
    assert sample.language.policy(source, sample.rude, (), sample.module)


def test_changes_of_tests_are_told_apart(sample: Sample) -> None:
    language, path = sample.language, sample.test_path

    def how(base: str | None, head: str | None) -> list[str]:
        return [change.how for change in language.test_changes(path, base, head)]

    assert how(None, sample.test) == ["added"]
    assert how(sample.test, None) == ["deleted"]
    assert how(sample.test, sample.test) == []
    assert how(sample.test, sample.test_weaker) == ["weakened"]


def test_a_repository_that_declares_nothing_still_has_a_recipe(sample: Sample) -> None:
    files: Files = Held(**{sample.path: sample.module.encode()})
    recipe = sample.language.recipe(files, InstallWishes())
    assert recipe.summary
    assert recipe.key() == sample.language.recipe(files, InstallWishes()).key()
    assert sample.language.formatter(files) is None


def test_surroundings_are_those_of_the_function(sample: Sample) -> None:
    language, function = sample.language, act(sample)
    found = language.surroundings(sample.module, function)
    assert found == language.surroundings(sample.module.replace("\n", "\r\n"), function)
    assert found.imports
    assert "Thing" in found.header
    assert function.source.strip() not in found.header
    assert language.surroundings("\n\n\n" + sample.module, function) == Surroundings()
    with pytest.raises(Unparsable):
        language.surroundings(sample.broken, function)


def test_a_test_is_found_by_its_name(sample: Sample) -> None:
    language = sample.language
    found = language.test_source(sample.test, "test_a")
    assert sample.test.strip() in found
    assert language.test_source(sample.test, "test_a[1-::x]") == found
    assert language.test_source(sample.test, "test_b") == ""
    with pytest.raises(Unparsable):
        language.test_source(sample.broken, "test_a")
