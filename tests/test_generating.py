"""Inputs made from signatures, recorded values and uses; which of them look like callers' own; smaller ones."""

from __future__ import annotations

import ast
import datetime
import decimal
import pathlib
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import generating
from bot.domain import Function
from bot.generating import writing
from bot.languages.python.language import Python
from bot.wire_calls import Input

PYTHON = Python()


def function(source: str, name: str = "") -> Function:
    found = PYTHON.functions("a.py", source)
    return next(f for f in found if not name or f.qualname == name)


def made(source: str, *recorded: str, name: str = "", most: int = 60, seed: int = 1) -> list[Input]:
    target = function(source, name)
    rows = [(one, ()) for one in recorded]
    parameters = PYTHON.parameters(target)
    return list(generating.inputs(target, parameters, [target.source], rows, most=most, seed=seed))


def evaluated(one: Input) -> tuple[object, ...]:
    space: dict[str, object] = {}
    for statement in one.needs:
        exec(statement, space)
    value = eval(one.source, space)
    assert isinstance(value, tuple)
    return value


def values(source: str, *recorded: str, **more: object) -> list[object]:
    """The first argument of each input."""
    return [evaluated(one)[0] for one in made(source, *recorded, **more)]  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- what is made


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        ("int", (int,)),
        ("str", (str,)),
        ("'str'", (str,)),
        ("bool", (bool,)),
        ("float", (float, int)),
        ("bytes", (bytes,)),
        ("int | None", (int, type(None))),
        ("Optional[str]", (str, type(None))),
        ("typing.Union[int, str]", (int, str)),
        ("list[int]", (list,)),
        ("Sequence[str]", (list,)),
        ("collections.abc.Mapping[str, int]", (dict,)),
        ("tuple[int, str]", (tuple,)),
        ("tuple[int, ...]", (tuple,)),
        ("set[str]", (set,)),
        ("frozenset[int]", (frozenset,)),
        ("Decimal", (decimal.Decimal,)),
        ("Path", (pathlib.Path,)),
        ("datetime.date", (datetime.date,)),
        ("datetime.timedelta", (datetime.timedelta,)),
        ("Literal['a', 'b']", (str,)),
    ],
)
def test_an_annotation_makes_values_of_its_types_and_of_no_other(annotation: str, kinds: tuple[type, ...]) -> None:
    found = values(f"def f(x: {annotation}): pass\n")
    assert len(found) >= 2
    assert {type(value) if not isinstance(value, pathlib.Path) else pathlib.Path for value in found} == set(kinds)


def test_callables_and_literals_are_what_they_say() -> None:
    (call,) = {one.source for one in made("def f(x: Callable[[int], int]): pass\n")}
    assert eval(call)[0](3) == 3
    assert set(values("def f(x: Literal[1, 'b']): pass\n")) == {1, "b"}


def test_nothing_is_made_of_what_only_the_repository_knows() -> None:
    assert made("def f(x: Basket): pass\n") == []
    assert made("def f(x: list[Basket]): pass\n") == []
    assert made("def f(x): pass\n") == []
    assert made("class C:\n    def m(self, x: int): pass\n", name="C.m") == []


def test_boundary_cases_come_first_and_none_comes_twice() -> None:
    found = made("def f(x: list[int], y: int): pass\n")
    assert found[0].source == "([], 0)"
    assert {"([0], 0)", "([], 1)", "([], -1)", "([1, 1], 0)"} <= {one.source for one in found[:12]}
    assert len({one.source for one in found}) == len(found) == 60
    assert {one.origin for one in found} == {"generated"}


def test_equal_seeds_make_equal_inputs_and_others_do_not() -> None:
    source = "def f(x: list[str], y: float): pass\n"
    assert made(source, seed=4) == made(source, seed=4) != made(source, seed=5)


def test_nothing_is_written_where_the_command_runs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert made("def f(x: str): pass\n", seed=77)
    assert list(tmp_path.iterdir()) == []


