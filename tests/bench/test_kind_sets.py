"""The sets of every kind of finding are what they say, and what runs over them counts rightly."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench import history
from bench.kinds import __main__ as running
from bench.kinds import judging, report, repositories, timing
from bench.kinds.cases import KINDS, SORTS, load
from bench.kinds.check import complaints
from bot import wiring
from bot.config import load as load_config
from bot.domain import Category, Outcome

CASES = {kind: load(kind) for kind in KINDS}


def test_the_sets_are_large_and_varied():
    least = {"security": 30, "performance": 22, "correctness": 32, "harmless": 34}
    for kind, cases in CASES.items():
        assert len({case.name for case in cases}) == len(cases) >= least[kind]
    security = CASES["security"]
    assert len({case.cwe for case in security}) >= 10 and all(case.cwe for case in security)
    assert sum(case.new for case in security) >= 10 and sum(not case.new for case in security) >= 20
    assert {case.sort for case in CASES["correctness"]} == set(SORTS)
    assert len({case.sort for case in CASES["harmless"]}) >= 10
    assert not any(case.category or case.posted for case in CASES["harmless"])
    assert Counter(case.posted for case in CASES["correctness"])[True] >= 12


def test_what_is_kept_apart_is_in_no_revision():
    for cases in CASES.values():
        for case in cases:
            apart = [text for text in (case.exploit, case.behaviour, case.workload) if text]
            shown = [*case.base.values(), *case.head.values()]
            assert not set(apart) & set(shown), case.name
            assert not any(Path(path).name.startswith(("exploit", "behaviour")) for path in case.head), case.name


@pytest.mark.thorough
@pytest.mark.parametrize(
    "case", [case for cases in CASES.values() for case in cases[::16]], ids=lambda case: f"{case.kind}-{case.name}"
)
def test_cases_are_sound(case):
    assert complaints(case) == ()


@pytest.mark.thorough
def test_a_case_that_is_none_is_noticed():
    security, correctness = CASES["security"][0], CASES["correctness"][0]
    harmless = replace(security, head={**security.base, "README": "x"})
    said = " ".join(complaints(harmless))
    assert "is right as it is" in said and "exploit is green at head" in said
    said = " ".join(complaints(replace(correctness, base=correctness.head, fixed=correctness.head)))
    assert "head changes nothing" in said and "behaviour fails on the right version" in said


def test_times_are_read_out_of_a_failing_test():
    said = json.dumps({"same": True, "times": [[0.2, 0.1], [0.2, 0.12], [0.2, 0.1]]})
    shown = f'raise AssertionError("TIMES " + json.dumps(x))\nE   AssertionError: {timing.MARK}{said}\nmore'
    ratio = timing.read(shown)
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high, ratio.pairs, ratio.same) == (0.5, 0.5, 0.6, 3, True)
    assert timing.read("AssertionError: x") is None
    assert timing.read(timing.MARK + '{"same": tr') is None


def test_intervals_of_shares():
    low, high = report.wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)
    assert report.wilson(0, 10)[0] == 0 and round(report.wilson(0, 10)[1], 3) == 0.278
    assert report.wilson(0, 0) == (0, 1)
    assert report.share(0, 0) == "-"


def row(name: str, **more: object) -> report.Row:
    right = report.Said("a.py::f", "security/x", "security", "t", 3, True, True)
    made = report.Row(
        kind="security",
        name=name,
        sort="SQL injection",
        inline=True,
        conclusion="findings",
        detected=True,
        proven=True,
        told=False,
        said=(right,),
        rewritten=True,
        holds=True,
        why="",
        ratio=None,
        seconds=12.0,
        prepare_seconds=2.0,
        functions=2,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_rows_are_counted_and_kept(tmp_path):
    wrong = report.Said("b.py::g", "performance/slower", "performance", "t", 3, False, False)
    rows = (
        row("a"),
        row("b", holds=False, why="behaviour: no", said=(*row("b").said, wrong)),
        row("c", detected=False, proven=False, rewritten=False, holds=None, said=(), problems=("engine",)),
    )
    for one in (rows[2], *rows):
        report.write(tmp_path / "journal", one)
    assert sorted(report.read(tmp_path / "journal"), key=lambda r: r.name) == list(rows)
    cells = [cell.strip() for cell in report.table(rows).splitlines()[2].split("|")]
    assert cells[2].startswith("2 of 3") and cells[4].startswith("1 in 1 of 3")
    assert cells[5].startswith("2 of 2") and cells[6].startswith("1 of 2")
    lines = [report.line(one) for one in rows]
    assert "proven, repaired" in lines[0] and "5.0 s" in lines[0]
    assert "WRONG (behaviour: no)" in lines[1] and "also performance performance/slower in b.py::g" in lines[1]
    assert "MISSED" in lines[2] and lines[2].endswith("!engine")


def test_what_a_harmless_change_is_charged_with():
    said = (report.Said("b.py::g", "tests/crash", "correctness", "t", 3, False, False),)
    assert "FALSE tests/crash" in report.line(row("x", kind="harmless", said=said))
    assert "quiet" in report.line(row("x", kind="harmless", said=()))


def test_a_case_becomes_a_repository(tmp_path):
    case = next(case for case in CASES["harmless"] if case.name == "moved_function")
    base, head = repositories.made(case, tmp_path)
    changed = repositories.git(tmp_path, "diff", "--name-only", base, head).split()
    assert changed == ["textkit/core.py", "textkit/wrapping.py"]
    assert set(repositories.git(tmp_path, "ls-tree", "-r", "--name-only", head).split()) == set(case.head)


def test_a_finding_is_right_in_its_function_and_of_its_category():
    class Function:
        id = "store/catalogue.py::Catalogue.search"

    class Finding:
        category = Category.SECURITY
        function = Function()

    case = next(case for case in CASES["security"] if case.name == "catalogue_search")
    assert running.is_right(case, Finding())  # type: ignore[arg-type]
    assert not running.is_right(replace(case, functions=("store/catalogue.py::add",)), Finding())  # type: ignore[arg-type]
    assert not running.is_right(replace(case, kind="correctness"), Finding())  # type: ignore[arg-type]
    assert not running.is_right(replace(case, kind="harmless", functions=()), Finding())  # type: ignore[arg-type]


def test_history_takes_commits_that_touch_code(tmp_path):
    repositories.git(tmp_path, "init", "--quiet", "--initial-branch=main")
    files = {"shop.py": "x = 1\n"}
    made = []
    for path in ("shop.py", "README.md", "tests/test_shop.py", "cart.py"):
        files[path] = files.get(path, "") + "y = 2\n"
        made.append(repositories.committed(tmp_path, files, path))
    repositories.git(tmp_path, "checkout", "--quiet", "-b", "side", made[0])
    side = repositories.committed(tmp_path, {"shop.py": "x = 1\ny = 2\n", "side.py": "z = 3\n"}, "side")
    repositories.git(tmp_path, "checkout", "--quiet", "main")
    repositories.git(tmp_path, "merge", "--quiet", "--no-edit", "side")
    # The first has no parent, the second and third touch no code, the last is a merge.
    assert set(history.commits(tmp_path, 10)) == {side, made[3]}
    assert len(history.commits(tmp_path, 1)) == 1


def test_history_clones_a_bare_repository(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    repositories.git(work, "init", "--quiet", "--initial-branch=main")
    commit = repositories.committed(work, {"a.py": "x = 1\n"}, "one")
    repositories.git(tmp_path, "clone", "--quiet", "--bare", str(work), str(tmp_path / "bare"))
    with history.ExitStack() as stack:
        assert history.cloned(work, stack) == work
        clone = history.cloned(tmp_path / "bare", stack)
        assert history.git(clone, "rev-parse", "HEAD").strip() == commit
        assert (clone / "a.py").is_file()


@pytest.mark.engine
@pytest.mark.thorough
def test_what_was_kept_apart_judges_in_a_container():
    config = load_config(None, environ={})
    parts = wiring.assemble(config, {})
    case = next(case for case in CASES["security"] if case.name == "catalogue_search")
    outcomes = [
        judging.ran(parts, config, {**files, "tests/test_exploit.py": case.exploit}, "tests/test_exploit.py")
        for files in (case.head, case.base)
    ]
    assert [run.tests[0].outcome for run in outcomes] == [Outcome.FAILED, Outcome.PASSED]
    slow = next(case for case in CASES["performance"] if case.name == "dedupe_orders")
    ratio = judging.timed(parts, config, slow, slow.base)
    assert ratio is not None and ratio.same and ratio.high < 1
