"""The set of seeded defects is what it says, and the built-in edits find as many repairs as is claimed."""

from __future__ import annotations

import pytest

from bench.defect_set import check, failures, load
from bench.recall import function_of, repair
from bot.endpoints.edits import Edits
from bot.endpoints.edits.text import parse_function, shape

pytestmark = pytest.mark.thorough

DEFECTS = load()


def test_the_set_is_large_and_varied():
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 60
    assert len({defect.name.partition("/")[0] for defect in DEFECTS}) >= 40
    assert sum(defect.kind == "single" for defect in DEFECTS) >= 45
    assert sum(defect.kind == "double" for defect in DEFECTS) >= 15
    assert len({defect.category for defect in DEFECTS}) >= 20


def test_each_defect_is_in_the_function_that_is_named():
    for defect in DEFECTS:
        good, bad = (function_of(text, defect.function) for text in (defect.correct, defect.defective))
        assert shape(parse_function(good.source)) != shape(parse_function(bad.source)), defect.name
        assert defect.correct.replace(good.source, "") == defect.defective.replace(bad.source, ""), defect.name


@pytest.mark.parametrize("defect", [d for d in DEFECTS if not d.looping][::6], ids=lambda defect: defect.name)
def test_the_correct_version_passes_and_the_defective_one_fails(defect):
    assert check(defect) is None


def test_a_module_that_dies_or_loops_is_told_from_one_that_fails():
    assert failures("x = 1", "def test_a():\n    pass\ndef test_b():\n    assert 0\n") == ("test_b",)
    assert failures("import os; os._exit(3)", "def test_a():\n    pass\n") == ("died",)


def test_most_repairs_are_among_the_edits_and_near_the_top():
    edits, chosen = Edits(), [defect for defect in DEFECTS if defect.kind == "single"][::8]
    ranks = [found[0] for found in (repair(edits, defect, False) for defect in chosen) if found is not None]
    assert len(ranks) >= 0.8 * len(chosen)
    assert sum(rank <= 24 for rank in ranks) >= 0.6 * len(chosen)


def test_base_puts_the_repair_on_top():
    edits, chosen = Edits(), [defect for defect in DEFECTS if defect.kind == "single"][::15]
    ranks = [repair(edits, defect, True) for defect in chosen]
    assert all(found is not None and found[0] <= 12 for found in ranks)