def test_recorded_values_draw_others_around_them() -> None:
    found = made("def f(items, rate): pass\n", "([3, 5], 1.5)", "([4], 2.0)")
    for items, rate in map(evaluated, found):
        assert isinstance(items, list) and all(isinstance(item, int) and -6 <= item <= 8 for item in items)
        assert isinstance(rate, float) and -3 <= rate <= 5
    assert "([], 1.5)" in {one.source for one in found}


def test_an_object_is_used_as_it_was_seen_with_all_that_it_needs() -> None:
    target = function("class C:\n    def m(self, n): pass\n", "C.m")
    rows = [("(made(shop.C, n=1), 4)", ("import shop", "def made(kind): ..."))]
    found = generating.inputs(target, PYTHON.parameters(target), [target.source], rows, most=20, seed=1)
    assert found
    assert all(one.source.startswith("(made(shop.C, n=1), ") for one in found)
    assert all(one.needs == ("import shop", "def made(kind): ...") for one in found)


def test_constants_and_uses_of_the_text_are_tried() -> None:
    source = (
        "def f(mode, n, table):\n    if mode.strip() == 'fast' and n > 37:\n        return table['rate']\n"
        "    return table.get('other')\n"
    )
    found = [evaluated(one) for one in made(source, most=200)]
    assert "fast" in {mode for mode, _, _ in found}
    assert {36, 37, 38} <= {n for _, n, _ in found}
    assert any("rate" in table for _, _, table in found if isinstance(table, dict))


def test_a_pattern_takes_a_text_and_a_name_says_something_where_nothing_else_does() -> None:
    assert {type(value) for value in values("def f(x):\n    return WORDS.split(x)\n")} == {str}
    assert {type(value) for value in values("def f(iso_str):\n    return parsed(iso_str)\n")} == {str}
    assert {type(value) for value in values("def f(rows):\n    return parsed(rows)\n")} == {list}
    assert values("def f(thing):\n    return parsed(thing)\n") == []


def test_a_length_that_is_asked_for_is_made() -> None:
    found = values("def f(rows: list[int]):\n    if len(rows) > 20:\n        return 1\n")
    assert {19, 20, 21} <= {len(value) for value in found if isinstance(value, list)}


def test_more_parameters_get_their_defaults_too() -> None:
    found = made("def f(x: int, y=None, *rest, flag: bool = False, **named): pass\n")
    assert "(0, None, (), False, {})" in {one.source for one in found}


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(LITERALS)
def test_a_written_value_is_read_as_it_was(value: object) -> None:
    source, needs = writing.write(value)
    (node,) = writing.elements(f"({source},)") or [ast.Constant(None)]
    assert needs == () and repr(writing.value_of(node)) == repr(value)
    assert repr(eval(source)) == repr(value)


def test_sets_are_written_in_one_order() -> None:
    assert writing.write({3, 1, 2}) == ("{1, 2, 3}", ())
    assert (
        writing.write([set(), frozenset(), frozenset({"b", "a"})])[0]
        == "[set(), frozenset(), frozenset({'a', 'b'})]"
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("0.1 + 0.2", "0.3", False),
        ("[0.30000000000000004, 'a']", "[0.3, 'a']", True),
        ("0.3", "0.31", False),
        ("{'a': (1, 2.0)}", "{'a': (1, 2.0000000000001)}", True),
        ("1", "1.0", False),
        ("[1]", "[1, 1]", False),
        ("(", "(", False),
    ],
)
def test_results_are_close_up_to_rounding_alone(one: str, other: str, expected: bool) -> None:
    assert generating.close(one, other, 1e-9) is expected


# ------------------------------------------------------------------------------------------------- their shape


def fits(source: str, recorded: Sequence[str], one: str) -> bool:
    target = function(source)
    parameters = PYTHON.parameters(target)
    read = generating.read([target.source], [parameter.name for parameter in parameters])
    return generating.Shape.of(parameters, recorded, read).fits(one)


PLAIN = "def f(x): pass\n"


