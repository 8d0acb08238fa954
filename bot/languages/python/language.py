"""Python as a `Language`: every question is answered by the module that knows it."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from bot.domain import Call, Function, Recipe, Replacement, SuitePlan, Surroundings, TestChange, Unit
from bot.kinds import Attack
from bot.languages import Answered, Comparison, Files, InstallWishes, Parameter, Sentinels, SuiteWishes
from bot.languages.python import (
    answer,
    attacks,
    functions,
    objections,
    policy,
    recipe,
    regression,
    sentinels,
    splice,
    suite,
    surroundings,
    symbolic,
    test_changes,
    unit,
    witness,
)


class Python:
    """Python, read by `ast`, tested by pytest, installed by uv. Stateless."""

    name = "python"
    sentinel = answer.SENTINEL

    def owns(self, path: str) -> bool:
        """Whether the file is a Python module."""
        return path.endswith(".py")

    def is_test(self, path: str) -> bool:
        """See `Language.is_test`."""
        return functions.is_test(path)

    def is_generated(self, path: str, text: str) -> bool:
        """See `Language.is_generated`."""
        return functions.is_generated(path, text)

    def decode(self, data: bytes) -> str:
        """See `Language.decode`."""
        return functions.decode(data)

    def encode(self, text: str, original: bytes) -> bytes:
        """See `Language.encode`. Raises Unparsable when the encoding cannot hold the text."""
        return functions.encode(text, original)

    def functions(self, path: str, text: str) -> tuple[Function, ...]:
        """See `Language.functions`."""
        return functions.functions(path, text)

    def code_lines(self, text: str, function: Function) -> frozenset[int]:
        """See `Language.code_lines`."""
        return functions.code_lines(text, function)

    def statements(self, source: str) -> tuple[int, ...]:
        """See `Language.statements`."""
        return functions.statements(source)

    def branches(self, function: Function) -> int:
        """See `Language.branches`."""
        return functions.branches(function.source)

    def mentions(self, source: str) -> frozenset[str]:
        """See `Language.mentions`."""
        return functions.mentions(source)

    def classes(self, function: Function) -> tuple[str, ...]:
        """See `Language.classes`."""
        return functions.classes(function)

    def normalise(self, source: str) -> str:
        """See `Language.normalise`. Raises Unparsable when `source` is not the text of one function."""
        return functions.normalise(source)

    def splice(self, text: str, function: Function, source: str, imports: tuple[str, ...] = ()) -> str:
        """See `Language.splice`."""
        return splice.splice(text, function, source, imports)

    def standing(self, source: str, function: Function) -> str:
        """See `Language.standing`."""
        return splice.standing(source, function)

    def replacements(self, path: str, old: str, new: str) -> tuple[Replacement, ...]:
        """See `Language.replacements`."""
        return splice.replacements(path, old, new)

    def certain(self, function: Function) -> frozenset[int]:
        """See `Language.certain`."""
        return functions.certain(function)

    def sentinels(
        self, folder: str, taken: Collection[str], names: Sequence[str], chance: random.Random
    ) -> Sentinels:
        """See `Language.sentinels`."""
        return sentinels.sentinels(folder, taken, names, chance)

    def poison(self, function: Function) -> str:
        """See `Language.poison`."""
        return functions.poison(function)

    def policy(self, original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
        """See `Language.policy`."""
        return policy.violations(original, candidate, imports, module)

    def test_changes(self, path: str, base: str | None, head: str | None) -> tuple[TestChange, ...]:
        """See `Language.test_changes`."""
        return test_changes.between(path, base, head)

    def recipe(self, files: Files, wishes: InstallWishes) -> Recipe:
        """See `Language.recipe`."""
        return recipe.recipe(files, wishes)

    def formatter(self, files: Files) -> tuple[str, ...] | None:
        """See `Language.formatter`."""
        return recipe.formatter(files)

    def suite(self, files: Files, wishes: SuiteWishes) -> SuitePlan:
        """See `Language.suite`."""
        return suite.plan(files, wishes)

    def unit(self, text: str, function: Function) -> Unit:
        """See `Language.unit`."""
        return unit.unit_of(text, function)

    def unit_source(self, unit_: Unit, function: Function, source: str) -> str:
        """See `Language.unit_source`."""
        return unit.with_source(unit_, function, source)

    def answered(self, text: str, function: Function) -> Answered:
        """See `Language.answered`."""
        return answer.answered(text, function)

    def margin(self, source: str) -> str:
        """See `Language.margin`."""
        return answer.margin(source)

    def first_statement(self, lines: Sequence[str]) -> int:
        """See `Language.first_statement`."""
        return answer.first_statement(lines)

    def cut(self, lines: Sequence[str]) -> str:
        """See `Language.cut`."""
        return answer.cut(lines)

    def surroundings(self, text: str, function: Function) -> Surroundings:
        """See `Language.surroundings`."""
        return surroundings.surroundings(text, function)

    def test_source(self, text: str, name: str) -> str:
        """See `Language.test_source`."""
        return surroundings.test_source(text, name)

    def test_name(self, code: str) -> str:
        """See `Language.test_name`."""
        return witness.test_name(code)

    def call_test(self, function: Function, text: str, files: Files, call: str, expected: str, raises: str) -> str:
        """See `Language.call_test`."""
        return witness.called(function, text, files, call, expected, raises)

    def stub(self, function: Function, expected: str) -> str:
        """See `Language.stub`."""
        return witness.stub(function, expected)

    def objection(self, code: str, function: Function, raises: str, seen: str) -> tuple[str, str] | None:
        """See `Language.objection`."""
        return objections.objection(code, function, raises, seen)

    def parameters(self, function: Function) -> tuple[Parameter, ...]:
        """See `Language.parameters`."""
        return regression.parameters(function)

    def attacks(self, function: Function, text: str, files: Files, calls: Sequence[Call]) -> tuple[Attack, ...]:
        """See `Language.attacks`."""
        return attacks.attacks(function, text, files, calls)

    def regression_test(
        self, function: Function, text: str, files: Files, arguments: str, answer: str, needs: Sequence[str]
    ) -> str:
        """See `Language.regression_test`."""
        return regression.regression_test(function, text, files, arguments, answer, needs)

    def imported_by_test(self, function: Function, files: Files) -> str:
        """See `Language.imported_by_test`."""
        return regression.imported_by_test(function, files)

    def comparison(
        self, function: Function, files: Files, old: Answered, new: Answered, calls: Sequence[str], seconds: float
    ) -> Comparison:
        """See `Language.comparison`."""
        return symbolic.comparison(function, files, old, new, calls, seconds)
