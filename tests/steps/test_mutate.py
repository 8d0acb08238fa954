"""Altering a rewrite's lines: tests that watch them notice, tests that do not are seen to be weak."""

from __future__ import annotations

import pytest
from rewriting import EDITS, Case, workbench

from bot.steps.mutate import Mutated, altered, is_new, mutate

HEAD = "def clipped(value, low, high):\n    if value < low:\n        return high\n    return min(value, high)\n"
MENDED = HEAD.replace("return high", "return low", 1)
WEAK = "def test_clipped():\n    assert clipped(0, 1, 3) is not None\n"
STRONG = """def test_clipped():
    assert clipped(0, 1, 3) == 1
    assert clipped(5, 1, 3) == 3
    assert clipped(2, 1, 3) == 2
    assert clipped(-7, -2, 3) == -2
"""


def case(tests: str) -> Case:
    return Case("clipped", HEAD, tests)


def test_only_lines_that_head_has_not_are_altered() -> None:
    assert [is_new(MENDED, HEAD, line) for line in (1, 2, 3, 4)] == [False, False, True, False]


@pytest.mark.engine
@pytest.mark.parametrize(("tests", "weak"), [(WEAK, True), (STRONG, False)], ids=["weak", "strong"])
def test_tests_that_watch_the_lines_notice(tests: str, weak: bool) -> None:
    one = case(tests)
    with workbench(one) as bench:
        stage = bench.stage(one)
        versions = altered(stage.place, one.function, MENDED, EDITS, 12)
        texts = {version.source for version in versions}
        assert len(texts) == len(versions) > 4
        assert MENDED not in texts
        assert HEAD not in texts, "what stands at head is no altered version"
        others = [row for n, row in enumerate(MENDED.split("\n"), 1) if n != 3]
        assert all(row in version.source.split("\n") for version in versions for row in others)
        found = mutate(stage, one.function, MENDED, EDITS, one.guide.failing, 12)
        assert found.mutants >= 5
        assert (found.noticed < found.mutants / 2) is weak
        assert mutate(stage, one.function, MENDED, EDITS, (), 12) == Mutated()
        assert mutate(stage, one.function, MENDED, EDITS, one.guide.failing, 0) == Mutated()
        if not weak:
            assert mutate(
                stage, one.function, HEAD.replace("high)\n", "low)\n", 1), EDITS, one.guide.failing, 12
            ) == (Mutated()), "a version that its own tests refuse tells nothing of them"
