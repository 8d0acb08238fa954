"""The report's words: guidance helps only when it beats every rival; otherwise what was not shown is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.problems.journal import Cell, Header, Record
from bot.problems.report import Figures, markdown, power, verdict
from bot.problems.report import figures as all_figures

ARMS = ("best-of-n", "self-debug", "placebo", "cfg-1.5", "cfg-3")


def record(right: Mapping[str, Sequence[int]], *, seeds: int = 1, **more: Any) -> Record:
    """Cells from arm -> how many seeds of each problem are right."""
    cells = [
        Cell(
            f"p{index}",
            arm,
            seed,
            visible=seed <= count,
            hidden=seed < count,
            submitted=True,
            tokens_in=900,
            tokens_out=100,
            requests=4,
            executions=7,
            seconds=2.0,
        )
        for arm, counts in right.items()
        for index, count in enumerate(counts)
        for seed in range(seeds)
    ]
    header = Header({"arms": {arm: {} for arm in right}, "seeds": list(range(seeds)), "tier": "A"}, more)
    return Record(header, tuple(cells), {})


def figures(record: Record) -> Figures:
    """The figures, with fewer resamples than a report is made with."""
    return all_figures(record, resamples=1000)


def split(yes: int, no: int) -> list[int]:
    return [1] * yes + [0] * no


def test_guidance_helps_only_when_it_beats_every_rival() -> None:
    found = figures(
        record(
            {
                "best-of-n": split(10, 30),
                "self-debug": split(12, 28),
                "placebo": split(9, 31),
                "cfg-1.5": split(30, 10),
            }
        )
    )
    said = verdict(found)
    assert said.startswith("**Guidance helps on this set with this model:** on 40 problems `cfg-1.5` beats")
    assert "`best-of-n` by +50.0 points [" in said and "`placebo` by +52.5 points" in said


@pytest.mark.parametrize("rival", ["best-of-n", "self-debug", "placebo"])
def test_one_rival_as_good_is_enough_to_say_nothing(rival: str) -> None:
    arms = {name: split(10, 30) for name in ("best-of-n", "self-debug", "placebo")}
    said = verdict(figures(record({**arms, "cfg-1.5": split(30, 10), rival: split(29, 11)})))
    assert said.startswith("**It was not shown that guidance helps.**")
    assert f"not shown that it beats `{rival}` (+2.5 points" in said
    assert sum(f"`{name}`" in said for name in arms) == 1
    assert ("may come from a longer prompt" in said) is (rival == "placebo")
    assert "Guidance helps on" not in said


def test_nothing_but_a_null_is_told_as_one() -> None:
    said = verdict(figures(record({name: split(20, 20) for name in ARMS})))
    assert "that it beats `best-of-n`" in said and "nor that it beats `placebo`" in said
    assert "worse" not in said


def test_what_is_worse_is_told() -> None:
    said = verdict(figures(record({**{n: split(30, 10) for n in ARMS}, "cfg-1.5": split(5, 35)})))
    assert "It was shown to be worse than `best-of-n` and `self-debug` and `placebo`." in said


def test_the_first_guided_arm_is_the_claim_and_a_lucky_second_is_not() -> None:
    arms = {name: split(10, 30) for name in ARMS}
    found = figures(record({**arms, "cfg-3": split(35, 5)}))
    assert found.guided == "cfg-1.5"
    assert "not shown that guidance helps" in verdict(found)
    assert found.differences["cfg-3", "placebo"].shown, "told in the table all the same"


def test_without_the_placebo_nothing_is_claimed() -> None:
    said = verdict(
        figures(record({"best-of-n": split(0, 40), "self-debug": split(0, 40), "cfg-1.5": split(40, 0)}))
    )
    assert said == "**It was not tested whether guidance helps:** `placebo` did not run beside `cfg-1.5`."
    assert "nothing is said" in verdict(figures(record({"best-of-n": split(3, 3), "edits": split(2, 4)})))


def test_a_failed_cell_is_no_wrong_answer_and_its_problem_leaves_every_arm() -> None:
    full = record({"best-of-n": split(4, 0), "cfg-1.5": split(4, 0)})
    cells = [c for c in full.cells if (c.problem, c.arm) != ("p0", "cfg-1.5")]
    broken = Record(full.header, (*cells, Cell("p0", "cfg-1.5", 0, failure="endpoint-server: 500")), {})
    found = figures(broken)
    assert found.problems == 3
    assert [(row.arm, row.right.value, row.failed) for row in found.rows] == [
        ("best-of-n", 1.0, 0),
        ("cfg-1.5", 1.0, 1),
    ]
    assert "1 cells failed for the infrastructure's sake (endpoint-server)" in markdown(found)


def test_a_problem_with_a_seed_missing_is_not_yet_counted() -> None:
    full = record({"edits": [2, 2, 1]}, seeds=2)
    found = figures(Record(full.header, full.cells[:-1], {}))
    assert (found.problems, found.rows[0].right.value) == (2, 1.0)
    assert figures(full).rows[0].right.value == pytest.approx(5 / 6)


def test_every_arm_stands_in_the_table_with_its_costs() -> None:
    found = figures(record({name: split(10, 10) for name in ARMS}))
    text = markdown(found)
    for name in ARMS:
        assert f"\n| {name} | 50.0% [" in text
    assert "| 1,000 | 4 | 7 | 2.0 | 0 |" in text
    # Every answer passes what is shown, half of them fail what is held back.
    assert found.rows[0].visible == 1.0 and found.rows[0].overfit == 0.5


def test_the_size_is_told_in_words() -> None:
    found = figures(record({**{n: split(20, 20) for n in ARMS}, "cfg-1.5": [0] * 3 + [1] * 3 + split(17, 17)}))
    # At most 6 of 40 pairs differ: 2.8016 * sqrt(0.15 / 40) = 0.1716.
    assert (
        "With 40 problems a true difference of 17 points or more would be found four times out of five"
        in power(found)
    )
    assert "takes 471 problems" in power(found)


def test_foreign_words_are_plain_text_in_the_report() -> None:
    full = record({"edits": split(1, 1)}, problems_left_out={"<img src=x>|`a`": "[click](http://x) \x1b[31m"})
    text = markdown(figures(full))
    assert "<img" not in text.replace("\\<", "") and "](http" not in text.replace("\\]", "") and "\x1b" not in text


def test_cells_that_the_clock_ended_are_told() -> None:
    full = record({"edits": split(2, 2)})
    late = Record(full.header, tuple(replace(c, stopped="seconds") for c in full.cells[:3]) + full.cells[3:], {})
    assert "3 cells ended for their seconds" in markdown(figures(late)) and "(edits 3)" in markdown(figures(late))
    assert "ended for their seconds" not in markdown(figures(full))


def test_what_was_found_within_part_of_the_budget() -> None:
    made = record({name: split(10, 0) for name in ARMS}, seeds=1)
    cost = {"best-of-n": 600, "self-debug": 30_000, "placebo": 9_000, "cfg-1.5": 1_900, "cfg-3": 5_000}
    cells = [
        replace(cell, tokens_in=cost[cell.arm] - 100, executions=cost[cell.arm] // 100) for cell in made.cells
    ]
    # Half of what self-debug finds comes early; one seed of a problem that fails is never found.
    cells = [
        replace(cell, tokens_in=700)
        if cell.arm == "self-debug" and cell.problem in {"p0", "p1", "p2", "p3", "p4"}
        else replace(cell, hidden=False)
        if (cell.arm, cell.problem) == ("best-of-n", "p9")
        else cell
        for cell in cells
    ]
    found = figures(replace(made, cells=tuple(cells)))
    tokens = {row.limit: row.right for row in found.within if row.measure == "tokens"}
    assert list(tokens) == [1_000, 2_000, 5_000, 10_000, 20_000]
    shares = {arm: [tokens[limit][arm].value for limit in tokens] for arm in ARMS}
    assert shares["best-of-n"] == [0.9] * 5
    assert shares["self-debug"] == [0.5] * 5
    assert shares["cfg-1.5"] == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert shares["cfg-3"] == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert shares["placebo"] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert [row.limit for row in found.within if row.measure == "executions"] == [10, 20, 50, 100, 200]
    said = markdown(found)
    assert "| arm | 1,000 tokens | 2,000 tokens |" in said and "| arm | 10 executions |" in said
    assert "| best-of-n | 90.0% [" in said.partition("## Within part of the budget")[2]


def test_where_nothing_is_right_no_part_of_the_budget_is_told() -> None:
    found = figures(record({name: split(0, 5) for name in ARMS}))
    assert not found.within and "Within part" not in markdown(found)


def test_an_empty_file_has_a_report() -> None:
    assert "No problem has an answer" in markdown(figures(record({})))
