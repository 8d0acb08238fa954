"""How a race is run: which inputs, how large they are grown, when it ends, what it says where it gave nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
    cut: int = 10**9
    """Size from which the new version is cut where it is timed beside the other."""
    warm: bool = True
    why_cold: str = "no test was collected"
    can: bool = True
    asked: list[tuple[str, int, tuple[int, ...], float]] = field(default_factory=list)

    def measure(
        self,
        versions: Sequence[trial.Version],
        inputs: Sequence[Input],
        *,
        scales: Sequence[int],
        seconds: float,
        seed: int,
        deep: bool = False,
    ) -> tuple[Timing, ...] | None:
        (one,) = inputs
        self.asked.append((one.pickled, len(versions), tuple(scales), seconds))
        if not self.can:
            return None
        rows = []
        for scale in scales:
            size = self.size * scale
            cut = len(versions) > 1 and size >= self.cut
            how = [self.how] * len(versions)
            times: list[tuple[float, ...]] = [(self.cost(size),) * 60 for _ in versions]
            marks = list(self.digests(scale)[: len(versions)])
            if cut:
                how[1], times[1], marks[1] = "endless", (), ""
            rows.append(Timing(0, scale, size, f"{size} items", tuple(times), tuple(marks), tuple(how)))
            if cut:
                break
        return tuple(rows)


def raced(track: Track, inputs: int = 1, **more: Any) -> racing.Raced:
    """A race on a clock on which each question takes a tenth of its seconds."""
    given = tuple(Input(pickled=f"p{n}") for n in range(inputs))
    clock = lambda: 0.1 * sum(seconds for *_, seconds in track.asked)  # noqa: E731
    return race(cast(trial.Stage, track), VERSIONS, given, Length(**more), clock)


def call(pickled: str, digest: str = "", raises: str = "") -> Call:
    return Call("t", "x", "1", raises, digest or pickled, pickled=pickled)


def test_the_largest_inputs_are_raced_on_and_a_typical_one() -> None:
    calls = [call("x" * n) for n in (1, 2, 3, 4, 5, 6, 7)]
    assert [len(one.pickled) for one in inputs_of(calls, calls)] == [7, 6, 5, 4, 3, 2]
    many = [len(one.pickled) for one in inputs_of([call("x" * n) for n in range(1, 101)])]
    assert many[:5] == [100, 99, 98, 97, 96] and len(many) == racing.LOOKED_AT and many[-1] < 30
    assert [len(one.pickled) for one in inputs_of([call("xx"), call("y")])] == [2, 1]
    assert inputs_of([call(""), call("boom", raises="KeyError")]) == ()
    assert len(inputs_of([call("aa", "same")], [call("bb", "same")])) == 1


@pytest.mark.parametrize("size", [1, 5, 12, 100, 900, 2000, 50_000])
def test_an_input_is_doubled_up_to_where_growth_shows(size: int) -> None:
    scales = ladder(size)
    assert len(scales) >= 3
    assert all(after == 2 * before for before, after in pairwise(scales))
    assert scales[-1] * size <= 4 * racing.TARGET or scales == [2, 4, 8]
    assert scales[-1] * size >= racing.TARGET / 2


def test_a_race_grows_every_input_step_by_step() -> None:
    track = Track()
    found = raced(track, inputs=2)
    assert found.why == ""
    assert {timing.input for timing in found.timings} == {0, 1}
    scales = [timing.scale for timing in found.timings if timing.input == 0]
    assert scales == [1, *ladder(10)]
    assert [timing.scale for timing in raced(Track(), grow=False).timings] == [1]
    assert [timing.scale for timing in raced(Track(size=0)).timings] == [1]


def test_inputs_that_are_not_answered_alike_are_looked_at_only() -> None:
    track = Track(digests=lambda _scale: ("a", "b"))
    found = raced(track)
    assert [scales for _, _, scales, _ in track.asked] == [(1,)]
    assert found.timings == ()
    assert "differ" in found.why and found.differs and not raced(Track()).differs


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


def test_a_version_that_is_cut_is_timed_alone() -> None:
    track = Track(cut=70)
    found = raced(track)
    assert [number for _, number, _, _ in track.asked][:3] == [2, 2, 1]
    last = next(timing for timing in found.timings if timing.size >= 70)
    assert (last.how, last.digests) == (("returned", "returned"), ("d", "d"))
    assert all(len(row) == 60 for row in last.seconds)


def test_what_smaller_inputs_tell_is_not_asked_of_larger_ones() -> None:
    class Uneven(Track):
        def measure(self, versions: Sequence[trial.Version], *rest: Any, **more: Any) -> tuple[Timing, ...] | None:
            rows = super().measure(versions, *rest, **more)
            assert rows is not None
            return tuple(
                Timing(0, row.scale, row.size, "", (row.seconds[0], (1.0,) * 60), row.digests, row.how)
                for row in rows[:4]
            )

    track = Uneven()
    raced(track)
    assert len(track.asked) == 3
    even = Track()
    raced(even)
    assert len(even.asked) == 3


def test_where_growth_makes_no_difference_collections_within_grow() -> None:
    class Nested(Track):
        def measure(self, *rest: Any, deep: bool = False, **more: Any) -> tuple[Timing, ...] | None:
            if not deep:
                self.cost = lambda _size: 1e-6
                return super().measure(*rest, **more)
            self.cost = lambda size: 1e-7 * size
            return super().measure(*rest, **more)

    found = raced(Nested())
    assert [timing.scale for timing in found.timings] == [1, *ladder(10)]
    assert found.timings[-1].seconds[0][0] == pytest.approx(1e-6 * ladder(10)[-1])


def test_those_inputs_are_raced_on_that_take_longest() -> None:
    class Unlike(Track):
        def measure(
            self, versions: Sequence[trial.Version], inputs: Sequence[Input], **more: Any
        ) -> tuple[Timing, ...] | None:
            self.cost = lambda _size: 1e-6 * (int(inputs[0].pickled[1:]) * 7 % 10 + 1)
            return super().measure(versions, inputs, **more)

    found = raced(Unlike(), inputs=10)
    assert [3 in found.inputs, 6 in found.inputs, 7 in found.inputs, len(found.inputs)] == [False, False, True, 4]
    assert raced(Unlike(), inputs=10, only=(2, 5)).inputs == (2, 5)


def test_a_difference_that_is_not_clear_yet_is_followed_further() -> None:
    class Unequal(Track):
        def measure(self, versions: Sequence[trial.Version], *rest: Any, **more: Any) -> tuple[Timing, ...] | None:
            rows = super().measure(versions, *rest, **more) or ()
            return tuple(
                Timing(
                    0,
                    row.scale,
                    row.size,
                    "",
                    (row.seconds[0], (self.cost(row.size) * 2,) * 60),
                    row.digests,
                    row.how,
                )
                for row in rows
            )

    cheap = Unequal(cost=lambda size: 1e-8 * size)
    raced(cheap)
    top = ladder(10)[-1]
    assert [scales for _, _, scales, _ in cheap.asked][3:] == [(top * 2**n,) for n in range(1, racing.FURTHER + 1)]
    dear = Unequal(cost=lambda size: 1e-5 * size)
    raced(dear)
    assert len(dear.asked) == 3


def test_a_scale_that_did_not_fit_is_asked_for_again() -> None:
    class Short(Track):
        def measure(self, versions: Sequence[trial.Version], *rest: Any, **more: Any) -> tuple[Timing, ...] | None:
            return (super().measure(versions, *rest, **more) or ())[:3]

    track = Short()
    found = raced(track)
    assert [scales for _, _, scales, _ in track.asked][3:] == [(scale,) for scale in ladder(10)[5:]]
    assert len(found.timings) == 6


def test_a_version_that_does_not_end_alone_either_stays_cut() -> None:
    @dataclass
    class Hang(Track):
        def measure(self, versions: Sequence[trial.Version], *rest: Any, **more: Any) -> tuple[Timing, ...] | None:
            rows = super().measure(versions, *rest, **more)
            return rows if len(versions) > 1 else ()

    found = raced(Hang(cut=1))
    assert found.timings == ()
    assert found.why == "a version does not end"


def test_long_calls_get_the_time_that_enough_rounds_need() -> None:
    track = Track(cost=lambda _size: 0.2)
    raced(track, seconds=3.0)
    assert track.asked[1][3] > racing.SHARE * 20 * 0.2
    slow = Track(cost=lambda _size: 9.0)
    raced(slow, seconds=3.0)
    assert slow.asked[1][3] == racing.SHARE * racing.LONGEST


def test_a_busy_machine_is_given_more_time_up_to_a_bound() -> None:
    def look(rounds: int, seconds: float) -> Timing:
        return Timing(0, 1, 10, "x", ((seconds,) * rounds,) * 2, ("d", "d"), ("returned", "returned"))

    assert racing.strain(look(400, 1e-6)) < 1
    assert racing.strain(look(10, 1e-6)) == pytest.approx(2.4)
    assert racing.strain(look(6, 0.02)) < 1  # calls that take long
    assert racing.strain(look(0, 1.0)) == 1.0

    class Busy(Track):
        def measure(self, versions: Sequence[trial.Version], *rest: Any, **more: Any) -> tuple[Timing, ...] | None:
            rows = super().measure(versions, *rest, **more) or ()
            return tuple(
                Timing(0, row.scale, row.size, "", tuple(one[:10] for one in row.seconds), row.digests, row.how)
                for row in rows
            )

    busy, patient = Busy(), Busy()
    raced(busy, seconds=10.0, patience=1.0)
    raced(patient, seconds=10.0)
    assert patient.asked[-1][3] == pytest.approx(busy.asked[-1][3] + 14.0, abs=1.0)


def test_inputs_share_the_time() -> None:
    track = Track()
    raced(track, inputs=4, seconds=10.0)
    allowed = [seconds for *_, seconds in track.asked[4:]]
    assert [scales[0] for _, _, scales, _ in track.asked[4:]] == [1, 48, 1, 48, 1, 1]
    assert allowed[0] == pytest.approx(racing.SHARE * (10.0 - 4 * 0.1 * racing.LOOK) / 2)
    assert allowed[-1] > allowed[0]  # what the others leave, the last one has


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