@pytest.mark.parametrize(
    ("recorded", "like", "unlike"),
    [
        (["(3,)"], ["(0,)", "(7,)"], ["(-1,)", "(3.0,)", "('3',)", "(None,)", "(True,)", "(10**9,)"]),
        (["(-3,)"], ["(-1,)", "(2,)"], ["(None,)"]),
        (["([1, 2],)"], ["([],)", "([2, 2],)"], ["([-1],)", "(['a'],)", "((1,),)", "([None],)", "(None,)"]),
        (["(['ab'],)"], ["(['b'],)"], ["([''],)"]),
        (["('ab',)"], ["('',)", "('b a',)"], ["('a\\x00',)", "('a' * 99,)"]),
        (["('k=v',)", "('key=1',)"], ["('a=b',)"], ["('ab',)", "('a=b=c',)", "('',)"]),
        (["('12',)"], ["('7',)"], ["('x',)"]),
        (["({'a': 1, 'b': 2},)"], ["({'a': 3, 'b': 0},)"], ["({'a': 1},)", "({'a': 1, 'b': 2, 'c': 3},)"]),
        (["({1: 'x'},)"], ["({2: 'y'},)"], ["({'a': 'x'},)", "({1: 2},)"]),
        (["((1, 'a'),)"], ["((2, 'b'),)"], ["((1,),)", "(('a', 1),)"]),
        (["(made(C, n=1),)"], ["(made(C, n=1),)"], ["(made(C, n=2),)", "(None,)"]),
        (["(None,)", "(2,)"], ["(None,)", "(4,)"], ["('a',)"]),
    ],
)
def test_an_input_looks_like_recorded_ones_or_not(recorded: list[str], like: list[str], unlike: list[str]) -> None:
    assert [one for one in like if not fits(PLAIN, recorded, one)] == []
    assert [one for one in unlike if fits(PLAIN, recorded, one)] == []


def test_a_key_that_the_function_treats_as_optional_may_be_missing() -> None:
    optional = "def f(x):\n    return x['a'] + x.get('b', 0)\n"
    assert fits(optional, ["({'a': 1, 'b': 2},)"], "({'a': 1},)")
    assert not fits(optional, ["({'a': 1, 'b': 2},)"], "({'b': 1},)")


def test_an_empty_text_counts_where_the_function_asks_for_it() -> None:
    asking = "def f(x):\n    if not x:\n        return None\n"
    assert fits(asking, ["('k=v',)"], "('',)") and not fits(PLAIN, ["('k=v',)"], "('',)")


@pytest.mark.parametrize(
    ("annotation", "like", "unlike"),
    [
        ("int", ["(3,)", "(0,)"], ["(-3,)", "('a',)", "(None,)", "(True,)"]),
        ("list[str]", ["([],)", "(['a'],)"], ["([1],)", "(None,)"]),
        ("dict[str, int] | None", ["(None,)", "({'a': 1},)"], ["({1: 1},)"]),
        ("Optional[int]", ["(None,)", "(1,)"], ["('a',)"]),
        ("tuple[int, str]", ["((1, 'a'),)"], ["((1,),)"]),
        ("Literal['a']", ["('a',)"], ["('b',)"]),
        ("Path", ["(Path('a'),)", "(pathlib.PosixPath('a'),)"], ["('a',)", "(Basket(),)"]),
        ("Any", [], ["(1,)", "(None,)"]),
        ("Basket", [], ["(1,)"]),
    ],
)
def test_without_calls_the_signature_says_what_callers_give(
    annotation: str, like: list[str], unlike: list[str]
) -> None:
    source = f"def f(x: {annotation}): pass\n"
    assert [one for one in like if not fits(source, [], one)] == []
    assert [one for one in unlike if fits(source, [], one)] == []


def test_without_calls_and_annotations_nothing_is_known() -> None:
    assert not fits(PLAIN, [], "(1,)")
    assert fits("def f(x=None): pass\n", [], "(None,)")


# ------------------------------------------------------------------------------------------------- smaller ones


def smallest(source: str, holds: object, **more: object) -> str:
    assert callable(holds)
    return generating.shrink(source, lambda many: [bool(holds(eval(one))) for one in many], **more)  # type: ignore[arg-type]


