"""Observing: what is repeated, what counts as confirmed, and what as flaky."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_engine import FakeEngine, Said, side
from sample_trials import changed, function, result, run

from bot.domain import Evidence, Outcome
from bot.progress import Silent
from bot.steps import observe as step
from bot.steps.observe import Settings, Sides, differing, good_before, observe, observe_head, watch_of

GREEN, RED = ("passed", ""), ("failed", "AssertionError: assert 1 == 2")


def observed(base: list[Said], head: list[Said], repeats: int = 2) -> tuple[Evidence, FakeEngine]:
    """The evidence of sides that do this in their first run, this in their second, and so on."""
    runs = {"base": iter(base), "head": iter(head)}
    engine = FakeEngine(lambda tree, _spec: next(runs[tree]))
    sides = Sides(side("base"), side("head"))
    return observe(
        engine.lab(), sides, [changed()], (), Settings(30.0, repeats=repeats, further_seconds=0), Silent()
    ), engine


def test_red_each_time_on_head_and_green_each_time_on_base_is_confirmed() -> None:
    evidence, engine = observed([{"a": GREEN, "b": GREEN}] * 2, [{"a": RED, "b": GREEN}] * 2)
    assert (evidence.confirmed, evidence.flaky) == ({"a"}, frozenset())
    repeated = [spec for _, spec in engine.jobs if spec["select"] is not None]
    assert [spec["select"] for spec in repeated] == [["a"], ["a"]]
    assert all(spec["ordered"] for spec in repeated)


@pytest.mark.parametrize(
    ("base", "head"),
    [([GREEN, GREEN], [RED, GREEN]), ([GREEN, RED], [RED, RED])],
    ids=["head-recovers", "base-fails-too"],
)
def test_what_differs_between_runs_of_the_same_code_is_flaky(
    base: list[tuple[str, str]], head: list[tuple[str, str]]
) -> None:
    evidence, _ = observed([{"a": outcome} for outcome in base], [{"a": outcome} for outcome in head])
    assert (evidence.confirmed, evidence.flaky) == (frozenset(), {"a"})


def test_more_repeats_find_what_fails_more_rarely() -> None:
    evidence, _ = observed([{"a": GREEN}] * 4, [{"a": RED}, {"a": RED}, {"a": RED}, {"a": GREEN}], repeats=4)
    assert evidence.flaky == {"a"}


def test_nothing_is_repeated_when_nothing_differs() -> None:
    evidence, engine = observed([{"a": RED, "b": GREEN}], [{"a": RED, "b": GREEN}])
    assert not evidence.confirmed
    assert len(engine.jobs) == 2


def test_a_test_that_base_has_not_is_confirmed_by_head_alone() -> None:
    evidence, _ = observed([{"a": GREEN}, {}], [{"a": GREEN, "new": RED}] * 2)
    assert evidence.confirmed == {"new"}


def test_head_alone_confirms_what_is_red_each_time() -> None:
    runs = iter([{"a": RED, "b": RED, "c": GREEN}, {"a": RED, "b": GREEN}])
    engine = FakeEngine(lambda _tree, _spec: next(runs))
    evidence = observe_head(engine.lab(), side("head"), [changed()], Settings(30.0, further_seconds=0), Silent())
    assert (evidence.confirmed, evidence.flaky) == ({"a"}, {"b"})
    assert evidence.base.tests == ()


def test_repeats_alternate_the_order() -> None:
    _, engine = observed([{"a": GREEN, "b": GREEN}] * 3, [{"a": RED, "b": RED}] * 3, repeats=3)
    orders = [spec["select"] for tree, spec in engine.jobs if tree == "head" and spec["select"] is not None]
    assert orders == [["b", "a"], ["a", "b"]]


def test_red_before_is_no_difference_and_a_lost_file_is() -> None:
    base = run(result("t.py::a"), result("t.py::b", Outcome.SKIPPED), result("u.py::c", Outcome.FAILED))
    head = run(result("t.py", Outcome.ERROR), result("u.py::c", Outcome.FAILED))
    assert differing(base, head) == ("t.py",)
    assert good_before(base, "t.py") and not good_before(base, "u.py")
    assert not good_before(base, "nowhere.py")


def test_a_test_may_take_ten_times_what_it_took_and_never_more_than_all() -> None:
    quick, slow, red = result("quick"), result("slow"), result("red", Outcome.FAILED)
    slow = type(slow)(slow.id, slow.outcome, 50.0)
    limits: Mapping[str, Any] = step.test_limits(run(quick, slow, red), Settings(300.0, test_seconds=20.0))
    assert limits == {"quick": pytest.approx(1.1), "slow": 20.0}


def test_base_is_watched_where_the_function_stood_and_under_the_name_at_head() -> None:
    moved = type(changed())(
        function("Cart.total@2", start=9), function("Basket.total", start=4, path="old.py"), (), "moved"
    )
    before = watch_of(moved, base=True)
    after = watch_of(moved, base=False)
    assert (before.id, before.path, before.line, before.name) == (moved.id, "old.py", 4, "total")
    assert (after.id, after.path, after.line, after.name) == (moved.id, "shop/cart.py", 9, "total")


def test_what_is_cheap_is_repeated_more_often() -> None:
    runs = {"base": iter([{"a": GREEN}] * 9), "head": iter([{"a": RED}] * 4 + [{"a": GREEN}] * 5)}
    engine = FakeEngine(lambda tree, _spec: next(runs[tree]))
    settings = Settings(30.0, repeats=2, further_seconds=1e9)
    sides = Sides(side("base"), side("head"))
    evidence = observe(engine.lab(), sides, [changed()], (), settings, Silent())
    assert (evidence.repeats, evidence.flaky) == (5, {"a"})
