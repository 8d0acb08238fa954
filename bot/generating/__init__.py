"""Arguments for a function as Python source, made without running or importing anything of the repository.

Hypothesis makes the values: around those that tests were seen to give, from annotations, and from how the
function's text uses a parameter. What is made is the same for equal seeds, boundary cases first. Nobody says that
such an input is one that callers give; `shapes` says which of them look like it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal import constants_ast
from hypothesis.internal.conjecture import providers

from bot.domain import Function
from bot.generating.reading import Read, read
from bot.generating.shapes import Shape, day_or_time, instructive, says, value_of_source
from bot.generating.shrinking import shrink, size
from bot.generating.strategies import annotated, around, used_as
from bot.generating.writing import NotWritten, Written, arguments, close, elements, value_of, write
from bot.languages import Parameter
from bot.wire_calls import Input

__all__ = ["Read", "Shape", "arguments", "close", "inputs", "read", "says", "shrink", "size"]

LONGEST = 3_900
"""Characters of one made input."""
TRIES = 3
"""Examples that Hypothesis is asked for, for each input that is wanted: many are equal as source."""
BOUNDARIES: tuple[object, ...] = (
    *(0, 1, -1, "", [], {}, (), set(), "a", "é", " ", 0.0, 1.5, -1.5, b"", None, True, False),
    *(
        [0],
        [1, 1],
        [-1, 0],
        ["a"],
        ["a", "a"],
        [""],
        [0.5],
        {"a": 1},
        {"a": "a"},
        {1},
        {"a"},
        [[]],
        [{}],
        [(0, 0)],
    ),
)
KINDS = {
    "text": "str",
    "texts": "list[str]",
    "int": "int",
    "number": "int | float",
    "list": "list[int]",
    "set": "set[int]",
    "map": "dict[str, int]",
}
"""What a use of a parameter comes to, as an annotation."""


class Provider(providers.HypothesisProvider):
    """Hypothesis's own choices without constants of the modules that happen to be loaded: what is made for a
    function must not depend on the process that makes it."""

    _local_constants = constants_ast.Constants()


providers.AVAILABLE_PROVIDERS["tryline"] = f"{__name__}.{Provider.__name__}"


def inputs(
    function: Function,
    parameters: Sequence[Parameter],
    texts: Iterable[str],
    recorded: Sequence[tuple[str, Sequence[str]]],
    *,
    most: int,
    seed: int,
) -> tuple[Input, ...]:
    """At most so many different inputs; none where a parameter is nothing that can be made.

    `texts` are those of the function's versions, `recorded` the arguments of its calls, each a tuple's source with
    the imports that it needs.
    """
    about = read(texts, [parameter.name for parameter in parameters])
    rows, needs = rows_of(recorded, len(parameters))
    spaces = [
        space(function, parameter, at, [row[at] for row in rows], about) for at, parameter in enumerate(parameters)
    ]
    known = [one for one in spaces if one is not None]
    if len(known) < len(spaces) or not known:
        return ()
    seen = {source for source, _ in recorded}
    made: dict[str, Input] = {}
    for values in (*boundary_cases(known, rows), *examples(known, most * TRIES, seed)):
        if len(made) >= most:
            break
        try:
            source, more = write(tuple(values))
        except NotWritten:
            continue
        if source not in seen and len(source) <= LONGEST:
            every = tuple(dict.fromkeys([*more, *(needs if "Written" in repr(values) else ())]))
            made.setdefault(source, Input(source=source, needs=every, origin="generated"))
    return tuple(made.values())


def rows_of(
    recorded: Sequence[tuple[str, Sequence[str]]], count: int
) -> tuple[list[list[object]], tuple[str, ...]]:
    """(the values of recorded calls, everything that they need)."""
    rows, needs = [], dict[str, None]()
    for source, more in recorded:
        nodes = elements(source)
        if nodes is not None and len(nodes) == count:
            rows.append([value_of(node) for node in nodes])
            needs.update(dict.fromkeys(more))
    return rows, tuple(needs)


Space = tuple[list[object], st.SearchStrategy[Any]]
"""What one parameter is given: boundary values, and a strategy for more."""


def space(function: Function, parameter: Parameter, at: int, seen: Sequence[object], about: Read) -> Space | None:
    """What a parameter is given; None where nothing is known that could be made."""
    bound = at == 0 and bool(function.enclosing) and function.enclosing[-1].startswith("class ")
    if (
        bound
        and "staticmethod" not in function.decorators
        and not any("staticmethod" in d for d in function.decorators)
    ):
        return (list(seen[:1]), st.sampled_from(list(seen))) if seen else None
    lengths = about.lengths.get(parameter.name, ())
    if seen:
        moments = {day_or_time(value.text) if isinstance(value, Written) else "" for value in seen}
        other = annotated(f"datetime.{moments.pop()}", about) if len(moments) == 1 and "" not in moments else None
        if other is not None:
            return list(seen[:1]), st.one_of(st.sampled_from(list(seen)), other)
        if instructive(seen):
            return list(seen[:1]), st.sampled_from(list(seen))
        return [*near(seen), *as_long(seen, lengths)], around(list(seen), about)
    if parameter.kind == "**":
        return [{}], st.just({})
    annotation = parameter.annotation or KINDS.get(about.used.get(parameter.name, ""), "")
    strategy = annotated(parameter.annotation, about) if parameter.annotation else None
    if strategy is None and not parameter.annotation:
        strategy = used_as(about.used.get(parameter.name, ""), about)
    if parameter.kind == "*":
        return ([()], st.lists(strategy, max_size=3).map(tuple)) if strategy is not None else ([()], st.just(()))
    edges = [*allowed(annotation)]
    edges += as_long(edges, lengths)
    default = value_of_source(parameter.default) if parameter.default is not None else None
    if isinstance(default, Written):
        default = None
        if strategy is None:
            return None
    elif parameter.default is not None:
        if strategy is None:
            return [default], st.just(default) if default is None else around([default], about)
        return [default, *edges], st.one_of(strategy, st.just(default))
    return (edges, strategy) if strategy is not None else None


def as_long(values: Sequence[object], lengths: Sequence[int]) -> list[object]:
    """Texts and lists of the lengths for which a function asks, and of the neighbouring ones."""
    made: list[object] = []
    for value in values:
        if isinstance(value, str | list | tuple) and value and lengths:
            for length in dict.fromkeys(n + d for n in lengths for d in (-1, 0, 1) if n + d > 0):
                made.append((value * (length // len(value) + 1))[:length])
            break
    return made


def allowed(annotation: str) -> list[object]:
    """The boundary values that an annotation names."""
    return [value for value in BOUNDARIES if annotation and says(annotation, value, strict=False)]


def near(seen: Sequence[Any]) -> list[object]:
    """Boundary cases beside values that were seen: empty, one element, a duplicate, nought, one more and less."""
    found: list[object] = list(seen[:1])
    value: Any
    for value in seen[:3]:
        if isinstance(value, bool):
            found.append(not value)
        elif isinstance(value, int | float):
            found += [type(value)(0), value + 1, value - 1, -value]
        elif type(value) in (str, bytes, list, tuple):
            found += [value[:0], value[:1], value[:1] + value, value[::-1]]
        elif isinstance(value, dict):
            found += [{}, dict(list(value.items())[:1])]
            found += [{k: v for k, v in value.items() if k != key} for key in list(value)[:4]]
        elif isinstance(value, set | frozenset):
            found += [type(value)(), type(value)(sorted(value, key=repr)[:1])]
    return found


def boundary_cases(spaces: Sequence[Space], rows: Sequence[Sequence[object]]) -> Iterator[tuple[object, ...]]:
    """One argument at a boundary, the others as in the first recorded call; then all at their boundaries."""
    firsts = [boundaries[0] if boundaries else None for boundaries, _ in spaces]
    usual = list(rows[0]) if rows else firsts
    if all(boundaries for boundaries, _ in spaces):
        yield tuple(firsts)
    elif not rows:
        return
    longest = max((len(boundaries) for boundaries, _ in spaces), default=0)
    for turn in range(longest):
        for at, (boundaries, _) in enumerate(spaces):
            if turn < len(boundaries):
                yield (*usual[:at], boundaries[turn], *usual[at + 1 :])


def examples(spaces: Sequence[Space], count: int, seed: int) -> list[tuple[object, ...]]:
    """So many examples of all parameters together, the same for the same seed."""
    found: list[tuple[object, ...]] = []
    if count <= 0:
        return found
    settings = hypothesis.settings(
        max_examples=count,
        backend="tryline",
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )

    @hypothesis.seed(seed)
    @settings
    @hypothesis.given(st.tuples(*(strategy for _, strategy in spaces)))
    def collect(values: tuple[object, ...]) -> None:
        found.append(values)

    collect()
    return found


# It keeps tables of characters where it is told to: never in the folder of whoever runs a review.
set_hypothesis_home_dir(tempfile.gettempdir() + "/tryline-hypothesis")