def test_what_does_not_matter_goes() -> None:
    source = "([3, 4, 17, 0, 9], 'hello', {'a': 1, 'b': 2}, 12)"
    assert smallest(source, lambda args: 17 in args[0]) == "([17], '', {}, 0)"
    assert smallest(source, lambda args: "b" in args[2]) == "([], '', {'b': 0}, 0)"
    assert smallest(source, lambda args: len(args[1]) > 2) == "([], 'aaa', {}, 0)"


def test_defaults_are_tried_and_what_holds_nowhere_stays() -> None:
    source = "([1, 2], 7)"
    assert smallest(source, lambda args: True, defaults=[None, "2"]) == "([], 0)"
    assert smallest(source, lambda args: False) == source


def test_it_asks_about_many_at_once_and_seldom() -> None:
    asked: list[int] = []

    def holds(many: Sequence[str]) -> list[bool]:
        asked.append(len(many))
        return [len(eval(one)[0]) >= 10 for one in many]

    found = generating.shrink(f"({list(range(40))},)", holds, rounds=8)
    assert len(eval(found)[0]) <= 14 and len(asked) <= 8 and max(asked) <= 60


def test_an_answer_that_stops_early_counts_as_far_as_it_goes() -> None:
    assert generating.shrink("([1, 2, 3],)", lambda many: [True][: len(many)]) == "([],)"
    assert generating.shrink("([1, 2, 3],)", lambda many: []) == "([1, 2, 3],)"


@pytest.mark.thorough
@given(st.lists(st.tuples(LITERALS, LITERALS), max_size=3), st.sampled_from(["", ": int", ": 'list[str] | None'"]))
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_was_recorded_inputs_are_made_or_not(rows: list[tuple[object, object]], annotation: str) -> None:
    recorded = [writing.write(row)[0] for row in rows]
    source = f"def f(x{annotation}, y=None):\n    return x[0] + len(y)\n"
    for one in made(source, *recorded, most=20):
        assert len(evaluated(one)) == 2
    assert all(isinstance(fits(source, recorded, one), bool) for one in recorded)


def test_a_format_or_a_pattern_that_nobody_wrote_is_like_none() -> None:
    for written, other in (
        ("%.1f", "%a."),
        ("{:>3}", "{:>}"),
        (r"\d+", r"\d"),
        ("[a-z]+", "[a-z]"),
        ("(?i)a", "(?i)"),
    ):
        recorded = [f"({written!r},)"]
        assert fits(PLAIN, recorded, recorded[0])
        assert not fits(PLAIN, recorded, f"({other!r},)"), other
        parameters = Python().parameters(Python().functions("m.py", PLAIN)[0])
        shape = generating.Shape.of(parameters, recorded, generating.read([PLAIN], ["x"]))
        assert shape.strange(f"({other!r},)")
        assert not shape.strange(recorded[0])
        assert not shape.strange("(1,)")
    assert fits(PLAIN, ["('50% off',)"], "('5% off',)"), "a per cent sign is no format"


def test_days_that_callers_give_are_varied() -> None:
    recorded = [("(datetime.date(2024, 1, 31),)", ("import datetime",))]
    function = Python().functions("m.py", PLAIN)[0]
    made = generating.inputs(function, Python().parameters(function), (PLAIN,), recorded, most=60, seed=0)
    days = [eval(one.source, {"datetime": datetime})[0] for one in made]
    assert len(days) > 40
    assert {type(day) for day in days} == {datetime.date}
    assert {1, 2, 12} <= {day.month for day in days}
    assert all("import datetime" in one.needs for one in made)


def test_a_day_is_like_other_days() -> None:
    recorded = ["(datetime.date(2024, 1, 31),)"]
    assert fits(PLAIN, recorded, "(datetime.date(2023, 12, 31),)")
    assert not fits(PLAIN, recorded, "(datetime.datetime(2023, 12, 31, 5, 0),)")
    assert not fits(PLAIN, ["(datetime.timezone.utc,)"], "(datetime.date(2023, 12, 31),)")
