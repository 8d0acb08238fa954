"""The sandbox's benchmark: its arithmetic on figures made up by hand, and that all ways run what they say."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from bench.sandbox import __main__ as command
from bench.sandbox import figures, meter, waiting, ways
from bench.sandbox.figures import Row, Spread
from bench.sandbox.meter import Reading

NAN = float("nan")


def row(way: str, number: int, cpu: float, kind: str = "good", engine: float = 0.0) -> Row:
    return Row("subject", way, kind, 1, number, 2, engine, cpu, 1.0, 3.0)


def test_what_is_used_is_the_difference_of_two_readings():
    used = Reading(1.5, 4.0, 0.5, 20.0).since(Reading(1.0, 1.0, 0.25, 10.0))
    assert used == Reading(0.5, 3.0, 0.25, 10.0)
    assert used.cpu == 3.5
    assert Reading(NAN, 3.0, 0.0, 1.0).cpu == 3.0  # an engine whose share is not known adds nothing


def test_ratios_are_taken_within_a_round_and_a_kind():
    rows = [
        row("container per candidate", 0, 100.0),
        row("container per candidate", 1, 300.0),
        row("fork server", 0, 10.0),
        row("fork server", 1, 10.0),
        row("fork server", 2, 1.0),  # its partner is missing
        row("fork server", 1, 100.0, "bad"),
        row("container per candidate", 1, 700.0, "bad"),
    ]
    assert figures.ratios(rows, "fork server", "container per candidate") == [7.0, 10.0, 30.0]


class Lazy(ways.Way):
    """Runs one test, whatever is asked for."""

    name = "lazy"

    def work(self, worker, version, count):
        return [1] * count


SUBJECT = SimpleNamespace(name="s", tests=("a", "b"))


def test_a_batch_is_told_for_one_execution():
    made = figures.row_of(Lazy(SUBJECT, 2), "good", 3, Reading(0.5, 1.0, 0.1, 2.0), 4)
    assert (made.engine_ms, made.container_ms, made.client_ms, made.wall_ms) == (125.0, 250.0, 25.0, 500.0)
    assert (made.workers, made.round, made.executions) == (2, 3, 4)
    assert row("w", 0, 8.0, engine=2.0).cpu_ms == 10.0
    assert row("w", 0, 8.0, engine=NAN).cpu_ms == 8.0
    assert row("w", 0, 8.0, engine=NAN).told()["engine_ms"] is None


def test_the_table_shows_median_bounds_and_ratio():
    rows = [row("container per candidate", n, cpu) for n, cpu in enumerate((400.0, 600.0, 500.0))]
    rows += [row("fork server", n, cpu) for n, cpu in enumerate((10.0, 20.0, 25.0))]
    first, second = figures.table(rows).splitlines()[2:]
    assert first.startswith("| container per candidate | good | 500 (400 to 600) |")
    assert second.startswith("| fork server | good | 20.0 (10.0 to 25.0) |")
    assert second.endswith("| 3 x 2 | 30.0 | - |")  # 40, 30 and 20 times as much


def test_a_spread_of_one_is_itself():
    assert str(Spread.of([0.5])) == "0.50 (0.50 to 0.50)"


def test_the_kernel_tells_cpu_time_of_this_process_group():
    group = meter.group_of(os.getpid())
    before = meter.cpu_of(group)
    sum(range(10**6))
    assert meter.cpu_of(group) >= before > 0


def test_what_a_worker_adds_is_told_apart_from_its_own_time():
    waits = [waiting.Wait("worker ready", False, seconds, 1.0) for seconds in (2.0, 4.0, 3.0)]
    assert "| worker ready | no | 3.0 (2.0 to 4.0) | 1.00 | 2.0 (1.0 to 3.0) | 3 |" in waiting.table(waits)


@pytest.mark.engine
@pytest.mark.thorough
def test_every_way_runs_all_tests_of_good_candidates_and_none_of_bad_ones(tmp_path, monkeypatch, capsys):
    file = tmp_path / "rows.json"
    monkeypatch.setattr("sys.argv", ["bench", "--rounds", "1", "--json", str(file)])
    assert command.main() == 0
    rows = json.loads(file.read_text())["rows"]
    missing = {(way, kind) for way in ways.NAMES for kind in ("good", "bad")}
    assert not missing - {(row["way"], row["kind"]) for row in rows}, capsys.readouterr().out
    assert all(row["container_ms"] > 0 and row["wall_ms"] > 0 for row in rows)


def test_a_way_that_runs_something_else_is_noticed():
    with pytest.raises(AssertionError, match=r"\[1\] passed with a good candidate"):
        figures.checked(Lazy(SUBJECT, 1), "good", [1])
    with pytest.raises(AssertionError, match="bad"):
        figures.checked(Lazy(SUBJECT, 1), "bad", [1])
    figures.checked(Lazy(SUBJECT, 1), "good", [2, 2])
    figures.checked(Lazy(SUBJECT, 1), "bad", [0, 0])
