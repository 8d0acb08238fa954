"""How a race is run: which inputs, how large they are grown, when it ends, what it says where it gave nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot import racing, trial
from bot.domain import Call
from bot.languages.python.language import Python
from bot.racing import Length, base_version, bound, inputs_of, ladder, race
from bot.wire_calls import Input, Timing

VERSIONS = (trial.Version("old"), trial.Version("new"))


@dataclass
class Track:
    """A stage on which a call takes what `cost` says of its size; grown inputs are `scale` times as large."""

    cost: Callable[[int], float] = lambda size: 1e-6 * size
    size: int = 10
    digests: Callable[[int], tuple[str, ...]] = lambda _scale: ("d", "d")
    how: str = "returned"
    rounds: int = 40
    warm: bool = True
    why_cold: str = "no test was collected"
    can: bool = True
    asked: list[tuple[str, int, float]] = field(default_factory=list)

    def measure(
        self,
        versions: Sequence[trial.Version],
        inputs: Sequence[Input],
        *,
        scales: Sequence[int],
        seconds: float,
        seed: int,
    ) -> tuple[Timing, ...] | None:
        (scale,), (one,) = scales, inputs
        self.asked.append((one.pickled, scale, seconds))
        if not self.can:
            return None
        size = self.size * scale
        rounds = self.rounds if seconds < 2 else 40
        times = tuple((self.cost(size),) * rounds for _ in versions)
        how = (self.how,) * len(versions)
        return (Timing(0, scale, size, f"{size} items", times, self.digests(scale), how),)


def raced(track: Track, inputs: int = 1, **more: Any) -> racing.Raced:
    given = tuple(Input(pickled=f"p{n}") for n in range(inputs))
    return race(cast(trial.Stage, track), VERSIONS, given, Length(**more))


def call(pickled: str, digest: str = "", raises: str = "") -> Call:
    return Call("t", "x", "1", raises, digest or pickled, pickled=pickled)


def test_the_largest_inputs_are_raced_on_and_a_typical_one() -> None:
    calls = [call("x" * n) for n in (1, 2, 3, 4, 5, 6, 7)]
    assert [len(one.pickled) for one in inputs_of(calls, calls)] == [7, 6, 5, 4]
    assert [len(one.pickled) for one in inputs_of([call("xx"), call("y")])] == [2, 1]
    assert inputs_of([call(""), call("boom", raises="KeyError")]) == ()
    assert len(inputs_of([call("aa", "same")], [call("bb", "same")])) == 1


@pytest.mark.parametrize("size", [1, 5, 12, 100, 900, 2000, 50_000])
def test_an_input_is_grown_in_equal_steps_to_where_growth_shows(size: int) -> None:
    scales = ladder(size)
    assert len(scales) >= 3
    steps = {after / before for before, after in zip([1, *scales], scales, strict=False)}
    assert len(steps) == 1
    assert scales[-1] * size <= 4 * racing.TARGET or scales == [2, 4, 8]
    assert scales[-1] * size >= racing.TARGET / 4


def test_a_race_grows_every_input_step_by_step() -> None:
    track = Track()
    found = raced(track, inputs=2)
    assert found.why == ""
    assert {timing.input for timing in found.timings} == {0, 1}
    scales = [timing.scale for timing in found.timings if timing.input == 0]
    assert scales == [1, *ladder(10)]


def test_what_takes_long_is_grown_no_further() -> None:
    track = Track(cost=lambda size: 1e-5 * size**2)
    found = raced(track, seconds=60.0)
    assert max(timing.scale for timing in found.timings) < ladder(10)[-1]
    assert all(track.cost(10 * scale) < 1.0 for _, scale, _ in track.asked)


def test_inputs_that_are_not_answered_alike_are_not_grown() -> None:
    track = Track(digests=lambda _scale: ("a", "b"))
    found = raced(track)
    assert [scale for _, scale, _ in track.asked] == [1]
    assert "differ" in found.why
    apart = Track(digests=lambda scale: ("a", "a" if scale == 1 else "b"))
    assert [timing.scale for timing in raced(apart).timings] == [1]


@pytest.mark.parametrize(
    ("track", "why"),
    [
        (Track(warm=False), "no test was collected"),
        (Track(can=False), "cannot be called apart"),
        (Track(how="raised"), "raises"),
        (Track(how="unusable"), "cannot be made again"),
    ],
)
def test_a_race_that_gave_nothing_says_why(track: Track, why: str) -> None:
    assert why in raced(track).why


def test_an_input_that_does_not_grow_is_asked_once_more_only() -> None:
    track = Track()
    stuck = replace(track, size=0)
    assert [scale for _, scale, _ in stuck.asked] == []
    raced(stuck)
    assert [scale for _, scale, _ in stuck.asked] == [1]


def test_long_calls_get_the_time_that_enough_rounds_need() -> None:
    track = Track(cost=lambda _size: 0.2, rounds=3)
    found = raced(track, seconds=3.0)
    assert len(found.timings[0].seconds[0]) == 40
    assert track.asked[1][2] > 20 * 0.2


def test_a_race_ends_with_its_time() -> None:
    track = Track(size=1)
    raced(track, inputs=4, seconds=1.0)
    assert sum(seconds for _, _, seconds in track.asked) <= 1.0 + 4 * racing.LEAST_SECONDS


# -------------------------------------------------------------------------------------------------- versions


HEAD = "import json\n\n\ndef shown(rows):\n    return json.dumps(rows)\n"
BASE = """\
import json
import bisect
from json import dumps as shown_as


def show(rows):
    bisect.insort(rows, 1)
    return json.dumps(rows) or shown_as(rows)
"""


def test_base_comes_with_the_imports_that_head_lost() -> None:
    language = Python()
    head, base = (language.functions("m.py", text)[0] for text in (HEAD, BASE))
    version = base_version(language, HEAD, head, base, BASE)
    assert version.imports == ("import bisect",)
    assert version.source.startswith("def shown(rows):")
    assert base_version(language, HEAD, head, base, "").imports == ()


def test_an_import_that_would_mean_something_else_is_left_out() -> None:
    assert bound("from a import b as c, d") == {"b", "c", "d"}
    assert bound("import a.b") == {"a", "b"}
